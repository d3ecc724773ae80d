"""XLA compiles the steps of a training with many small steps: the weights are those without it, to float32 rounding."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.tasks.multiclass import MULTICLASS
from components.tasks.regression import REGRESSION
from components.training import epoch_runner
from components.training.dataset import InMemoryDataset
from components.training.epoch_runner import EpochRunner
from components.training.network import build_model
from components.training.train import train_network
from components.training.train_seeds import train_seeds

NETWORK = ModelConfig(hidden_units=(6, 4), l1=1e-3, l2=1e-2, dropout=0.25)
GROUPED = ModelConfig(hidden_units=(4,), l1=1e-3, l2=0.0, dropout=0.0, group_l1=0.01)
SETTINGS = TrainingConfig(epochs=4, batch_size=8, learning_rate=0.02, early_stopping=0)
NEVER = 10**9


def rows(outputs: int = 1, *, weighted: bool = False) -> InMemoryDataset:
    """Returns 43 rows of three numbers, which are five batches of eight, and one of three."""
    generator = np.random.default_rng(2)
    x = generator.random((43, 3)).astype(np.float32)
    y = np.floor(x[:, :1] * max(2, outputs)).astype(np.float32)
    weights = generator.uniform(0.5, 2, (43, 1)).astype(np.float32) if weighted else None
    return InMemoryDataset(x, y, weights, np.array([0, 0, 1]), outputs)


def numbers(network: keras.Model, history: Any) -> list[float]:
    weights = np.concatenate([array.ravel() for array in network.get_weights()])
    return [*weights.tolist(), *(value for epoch in history for value in epoch.values())]


@pytest.mark.parametrize(
    ("network", "settings", "data"),
    [
        (NETWORK, SETTINGS, rows()),
        (NETWORK, SETTINGS.model_copy(update={"optimizer": "adam"}), rows(weighted=True)),
        (NETWORK, SETTINGS.model_copy(update={"optimizer": "sgd", "weight_decay": 0.1}), rows()),
        (NETWORK, SETTINGS.for_task(MULTICLASS), rows(3)),
        (NETWORK, SETTINGS.for_task(REGRESSION), rows()),
        (GROUPED, SETTINGS, rows()),
    ],
    ids=["proximal", "adam, weights", "sgd, decay", "classes", "regression", "group lasso"],
)
def test_compiled_steps_end_at_the_same_weights(
    monkeypatch: pytest.MonkeyPatch, network: ModelConfig, settings: TrainingConfig, data: InMemoryDataset
) -> None:
    """Weights and history agree to 1e-5 after 24 steps; weights that are 0 are the same."""
    found = []
    for steps in (NEVER, 0):
        monkeypatch.setattr(epoch_runner, "XLA_STEPS", steps)
        found.append(numbers(*train_network(network, settings, data, data)[:2]))
    plain, compiled = np.array(found)
    np.testing.assert_allclose(compiled, plain, atol=1e-5)
    assert np.array_equal(compiled == 0, plain == 0)


def test_compiled_steps_of_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks with their own seeds have their own batches and dropout masks, compiled or not."""
    found = []
    for steps in (NEVER, 0):
        monkeypatch.setattr(epoch_runner, "XLA_STEPS", steps)
        settings = SETTINGS.with_optimizer(NETWORK.hidden_units)
        trained = train_seeds(NETWORK, settings, (1, 2), (rows(), rows()), lambda *_: None)
        found.append([number for each in trained for number in numbers(each.network, each.history)])
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


@pytest.mark.parametrize(
    ("epochs", "units", "compiled"),
    [(833, 6, False), (834, 6, True), (834, 300_000, False)],
    ids=["4,998 steps", "5,004 steps", "large products"],
)
def test_many_small_steps_are_compiled(epochs: int, units: int, *, compiled: bool) -> None:
    """An epoch has six steps. With 300,000 units, a step multiplies eight rows by 1.5 million weights."""
    network = build_model(3, ModelConfig(hidden_units=(units,), l1=0.0, l2=0.0, dropout=0.0))
    settings = SETTINGS.model_copy(update={"epochs": epochs})
    assert EpochRunner(network, rows(), settings).is_compiled is compiled


def test_steps_under_a_strategy_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epoch_runner, "XLA_STEPS", 0)
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        assert not EpochRunner(build_model(3, NETWORK), rows(), SETTINGS).is_compiled


def test_steps_on_a_gpu_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trainings with the default strategy, without and with a GPU: the machine appears to have one."""
    monkeypatch.setattr(epoch_runner, "XLA_STEPS", 0)
    network = build_model(3, NETWORK)
    gpus: list[str] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else [])
    assert EpochRunner(network, rows(), SETTINGS).is_compiled
    gpus.append("GPU:0")
    assert not EpochRunner(network, rows(), SETTINGS).is_compiled
