"""Trains under MirroredStrategy on 1, 2 and 4 logical CPUs; prints how far each is from the default strategy.

Trains two networks with dropout and both penalties: one with Adam, one with proximal Adam and weight decay, which is
also interrupted and resumed. Then trains the sample, given as a file of arrays, on two replicas. This is a separate
program because TensorFlow accepts the number of devices only before its first operation.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training import checkpoints, throttle
from components.training.checkpoints import Checkpoints
from components.training.dataset import InMemoryDataset
from components.training.loop import run_training_loop
from components.training.network import build_model
from components.training.weight_report import weight_report

ROWS, BATCH = 33, 8  # the last batch has one row
MODEL = ModelConfig(hidden_units=(8, 4), l1=1e-2, l2=1e-2, dropout=(0.25, 0.5))
TRAINING = TrainingConfig(epochs=3, batch_size=BATCH, learning_rate=1e-2, early_stopping=2)

Array = npt.NDArray[np.float64]


def main() -> None:
    """Prints the result as JSON, as the last line of the output.

    By optimizer, and for "fewer rows than a batch" and "weighted rows": replicas -> differences; "resumed" and
    "deterministic": a difference; "sample".
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
    generator = np.random.default_rng(1)
    features = generator.random((ROWS, 5), np.float32)
    data = InMemoryDataset(features, (features[:, :1] > features[:, 1:2]).astype(np.float32))
    result: dict[str, Any] = {}
    result["adam"], _ = compare(data, "adam", (2,))
    result["proximal_adam"], weights = compare(data, "proximal_adam", (1, 4, 2))
    result["resumed"] = resumed(data, weights)
    few = InMemoryDataset(data.features[:3], data.labels[:3])
    result["fewer rows than a batch"], _ = compare(few, "proximal_adam", (4,))
    of_rows = 1 + 3 * generator.random((ROWS, 1), np.float32)
    result["weighted rows"], _ = compare(data._replace(weights=of_rows), "proximal_adam", (2,))
    result["sample"] = sample(Path(sys.argv[1]), float(sys.argv[2]))
    result["deterministic"] = deterministic(data, weights)
    print(json.dumps(result))


def mirrored(replicas: int) -> tf.distribute.Strategy:
    """Returns MirroredStrategy over this number of logical CPUs."""
    # Collective operations, the default, can't have groups of two sizes in one process.
    reduce = tf.distribute.ReductionToOneDevice() if replicas == 2 else None
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)], reduce)
    assert strategy.num_replicas_in_sync == replicas
    return strategy


def compare(
    data: InMemoryDataset, optimizer: str, counts: Sequence[int]
) -> tuple[dict[str, dict[str, float]], Array]:
    """Returns, by number of replicas, the largest differences of weights and history from those of one device.

    And the weights of the last number of replicas.
    """
    start, weights, history = run(tf.distribute.get_strategy(), data, optimizer)
    result = {}
    for replicas in counts:
        same_start, other_weights, other_history = run(mirrored(replicas), data, optimizer)
        assert np.array_equal(start, same_start)
        result[str(replicas)] = {
            "moved": float(np.abs(weights - start).max()),
            "weights": float(np.abs(weights - other_weights).max()),
            "history": float(np.abs(history - other_history).max()),
            "zeros": float(np.mean(weights == 0)),
            "other zeros": float(np.mean((weights == 0) != (other_weights == 0))),
        }
    return result, other_weights


def resumed(data: InMemoryDataset, weights: Array) -> float:
    """On two replicas: the difference between three epochs, and two epochs that are resumed for the third."""
    checkpoints.SECONDS_BETWEEN, throttle.MIN_INTERVAL_TO_DURATION = 0, 1
    with tempfile.TemporaryDirectory() as folder:
        kept = Checkpoints(Path(folder))
        run(mirrored(2), data, "proximal_adam", kept, epochs=2)
        _, other, history = run(mirrored(2), data, "proximal_adam", kept)
    assert len(history) == TRAINING.epochs
    return float(np.abs(weights - other).max())


def deterministic(data: InMemoryDataset, weights: Array) -> float:
    """The difference of two replicas' weights with and without TensorFlow's op determinism, as in choose_strategy.

    An operation without a deterministic implementation, or a random one without a seed, would raise. It stays enabled.
    """
    tf.config.experimental.enable_op_determinism()
    _, other, _ = run(mirrored(2), data, "proximal_adam")
    return float(np.abs(weights - other).max())


def run(
    strategy: tf.distribute.Strategy,
    data: InMemoryDataset,
    optimizer: str,
    kept: Checkpoints | None = None,
    epochs: int = TRAINING.epochs,
) -> tuple[Array, Array, Array]:
    """Returns the weights before and after the training, and the history's values by epoch."""
    keras.utils.set_random_seed(TRAINING.seed)
    with strategy.scope(), tempfile.TemporaryDirectory() as folder:
        model = build_model(data.features.shape[1], MODEL)
        model.set_weights(
            [w + 0.25 if w.ndim == 1 else w for w in model.get_weights()]
        )  # no weight is 0 at the start
        start = flat(model)
        decay = 0.0 if optimizer == "adam" else 0.5
        settings = TRAINING.model_copy(
            update={"optimizer": optimizer, "weight_decay": decay, "epochs": epochs}
        )
        history, _ = run_training_loop(model, data, data, settings, Path(folder), kept)
    return start, flat(model), np.array([list(epoch.values()) for epoch in history])


def sample(path: Path, l1: float) -> dict[str, Any]:
    """Trains the defaults with proximal Adam on two replicas; returns the zeros and the test predictions."""
    with np.load(path) as arrays:
        parts = [InMemoryDataset(arrays[f"x{part}"], arrays[f"y{part}"]) for part in range(3)]
    keras.utils.set_random_seed(42)
    with mirrored(2).scope(), tempfile.TemporaryDirectory() as folder:
        model = build_model(parts[0].features.shape[1], ModelConfig(l1=l1, l2=1e-3, dropout=0.2))
        run_training_loop(model, parts[0], parts[1], TrainingConfig(optimizer="proximal_adam"), Path(folder))
    layers = weight_report(model, [str(n) for n in range(parts[0].features.shape[1])])["layers"]
    zeros = sum(x["zero"] * x["weights"] for x in layers) / sum(x["weights"] for x in layers)
    return {"zeros": zeros, "answers": model(parts[2].features).numpy()[:, 0].tolist()}


def flat(model: keras.Model) -> Array:
    """Returns all weights in one vector."""
    return np.concatenate([w.ravel() for w in model.get_weights()]).astype(np.float64)


if __name__ == "__main__":
    main()
