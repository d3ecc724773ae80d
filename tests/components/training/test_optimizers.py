"""Weight decay, the proximal step and exact zeros agree with steps by hand and in NumPy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.dataset import InMemoryDataset
from components.training.loop import run_training_loop
from components.training.network import build_model
from components.training.optimizers import make_optimizer, soft_threshold

Array = npt.NDArray[np.float64]
ROWS = 40
# The tolerance of float32 compared with float64 after 60 steps of Adam; see test_loop.
CLOSE = 5e-5


@pytest.fixture(scope="module")
def data() -> InMemoryDataset:
    """The label is, with noise, whether the first feature is larger than the second; the third feature is noise."""
    generator = np.random.default_rng(3)
    features = generator.random((ROWS, 3)).astype(np.float32)
    larger = features[:, :1] + generator.normal(0, 0.3, (ROWS, 1)) > features[:, 1:2]
    return InMemoryDataset(features, larger.astype(np.float32))


def logistic(l1: float = 0.0, l2: float = 0.0) -> keras.Model:
    """Returns a logistic regression of three features with the weights (0.5, -0.25, 0.1) and the bias 0.2."""
    model = build_model(3, ModelConfig(hidden_units=(), l1=l1, l2=l2))
    model.set_weights([np.array([[0.5], [-0.25], [0.1]]), np.array([0.2])])
    return model


def fitted(model: keras.Model, data: InMemoryDataset, run_dir: Path, **settings: Any) -> Array:
    """Trains on 60 full batches and returns the weights; the last one is the bias."""
    options = {"epochs": 60, "batch_size": ROWS, "early_stopping": 0, **settings}
    run_training_loop(model, data, data, TrainingConfig.model_validate(options), run_dir)
    return flat(model)


def flat(model: keras.Model) -> Array:
    return np.concatenate([w.ravel() for w in model.get_weights()]).astype(np.float64)


def by_hand(data: InMemoryDataset, step: Callable[[Array, Array, int], Array]) -> Array:
    """Takes 60 full-batch steps from the weights of logistic(); step(w, gradient of the log loss, t) returns w."""
    x = np.hstack([data.features, np.ones((ROWS, 1))]).astype(np.float64)
    w = np.array([0.5, -0.25, 0.1, 0.2])
    for t in range(1, 61):
        error = 1 / (1 + np.exp(-x @ w)) - data.labels[:, 0]
        w = step(w, x.T @ error / ROWS, t)
    return w


REGULARIZED = np.array([1.0, 1.0, 1.0, 0.0])  # the bias has neither penalty nor decay


class Adam:
    """Kingma and Ba (2015), algorithm 1, which also returns the preconditioner for ProxGen."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.m = self.v = np.zeros(4)

    def step(self, w: Array, gradient: Array, t: int) -> tuple[Array, Array]:
        """Returns the weights, and rate / (sqrt(v_hat) + epsilon)."""
        self.m = 0.9 * self.m + 0.1 * gradient
        self.v = 0.999 * self.v + 0.001 * gradient**2
        scale = self.rate / (np.sqrt(self.v / (1 - 0.999**t)) + 1e-7)
        return w - scale * self.m / (1 - 0.9**t), scale


def test_soft_threshold() -> None:
    """Values within the threshold become 0 (not -0.0), the others move towards 0 by the threshold."""
    w, threshold = (
        tf.constant([-2.0, -0.5, -0.25, 0.0, 0.25, 3.0]),
        tf.constant([0.5, 0.5, 0.5, 0.5, 0.125, 0.5]),
    )
    result = soft_threshold(w, threshold).numpy()
    assert result.tolist() == [-1.5, 0, 0, 0, 0.125, 2.5]
    assert not np.signbit(result[1:4]).any()


