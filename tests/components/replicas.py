"""Trains under MirroredStrategy on 1, 2 and 4 logical CPUs; prints how far each is from the default strategy.

A program of its own, because TensorFlow takes the number of devices before its first operation only.
"""

import json
import tempfile
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.config import ModelConfig, TrainingConfig
from components.fitting import fit
from components.model import build_model
from components.vectors import Vectors

ROWS, BATCH = 33, 8  # the last batch has one row
MODEL = ModelConfig(hidden_units=(8,), l1=1e-2, l2=1e-2, dropout=0.0)
TRAINING = TrainingConfig(epochs=3, batch_size=BATCH, learning_rate=1e-2, early_stopping=2)

Array = npt.NDArray[np.float64]


def main() -> None:
    """The last line of the output is JSON: replicas -> the largest differences in weights and history."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
    generator = np.random.default_rng(1)
    features = generator.random((ROWS, 5), np.float32)
    data = Vectors(features, (features[:, :1] > features[:, 1:2]).astype(np.float32))
    start, weights, history = run(tf.distribute.get_strategy(), data)
    result = {}
    for replicas in (1, 2, 4):
        devices = [f"CPU:{i}" for i in range(replicas)]
        # Collective operations, the default, can't have groups of two sizes in one process.
        reduce = tf.distribute.ReductionToOneDevice() if replicas == 2 else None
        strategy = tf.distribute.MirroredStrategy(devices, reduce)
        assert strategy.num_replicas_in_sync == replicas
        same_start, other_weights, other_history = run(strategy, data)
        assert np.array_equal(start, same_start)
        result[replicas] = {
            "moved": float(np.abs(weights - start).max()),
            "weights": float(np.abs(weights - other_weights).max()),
            "history": float(np.abs(history - other_history).max()),
        }
    print(json.dumps(result))


def run(strategy: tf.distribute.Strategy, data: Vectors) -> tuple[Array, Array, Array]:
    """The weights before and after, and the history's values by epoch."""
    keras.utils.set_random_seed(TRAINING.seed)
    with strategy.scope(), tempfile.TemporaryDirectory() as folder:
        model = build_model(data.features.shape[1], MODEL)
        start = flat(model)
        history = fit(model, data, data, TRAINING, Path(folder))
    return start, flat(model), np.array([list(epoch.values()) for epoch in history])


def flat(model: keras.Model) -> Array:
    """All weights in a row."""
    return np.concatenate([w.ravel() for w in model.get_weights()]).astype(np.float64)


if __name__ == "__main__":
    main()
