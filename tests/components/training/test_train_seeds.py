"""Each network of several seeds is trained as it is trained alone with its seed."""

import functools
import itertools
from typing import Any

import numpy as np
import pytest

from components.common.errors import TrainingDiverged
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.dataset import Dataset, InMemoryDataset
from components.training.history import EpochMetrics
from components.training.train import Trained, train_network
from components.training.train_seeds import train_seeds

MODEL = ModelConfig(hidden_units=(6, 4), l1=0.001, l2=0.01, dropout=0.25)
TRAINING = TrainingConfig(epochs=14, batch_size=16, learning_rate=0.02, early_stopping=3, seed=5)
SEEDS = (7, 8, 9)


def rows(count: int, seed: int, *, weighted: bool = False) -> InMemoryDataset:
    """Returns rows of five numbers; the label is, with noise, whether the first is larger than the second."""
    generator = np.random.default_rng(seed)
    x = generator.random((count, 5)).astype(np.float32)
    y = x[:, :1] + generator.normal(0, 0.3, (count, 1)) > x[:, 1:2]
    weights = generator.integers(1, 4, (count, 1)).astype(np.float32) if weighted else None
    return InMemoryDataset(x, y.astype(np.float32), weights)


DATA = rows(150, 1), rows(60, 2)


def together(
    seeds: tuple[int, ...] = SEEDS, data: tuple[Dataset, Dataset] = DATA, **changes: Any
) -> tuple[list[Trained], list[tuple[int, EpochMetrics]]]:
    shown: list[tuple[int, EpochMetrics]] = []
    training = TRAINING.model_copy(update=changes)
    return train_seeds(MODEL, training, seeds, data, lambda *item: shown.append(item)), shown


def assert_same(found: Trained, expected: Trained) -> None:
    """To float32 rounding: histories of the same length, weights of the end and of the best epoch."""
    assert len(found.history) == len(expected.history)
    for epoch, other in zip(found.history, expected.history, strict=True):
        assert epoch == pytest.approx(other, abs=1e-4)
    both = zip(
        [*found.network.get_weights(), *found.best_weights],
        [*expected.network.get_weights(), *expected.best_weights],
        strict=True,
    )
    for array, other in both:
        np.testing.assert_allclose(array, other, atol=2e-4)


@pytest.fixture(scope="module")
def three() -> tuple[list[Trained], list[tuple[int, EpochMetrics]]]:
    """The trainings of the three seeds, and the progress that was shown."""
    return together()


@functools.cache
def alone(seed: int) -> Trained:
    return train_network(MODEL, TRAINING.model_copy(update={"seed": seed}), *DATA)


def test_a_network_ends_as_it_does_alone(three: tuple[list[Trained], Any]) -> None:
    """With its own first weights, batches and dropout masks, and its own end."""
    for seed, trained in zip(SEEDS, three[0], strict=True):
        assert_same(trained, alone(seed))
        assert len(trained.history) <= 14


def test_a_network_with_weighted_rows_ends_as_it_does_alone() -> None:
    """After all epochs."""
    data = rows(150, 1, weighted=True), rows(60, 2, weighted=True)
    found, _ = together(SEEDS[:2], data, early_stopping=0)
    for seed, trained in zip(SEEDS[:2], found, strict=True):
        settings = TRAINING.model_copy(update={"seed": seed, "early_stopping": 0})
        assert_same(trained, train_network(MODEL, settings, *data))
        assert len(trained.history) == 14


def test_the_seeds_give_different_networks(three: tuple[list[Trained], Any]) -> None:
    """In the first epoch already: neither the batches nor the first weights are shared."""
    losses = [trained.history[0]["loss"] for trained in three[0]]
    assert all(abs(one - other) > 1e-4 for one, other in itertools.combinations(losses, 2))


def test_one_seed() -> None:
    """The only further seed of evaluation.seeds: 2."""
    (found,), _ = together(seeds=(8,))
    assert_same(found, alone(8))


def test_the_progress_is_shown_after_each_epoch(
    three: tuple[list[Trained], list[tuple[int, EpochMetrics]]],
) -> None:
    """The number of networks in training, and the means of their metrics."""
    found, shown = three
    assert [epoch["epoch"] for _, epoch in shown] == list(range(1, len(shown) + 1))
    assert len(shown) == max(len(trained.history) for trained in found)
    networks, first = shown[0]
    assert networks == 3
    mean = np.mean([trained.history[0]["val_loss"] for trained in found])
    assert first["val_loss"] == pytest.approx(mean, abs=1e-6)
    assert [count for count, _ in shown] == sorted((count for count, _ in shown), reverse=True)


def test_a_training_that_diverges() -> None:
    """The message is that of `train_network`."""
    with pytest.raises(
        TrainingDiverged, match=r"expected a finite validation loss, got (inf|nan) after epoch 1 of 14"
    ):
        together(optimizer="sgd", learning_rate=1e30, early_stopping=0)
