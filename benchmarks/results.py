"""Reads the measurements of suite.py, and computes medians and the growth of the time with the rows."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

REST = "start-up, imports and the rest"


@dataclass(frozen=True)
class Results:
    """A file of measurements: the machine, the epochs, and all runs."""

    machine: dict[str, str] = field(default_factory=dict)
    epochs: int = 0
    runs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def sizes(self) -> list[int]:
        """The numbers of rows, in ascending order."""
        return sorted({run["rows"] for run in self.runs})

    def of(self, peer: str, rows: int) -> list[dict[str, Any]]:
        """Returns the runs of a program on tables of this size."""
        return [run for run in self.runs if (run["peer"], run["rows"]) == (peer, rows)]

    def seconds(self, peer: str, rows: int, step: str | None = None) -> float | None:
        """Returns the median time of a step or of the whole process; None if it was not measured.

        Args:
            peer: a key of `benchmarks.peers.PEERS`.
            rows: the size of the table.
            step: its name; REST: the time outside all steps; None: the whole process.
        """
        return _median(_seconds(run, step) for run in self.of(peer, rows))

    def peak(self, peer: str, rows: int, step: str | None = None) -> float | None:
        """Returns the median of the peak memory of a step or of the whole process, in MiB."""
        return _median(
            run["usage"]["peak_mib"] if step is None else run["step_peaks"].get(step)
            for run in self.of(peer, rows)
        )


def read(path: Path) -> Results:
    """Reads a file of suite.py; a missing file has no results."""
    if not path.exists():
        return Results()
    head, *lines = path.read_text().splitlines()
    return Results(**json.loads(head), runs=[json.loads(line) for line in lines])


@dataclass(frozen=True)
class Growth:
    """A line: `start` + `per_million` seconds for each million rows. `deviation`: the largest relative one."""

    start: float
    per_million: float
    deviation: float


def growth(rows: list[int], seconds: list[float]) -> Growth:
    """Fits the line with the smallest squared relative errors."""
    x, y = np.asarray(rows, float) / 1e6, np.asarray(seconds)
    slope, start = np.polyfit(x, y, 1, w=1 / y)
    return Growth(float(start), float(slope), float(np.max(np.abs((start + slope * x) / y - 1))))


def _seconds(run: dict[str, Any], step: str | None) -> float | None:
    whole: float = run["usage"]["seconds"]
    steps: dict[str, float] = run["steps"]
    if step == REST:
        return whole - sum(steps.values())
    return whole if step is None else steps.get(step)


def _median(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
