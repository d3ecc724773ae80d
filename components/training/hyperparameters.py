"""Applies the hyperparameters that the Tuner selected, and parses its trials."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from components.config.model import ModelConfig
from components.config.regularization import MODEL_REGULARIZATIONS
from components.config.training import TrainingConfig


def apply_hyperparameters(
    values: Mapping[str, float], model: ModelConfig, training: TrainingConfig
) -> tuple[ModelConfig, TrainingConfig]:
    """Returns both settings with these values, by name, instead of the configured ones; each applies to all layers."""
    regularization, others = _regularization(values), without_regularization(values)
    return model.model_copy(update=regularization), training.model_copy(update=others)


def without_regularization(values: Mapping[str, float]) -> dict[str, float]:
    """Returns the values that the baseline is trained with, too: the learning rate.

    The learning rate is not a regularization, and comparing trainings with different learning rates would be unfair.
    """
    regularization = _regularization(values)
    return {name: value for name, value in values.items() if name not in regularization}


def _regularization(values: Mapping[str, float]) -> dict[str, float]:
    return {item.name: values[item.name] for item in MODEL_REGULARIZATIONS if item.name in values}


class Trial(NamedTuple):
    """One trial: its number (from 1), its validation log loss (infinite: the training diverged), and its values."""

    number: int
    log_loss: float
    values: dict[str, float]


def parse_trials(results: str) -> list[Trial]:
    """Reads the trials in the text of TFX's `tuner_results.json`, the best trial first."""
    return [Trial(int(found.pop("trial_id")) + 1, found.pop("score"), found) for found in json.loads(results)]