def test_proximal_adam_is_proxgen(data: InMemoryDataset, tmp_path: Path) -> None:
    """After each step of Adam on the log loss and the L2 penalty: w <- S(w, rate * l1 / (sqrt(v_hat) + epsilon))."""
    adam, l1, l2 = Adam(0.02), 0.03, 0.01

    def step(w: Array, gradient: Array, t: int) -> Array:
        w, scale = adam.step(w, gradient + 2 * l2 * w * REGULARIZED, t)
        result: Array = np.sign(w) * np.maximum(np.abs(w) - l1 * scale * REGULARIZED, 0)
        return result

    expected = by_hand(data, step)
    w = fitted(logistic(l1, l2), data, tmp_path, optimizer="proximal_adam", learning_rate=0.02)
    np.testing.assert_allclose(w, expected, atol=CLOSE)
    assert (w == 0).tolist() == [False, False, True, False]


def test_subgradients_leave_no_zeros(data: InMemoryDataset, tmp_path: Path) -> None:
    """With the same penalty as a gradient of Adam, the third weight is small but not 0."""
    w = fitted(logistic(0.03, 0.01), data, tmp_path, optimizer="adam", learning_rate=0.02)
    assert 0 < abs(w[2]) < 0.05


def test_the_loss_is_the_same_with_any_optimizer(data: InMemoryDataset, tmp_path: Path) -> None:
    """The proximal step replaces the gradient of the L1 penalty; the reported loss contains the penalty."""
    losses = {}
    for name in ("adam", "proximal_adam"):
        settings = TrainingConfig(optimizer=name, epochs=1, learning_rate=1e-30, early_stopping=0)
        (epoch,), _ = run_training_loop(logistic(0.5, 0.25), data, data, settings, tmp_path)
        losses[name] = (epoch["loss"] - epoch["log_loss"], epoch["val_loss"] - epoch["val_log_loss"])
    penalty = 0.5 * (0.5 + 0.25 + 0.1) + 0.25 * (0.25 + 0.0625 + 0.01)
    assert losses["adam"] == pytest.approx((penalty, penalty), rel=1e-6)
    assert losses["proximal_adam"] == pytest.approx(losses["adam"], rel=1e-6)


