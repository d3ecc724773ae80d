"""The Tuner's values are applied to the settings, and its trials are read."""

import math

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.hyperparameters import Trial, apply_hyperparameters, parse_trials


def test_each_value_replaces_its_key() -> None:
    """A number also replaces a list with one value per layer; keys without a value stay."""
    model = ModelConfig(hidden_units=(4,), l1=(0.0, 1.0), l2=0.5, dropout=0.25)
    training = TrainingConfig(learning_rate=0.5, epochs=3)
    assert apply_hyperparameters({"l1": 0.125, "learning_rate": 0.25}, model, training) == (
        ModelConfig(hidden_units=(4,), l1=0.125, l2=0.5, dropout=0.25),
        TrainingConfig(learning_rate=0.25, epochs=3),
    )
    assert apply_hyperparameters({}, model, training) == (model, training)


def test_the_trials_that_tfx_wrote() -> None:
    """Trial ids start at 0, trial numbers at 1; Python writes infinity as Infinity."""
    text = '[{"trial_id": "07", "score": 0.25, "l1": 0.5}, {"trial_id": "00", "score": Infinity, "l1": 0.0}]'
    assert parse_trials(text) == [Trial(8, 0.25, {"l1": 0.5}), Trial(1, math.inf, {"l1": 0.0})]
