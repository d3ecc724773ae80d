"""The training loop agrees with Adam in NumPy, and its history with arithmetic by hand."""

import json
import logging
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training import epoch_runner
from components.training.dataset import InMemoryDataset
from components.training.loop import run_training_loop
from components.training.network import build_model

Array = npt.NDArray[np.float64]
# The tolerance for weights after a few steps, compared with float64: Keras computes 1 - 0.999 ** t in float32.
CLOSE = 5e-5
KEYS = ["epoch", "loss", "log_loss", "accuracy", "val_loss", "val_log_loss", "val_accuracy"]
LOGISTIC = ModelConfig(hidden_units=(), l1=0.0, l2=0.0, dropout=0.0)
NETWORK = ModelConfig(hidden_units=(4, 3), l1=1e-3, l2=1e-2, dropout=0.25)


def vectors(features: object, labels: object) -> InMemoryDataset:
    return InMemoryDataset(np.array(features, np.float32), np.array(labels, np.float32).reshape(-1, 1))


def random_vectors(rows: int) -> InMemoryDataset:
    """Returns rows of two numbers between 0 and 1; the label is, with noise, whether the first is larger."""
    generator = np.random.default_rng(3)
    features = generator.random((rows, 2))
    return vectors(features, features[:, 0] + generator.normal(0, 0.1, rows) > features[:, 1])


def logistic(weights: Iterable[float] = (0.0, 0.0), settings: ModelConfig = LOGISTIC) -> keras.Model:
    """Returns a logistic regression with these weights; the last one is the bias."""
    *kernel, bias = weights
    model = build_model(len(kernel), settings)
    model.set_weights([np.array(kernel).reshape(-1, 1), np.array([bias])])
    return model


def flat(model: keras.Model) -> Array:
    return np.concatenate([w.ravel() for w in model.get_weights()]).astype(np.float64)


def trained(
    settings: TrainingConfig, run_dir: Path, train: InMemoryDataset, model: ModelConfig = NETWORK
) -> Array:
    """Trains a network of two features as the Trainer does; returns its weights."""
    keras.utils.set_random_seed(settings.seed)
    network = build_model(2, model)
    run_training_loop(network, train, train, settings, run_dir)
    return flat(network)


def sigmoid(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result


def adam(
    start: Array, data: InMemoryDataset, batches: Iterable[npt.NDArray[np.int64]], rate: float, l2: float
) -> Array:
    """Logistic regression by Adam (Kingma and Ba, 2015, algorithm 1), one step for each batch of row numbers."""
    w, m, v = start.copy(), np.zeros_like(start), np.zeros_like(start)
    x = np.hstack([data.features, np.ones_like(data.labels)]).astype(np.float64)
    free = np.array([1.0] * (len(start) - 1) + [0.0])  # the bias has no penalty
    for t, rows in enumerate(batches, start=1):
        error = sigmoid(x[rows] @ w) - data.labels[rows, 0]
        gradient = x[rows].T @ error / len(rows) + 2 * l2 * w * free
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        w = w - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
    return w


def test_one_step_is_a_step_of_adam(tmp_path: Path) -> None:
    """The first step is rate * sign(gradient); the kernel has the gradient of the L2 penalty, the bias has none.

    Both rows are (1, 0.5), one of each class, the weights (2, -4) and the bias 0: p is 0.5 for both, and their
    errors cancel out. The rest is the penalty's gradient: 2 * l2 * w for the kernel, 0 for the bias.
    """
    model = logistic((2, -4, 0), LOGISTIC.model_copy(update={"l2": 0.25}))
    data = vectors([[1, 0.5], [1, 0.5]], [0, 1])
    run_training_loop(model, data, data, TrainingConfig(epochs=1, batch_size=2, learning_rate=0.1), tmp_path)
    np.testing.assert_allclose(flat(model), [1.9, -3.9, 0], atol=CLOSE)


@pytest.mark.parametrize("steps_per_call", [1_000, 2], ids=["one call", "two calls"])
def test_epochs_of_batches_are_steps_of_adam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps_per_call: int
) -> None:
    """A smaller last batch is a mean over its own rows; the order of epoch e is a shuffle by (seed, e)."""
    monkeypatch.setattr(epoch_runner, "STEPS_PER_CALL", steps_per_call)
    start = np.array([0.5, -0.25, 0.1])
    data = random_vectors(7)
    model = logistic(start, LOGISTIC.model_copy(update={"l2": 0.05}))
    settings = TrainingConfig(epochs=3, batch_size=3, learning_rate=0.05, early_stopping=0, seed=11)
    run_training_loop(model, data, data, settings, tmp_path)
    batches = []
    for epoch in (1, 2, 3):
        order = tf.random.experimental.stateless_shuffle(tf.range(7), seed=[11, epoch]).numpy()
        batches += [order[:3], order[3:6], order[6:]]
    np.testing.assert_allclose(flat(model), adam(start, data, batches, 0.05, 0.05), atol=CLOSE)


