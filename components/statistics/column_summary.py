"""Summarizes columns (counts, moments, minimum, maximum, quantiles), and merges summaries.

Summaries are merged a fixed number at a time and in a fixed order, so the same rows give the same bytes for any
distribution of the work.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.statistics.thinning import POINTS, thin
from components.statistics.weighted_summary import WeightedSummary

# The number of summaries that are merged at once. Merging them one by one would thin the values too often.
FAN_IN = 64
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ColumnSummary:
    """The summary of some rows; every array has one entry for each column.

    Attributes:
        rows: the number of rows.
        present: the number of values that are not NaN; the other attributes are of these values only.
        zeros: the number of values that are 0.
        mean: 0 if there is no value.
        squares: the sum of the squared deviations from the mean.
        low: the smallest value; infinity if there is none.
        high: the largest value; minus infinity if there is none.
        points: sorted values of equal weight, for computing quantiles; all values if there are at most POINTS.
        weighted: the summary of the same rows with their weights; None if they have none.
    """

    rows: int
    present: Counts
    zeros: Counts
    mean: Doubles
    squares: Doubles
    low: Floats
    high: Floats
    points: list[Floats]
    weighted: WeightedSummary | None = None

    @classmethod
    def of(cls, values: Floats, weights: Floats | None = None) -> "ColumnSummary":
        """Summarizes values of shape [columns, rows]; NaN is a missing value. The weights have the shape [rows]."""
        rows = values.shape[1]
        missing = np.isnan(values)
        present = rows - missing.sum(axis=1)
        low = np.fmin.reduce(values, axis=1, initial=np.float32(np.inf))
        base = _base(low, present)
        deviations = values - base[:, None]
        deviations[missing] = 0.0
        shift = deviations.sum(axis=1) / np.maximum(present, 1)
        deviations -= shift[:, None]
        deviations[missing] = 0.0
        ranks = np.arange(1, rows + 1, dtype=np.float64)
        return cls(
            rows,
            present,
            (values == 0).sum(axis=1),
            base + shift,
            np.square(deviations, out=deviations).sum(axis=1),
            low,
            np.fmax.reduce(values, axis=1, initial=np.float32(-np.inf)),
            # NaNs are sorted to the end.
            [
                _thin(column[:count], ranks[:count])
                for column, count in zip(np.sort(values, axis=1), present.tolist(), strict=True)
            ],
            None if weights is None else WeightedSummary.of(values, weights, base),
        )

    @classmethod
    def merge(cls, parts: Sequence["ColumnSummary"]) -> "ColumnSummary":
        """Merges summaries; the order of the parts affects only the last digits.

        Either all parts have weights or none.
        """
        weighted = [part.weighted for part in parts if part.weighted is not None]
        present = np.stack([part.present for part in parts])
        means = np.stack([part.mean for part in parts])
        total = present.sum(axis=0)
        low = np.min([part.low for part in parts], axis=0)
        base = _base(low, total)
        mean = base + (present * (means - base)).sum(axis=0) / np.maximum(total, 1)
        # Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983, for any number of parts.
        between = (present * np.square(means - mean)).sum(axis=0)
        return cls(
            sum(part.rows for part in parts),
            total,
            np.sum([part.zeros for part in parts], axis=0),
            mean,
            np.sum([part.squares for part in parts], axis=0) + between,
            low,
            np.max([part.high for part in parts], axis=0),
            [_merge_points(parts, column) for column in range(len(total))],
            WeightedSummary.merge(weighted, base) if weighted else None,
        )

    @classmethod
    def merge_stream(cls, parts: Iterable["ColumnSummary"]) -> "ColumnSummary | None":
        """Merges any number of parts with at most FAN_IN per level in memory; returns None if there is no part."""
        levels: list[list[ColumnSummary]] = []
        for part in parts:
            carried = part
            for level in levels:
                level.append(carried)
                if len(level) < FAN_IN:
                    break
                carried = cls.merge(level)
                level.clear()
            else:
                levels.append([carried])
        left = [part for level in reversed(levels) for part in level]
        return cls.merge(left) if len(left) > 1 else next(iter(left), None)


def _base(low: Floats, present: Counts) -> Doubles:
    # Means are computed relative to the smallest value: the mean of a constant column is then exact, its deviation 0.
    return np.where(present > 0, low, 0.0).astype(np.float64)


def _thin(values: Floats, cumulative: Doubles) -> Floats:
    """Reduces sorted values to POINTS values of equal weight; keeps all values if there are at most POINTS.

    Args:
        values: sorted.
        cumulative: the cumulative weights of the values.
    """
    if not cumulative.size or cumulative[-1] <= POINTS:
        return values.copy()
    return thin(values, cumulative)


def _merge_points(parts: Sequence[ColumnSummary], column: int) -> Floats:
    points = [part.points[column] for part in parts]
    weights = [
        np.full(own.size, part.present[column] / max(own.size, 1))
        for own, part in zip(points, parts, strict=True)
    ]
    values = np.concatenate(points)
    order = np.argsort(values, kind="stable")  # fast on runs that are already sorted
    return _thin(values[order], np.cumsum(np.concatenate(weights)[order]))
