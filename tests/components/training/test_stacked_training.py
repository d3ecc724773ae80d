"""Each network of a stack is trained as it is trained alone."""

import functools
import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.dataset import InMemoryDataset, feature_means
from components.training.network import build_model, kernels
from components.training.stack import build_stack
from components.training.stacked_training import NetworkScores, train_stack
from components.training.train import Trained, train_network

HIDDEN = (6, 4)
NETWORKS = (
    ModelConfig(hidden_units=HIDDEN, l1=0.0, l2=0.0, dropout=0.0),
    ModelConfig(hidden_units=HIDDEN, l1=0.003, l2=0.0, dropout=0.0),
    ModelConfig(hidden_units=HIDDEN, l1=0.001, l2=0.01, dropout=0.25),
    ModelConfig(hidden_units=HIDDEN, l1=0.0, l2=0.0, dropout=(0.5, 0.125)),
)
TRAINING = TrainingConfig(epochs=12, batch_size=16, learning_rate=0.02, early_stopping=3, seed=5)


def rows(count: int, seed: int) -> InMemoryDataset:
    """Returns rows of five numbers; the label is, with noise, whether the first is larger than the second."""
    generator = np.random.default_rng(seed)
    x = generator.random((count, 5)).astype(np.float32)
    y = x[:, :1] + generator.normal(0, 0.3, (count, 1)) > x[:, 1:2]
    return InMemoryDataset(x, y.astype(np.float32))


TRAIN, VALIDATION = rows(150, 1), rows(60, 2)


@functools.cache
def stacked(networks: tuple[ModelConfig, ...], settings: TrainingConfig) -> NetworkScores:
    return train_stack(networks, settings, TRAIN, VALIDATION, lambda *_: None)


def trained(networks: tuple[ModelConfig, ...] = NETWORKS, **settings: Any) -> NetworkScores:
    return stacked(networks, TRAINING.model_copy(update=settings))


@functools.cache
def alone(network: ModelConfig, settings: TrainingConfig) -> Trained:
    return train_network(network, settings, TRAIN, VALIDATION)


@pytest.mark.parametrize("early_stopping", [3, 0], ids=["early stopping", "all epochs"])
def test_a_network_ends_as_it_does_alone(early_stopping: int) -> None:
    """Losses and zeros are those of `train_network` with the same settings, to float32 rounding."""
    scores = trained(early_stopping=early_stopping)
    for index, network in enumerate(NETWORKS):
        settings = TRAINING.model_copy(update={"early_stopping": early_stopping})
        single = alone(network, settings)
        losses = [epoch["val_log_loss"] for epoch in single.history]
        expected = min(losses) if early_stopping else losses[-1]
        assert scores.mean_loss[index] == pytest.approx(expected, abs=2e-5)
        zeros = [kernel.weights.numpy().ravel() == 0 for kernel in kernels(single.network)]
        assert scores.zero_share[index] == pytest.approx(np.mean(np.concatenate(zeros)), abs=0.02)
    assert scores.zero_share[1] > 0.2
    assert scores.zero_share[0] == 0


def test_the_losses_are_those_of_the_rows() -> None:
    """Each row has its own loss, and their mean is the validation log loss."""
    scores = trained(NETWORKS[:1])
    p = alone(NETWORKS[0], TRAINING).network(VALIDATION.features).numpy().astype(np.float64)
    expected = -np.log(np.where(VALIDATION.labels > 0.5, p, 1 - p))[:, 0]
    np.testing.assert_allclose(scores.losses[0], expected, atol=1e-4)
    assert scores.mean_loss[0] == pytest.approx(expected.mean(), abs=1e-5)


def test_neighbours_do_not_matter() -> None:
    """A network has the same scores whatever it is stacked with."""
    np.testing.assert_allclose(trained().losses[2], trained(NETWORKS[2:3]).losses[0], atol=1e-5)


def test_a_diverged_network_has_infinite_losses_and_harms_no_other() -> None:
    """The penalty of the second network overflows with this step; the first network goes on."""
    networks = (NETWORKS[0], ModelConfig(hidden_units=HIDDEN, l1=0.0, l2=1e30, dropout=0.0))
    settings = {"optimizer": "sgd", "epochs": 4}
    scores = trained(networks, **settings)
    assert np.isinf(scores.losses[1]).all()
    assert scores.mean_loss[1] == math.inf
    np.testing.assert_allclose(scores.losses[0], trained(networks[:1], **settings).losses[0], atol=1e-6)


def test_progress_counts_the_networks_in_training() -> None:
    """The lowest loss never rises; the number of networks falls as early stopping ends their training."""
    shown: list[tuple[str, float]] = []
    settings = TRAINING.model_copy(update={"epochs": 60, "learning_rate": 0.05})
    scores = train_stack(NETWORKS, settings, TRAIN, VALIDATION, lambda *line: shown.append(line))
    texts, lowest = zip(*shown, strict=True)
    assert texts[0] == "epoch 1/60: 4 networks in training"
    assert texts[-1].startswith(f"epoch {len(shown)}/60: ")
    in_training = [int(text.split()[2]) for text in texts]
    assert in_training == sorted(in_training, reverse=True)
    assert list(lowest) == sorted(lowest, reverse=True)
    assert lowest[-1] == pytest.approx(scores.mean_loss.min())
    assert len(shown) < 60


def test_the_stack_computes_each_network() -> None:
    """Its output [networks, rows, 1] has the probabilities that the networks compute one by one."""
    keras.utils.set_random_seed(3)
    mean = feature_means(TRAIN)
    networks = [build_model(5, network, mean) for network in NETWORKS]
    stack = build_stack(NETWORKS, [network.get_weights() for network in networks], mean)
    found = stack(VALIDATION.features).numpy()
    assert found.shape == (4, 60, 1)
    for probability, network in zip(found, networks, strict=True):
        np.testing.assert_allclose(probability, network(VALIDATION.features).numpy(), atol=1e-6)


def test_kernels_of_a_stack_come_with_the_strengths_of_each_network() -> None:
    """The strengths of a layer are arrays with one number for each network."""
    weights = build_model(5, NETWORKS[0]).get_weights()
    stack = build_stack(NETWORKS, [weights] * 4, np.zeros(5, np.float32))
    assert [kernel.layer for kernel in kernels(stack)] == ["hidden_1", "hidden_2", "probability"]
    for kernel in kernels(stack):
        assert kernel.weights.shape[0] == 4
        np.testing.assert_allclose(kernel.l1, [0, 0.003, 0.001, 0])
        np.testing.assert_allclose(kernel.l2, [0, 0, 0.01, 0])


def test_the_network_subtracts_the_mean() -> None:
    """A network with a mean m computes at x what one without computes at x - m."""
    settings = NETWORKS[0]
    keras.utils.set_random_seed(3)
    mean = np.array([0.5, 0.25, 0.0, 1.0, 0.125], np.float32)
    centered, plain = build_model(5, settings, mean), build_model(5, settings)
    plain.set_weights(centered.get_weights())
    x = tf.constant(VALIDATION.features)
    np.testing.assert_allclose(centered(x), plain(x - mean), atol=1e-6)


def test_the_mean_of_the_training_rows() -> None:
    """The mean is computed in float64: 1,000,000 times 0.1 in float32 would be 1% off."""
    data = InMemoryDataset(np.full((1_000_000, 1), 0.1, np.float32), np.zeros((1_000_000, 1), np.float32))
    assert feature_means(data).tolist() == [np.float32(0.1)]
