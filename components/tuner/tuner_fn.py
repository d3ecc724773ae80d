"""The tuner_fn: a random search for the hyperparameters, in which each trial is a training like the Trainer's."""

import logging
import math
from collections.abc import Sequence
from typing import Any

import keras_tuner
import tensorflow_transform as tft
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus
from tfx.components.tuner.component import TunerFnResult

from components.common.errors import TrainingDiverged
from components.common.formatting import named_values
from components.config.base import Settings
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.config.tuning import TuningConfig
from components.training.dataset import Dataset, read_dataset
from components.training.history import EpochMetrics
from components.training.hyperparameters import apply_hyperparameters
from components.training.train import train_network

OBJECTIVE = "val_log_loss"

progress = logging.getLogger("regpipe.progress")


class TunerSettings(Settings):
    """The custom_config of the Tuner."""

    label: str
    model: ModelConfig
    training: TrainingConfig
    tuning: TuningConfig
    code_digest: str


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """Returns the tuner and its data. TFX calls this; `fn_args` is a tfx FnArgs.

    The training split and the validation split are read once for all trials. KerasTuner's own files are written to
    `fn_args.working_dir`, which belongs to this execution of the step: a search that was killed starts again.
    """
    settings = TunerSettings.model_validate_json(fn_args.custom_config["settings"])
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    data = {
        name: read_dataset(files, transform, settings.label, settings.training.memory)
        for name, files in (("train", fn_args.train_files), ("validation", fn_args.eval_files))
    }
    return TunerFnResult(tuner=RandomSearchTuner(settings, fn_args.working_dir), fit_kwargs=data)


class RandomSearchTuner(BaseTuner):  # type: ignore[misc]
    """A random search for the lowest validation log loss (without penalties).

    With few trials a random search finds results as good as a model-based search, which starts with random trials, and
    better ones than a grid (Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 2012). Its
    trials depend only on the seed, and not on the last digits of earlier losses.

    Args:
        settings: the configured network and training, and the values to try.
        directory: the folder for KerasTuner's own files.
    """

    def __init__(self, settings: TunerSettings, directory: str) -> None:
        space = _search_space(settings)
        # KerasTuner ends the search when there are no more new combinations.
        self._planned = min(settings.tuning.trials, math.prod(len(choice.values) for choice in space.space))
        oracle = _ConfiguredFirstOracle(
            objective=keras_tuner.Objective(OBJECTIVE, "min"),
            max_trials=self._planned,
            hyperparameters=space,
            seed=settings.tuning.seed,
        )
        super().__init__(oracle, directory=directory, project_name="search", overwrite=True)
        self._settings = settings
        self._losses: list[float] = []

    def run_trial(self, trial: Any, train: Dataset, validation: Dataset) -> dict[str, float]:
        """Trains with the values of the trial, and shows the result on one line."""
        values = trial.hyperparameters.values
        model, training = apply_hyperparameters(values, self._settings.model, self._settings.training)
        try:
            _, history = train_network(model, training, train, validation)
            loss = trial_loss(history, early_stopping=training.early_stopping > 0)
        except TrainingDiverged:
            loss = math.inf
        except Exception as error:
            # KerasTuner would record any other error as a failed trial, and continue with the next trial.
            raise keras_tuner.errors.FatalError(f"{type(error).__name__}: {error}") from error
        self._losses.append(loss)
        self._log_trial(named_values(values))
        return {OBJECTIVE: loss}

    def on_search_end(self) -> None:
        """Raises an error if every trial diverged.

        Raises:
            ValueError: no trial has a finite loss.
        """
        if not any(map(math.isfinite, self._losses)):
            raise ValueError(
                f"tuning: expected a trial with a finite loss, got none in {len(self._losses)} of {self._planned}; "
                "try lower values of tuning.learning_rate."
            )

    def _log_trial(self, values: str) -> None:
        number, loss, best = len(self._losses), self._losses[-1], min(self._losses)
        found = f"validation log loss {loss:.4f}" if math.isfinite(loss) else "the training diverged"
        if math.isfinite(best):
            found += f"; best so far {best:.4f} (trial {self._losses.index(best) + 1})"
        progress.info("trial %d of %d: %s, %s", number, self._planned, values, found)


class _ConfiguredFirstOracle(keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]
    """Random search whose first trial has the configured values, so that the best trial is at least as good."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.trials:
            drawn: dict[str, Any] = super().populate_space(trial_id)
            return drawn
        configured = {choice.name: choice.default for choice in self.hyperparameters.space}
        return {"status": TrialStatus.RUNNING, "values": configured}


def trial_loss(history: Sequence[EpochMetrics], *, early_stopping: bool) -> float:
    """Returns the validation log loss of the weights that a training ends with; infinite if a loss is not finite.

    With early stopping these are the weights of the best epoch, otherwise those of the last epoch. A diverged training
    is never the best, even if it has a good epoch: without early stopping, as in the baseline, it would fail.
    """
    if not all(math.isfinite(value) for epoch in history for value in epoch.values()):
        return math.inf
    losses = [epoch[OBJECTIVE] for epoch in history]
    return min(losses) if early_stopping else losses[-1]


def _search_space(settings: TunerSettings) -> keras_tuner.HyperParameters:
    """Returns the values to try for each name, in ascending order. The configured value is one of them: the default."""
    space = keras_tuner.HyperParameters()
    configured = settings.model.model_dump() | settings.training.model_dump()
    for name in settings.tuning.names(settings.model):
        values = {float(value) for value in (*getattr(settings.tuning, name), configured[name])}
        space.Choice(name, sorted(values), default=float(configured[name]))
    return space
