"""Measures regpipe, stock TFX and a plain Keras script in turn, on tables of growing size.

    python -m benchmarks.suite results.jsonl                    # all sizes: some hours
    python -m benchmarks.suite small.jsonl --rows 1000 200000
    python -m benchmarks.tables results.jsonl --plot growth.svg   # medians, ratios, growth

Each run is a new process in an empty folder, except regpipe's cached run, which uses the folder of the run before it.
Each turn appends its measurements to the file, so an interrupted suite continues where it stopped.
"""

import argparse
import importlib.metadata
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers import PEERS, STOCK
from benchmarks.results import read

HERE = Path(__file__).resolve().parent

ROWS = (1_000, 200_000, 1_000_000, 5_000_000)
WARM_UP_ROWS = 1_000
KEPT_SAMPLES = 400
TENSORFLOW = ("tensorflow", "tensorflow-transform", "tensorflow-model-analysis", "tensorflow-data-validation")
PACKAGES = ("tfx", *TENSORFLOW, "keras", "apache-beam", "ml-metadata", "numpy", "pyarrow")


def measure(args: argparse.Namespace) -> None:
    """Runs the turns that are missing in the file. Each turn runs all programs, so a busy machine slows all of them."""
    done = {(known["rows"], known["turn"]) for known in read(args.results).runs}
    missing = [(rows, turn) for rows in args.rows for turn in range(1, args.repeat + 1)]
    missing = [pair for pair in missing if pair not in done]
    if not missing:
        return
    if not args.results.exists():
        args.results.write_text(json.dumps({"machine": describe_machine(), "epochs": args.epochs}) + "\n")
    with tempfile.TemporaryDirectory(prefix="regpipe-bench-") as name:
        folder = Path(name)
        log("warming up, so that all imports are compiled and in the disk cache")
        list(take_turn(make_table(folder, WARM_UP_ROWS), args.peers, epochs=1))
        for rows, turn in missing:
            peers = [peer for peer in args.peers if peer != STOCK or rows <= args.stock_up_to]
            table = make_table(folder, rows)
            lines = []
            for peer, found in take_turn(table, peers, args.epochs):
                usage = found["usage"]
                log(f"{rows:,} rows, {turn}/{args.repeat}, {peer}: {usage['seconds']:.1f} s, "
                     f"{usage['peak_mib']:.0f} MiB, load before {usage['load_before']:.1f}")  # fmt: skip
                lines.append(json.dumps({"rows": rows, "turn": turn, "peer": peer, **found}) + "\n")
            with args.results.open("a") as file:
                file.writelines(lines)


def take_turn(table: Path, peers: Sequence[str], epochs: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Runs each program once, in a folder that is removed, and yields the measurements."""
    with tempfile.TemporaryDirectory(prefix="regpipe-turn-", dir=table.parents[1]) as folder:
        for peer in peers:
            measurement = asdict(PEERS[peer](table, Path(folder), epochs))
            memory = measurement["usage"]["memory"]
            begin, thinned = memory[0][0], memory[:: max(1, len(memory) // KEPT_SAMPLES)]
            measurement["usage"]["memory"] = [(round(at - begin, 1), round(mib)) for at, mib in thinned]
            yield peer, measurement


def make_table(folder: Path, rows: int) -> Path:
    """Writes a table of `rows` examples in its own folder, unless it exists, and returns its path."""
    table = folder / str(rows) / "table.csv"
    if not table.exists():
        log(f"making a table of {rows:,} rows")
        table.parent.mkdir()
        command = [sys.executable, str(HERE / "make_data.py"), "--rows", str(rows), "--out", str(table)]
        subprocess.run(command, check=True)
    return table


def log(message: str) -> None:
    """Prints a line of progress to standard error."""
    print(message, file=sys.stderr, flush=True)


def describe_machine() -> dict[str, str]:
    """Returns the hardware and the library versions of the measurements."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    facts = {"CPU": models[0] if models else platform.processor() or platform.machine()}
    facts["cores"] = str(psutil.cpu_count())
    facts["memory"] = f"{psutil.virtual_memory().total / 2**30:.1f} GiB"
    facts["Python"] = platform.python_version()
    return facts | {name: importlib.metadata.version(name) for name in PACKAGES}


def main() -> None:
    """Reads the arguments and runs the measurements."""
    parser = argparse.ArgumentParser(description="Measure regpipe, stock TFX and a plain Keras script.")
    parser.add_argument("results", type=Path, help="the file to which measurements are appended")
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, help="sizes (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="turns of each size (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=15, help="passes over the data (default: %(default)s)")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=tuple(PEERS), help="default: all")
    parser.add_argument(
        "--stock-up-to", type=int, default=1_000_000, metavar="ROWS",
        help="the largest table for stock TFX, in rows (default: %(default)s)",
    )  # fmt: skip
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
