"""The mean and the spread of a label that is a number, computed block by block."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from components.common.ingest_record import LabelStatistics


class LabelMoments:
    """Rows, mean, sum of the squared differences from the mean, and the extremes."""

    def __init__(self, values: Iterable[float] = (0, 0.0, 0.0, np.inf, -np.inf)) -> None:
        self.rows, self.mean, self.squares, self.low, self.high = values

    def add(self, labels: npt.NDArray[Any]) -> None:
        """Adds the labels of some rows; [rows]."""
        if labels.size:
            values = labels.astype(np.float64)
            mean = float(values.mean())
            squares = float(np.square(values - mean).sum())
            self.merge(LabelMoments((values.size, mean, squares, float(values.min()), float(values.max()))))

    def merge(self, other: "LabelMoments") -> None:
        """Adds other rows (Chan, Golub and LeVeque, "Updating formulae ... for computing sample variances", 1979)."""
        rows = self.rows + other.rows
        if rows:
            delta = other.mean - self.mean
            self.mean += delta * other.rows / rows
            self.squares += other.squares + delta**2 * self.rows * other.rows / rows
        self.rows, self.low, self.high = rows, min(self.low, other.low), max(self.high, other.high)

    def to_json(self) -> list[float] | None:
        """Returns the values that `__init__` takes; None without a row."""
        return [self.rows, self.mean, self.squares, self.low, self.high] if self.rows else None

    def statistics(self) -> LabelStatistics | None:
        """Returns the statistics for the ingest record; None without a row."""
        if not self.rows:
            return None
        deviation = (self.squares / self.rows) ** 0.5
        return LabelStatistics(mean=self.mean, deviation=deviation, low=self.low, high=self.high)
