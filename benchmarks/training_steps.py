"""Measures where the time of a training step goes: the network alone, penalties, dropout, and starting the operations.

Prints a Markdown table of processor time for a step of the default network (128 and 64 units, proximal Adam), by number
of features and batch size, as TensorFlow runs it operation by operation and as XLA compiles it. All is measured in turn
in one process; the numbers are the lowest of several epochs.

    uv run python -m benchmarks.training_steps
"""

import argparse
import itertools
import os
import time
from typing import Any

import numpy as np

# The strengths of each column of the table.
PARTS: dict[str, dict[str, float]] = {
    "network": {"l1": 0.0, "l2": 0.0, "dropout": 0.0},
    "with penalties": {"l1": 1e-4, "l2": 1e-3, "dropout": 0.0},
    "with dropout": {"l1": 0.0, "l2": 0.0, "dropout": 0.2},
    "with both": {"l1": 1e-4, "l2": 1e-3, "dropout": 0.2},
}
# About so many numbers are read in an epoch, but never in more than 1,000 steps.
EPOCH_NUMBERS = 5_000_000
MAX_STEPS = 1_000


def step_microseconds(features: int, batch: int, strengths: dict[str, float], *, compiled: bool) -> float:
    """Returns the processor time of a step, with the selection of its rows."""
    import keras

    from components.config.model import ModelConfig
    from components.config.training import TrainingConfig
    from components.training import epoch_runner
    from components.training.dataset import InMemoryDataset
    from components.training.network import build_model

    steps = max(3, min(MAX_STEPS, EPOCH_NUMBERS // (features * batch)))
    x = np.random.default_rng(1).random((steps * batch, features), np.float32)
    data = InMemoryDataset(x, (x[:, :1] > x[:, 1:2]).astype(np.float32))
    keras.utils.set_random_seed(1)
    model = build_model(features, ModelConfig(hidden_units=(128, 64), **strengths), x.mean(axis=0))
    limits: Any = epoch_runner
    limits.XLA_STEPS, limits.XLA_PRODUCTS = (0, np.inf) if compiled else (np.inf, 0)
    runner = epoch_runner.EpochRunner(model, data, TrainingConfig(batch_size=batch))
    seconds = []
    for epoch in range(1, 5):
        start = time.process_time()
        runner.run_epoch(epoch, data, lambda: None)
        seconds.append(time.process_time() - start)
    return min(seconds[1:]) / steps * 1e6  # the first epoch includes tracing and compiling


def main() -> None:
    """Measures all combinations and prints the table."""
    parser = argparse.ArgumentParser(description="Measure where the time of a training step goes.")
    parser.add_argument("--features", type=int, nargs="+", default=[20, 2_000], help="default: 20 and 2,000")
    parser.add_argument(
        "--batch-sizes", type=int, nargs="+", default=[32, 128, 8_192], help="default: 32, 128 and 8,192"
    )
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    print(f"| features, batch, microseconds of processor time | {' | '.join(PARTS)} |")
    print("| --- |" + " ---: |" * len(PARTS))
    for features, batch, compiled in itertools.product(args.features, args.batch_sizes, (False, True)):
        found = [
            step_microseconds(features, batch, strengths, compiled=compiled) for strengths in PARTS.values()
        ]
        how = "XLA" if compiled else "TensorFlow"
        print(
            f"| {features:,}, {batch:,}, {how} | " + " | ".join(f"{value:,.0f}" for value in found) + " |",
            flush=True,
        )


if __name__ == "__main__":
    main()
