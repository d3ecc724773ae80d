"""What the Tuner chooses: its values by name, in the places of the configured ones."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from components.config.model import ModelConfig
from components.config.training import TrainingConfig

# Of these the baseline takes the Tuner's value, too: it holds nothing back, and unequal steps are no fair comparison.
OF_TRAINING = ("learning_rate",)


def apply_hyperparameters(
    values: Mapping[str, float], model: ModelConfig, training: TrainingConfig
) -> tuple[ModelConfig, TrainingConfig]:
    """Both with these values instead of their own, one for all layers."""
    ours = {name: value for name, value in values.items() if name not in OF_TRAINING}
    theirs = {name: value for name, value in values.items() if name in OF_TRAINING}
    return model.model_copy(update=ours), training.model_copy(update=theirs)


class Trial(NamedTuple):
    """One trial: its number from 1 on, the validation log loss (infinite: the training ran away), the values tried."""

    number: int
    log_loss: float
    values: dict[str, float]


def parse_trials(results: str) -> list[Trial]:
    """The trials in TFX's `tuner_results.json`, the best first."""
    return [Trial(int(found.pop("trial_id")) + 1, found.pop("score"), found) for found in json.loads(results)]