def test_only_layers_with_l1_are_thresholded() -> None:
    """With one strength per layer and a zero gradient, a kernel with L1 becomes 0, one without L1 does not change."""
    model = build_model(2, ModelConfig(hidden_units=(2,), l1=(0.1, 0.0), l2=0.0, dropout=0.2))
    before = model.get_weights()
    optimizer = make_optimizer(TrainingConfig(optimizer="proximal_adam"), model)
    optimizer.apply([tf.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    hidden, hidden_bias, output, bias = model.get_weights()
    assert not hidden.any()
    assert np.array_equal(output, before[2])
    assert output.all()
    assert not hidden_bias.any()
    assert not bias.any()


def test_l2_with_sgd_is_weight_decay(data: InMemoryDataset, tmp_path: Path) -> None:
    """The gradient of l2 * w ** 2 is 2 * l2 * w: with SGD it equals a decoupled decay of 2 * l2, to 1e-6."""
    l2 = fitted(logistic(l2=0.05), data, tmp_path, optimizer="sgd", learning_rate=0.1)
    decay = fitted(logistic(), data, tmp_path, optimizer="sgd", learning_rate=0.1, weight_decay=0.1)
    neither = fitted(logistic(), data, tmp_path, optimizer="sgd", learning_rate=0.1)
    np.testing.assert_allclose(decay, l2, atol=1e-6, rtol=0)
    expected = by_hand(data, lambda w, gradient, _: w - 0.1 * (gradient + 0.1 * w * REGULARIZED))
    np.testing.assert_allclose(l2, expected, atol=1e-6, rtol=0)
    assert np.abs(l2 - neither).max() > 0.01


def test_the_decay_of_adamw_is_decoupled(data: InMemoryDataset, tmp_path: Path) -> None:
    """Loshchilov and Hutter's algorithm 2: unlike an L2 penalty in Adam, the decay is not divided by sqrt(v)."""
    adam = Adam(0.02)
    expected = by_hand(
        data, lambda w, gradient, t: adam.step(w, gradient, t)[0] - 0.02 * 0.5 * w * REGULARIZED
    )
    w = fitted(logistic(), data, tmp_path, optimizer="adamw", learning_rate=0.02, weight_decay=0.5)
    np.testing.assert_allclose(w, expected, atol=CLOSE)
    l2 = fitted(logistic(l2=0.25), data, tmp_path, optimizer="adam", learning_rate=0.02)
    assert np.abs(w - l2).max() > 0.01


def test_adamw_without_decay_is_adam(data: InMemoryDataset, tmp_path: Path) -> None:
    """The baseline of an AdamW candidate is therefore trained with Adam."""
    settings = {"learning_rate": 0.02}
    adamw = fitted(logistic(), data, tmp_path, optimizer="adamw", **settings)
    assert adamw.tolist() == fitted(logistic(), data, tmp_path, optimizer="adam", **settings).tolist()


def test_proximal_adam_without_l1_is_adam(data: InMemoryDataset, tmp_path: Path) -> None:
    """The baseline of a proximal candidate is therefore trained with Adam."""
    settings = {"learning_rate": 0.02}
    proximal = fitted(logistic(), data, tmp_path, optimizer="proximal_adam", **settings)
    assert proximal.tolist() == fitted(logistic(), data, tmp_path, optimizer="adam", **settings).tolist()


@pytest.mark.parametrize("name", ["adamw", "sgd", "proximal_adam"])
def test_biases_do_not_decay(name: str) -> None:
    """With a zero gradient, one step subtracts rate * decay * w from each kernel, and nothing from a bias."""
    model = build_model(2, ModelConfig(hidden_units=(2,), l1=0.0, l2=0.0, dropout=0.2))
    model.set_weights([np.ones_like(w) for w in model.get_weights()])
    settings = TrainingConfig.model_validate({"optimizer": name, "learning_rate": 0.5, "weight_decay": 0.25})
    optimizer = make_optimizer(settings, model)
    optimizer.apply([tf.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    for w in model.get_weights():
        assert w.tolist() == np.full(w.shape, 0.875 if w.ndim == 2 else 1.0).tolist()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("auto", "ProximalAdam"),
        ("proximal_adam", "ProximalAdam"),
        ("adam", "ProximalAdam"),
        ("adamw", "ProximalAdam"),
        ("sgd", "SGD"),
    ],
)
def test_the_optimizer_by_name(name: str, kind: str) -> None:
    """It has the configured learning rate, and is built for the model's weights; only some have a proximal step."""
    settings = TrainingConfig.model_validate({"optimizer": name, "learning_rate": 0.25})
    optimizer = make_optimizer(settings, logistic(l1=0.5))
    assert type(optimizer).__name__ == kind
    if kind == "ProximalAdam":
        strengths = [kernel and kernel.l1 for kernel in optimizer.proximal]
        assert strengths == ([0.5, None] if name in ("auto", "proximal_adam") else [None, None])
    assert float(optimizer.learning_rate) == 0.25
    assert optimizer.built


def test_adam_is_that_of_keras() -> None:
    """The fused operation takes the steps of keras.optimizers.Adam, to float32 rounding."""
    generator = np.random.default_rng(1)
    gradients = generator.normal(size=(50, 3, 1)).astype(np.float32)
    models = [logistic(), logistic()]
    ours = make_optimizer(TrainingConfig(optimizer="adam", learning_rate=0.02), models[0])
    keras_adam = keras.optimizers.Adam(0.02)
    for gradient in gradients:
        for optimizer, model in ((ours, models[0]), (keras_adam, models[1])):
            optimizer.apply([tf.constant(gradient), tf.constant(gradient[:1, 0])], model.trainable_variables)
    np.testing.assert_allclose(flat(models[0]), flat(models[1]), rtol=1e-5)