def test_a_table_smaller_than_a_batch(tmp_path: Path) -> None:
    """Each epoch is one step with the mean over all rows."""
    data = random_vectors(3)
    model = logistic((0.5, -0.25, 0.1))
    run_training_loop(
        model, data, data, TrainingConfig(epochs=4, batch_size=32, learning_rate=0.05), tmp_path
    )
    batches = [np.arange(3)] * 4
    expected = adam(np.array([0.5, -0.25, 0.1]), data, batches, 0.05, 0.0)
    np.testing.assert_allclose(flat(model), expected, atol=CLOSE)


def test_history_by_hand(tmp_path: Path) -> None:
    """Each row counts once in an epoch; `loss` contains the penalty, `log_loss` does not.

    The learning rate is too small to change a weight. With kernel 2 and bias -1, the rows 0, 0.5 and 1 have the logits
    -1, 0 and 1. A probability of 0.5 is not above 0.5: the second row counts as class 0.
    """
    model = logistic((2, -1), LOGISTIC.model_copy(update={"l1": 0.01, "l2": 0.1}))
    train = vectors([[0], [0.5], [1]], [0, 0, 0])
    validation = vectors([[0], [0.5]], [1, 1])
    settings = TrainingConfig(epochs=2, batch_size=2, learning_rate=1e-30, early_stopping=0)
    history, _ = run_training_loop(model, train, validation, settings, tmp_path)
    s = 1 / (1 + np.exp(-1.0))
    log_loss = -(np.log(s) + np.log(0.5) + np.log(1 - s)) / 3
    val_log_loss = -(np.log(1 - s) + np.log(0.5)) / 2
    # The penalty is 0.01 * 2 + 0.1 * 4. The mean over batches of 2 rows and of 1 row is weighted by their rows.
    expected = {"log_loss": log_loss, "loss": log_loss + 0.42, "accuracy": 2 / 3}
    expected |= {"val_log_loss": val_log_loss, "val_loss": val_log_loss + 0.42, "val_accuracy": 0.0}
    assert [list(epoch) for epoch in history] == [KEYS, KEYS]
    for number, epoch in enumerate(history, start=1):
        assert epoch == pytest.approx(expected | {"epoch": number}, rel=1e-5)


