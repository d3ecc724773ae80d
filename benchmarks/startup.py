"""Measures the time until the code of a step is imported, and the time of `regpipe run` as a whole.

    python benchmarks/startup.py --peer /path/to/a/clone/at/another/commit

Each number is the median of several new processes. The peer is measured by its own copy of this script, in its own
environment if it has one, alternating with this clone. On a busy machine the processor time is more reliable than the
wall time.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parents[1]
# The modules that the launcher imports before a step's own code runs.
STEPS = {
    "ExampleGen": "components.example_gen.executor",
    "StatisticsGen": "components.statistics.executor",
    "SchemaGen": "tfx.components.schema_gen.executor",
    "ExampleValidator": "tfx.components.example_validator.executor",
    "DataGate": "components.data_gate.component",
    "DriftGate": "components.drift.component",
    "Transform": "components.transform.executor",
    "Trainer": "components.trainer.executor",
    "ServedModel": "components.served_model.executor",
    "Evaluator": "components.evaluator.executor",
    "Pusher": "components.pusher.component",
    "Report": "components.report.component",
}
_START = """
from pipeline_def.launcher import lazy_imports
lazy_imports.install()
import pipeline_def.kubeflow.step_entrypoint, pipeline_def.launcher.node
"""
_RUN = "`regpipe run`"
_CACHED = "again, cached"
_ROW = re.compile(r"\| (.+) \| ([0-9.]+) \(([0-9.]+)\) \|")


class Spent(NamedTuple):
    """The time of one process and its children on the wall clock and on the processor, in seconds."""

    wall: float
    processor: float


def measure(command: Sequence[str]) -> Spent:
    """Runs a command in this clone.

    Raises:
        CalledProcessError: it failed.
    """
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        command, cwd=HERE, check=True, capture_output=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"}
    )
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def median(spent: Sequence[Spent]) -> str:
    """Formats the medians as `processor (wall)`."""
    wall, processor = (statistics.median(values) for values in zip(*spent, strict=True))
    return f"{processor:.1f} ({wall:.1f})"


def measure_here(item: str, repeat: int) -> Iterator[tuple[str, list[Spent]]]:
    """Measures a step, or "run", in this clone; yields the title and the measurements of each row."""
    if item == "run":
        runs: dict[str, list[Spent]] = {_RUN: [], _CACHED: []}
        for _ in range(repeat):
            with tempfile.TemporaryDirectory() as root:
                for spent in runs.values():
                    spent.append(measure([sys.executable, "-m", "pipeline_def.cli", "run", "--root", root]))
        yield from runs.items()
    else:
        code = f"{_START}\nimport {STEPS[item]}"
        yield item, [measure([sys.executable, "-c", code]) for _ in range(repeat)]


def measure_both(peer: Path, item: str, repeat: int) -> Iterator[tuple[str, list[Spent], list[Spent]]]:
    """Runs the script of the peer and this one in turn; yields the title and both measurements of each row."""
    rows: dict[str, tuple[list[Spent], list[Spent]]] = {}
    for _ in range(repeat):
        for column, clone in enumerate((peer, HERE)):
            for title, spent in _measure_clone(clone, item):
                rows.setdefault(title, ([], []))[column].append(spent)
    for title, (peer_times, own_times) in rows.items():
        yield title, peer_times, own_times


def _measure_clone(clone: Path, item: str) -> Iterator[tuple[str, Spent]]:
    python = clone / ".venv" / "bin" / "python"
    command = [python if python.exists() else sys.executable, "benchmarks/startup.py"]
    done = subprocess.run(
        [*command, "--only", item, "--repeat", "1"], cwd=clone, check=True, capture_output=True, text=True
    )
    for title, processor, wall in _ROW.findall(done.stdout):
        yield title, Spent(float(wall), float(processor))


def main() -> None:
    """Prints a table in Markdown: processor seconds, and wall seconds in parentheses."""
    parser = argparse.ArgumentParser(description="measure the start-up of the steps and of `regpipe run`")
    parser.add_argument("--peer", type=Path, help="another clone of this project")
    parser.add_argument("--only", nargs="+", choices=[*STEPS, "run"], default=[*STEPS, "run"])
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    titles = ["processor seconds (wall)", *(["peer"] if args.peer else []), "this"]
    print("|", " | ".join(titles), "|")
    print("| --- |", " | ".join("---:" for _ in titles[1:]), "|")
    for item in args.only:
        rows = (
            measure_both(args.peer.resolve(), item, args.repeat)
            if args.peer
            else measure_here(item, args.repeat)
        )
        for title, *columns in rows:
            print(f"| {title} |", " | ".join(median(spent) for spent in columns), "|", flush=True)


if __name__ == "__main__":
    main()
