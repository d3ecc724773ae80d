"""Compares the speed of regpipe's training loop with plain Keras: the same network and rows, in turn on one machine.

Prints a Markdown table of medians, with the last losses of both. Each run is a new process.

    python benchmarks/throughput.py --rows 200000
"""

import argparse
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from pyarrow import csv

HERE = Path(__file__).resolve().parent
LABEL = "label"
VALIDATION = 0.2
KERAS, REGPIPE = "bare Keras", "regpipe"
Result = dict[str, float]


def read_vectors(table: Path) -> tuple[Any, Any]:
    """Returns the table of make_data as arrays: features scaled to 0-1, as Transform does it, and labels."""
    columns = csv.read_csv(table)
    labels = columns[LABEL].to_numpy().astype(np.float32).reshape(-1, 1)
    features = np.column_stack([column.to_numpy() for column in columns.drop_columns([LABEL]).columns])
    low, high = features.min(axis=0), features.max(axis=0)
    return ((features - low) / (high - low)).astype(np.float32), labels


def train(data: Path, epochs: int, batch_size: int) -> dict[str, Any]:
    """Trains with regpipe's loop in this process, with the network, the split and the order of keras_script.py."""
    import keras

    from components.config.model import ModelConfig
    from components.config.training import TrainingConfig
    from components.training.dataset import InMemoryDataset
    from components.training.loop import run_training_loop
    from components.training.network import build_model

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    features, labels = read_vectors(data)
    split = int(len(features) * (1 - VALIDATION))  # as Keras's validation_split: the last rows
    keras.utils.set_random_seed(42)
    model = build_model(features.shape[1], ModelConfig(hidden_units=(128, 64), l1=1e-4, l2=1e-3, dropout=0.2))
    settings = TrainingConfig(epochs=epochs, batch_size=batch_size, learning_rate=1e-3, early_stopping=0)
    parts = (
        InMemoryDataset(features[:split], labels[:split]),
        InMemoryDataset(features[split:], labels[split:]),
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        history, _ = run_training_loop(model, *parts, settings, Path(folder))
        seconds = time.perf_counter() - start
    return {"seconds": {"fit": seconds}, "loss": history[-1]["loss"], "val_loss": history[-1]["val_loss"]}


def run(command: list[str]) -> Result:
    """Runs a new process; returns its last line of JSON, with its seconds from start to exit as `process`.

    Raises:
        SystemExit: it failed; shows the end of its log.
    """
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "TF_CPP_MIN_LOG_LEVEL": "2"}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    printed = json.loads(done.stdout.splitlines()[-1])
    return {
        **printed["seconds"],
        "loss": printed["loss"],
        "val_loss": printed["val_loss"],
        "process": seconds,
    }


def table(results: dict[str, list[Result]], args: Any) -> str:
    """Returns the table of medians, and the factor by which regpipe's loop is faster."""
    medians = {
        name: {key: median(result[key] for result in runs) for key in runs[0]}
        for name, runs in results.items()
    }
    trained = int(args.rows * (1 - VALIDATION)) * args.epochs
    lines = [
        f"{args.rows:,} rows x 20, of which {VALIDATION:.0%} for validation; batches of {args.batch_size}, "
        f"{args.epochs} epochs; median of {args.repeat} runs each, in turn. {os.cpu_count()} cores, "
        f"Python {platform.python_version()}.",
        "",
        f"| | {KERAS} | {REGPIPE} | ratio |",
        "| --- | ---: | ---: | ---: |",
    ]
    keras, regpipe = medians[KERAS], medians[REGPIPE]
    for title, key in (("`fit`, seconds", "fit"), ("whole process, seconds", "process")):
        lines.append(f"| {title} | {keras[key]:.1f} | {regpipe[key]:.1f} | {keras[key] / regpipe[key]:.1f} |")
    rates = [trained / side["fit"] for side in (keras, regpipe)]
    lines.append(f"| rows trained a second | {rates[0]:,.0f} | {rates[1]:,.0f} | {rates[1] / rates[0]:.1f} |")
    for title, key in (("training loss, last epoch", "loss"), ("validation loss, last epoch", "val_loss")):
        lines.append(f"| {title} | {keras[key]:.4f} | {regpipe[key]:.4f} | |")
    return "\n".join(lines)


def main() -> None:
    """Reads the arguments, trains with both in turn, and prints the table."""
    parser = argparse.ArgumentParser(
        description="Compare the speed of regpipe's training loop with plain Keras."
    )
    parser.add_argument("--rows", type=int, default=200_000, help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--batch-size", type=int, default=128, help="default: %(default)s")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; default: %(default)s")
    parser.add_argument(
        "--train", type=Path, metavar="FILE", help="train with regpipe's loop on FILE, in this process"
    )
    args = parser.parse_args()
    if args.train:
        print(json.dumps(train(args.train, args.epochs, args.batch_size)))
        return
    sizes = ["--epochs", str(args.epochs), "--batch-size", str(args.batch_size)]
    results: dict[str, list[Result]] = {KERAS: [], REGPIPE: []}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "table.csv"
        make_data = [sys.executable, str(HERE / "make_data.py"), "--rows", str(args.rows), "--out", str(data)]
        subprocess.run(make_data, check=True)
        commands = {
            KERAS: [str(HERE / "keras_script.py"), "--data", str(data), *sizes],
            REGPIPE: [str(HERE / "throughput.py"), "--train", str(data), *sizes],
        }
        for number in range(args.repeat):
            for name, command in commands.items():
                results[name].append(run(command))
                seconds = results[name][-1]["fit"]
                print(f"{name} {number + 1}/{args.repeat}: {seconds:.1f} s", file=sys.stderr)
    print(table(results, args))


if __name__ == "__main__":
    main()
