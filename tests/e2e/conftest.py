"""Whole runs, each in a process of its own, as a person would start them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Completed:
    """How a run ended, and what it printed: `summary` from standard output, `verdict` from standard error."""

    code: int
    summary: dict[str, Any]
    verdict: str

    def cached(self) -> list[str]:
        """The steps that were taken from the cache."""
        return [step["name"] for step in self.summary["steps"] if step["cached"]]

    def ran(self) -> list[str]:
        """The steps that did their work."""
        return [step["name"] for step in self.summary["steps"] if step["status"] == "done"]


class Runner:
    """Calling it runs the pipeline with --json under a root, as a process of its own."""

    sample = Path(__file__).parents[2] / "data" / "sample.csv"
    # Few epochs and no thresholds: for tests of the way through the pipeline, not of the network.
    quick = tuple(
        word
        for setting in ("training.epochs=12", "evaluation.max_log_loss_rise=9", "evaluation.max_auc_drop=1")
        for word in ("--set", setting)
    )

    def command(self, *arguments: object) -> list[str]:
        """The words of a command line."""
        return [sys.executable, "-m", "pipeline_def.cli", *map(str, arguments)]

    def __call__(self, root: Path, *arguments: object) -> Completed:
        done = subprocess.run(
            self.command("run", "--root", root, "--json", *arguments),
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.stdout, done.stderr
        return Completed(done.returncode, json.loads(done.stdout), done.stderr)


@pytest.fixture(scope="session")
def run() -> Runner:
    return Runner()
