"""Tuner: looks for the values of what holds the network back, trial by trial, each a training like the Trainer's."""

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
    """What the Tuner is handed as its custom_config."""

    label: str
    model: ModelConfig
    training: TrainingConfig
    tuning: TuningConfig
    code_digest: str


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """The search, and the data it is run on (TFX calls this; `fn_args` is a tfx FnArgs).

    The rows are read once, for all trials: the training split, and the validation split, which decides. What KerasTuner
    notes down goes to `fn_args.working_dir`, which is of this step alone: a search that was killed starts anew.
    """
    settings = TunerSettings.model_validate_json(fn_args.custom_config["settings"])
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    data = {
        name: read_dataset(files, transform, settings.label, settings.training.memory)
        for name, files in (("train", fn_args.train_files), ("validation", fn_args.eval_files))
    }
    return TunerFnResult(tuner=RandomSearchTuner(settings, fn_args.working_dir), fit_kwargs=data)


class RandomSearchTuner(BaseTuner):  # type: ignore[misc]
    """A random search for the lowest validation log loss, penalties left out.

    Random, because in few trials that finds what a search by model finds (which starts with random ones), and more than
    a grid does (Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 2012); and because what is
    tried then depends on the seed alone, and not on the last digits of earlier losses.

    Args:
        settings: the network as configured, and what to try instead.
        directory: for KerasTuner's own notes.
    """

    def __init__(self, settings: TunerSettings, directory: str) -> None:
        space = _search_space(settings)
        # KerasTuner ends when it finds nothing new to try.
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
        """Trains with the values of the trial; what it shows is one line."""
        values = trial.hyperparameters.values
        model, training = apply_hyperparameters(values, self._settings.model, self._settings.training)
        try:
            _, history = train_network(model, training, train, validation)
            loss = trial_loss(history, early_stopping=training.early_stopping > 0)
        except TrainingDiverged:
            loss = math.inf
        except Exception as error:
            # KerasTuner would note down any other error, and go on to the next trial.
            raise keras_tuner.errors.FatalError(f"{type(error).__name__}: {error}") from error
        self._losses.append(loss)
        self._log_trial(named_values(values))
        return {OBJECTIVE: loss}

    def on_search_end(self) -> None:
        """Refuses a search without a winner.

        Raises:
            ValueError: no training ended with a loss that is a number.
        """
        if not any(map(math.isfinite, self._losses)):
            raise ValueError(
                f"tuning: expected a trial whose loss is a number, got none in {len(self._losses)} of {self._planned}; "
                "try lower values of tuning.learning_rate."
            )

    def _log_trial(self, values: str) -> None:
        number, loss, best = len(self._losses), self._losses[-1], min(self._losses)
        found = f"validation log loss {loss:.4f}" if math.isfinite(loss) else "the loss is not a number"
        if math.isfinite(best):
            found += f"; best so far {best:.4f} (trial {self._losses.index(best) + 1})"
        progress.info("trial %d of %d: %s, %s", number, self._planned, values, found)


class _ConfiguredFirstOracle(keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]
    """Random search whose first trial has the configured values: the best is then no worse, on these rows."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.trials:
            drawn: dict[str, Any] = super().populate_space(trial_id)
            return drawn
        configured = {choice.name: choice.default for choice in self.hyperparameters.space}
        return {"status": TrialStatus.RUNNING, "values": configured}


def trial_loss(history: Sequence[EpochMetrics], *, early_stopping: bool) -> float:
    """The validation log loss of the network that a training ends with; infinite if a loss was not a number.

    With early stopping the network has the weights of its best epoch, and otherwise those of the last. A training that
    ran away is not chosen even if its best epoch was good: without early stopping, as the baseline's, it would fail.
    """
    if not all(math.isfinite(value) for epoch in history for value in epoch.values()):
        return math.inf
    losses = [epoch[OBJECTIVE] for epoch in history]
    return min(losses) if early_stopping else losses[-1]


def _search_space(settings: TunerSettings) -> keras_tuner.HyperParameters:
    """For each name the values to choose from, in rising order, with the configured one among them as the default."""
    space = keras_tuner.HyperParameters()
    configured = settings.model.model_dump() | settings.training.model_dump()
    for name in settings.tuning.names(settings.model):
        values = {float(value) for value in (*getattr(settings.tuning, name), configured[name])}
        space.Choice(name, sorted(values), default=float(configured[name]))
    return space
