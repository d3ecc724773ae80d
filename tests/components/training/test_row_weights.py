"""Weights of rows and of classes: an integer weight equals that many rows, in every optimizer and every metric."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.class_weights import balanced_class_weights, with_class_weights
from components.training.dataset import Dataset, InMemoryDataset, OnDiskDataset, feature_means, row_weights
from components.training.logistic_regression import fit_together
from components.training.loop import run_training_loop
from components.training.network import build_model
from components.training.stacked_training import train_stack
from components.training.train import train_network

Array = npt.NDArray[np.float64]
NETWORK = ModelConfig(hidden_units=(6,), l1=0.0, l2=1e-3, dropout=0.0)
SPARSE = ModelConfig(hidden_units=(6,), l1=2e-3, l2=1e-3, dropout=0.0)
LOGISTIC = ModelConfig(hidden_units=(), l1=2e-3, l2=1e-3, dropout=0.0)
TRAINING = TrainingConfig(epochs=20, batch_size=1_000, learning_rate=0.02, early_stopping=0)
OPTIMIZERS = {"sgd": NETWORK, "adam": NETWORK, "proximal_adam": SPARSE, "proximal_newton": LOGISTIC}


def table(rows: int, seed: int, share: float = 0.5) -> InMemoryDataset:
    """Returns rows of three numbers with integer weights from 1 to 4; about this share of the labels is 1."""
    generator = np.random.default_rng(seed)
    x = generator.random((rows, 3)).astype(np.float32)
    score = x[:, :1] - x[:, 1:2] + generator.normal(0, 0.3, (rows, 1))
    y = (score > np.quantile(score, 1 - share)).astype(np.float32)
    return InMemoryDataset(x, y, generator.integers(1, 5, (rows, 1)).astype(np.float32))


def repeated(data: InMemoryDataset) -> InMemoryDataset:
    """Returns each row as often as its weight says, without weights."""
    assert data.weights is not None
    times = data.weights[:, 0].astype(int)
    return InMemoryDataset(np.repeat(data.features, times, axis=0), np.repeat(data.labels, times, axis=0))


def on_disk(data: InMemoryDataset, max_rows: int = 1_000) -> OnDiskDataset:
    stored = OnDiskDataset(data.width, max_rows, weighted=data.weighted)
    for part in data.batches(7):
        stored.append(part)
    return stored


def trained(model: ModelConfig, train: Dataset, validation: Dataset, **settings: Any) -> tuple[Array, Array]:
    """Returns the weights in one vector, and the history, [epochs, metrics]."""
    network, history, _ = train_network(model, TRAINING.model_copy(update=settings), train, validation)
    weights = np.concatenate([part.ravel() for part in network.get_weights()])
    return weights.astype(np.float64), np.array([list(epoch.values()) for epoch in history])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_integer_weight_equals_that_many_rows(optimizer: str) -> None:
    """With all rows in one batch, weights and all metrics of both splits are equal to 1e-6; ones are different.

    In memory and on disk.
    """
    train, validation = table(80, 1), table(40, 2)
    model = OPTIMIZERS[optimizer]
    expected = trained(model, repeated(train), repeated(validation), optimizer=optimizer)
    for splits in ((train, validation), (on_disk(train), on_disk(validation))):
        found = trained(model, *splits, optimizer=optimizer)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    bare, _ = trained(model, train._replace(weights=None), validation, optimizer=optimizer)
    assert np.abs(bare - expected[0]).max() > 1e-3


def test_the_scale_of_the_weights_does_not_matter() -> None:
    """Weights of a thousandth give the same network; a power of two gives it bit by bit."""
    train, validation = table(80, 1), table(40, 2)
    assert train.weights is not None
    expected, history = trained(NETWORK, train, validation, batch_size=16)
    for factor, tolerance in ((0.001, 1e-5), (0.25, 0)):
        scaled = train._replace(weights=train.weights * np.float32(factor))
        found, again = trained(NETWORK, scaled, validation, batch_size=16)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
        np.testing.assert_allclose(again, history, rtol=0, atol=tolerance)


def test_weights_of_1_are_no_weights() -> None:
    """Also in mini-batches, of which the last is smaller."""
    train, validation = table(83, 1), table(40, 2)
    ones, bare = (
        [
            split._replace(weights=np.ones_like(split.labels) if weighted else None)
            for split in (train, validation)
        ]
        for weighted in (True, False)
    )
    for ours, theirs in zip(
        trained(SPARSE, *ones, batch_size=16), trained(SPARSE, *bare, batch_size=16), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_a_step_divides_by_the_number_of_rows() -> None:
    """SGD by hand: the weights 1, 3, 4 become 3/8, 9/8, 12/8, and each batch divides by its rows, not its weights."""
    data = InMemoryDataset(
        np.array([[0.0], [0.5], [1.0]], np.float32),
        np.array([[0.0], [1.0], [1.0]], np.float32),
        np.array([[1.0], [3.0], [4.0]], np.float32),
    )
    model = build_model(1, ModelConfig(hidden_units=(), l1=0.0, l2=0.0))
    model.set_weights([np.array([[0.5]]), np.array([-0.25])])
    settings = TRAINING.model_copy(update={"optimizer": "sgd", "batch_size": 2, "epochs": 1, "seed": 11})
    (epoch,), _ = run_training_loop(model, data, data, settings)
    w, log_loss, hits = np.array([0.5, -0.25]), 0.0, 0.0
    order = tf.random.experimental.stateless_shuffle(tf.range(3), seed=[11, 1]).numpy()
    normalized = np.array([1.0, 3.0, 4.0]) * 3 / 8
    for batch in (order[:2], order[2:]):
        x = np.hstack([data.features[batch], np.ones((len(batch), 1))]).astype(np.float64)
        y = data.labels[batch, 0]
        p = 1 / (1 + np.exp(-x @ w))
        log_loss -= float(normalized[batch] @ np.log(np.where(y > 0, p, 1 - p)))
        hits += float(normalized[batch] @ ((p > 0.5) == (y > 0)))
        w -= TRAINING.learning_rate * x.T @ (normalized[batch] * (p - y)) / len(batch)
    np.testing.assert_allclose(np.concatenate([part.ravel() for part in model.get_weights()]), w, atol=1e-6)
    assert (epoch["log_loss"], epoch["accuracy"]) == pytest.approx((log_loss / 3, hits / 3), rel=1e-5)


def test_validation_metrics_by_hand() -> None:
    """With probabilities of 0.5, 0.5 and 3/4, weights 1, 2, 5: hits are those of the rows that are classified right."""
    data = InMemoryDataset(
        np.array([[0.0], [0.0], [1.0]], np.float32),
        np.array([[0.0], [1.0], [1.0]], np.float32),
        np.array([[1.0], [2.0], [5.0]], np.float32),
    )
    model = build_model(1, ModelConfig(hidden_units=(), l1=0.0, l2=0.0))
    model.set_weights([np.array([[np.log(3.0)]]), np.zeros(1)])
    settings = TRAINING.model_copy(update={"learning_rate": 1e-30, "epochs": 1})
    (epoch,), _ = run_training_loop(model, data, data, settings)
    assert epoch["val_log_loss"] == pytest.approx((3 * np.log(2) + 5 * np.log(4 / 3)) / 8, rel=1e-5)
    assert epoch["val_accuracy"] == pytest.approx(6 / 8)  # 0.5 counts as class 0


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.002), (0.003, 0.0)], ids=["L2", "L1"])
def test_logistic_regression_agrees_with_scikit_learn(l1: float, l2: float) -> None:
    """The weights of the minimum agree with LogisticRegression's, with sample_weight, also if they are no integers."""
    data = table(200, 5)
    data = data._replace(weights=np.random.default_rng(6).gamma(1.0, 1.0, (200, 1)).astype(np.float32) + 0.01)
    assert data.weights is not None
    model, _, _ = train_network(
        LOGISTIC.model_copy(update={"l1": l1, "l2": l2}), TrainingConfig(epochs=100), data, data
    )
    kernel, bias = (part.astype(np.float64) for part in model.get_weights())
    mean = np.average(data.features.astype(np.float64), axis=0, weights=data.weights[:, 0])
    total = l1 + 2 * l2
    sklearn_model = LogisticRegression(
        penalty="elasticnet", solver="saga", C=1 / (data.weights.sum(dtype=np.float64) * total),
        l1_ratio=l1 / total, tol=1e-12, max_iter=200_000,
    )  # fmt: skip
    weights = data.weights[:, 0].astype(np.float64)
    sklearn_model.fit(data.features.astype(np.float64) - mean, data.labels[:, 0], sample_weight=weights)
    np.testing.assert_allclose(kernel[:, 0], sklearn_model.coef_[0], atol=1e-4)
    np.testing.assert_allclose(bias, sklearn_model.intercept_, atol=1e-4)


