"""Networks with an output for each class: the cross-entropy, and the ways to train that other tasks have too."""

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.tasks.multiclass import CROSS_ENTROPY, MULTICLASS
from components.training.dataset import InMemoryDataset, OnDiskDataset
from components.training.stacked_training import train_stack
from components.training.train import train_network
from components.training.train_seeds import train_seeds

CLASSES = 4
NETWORK = ModelConfig(hidden_units=(6, 5), l1=0.001, l2=0.01, dropout=0.25)
SHORT = TrainingConfig(epochs=6, batch_size=16, learning_rate=0.02, early_stopping=2).for_task(MULTICLASS)


def rows(count: int, seed: int, *, weighted: bool = False) -> InMemoryDataset:
    """Returns rows of three numbers, whose sum with some noise determines the class; no row is of the last class."""
    generator = np.random.default_rng(seed)
    x = generator.random((count, 3)).astype(np.float32)
    labels = np.floor(x.sum(axis=1) + generator.normal(0, 0.2, count)).clip(0, CLASSES - 2)
    weights = generator.integers(1, 4, (count, 1)).astype(np.float32) if weighted else None
    return InMemoryDataset(x, labels.astype(np.float32)[:, None], weights, outputs=CLASSES)


def cross_entropy(labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float32]) -> float:
    """Returns that of scikit-learn, which wants sums of exactly 1."""
    exact = probabilities.astype(np.float64)
    return float(log_loss(labels, exact / exact.sum(axis=1, keepdims=True), labels=range(CLASSES)))


def test_the_loss_of_a_row_is_that_of_scikit_learn() -> None:
    """For one network and for a stack of networks, with the same labels for all; with the share of correct rows."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, CLASSES, 50)
    probabilities = generator.dirichlet(np.ones(CLASSES), (2, 50)).astype(np.float32)
    column = tf.constant(labels[:, None], tf.float32)
    stacked = CROSS_ENTROPY.of_rows(column, tf.constant(probabilities)).numpy()
    hits = CROSS_ENTROPY.further_of_rows(column, tf.constant(probabilities)).numpy()
    for number, of_network in enumerate(probabilities):
        alone = CROSS_ENTROPY.of_rows(column, tf.constant(of_network)).numpy()
        expected = cross_entropy(labels, of_network)
        assert alone.mean() == pytest.approx(expected, abs=1e-6)
        np.testing.assert_array_equal(stacked[number], alone)
        assert hits[number].mean() == accuracy_score(labels, of_network.argmax(axis=1))
        assert hits[number].shape == (50, 1)


def test_a_network_learns_the_classes() -> None:
    """The outputs are probabilities of all classes, also of one without rows, and better than the shares."""
    train, validation = rows(400, 1), rows(200, 2)
    settings = SHORT.model_copy(update={"epochs": 80, "early_stopping": 0})
    trained = train_network(
        ModelConfig(hidden_units=(8,), l1=0.0, l2=0.0, dropout=0.0), settings, train, validation
    )
    probabilities = trained.network(validation.features).numpy()
    assert probabilities.shape == (200, CLASSES)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    labels = validation.labels[:, 0].astype(int)
    shares = np.bincount(labels, minlength=CLASSES) / len(labels)
    found = cross_entropy(labels, probabilities)
    assert found < 0.75 * -(shares[shares > 0] * np.log(shares[shares > 0])).sum()
    last = trained.history[-1]
    assert last["val_cross_entropy"] == pytest.approx(found, abs=1e-5)
    assert last["val_accuracy"] == accuracy_score(labels, probabilities.argmax(axis=1))


def test_a_network_of_a_stack_is_trained_as_alone() -> None:
    """With several seeds, and with several strengths; the weights of the rows count."""
    train, validation = rows(120, 1, weighted=True), rows(60, 2, weighted=True)
    networks = [NETWORK, NETWORK.model_copy(update={"l1": 0.02})]
    scores = train_stack(networks, SHORT, train, validation, lambda *_: None)
    alone = [train_network(network, SHORT, train, validation) for network in networks]
    for number, single in enumerate(alone):
        best = min(epoch["val_cross_entropy"] for epoch in single.history)
        assert scores.mean_loss[number] == pytest.approx(best, abs=1e-5)
    seeds = train_seeds(NETWORK, SHORT, [SHORT.seed, 43], (train, validation), lambda *_: None)
    other = train_network(NETWORK, SHORT.model_copy(update={"seed": 43}), train, validation)
    for single, of_stack in zip([alone[0], other], seeds, strict=True):
        for array, expected in zip(of_stack.network.get_weights(), single.network.get_weights(), strict=True):
            np.testing.assert_allclose(array, expected, atol=1e-5)


def test_rows_on_disk_give_the_same_network() -> None:
    """If one window holds them all."""
    train, validation = rows(120, 1), rows(60, 2)
    stored = OnDiskDataset(3, 1_000)
    stored.append(train)
    on_disk = stored.with_outputs(CLASSES)
    settings = SHORT.model_copy(update={"batch_size": 1_000})
    model = NETWORK.model_copy(update={"dropout": 0.0})
    found, expected = (train_network(model, settings, data, validation) for data in (on_disk, train))
    for array, other in zip(found.network.get_weights(), expected.network.get_weights(), strict=True):
        np.testing.assert_allclose(array, other, rtol=0, atol=1e-5)  # sums in another order


def test_without_a_hidden_layer_the_objective_is_near_that_of_scikit_learn() -> None:
    """Multinomial logistic regression with an L2 penalty; scikit-learn's is sum(loss) + |w|^2 / (2 C)."""
    data, l2 = rows(300, 1), 0.01
    model = ModelConfig(hidden_units=(), l1=0.0, l2=l2, dropout=0.0)
    settings = SHORT.model_copy(
        update={"epochs": 300, "early_stopping": 0, "batch_size": 300, "learning_rate": 0.1}
    )
    trained = train_network(model, settings, data, data)
    labels = data.labels[:, 0].astype(int)
    exact = LogisticRegression(C=1 / (2 * l2 * data.rows), tol=1e-10, max_iter=10_000)
    exact.fit(data.features.astype(np.float64), labels)
    expected = log_loss(labels, exact.predict_proba(data.features)) + l2 * np.square(exact.coef_).sum()
    assert expected - 1e-6 < trained.history[-1]["val_loss"] < expected + 2e-3
