"""The weights beside the exported networks: those of further seeds, and those of the best epoch."""

import logging

import numpy as np
import pytest

from components.common.weight_sets import Weights
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.trainer.further_seeds import weight_sets
from components.trainer.trainer_settings import TrainerSettings
from components.training.calibration import recalibrate
from components.training.dataset import InMemoryDataset
from components.training.train import train_network

TRAINING = TrainingConfig(epochs=40, batch_size=16, early_stopping=3, seed=5, learning_rate=0.02)
MODEL = ModelConfig(hidden_units=(8,), l1=1e-4, l2=1e-3, dropout=0.2)


def rows(count: int, seed: int) -> InMemoryDataset:
    """Labels that two of four features explain in part, so that a network without regularization overfits."""
    generator = np.random.default_rng(seed)
    features = generator.random((count, 4), np.float32)
    labels = features[:, :1] + features[:, 1:2] + 0.8 * generator.normal(size=(count, 1)) > 1
    return InMemoryDataset(features, labels.astype(np.float32))


def rare_rows(count: int, seed: int) -> InMemoryDataset:
    """About a fourth of the labels is 1, some of them by chance."""
    features = rows(count, seed).features
    labels = (features[:, :1] + features[:, 1:2] > 1.3) | (features[:, 2:3] > 0.95)
    return InMemoryDataset(features, labels.astype(np.float32))


TRAIN, VALIDATION = rows(60, 1), rows(60, 2)


def settings(**changes: object) -> TrainerSettings:
    given = {"name": "p", "label": "y", "model": MODEL, "training": TRAINING, "code_digest": "1", **changes}
    return TrainerSettings.model_validate(given)


def assert_equal(weights: Weights, expected: Weights) -> None:
    for array, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(array, other)


def test_the_best_epoch_of_the_baseline_is_what_early_stopping_alone_gives() -> None:
    """One training gives both networks, equal to the bit, if no epoch after the end of early stopping is better."""
    baseline = settings().without_regularization()
    trained = train_network(baseline.model, baseline.training, TRAIN, VALIDATION)
    losses = [epoch["val_log_loss"] for epoch in trained.history]
    best = int(np.argmin(losses)) + 1
    assert best + TRAINING.early_stopping < TRAINING.epochs, "the test needs a network that overfits"
    stopped = train_network(baseline.model, TRAINING, TRAIN, VALIDATION)
    assert len(stopped.history) == best + TRAINING.early_stopping
    found = weight_sets(baseline, trained, TRAIN, VALIDATION)
    assert found.trained == {}
    assert_equal(found.best_epoch[5], stopped.network.get_weights())
    last = trained.network.get_weights()
    assert any((array != other).any() for array, other in zip(last, found.best_epoch[5], strict=True))


def test_without_early_stopping_there_is_no_best_epoch_to_compare_with() -> None:
    """The candidate is not stopped early, so regularization is the penalties and dropout only."""
    assert settings().without_regularization().keeps_best_epoch
    training = TRAINING.model_copy(update={"early_stopping": 0})
    assert not settings(training=training).without_regularization().keeps_best_epoch


def test_each_further_seed_is_a_training_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """The weights are, to rounding, those of a training with this seed; the progress is shown."""
    given = settings(seeds=3)
    first = train_network(MODEL, TRAINING, TRAIN, VALIDATION)
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        found = weight_sets(given, first, TRAIN, VALIDATION)
    assert list(found.trained) == [6, 7]
    assert found.best_epoch == {}
    alone = train_network(MODEL, TRAINING.model_copy(update={"seed": 7}), TRAIN, VALIDATION)
    for array, other in zip(found.trained[7], alone.network.get_weights(), strict=True):
        np.testing.assert_allclose(array, other, atol=1e-3)
    assert caplog.messages[0].startswith(
        "further seeds, epoch 1/40: 2 networks in training, mean val_loss 0."
    )


def test_the_baseline_keeps_the_best_epoch_of_each_seed() -> None:
    """Early stopping alone is compared for the same seeds as the baseline."""
    baseline = settings(seeds=2).without_regularization()
    first = train_network(baseline.model, baseline.training, TRAIN, VALIDATION)
    found = weight_sets(baseline, first, TRAIN, VALIDATION)
    assert list(found.trained) == [6]
    assert list(found.best_epoch) == [5, 6]


def test_with_class_weights_each_network_is_recalibrated() -> None:
    """The network of a further seed, and each best epoch, predict the share of positives of the validation split."""
    training = TRAINING.model_copy(update={"class_weight": "balanced"})
    train, validation = rare_rows(200, 1), rare_rows(200, 2)
    baseline = settings(training=training, seeds=2).without_regularization()
    first = train_network(baseline.model, baseline.training, train, validation)
    first, record = recalibrate(first, baseline.training, train, validation)
    assert record is not None
    assert record.method == "platt"
    found = weight_sets(baseline, first, train, validation)
    for weights in (found.trained[6], *found.best_epoch.values()):
        first.network.set_weights(weights)
        assert first.network(validation.features).numpy().mean() == pytest.approx(record.observed, abs=1e-4)


def test_logistic_regression_does_not_depend_on_the_seed() -> None:
    """Its minimum is exact: it is not trained again, and early stopping does not apply."""
    exact = settings(model=MODEL.model_copy(update={"hidden_units": ()}), seeds=3).without_regularization()
    first = train_network(exact.model, exact.training, TRAIN, VALIDATION)
    assert weight_sets(exact, first, TRAIN, VALIDATION) == ({}, {})