@pytest.mark.parametrize("hidden_units", [(6,), ()], ids=["stack", "logistic regression"])
def test_the_scores_of_the_tuner_are_weighted(hidden_units: tuple[int, ...]) -> None:
    """The losses are those of the rows; their weighted mean is the validation log loss of the network alone."""
    train, validation = table(80, 1), table(40, 2)
    model = NETWORK.model_copy(update={"hidden_units": hidden_units})
    settings = TRAINING.model_copy(update={"batch_size": 16, "early_stopping": 3})
    run = train_stack if hidden_units else fit_together
    scores = run([model, model], settings, train, validation, lambda *_: None)
    optimizer = settings.with_optimizer(hidden_units).optimizer
    _, history = trained(model, train, validation, batch_size=16, early_stopping=3, optimizer=optimizer)
    losses = history[:, 5]
    expected = losses.min() if hidden_units else losses[-1]
    assert scores.mean_loss == pytest.approx([expected] * 2, abs=2e-5)
    assert validation.weights is not None
    assert scores.row_weights is not None
    assert scores.row_weights.tolist() == validation.weights[:, 0].tolist()
    assert scores.losses[0].mean() != pytest.approx(expected, abs=1e-4)


def test_means_of_features_are_weighted() -> None:
    """(0 * 1 + 1 * 3) / 4 is 0.75, in memory and on disk."""
    data = InMemoryDataset(
        np.array([[0.0], [1.0]], np.float32),
        np.zeros((2, 1), np.float32),
        np.array([[1.0], [3.0]], np.float32),
    )
    assert feature_means(data).tolist() == feature_means(on_disk(data)).tolist() == [0.75]


