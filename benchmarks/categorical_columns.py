"""Measures what categorical columns cost: 10 numbers and 10 texts of 50 values each, beside 20 numbers.

uv run python -m benchmarks.categorical_columns --rows 100000 --repeat 3 --out categorical_columns.jsonl
uv run python -m benchmarks.categorical_columns --table categorical_columns.jsonl

Both tables have the same rows and the same label. They are run in turn, each as a new process in an empty root, with
15 epochs and fixed strengths, so that both train the same number of steps. On a busy machine the processor time is more
reliable than the wall time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

PROJECT = Path(__file__).resolve().parents[1]
NUMBERS, MIXED = "20 numbers", "10 numbers, 10 texts"
VALUES = 50
SETTINGS = (
    "training.epochs=15", "training.early_stopping=0", "model.l1=1e-5", "model.l2=1e-4", "model.dropout=0",
    # Loose, so that each run publishes.
    "evaluation.max_auc_drop=0.5", "evaluation.max_log_loss_rise=10", "evaluation.min_auc=0",
)  # fmt: skip
_SAMPLE_SECONDS = 0.2
WHOLE, REST = "whole process", "start-up, imports and the rest"


def make_tables(folder: Path, rows: int) -> dict[str, Path]:
    """Writes both tables as CSV. In the second one, the last ten numbers are replaced by texts for their ranks."""
    random = np.random.default_rng(0)
    numbers = random.normal(size=(20, rows))
    odds = numbers.T @ random.normal(size=20) / 3
    label = (random.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    plain = pd.DataFrame({f"f{n}": column.round(4) for n, column in enumerate(numbers)} | {"label": label})
    mixed = plain.copy()
    for name in plain.columns[10:20]:
        ranks = plain[name].rank(method="first").to_numpy() - 1
        mixed[name] = [f"value {int(rank * VALUES / rows)}" for rank in ranks]
    paths = {NUMBERS: folder / "numbers.csv", MIXED: folder / "mixed.csv"}
    plain.to_csv(paths[NUMBERS], index=False)
    mixed.to_csv(paths[MIXED], index=False)
    return paths


def measure(table: Path, folder: Path) -> dict[str, Any]:
    """Runs regpipe once; returns wall and processor seconds of the whole process and of each step."""
    command = [sys.executable, "-m", "pipeline_def.cli", "run", "--data", str(table), "--root", str(folder)]
    command += ["--label", "label", *(word for setting in SETTINGS for word in ("--set", setting))]
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"}
        started = time.time()
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=output, stderr=output)
        watched, samples = psutil.Process(process.pid), [(started, 0.0)]
        while process.poll() is None:
            samples.append((time.time(), _processor_seconds(watched, samples[-1][1])))
            time.sleep(_SAMPLE_SECONDS)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}; the end of its log:\n{log.read_text()[-3_000:]}")
    at, spent = np.array(samples).T
    found = {WHOLE: (time.time() - started, samples[-1][1])}
    for name, begin, end in _steps(folder):
        processor = np.interp([begin, end], at, spent)
        found[name] = (end - begin, float(processor[1] - processor[0]))
    steps = [pair for name, pair in found.items() if name != WHOLE]
    wall, processor_seconds = (found[WHOLE][n] - sum(pair[n] for pair in steps) for n in (0, 1))
    found[REST] = (wall, processor_seconds)
    return {name: {"wall": wall, "processor": processor} for name, (wall, processor) in found.items()}


def _processor_seconds(process: psutil.Process, before: float) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return before
    return float(times.user + times.system + times.children_user + times.children_system)


def _steps(root: Path) -> list[tuple[str, float, float]]:
    from ml_metadata.metadata_store.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    from pipeline_def.runs.run_files import STORE_FILE
    from pipeline_def.runs.run_store import RunStore

    source = mlmd.SqliteMetadataSourceConfig(filename_uri=str(root / STORE_FILE))
    runs = RunStore(MetadataStore(mlmd.ConnectionConfig(sqlite=source)))
    return [
        (name, execution.create_time_since_epoch / 1000, execution.last_update_time_since_epoch / 1000)
        for name, execution in runs.steps(runs.run_contexts()[-1].name)
    ]


def report(lines: Sequence[dict[str, Any]]) -> str:
    """Returns the Markdown table of medians: processor seconds (wall seconds), and the ratio of both."""
    text = [f"| processor seconds (wall) | {NUMBERS} | {MIXED} | ratio |", "| --- | ---: | ---: | ---: |"]
    for step in lines[0]["steps"]:
        median = {
            table: [
                statistics.median(line["steps"][step][kind] for line in lines if line["table"] == table)
                for kind in ("processor", "wall")
            ]
            for table in (NUMBERS, MIXED)
        }
        cells = " | ".join(f"{processor:.1f} ({wall:.1f})" for processor, wall in median.values())
        ratios = [median[MIXED][n] / max(median[NUMBERS][n], 0.01) for n in (0, 1)]
        text.append(f"| {step} | {cells} | {ratios[0]:.1f}x ({ratios[1]:.1f}x) |")
    return "\n".join(text)


def main() -> None:
    """Measures, or shows the table of earlier measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each table, in turn (default: 3)")
    parser.add_argument("--out", type=Path, default=Path("categorical_columns.jsonl"), help="appended to")
    parser.add_argument("--table", type=Path, help="show the table of this file, and measure nothing")
    args = parser.parse_args()
    if not args.table:
        with tempfile.TemporaryDirectory() as name:
            tables = make_tables(Path(name), args.rows)
            for turn in range(args.repeat):
                for kind, table in tables.items():
                    steps = measure(table, Path(name) / f"root {turn} {table.stem}")
                    with args.out.open("a") as out:
                        out.write(json.dumps({"table": kind, "rows": args.rows, "steps": steps}) + "\n")
    print(report([json.loads(line) for line in (args.table or args.out).read_text().splitlines()]))


if __name__ == "__main__":
    main()