def test_validation_is_without_dropout_and_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validation scores the model as it will be served, on all rows, for any batch size."""
    data = random_vectors(9)
    monkeypatch.setattr(epoch_runner, "SCORING_BATCH_SIZE", 4)
    keras.utils.set_random_seed(1)
    model = build_model(2, NETWORK.model_copy(update={"dropout": 0.9}))
    settings = TrainingConfig(epochs=1, learning_rate=1e-30)
    (epoch,), _ = run_training_loop(model, data, data, settings, tmp_path)
    hidden_1, bias_1, hidden_2, bias_2, output, bias = model.get_weights()
    hidden = np.maximum(np.maximum(data.features @ hidden_1 + bias_1, 0) @ hidden_2 + bias_2, 0)
    p = sigmoid(hidden @ output + bias)
    log_loss = -np.mean(np.where(data.labels > 0, np.log(p), np.log(1 - p)))
    penalty = sum(1e-3 * np.abs(w).sum() + 1e-2 * (w**2).sum() for w in (hidden_1, hidden_2, output))
    assert epoch["val_log_loss"] == pytest.approx(log_loss, rel=1e-5)
    assert epoch["val_loss"] == pytest.approx(log_loss + penalty, rel=1e-5)
    assert epoch["val_accuracy"] == pytest.approx(np.mean((p > 0.5) == (data.labels > 0)))
    assert epoch["log_loss"] != pytest.approx(log_loss, rel=1e-3)  # training has dropout


def test_dropout_scales_the_kept_outputs(tmp_path: Path) -> None:
    """In training, a hidden output is multiplied by 0 or by 1 / (1 - rate): two log losses are possible."""
    keras.utils.set_random_seed(1)
    model = build_model(1, ModelConfig(hidden_units=(1,), l1=0.0, l2=0.0, dropout=0.5))
    model.set_weights([np.array([[1.0]]), np.zeros(1), np.array([[1.0]]), np.zeros(1)])
    data = vectors([[1]], [1])
    history, _ = run_training_loop(
        model, data, data, TrainingConfig(epochs=12, learning_rate=1e-30, early_stopping=0), tmp_path
    )
    seen = {round(epoch["log_loss"], 4) for epoch in history}
    assert seen == {0.6931, 0.1269}  # -log(sigmoid(0)) and -log(sigmoid(2))


def test_early_stopping_restores_the_best_weights(tmp_path: Path) -> None:
    """If the validation loss rises from the start, epoch 1 is the best; `early_stopping` more epochs are trained."""
    train, validation = vectors([[1], [1]], [1, 1]), vectors([[1]], [0])
    settings = TrainingConfig(epochs=50, batch_size=2, learning_rate=0.1, early_stopping=3)
    model = logistic()
    history, _ = run_training_loop(model, train, validation, settings, tmp_path)
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3, 4]
    np.testing.assert_allclose(flat(model), adam(np.zeros(2), train, [np.arange(2)], 0.1, 0.0), atol=CLOSE)


def test_patience_counts_from_the_best_epoch(tmp_path: Path) -> None:
    """If the validation loss falls, then rises, the best epoch is neither the first nor the last."""
    train = vectors([[1]], [1])
    validation = vectors([[1]] * 8, [1, 1, 1, 1, 1, 0, 0, 0])
    steps = [adam(np.zeros(2), train, [np.arange(1)] * n, 0.1, 0.0) for n in range(1, 20)]
    p = [float(1 / (1 + np.exp(-np.sum(weights)))) for weights in steps]
    best = int(np.argmin([-5 * np.log(x) - 3 * np.log(1 - x) for x in p]))
    assert 0 < best < 10
    model = logistic()
    settings = TrainingConfig(epochs=19, learning_rate=0.1, early_stopping=2)
    history, _ = run_training_loop(model, train, validation, settings, tmp_path)
    assert len(history) == best + 1 + 2
    np.testing.assert_allclose(flat(model), steps[best], atol=CLOSE)


def test_early_stopping_uses_the_log_loss_without_penalties(tmp_path: Path) -> None:
    """A penalty that rises faster than the log loss falls does not stop the training."""
    train, validation = vectors([[10]], [1]), vectors([[0.1]], [1])
    model = logistic(settings=LOGISTIC.model_copy(update={"l1": 2.0}))
    settings = TrainingConfig(epochs=5, learning_rate=0.02, early_stopping=1)
    history, _ = run_training_loop(model, train, validation, settings, tmp_path)
    losses = [epoch["val_loss"] for epoch in history]
    assert losses == sorted(losses)
    assert len(history) == 5


def test_0_disables_early_stopping(tmp_path: Path) -> None:
    """`early_stopping: 0` trains all epochs and keeps the last weights, also if they are worse."""
    train, validation = vectors([[1], [1]], [1, 1]), vectors([[1]], [0])
    settings = TrainingConfig(epochs=8, batch_size=2, learning_rate=0.1, early_stopping=0)
    model = logistic()
    history, _ = run_training_loop(model, train, validation, settings, tmp_path)
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3, 4, 5, 6, 7, 8]
    np.testing.assert_allclose(
        flat(model), adam(np.zeros(2), train, [np.arange(2)] * 8, 0.1, 0.0), atol=CLOSE
    )


def test_the_seed_determines_the_training(tmp_path: Path) -> None:
    """With dropout, shuffling and random weights, equal seeds give equal bits, and another seed gives others."""
    data = random_vectors(20)
    settings = TrainingConfig(epochs=3, batch_size=6, seed=5)
    first, again = (trained(settings, tmp_path, data) for _ in range(2))
    other = trained(settings.model_copy(update={"seed": 6}), tmp_path, data)
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_the_progress_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """There is one line per epoch: losses with penalties, four decimals; at weight 0 the log loss is ln 2 = 0.6931."""
    model = logistic((0, 0))
    train, validation = vectors([[1]] * 3, [0, 0, 1]), vectors([[1]] * 2, [0, 1])
    settings = TrainingConfig(epochs=2, learning_rate=1e-30, early_stopping=0)
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        run_training_loop(model, train, validation, settings, tmp_path)
    assert [record.getMessage() for record in caplog.records if record.name == "regpipe.progress"] == [
        "epoch 1/2 loss 0.6931 accuracy 0.6667 val_loss 0.6931 val_accuracy 0.5000",
        "epoch 2/2 loss 0.6931 accuracy 0.6667 val_loss 0.6931 val_accuracy 0.5000",
    ]


def test_history_file_and_tensorboard(tmp_path: Path) -> None:
    """Both contain every epoch and every value; the run's folder is created."""
    run_dir = tmp_path / "new" / "run"
    data = random_vectors(5)
    history, _ = run_training_loop(logistic((0, 0, 0)), data, data, TrainingConfig(epochs=3), run_dir)
    assert json.loads((run_dir / "history.json").read_text()) == history
    (events,) = (run_dir / "tensorboard").iterdir()
    curves: dict[str, dict[int, float]] = {}
    for record in tf.data.TFRecordDataset(str(events)).as_numpy_iterator():
        event = tf.compat.v1.Event.FromString(record)
        for value in event.summary.value:
            curves.setdefault(value.tag, {})[event.step] = float(tf.make_ndarray(value.tensor))
    assert sorted(curves) == sorted(KEYS[1:])
    for name, curve in curves.items():
        assert curve == pytest.approx({e["epoch"]: e[name] for e in history}, rel=1e-6)
