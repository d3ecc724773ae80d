"""Seconds from the start of a process until what a step runs is imported, and of `regpipe run` as a whole.

    python benchmarks/startup.py --peer /path/to/a/clone/at/another/commit

Each number is the median of several fresh processes, this clone's and the peer's in turn: on a machine with other work,
the processor time says more than the wall time.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parents[1]
# What is imported before the executor's own code: as the launcher imports it, by the name in the compiled pipeline.
STEPS = {
    "ExampleGen": "components.example_gen.executor",
    "StatisticsGen": "components.statistics.executor",
    "SchemaGen": "tfx.components.schema_gen.executor",
    "ExampleValidator": "tfx.components.example_validator.executor",
    "DataGate": "components.data_gate.component",
    "Transform": "tfx.components.transform.executor, components.transform.preprocessing",
    "Trainer": "tfx.components.trainer.executor, components.trainer.run_fn",
    "Evaluator": "components.evaluator.executor",
    "Pusher": "components.pusher.component",
    "Report": "components.report.component",
}
# A clone from before there was such a module imports without it.
_START = """
try:
    from pipeline_def import lazy_imports
    lazy_imports.install()
except ImportError:
    pass
import pipeline_def.kubeflow.node, pipeline_def.node
"""
_EVALUATOR_BEFORE = ("components.evaluator.executor", "components.evaluator")


_RUN = (sys.executable, "-m", "pipeline_def.cli", "run", "--root")


class Spent(NamedTuple):
    """Of one process, with its children: seconds on the wall and of the processor."""

    wall: float
    processor: float


def measure(command: Sequence[str], folder: Path) -> Spent:
    """Runs a command to its end.

    Raises:
        CalledProcessError: it failed.
    """
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        command, cwd=folder, check=True, capture_output=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"}
    )
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def median(spent: Sequence[Spent]) -> str:
    """As `processor (wall)`."""
    wall, processor = (statistics.median(values) for values in zip(*spent, strict=True))
    return f"{processor:.1f} ({wall:.1f})"


def _import(step: str, clone: Path) -> list[str]:
    modules = STEPS[step]
    if not (clone / "components" / "evaluator").is_dir():
        modules = modules.replace(*_EVALUATOR_BEFORE)
    return [sys.executable, "-c", f"{_START}\nimport {modules}"]


def main() -> None:
    """Prints a table in Markdown: processor seconds, wall seconds in brackets."""
    parser = argparse.ArgumentParser(description="measure the start of the steps and of `regpipe run`")
    parser.add_argument("--peer", type=Path, help="another clone, run in this environment")
    parser.add_argument("--only", nargs="+", choices=[*STEPS, "run"], default=[*STEPS, "run"])
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    clones = [clone for clone in (args.peer, HERE) if clone]
    print("|", " | ".join(["processor seconds (wall)", *(["peer"] if args.peer else []), "this"]), "|")
    print("| --- |", " | ".join("---:" for _ in clones), "|")
    for step in filter(args.only.__contains__, STEPS):
        taken = [[measure(_import(step, clone), clone) for clone in clones] for _ in range(args.repeat)]
        print(
            f"| {step} |", " | ".join(median(column) for column in zip(*taken, strict=True)), "|", flush=True
        )
    if "run" in args.only:
        _runs(clones, args.repeat)


def _runs(clones: Sequence[Path], repeat: int) -> None:
    runs: dict[str, list[list[Spent]]] = {"`regpipe run`": [], "again, cached": []}
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            for taken in runs.values():
                taken.append([measure([*_RUN, f"{folder}/{at}"], clone) for at, clone in enumerate(clones)])
    for name, taken in runs.items():
        print(f"| {name} |", " | ".join(median(column) for column in zip(*taken, strict=True)), "|")


if __name__ == "__main__":
    main()