def test_balanced_class_weights_are_those_of_scikit_learn() -> None:
    """Without data weights; with them, the sums of the weights take the place of the numbers of rows."""
    data = table(200, 3, share=0.1)
    expected = compute_class_weight("balanced", classes=np.array([0.0, 1.0]), y=data.labels[:, 0])
    assert balanced_class_weights(data._replace(weights=None)) == pytest.approx(tuple(expected))
    rows = repeated(data)
    expected = compute_class_weight("balanced", classes=np.array([0.0, 1.0]), y=rows.labels[:, 0])
    assert balanced_class_weights(data) == balanced_class_weights(on_disk(data)) == pytest.approx(expected)


def test_one_class_has_no_class_weights() -> None:
    data = table(20, 3)
    assert balanced_class_weights(data._replace(labels=np.ones_like(data.labels))) == (1, 1)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_class_weights_equal_repeated_rows(optimizer: str) -> None:
    """With one positive row in four, balanced weights are those of a table with each positive row three times.

    In memory and on disk. The validation split has another share of positives, and gets the factors of the training
    split.
    """
    train, validation = (table(80, 1, share=0.25), table(40, 2, share=0.5))
    assert train.labels.mean() == 0.25
    expanded = [
        repeated(split._replace(weights=np.where(split.labels > 0, 3, 1).astype(np.float32)))
        for split in (train, validation)
    ]
    model = OPTIMIZERS[optimizer]
    expected = trained(model, *expanded, optimizer=optimizer)
    bare = [split._replace(weights=None) for split in (train, validation)]
    for splits in (bare, [on_disk(split) for split in bare]):
        found = trained(model, splits[0], splits[1], optimizer=optimizer, class_weight="balanced")
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_class_weights_multiply_the_weights_of_the_rows() -> None:
    """In memory and on disk, in batches and in windows; the sum of all weights remains, and so do the given splits."""
    data = table(50, 3, share=0.2)
    assert data.weights is not None
    factors = balanced_class_weights(data)
    expected = data.weights * np.where(data.labels > 0, factors.positive, factors.negative)
    stored = on_disk(data, max_rows=20)
    for given in (data, stored):
        train, validation = with_class_weights(given, given, "balanced")
        weights = row_weights(train)
        assert weights is not None
        np.testing.assert_allclose(weights, expected[:, 0], rtol=1e-6)
        assert train.total_weight == pytest.approx(data.total_weight)
        assert train.class_sums == pytest.approx(validation.class_sums)
        assert train.class_sums[0] == pytest.approx(train.class_sums[1])
        window = next(train.windows(5, [1, 1]))
        assert window.weights is not None
        assert set(window.weights[:, 0].tolist()) <= set(weights.astype(np.float32).tolist())
        assert with_class_weights(given, given, "none") == (given, given)
        assert given.total_weight == data.weights.sum()


def test_the_files_are_open_as_long_as_a_dataset_reads_them() -> None:
    """The object with class weights reads the files of the one that it was made from."""
    weighted = on_disk(table(20, 1)).with_class_weights(1.0, 2.0)
    assert sum(part.rows for part in weighted.batches(7)) == 20


def test_the_same_seed_gives_the_same_weighted_network() -> None:
    """With dropout and mini-batches, in windows from disk."""
    data = table(90, 4)
    model = NETWORK.model_copy(update={"dropout": 0.25})
    stored = on_disk(data, max_rows=40)
    first, again = (trained(model, stored, stored, batch_size=8, class_weight="balanced") for _ in range(2))
    assert first[0].tolist() == again[0].tolist()
    assert first[1].tolist() == again[1].tolist()
