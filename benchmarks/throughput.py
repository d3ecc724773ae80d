"""Compares the speed of regpipe's training loop with plain Keras: the same network and rows, in turn on one machine.

Prints a Markdown table of medians, with the last losses of both. Each run is a new process. With `--peer`, the loop of
another clone of this repository is measured too, in the environment of this one.

    python benchmarks/throughput.py --rows 200000 --peer /path/to/another/clone
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
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from pyarrow import csv

HERE = Path(__file__).resolve().parent
LABEL = "label"
VALIDATION = 0.2
KERAS, PEER, REGPIPE = "bare Keras", "peer", "regpipe"
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
        start, processor = time.perf_counter(), time.process_time()
        history, _ = run_training_loop(model, *parts, settings, Path(folder))
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
    losses = {name: history[-1][name] for name in ("loss", "val_loss")}
    return {"seconds": {"fit": seconds}, "fit_processor": processor, **losses}


def run(command: list[str], clone: Path) -> Result:
    """Runs a new process; returns its last line of JSON, with its seconds from start to exit as `process`.

    Args:
        command: the arguments of Python.
        clone: the folder from which it imports the packages of regpipe.

    Raises:
        SystemExit: it failed; shows the end of its log.
    """
    environment = {**os.environ, "PYTHONPATH": str(clone), "TF_CPP_MIN_LOG_LEVEL": "2"}
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
        "processor": printed["fit_processor"],
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
    peer = PEER in results
    trained = int(args.rows * (1 - VALIDATION)) * args.epochs
    lines = [
        f"{args.rows:,} rows x 20, of which {VALIDATION:.0%} for validation; batches of {args.batch_size}, "
        f"{args.epochs} epochs; median of {args.repeat} runs each, in turn. {os.cpu_count()} cores, "
        f"Python {platform.python_version()}.",
        "",
        f"| | {' | '.join(medians)} | {KERAS} / {REGPIPE} |" + (f" {PEER} / {REGPIPE} |" if peer else ""),
        "| --- |" + " ---: |" * (len(medians) + 1 + peer),
    ]
    for title, key in (
        ("`fit`, seconds", "fit"),
        ("`fit`, processor seconds", "processor"),
        ("whole process, seconds", "process"),
    ):
        found = {name: values[key] for name, values in medians.items()}
        ratios = [found[name] / found[REGPIPE] for name in found if name != REGPIPE]
        lines.append(f"| {title} | {_cells(found.values(), '.1f')} | {_cells(ratios, '.2f')} |")
    rates = [trained / values["fit"] for values in medians.values()]
    lines.append(f"| rows trained a second | {_cells(rates, ',.0f')} |" + " |" * (1 + peer))
    for title, key in (("training loss, last epoch", "loss"), ("validation loss, last epoch", "val_loss")):
        losses = [values[key] for values in medians.values()]
        lines.append(f"| {title} | {_cells(losses, '.4f')} |" + " |" * (1 + peer))
    return "\n".join(lines)


def _cells(values: Iterable[float], form: str) -> str:
    return " | ".join(format(value, form) for value in values)


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
        "--peer", type=Path, metavar="FOLDER", help="another clone, whose loop is measured too"
    )
    parser.add_argument(
        "--train", type=Path, metavar="FILE", help="train with regpipe's loop on FILE, in this process"
    )
    args = parser.parse_args()
    if args.train:
        print(json.dumps(train(args.train, args.epochs, args.batch_size)))
        return
    sizes = ["--epochs", str(args.epochs), "--batch-size", str(args.batch_size)]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "table.csv"
        make_data = [sys.executable, str(HERE / "make_data.py"), "--rows", str(args.rows), "--out", str(data)]
        subprocess.run(make_data, check=True)
        keras_script = [str(HERE / "keras_script.py"), "--data", str(data), *sizes]
        loop = [str(HERE / "throughput.py"), "--train", str(data), *sizes]
        sides = {KERAS: (keras_script, HERE.parent), PEER: (loop, args.peer), REGPIPE: (loop, HERE.parent)}
        results: dict[str, list[Result]] = {name: [] for name in sides if name != PEER or args.peer}
        for number in range(args.repeat):
            for name, runs in results.items():
                runs.append(run(*sides[name]))
                seconds = runs[-1]["fit"]
                print(f"{name} {number + 1}/{args.repeat}: {seconds:.1f} s", file=sys.stderr)
    print(table(results, args))


if __name__ == "__main__":
    main()
