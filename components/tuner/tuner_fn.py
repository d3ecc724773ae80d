"""The tuner_fn of TFX's Tuner: chooses strengths by the validation loss of networks trained together."""

import math
from collections.abc import Mapping
from typing import Any

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial as KerasTrial
from keras_tuner.engine.trial import TrialStatus
from tfx.components.tuner.component import TunerFnResult

from components.common.tuning_record import Trial
from components.examples.reader import read_ingest
from components.tasks.known_tasks import task_of
from components.training.dataset import Dataset
from components.training.read_rows import read_rows
from components.training.rows_input import ROWS
from components.transform.rows_record import TRAIN, VALIDATION
from components.tuner.search import search
from components.tuner.tuner_settings import TunerSettings

OBJECTIVE = "val_loss"


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """Returns the tuner and its data. TFX calls this; `fn_args` is a tfx FnArgs.

    Of splits with more than tuning.max_rows rows an evenly spaced sample is read. KerasTuner's own files are written to
    `fn_args.working_dir`, which belongs to this execution of the step: a search that was killed starts again.
    """
    settings = TunerSettings.model_validate_json(fn_args.custom_config["settings"])
    memory = settings.training.memory
    ingest = read_ingest(fn_args.train_files[0])
    task = task_of(ingest.task)
    training = settings.training.for_task(task)
    outputs = task.output.width(ingest.classes)
    settings = settings.model_copy(update={"training": training})
    rows = ingest.rows
    data = {}
    for name, split, total in (("train", TRAIN, rows.train), ("validation", VALIDATION, rows.eval)):
        every = math.ceil(total / settings.tuning.max_rows)
        found = read_rows(fn_args.custom_config[ROWS], split, memory, every)
        data[name] = found.with_outputs(outputs)
    return TunerFnResult(tuner=StrengthSearch(settings, rows.train, fn_args.working_dir), fit_kwargs=data)


class StrengthSearch(BaseTuner):  # type: ignore[misc]
    """Records the search as trials of KerasTuner, from which TFX writes the outputs of the step.

    Args:
        settings: the configured network and training, and the values to try.
        rows: the rows of the whole training split.
        directory: the folder for KerasTuner's own files.
    """

    def __init__(self, settings: TunerSettings, rows: int, directory: str) -> None:
        oracle = keras_tuner.oracles.RandomSearchOracle(
            objective=keras_tuner.Objective(OBJECTIVE, "min"), max_trials=1
        )
        super().__init__(oracle, directory=directory, project_name="search", overwrite=True)
        self._settings = settings
        self._rows = rows
        self._chosen: dict[str, float] = {}

    def search(self, train: Dataset, validation: Dataset) -> None:
        """Searches as `components.tuner.search.search` does, which also lists the errors."""
        settings = self._settings
        trials = search(settings.model, settings.training, settings.tuning, train, validation, self._rows)
        self.oracle.trials = {trial.trial_id: trial for trial in map(_keras_trial, trials)}
        self.oracle.max_trials = len(trials)
        (self._chosen,) = [trial.strengths for trial in trials if trial.chosen]

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[keras_tuner.HyperParameters]:
        """Returns the chosen strengths, which TFX hands to the Trainer."""
        del num_trials
        return [_hyperparameters(self._chosen)]


def _keras_trial(trial: Trial) -> KerasTrial:
    found = KerasTrial(
        hyperparameters=_hyperparameters(trial.measured()),
        trial_id=str(trial.number - 1),
        status=TrialStatus.COMPLETED,
    )
    found.score = trial.loss
    return found


def _hyperparameters(values: Mapping[str, float | str]) -> keras_tuner.HyperParameters:
    found = keras_tuner.HyperParameters()
    found.values = dict(values)
    return found
