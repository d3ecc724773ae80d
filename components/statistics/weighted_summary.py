"""Summarizes columns of rows with weights (moments and quantiles), and merges such summaries.

A row of the integer weight n counts as n equal rows: means and deviations are those of the table in which each row is
repeated that many times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.statistics.thinning import POINTS, thin

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WeightedPoints:
    """Sorted values of one column, float32 [points], each with its weight, float64 [points]; at most POINTS.

    Up to POINTS values are kept as they are. More are replaced by POINTS values of equal weight.
    """

    values: Floats
    weights: Doubles

    @classmethod
    def of(cls, values: Floats, weights: Doubles) -> "WeightedPoints":
        """Sorts values, and thins them if there are more than POINTS."""
        order = np.argsort(values)  # the order of equal values affects only the last digits
        values, weights = values[order], weights[order]
        if values.size <= POINTS:
            return cls(values, weights)
        cumulative = np.cumsum(weights)
        return cls(thin(values, cumulative), np.full(POINTS, cumulative[-1] / POINTS))


@dataclass(frozen=True)
class WeightedSummary:
    """The summary of some rows with weights; every array has one entry for each column.

    Attributes:
        rows: the total weight of the rows.
        present: the total weight of the values that are not NaN; the other attributes are of these values only.
        mean: the weighted mean, sum(w x) / sum(w); 0 if there is no value.
        squares: the sum of the weighted squared deviations from the mean, sum(w (x - mean)^2).
        points: for computing quantiles.
    """

    rows: float
    present: Doubles
    mean: Doubles
    squares: Doubles
    points: list[WeightedPoints]

    @classmethod
    def of(cls, values: Floats, weights: Floats, base: Doubles) -> "WeightedSummary":
        """Summarizes values of shape [columns, rows]; NaN is a missing value.

        Args:
            values: the values.
            weights: the weight of each row, > 0, shape [rows].
            base: a number near the values of each column, from which deviations are computed, shape [columns].
        """
        row_weights = weights.astype(np.float64)
        missing = np.isnan(values)
        each = np.where(missing, 0.0, row_weights)
        present = each.sum(axis=1)
        deviations = np.where(missing, 0.0, values - base[:, None])
        shift = (each * deviations).sum(axis=1) / _no_zero(present)
        squares = (each * np.square(deviations - shift[:, None])).sum(axis=1)
        points = [
            WeightedPoints.of(column[~absent], row_weights[~absent])
            for column, absent in zip(values, missing, strict=True)
        ]
        return cls(float(row_weights.sum()), present, base + shift, squares, points)

    @classmethod
    def merge(cls, parts: Sequence["WeightedSummary"], base: Doubles) -> "WeightedSummary":
        """Merges summaries; `base` as in `of`. The order of the parts affects only the last digits."""
        present = np.stack([part.present for part in parts])
        means = np.stack([part.mean for part in parts])
        total = present.sum(axis=0)
        mean = base + (present * (means - base)).sum(axis=0) / _no_zero(total)
        # See `ColumnSummary.merge`.
        between = (present * np.square(means - mean)).sum(axis=0)
        points = [
            WeightedPoints.of(
                np.concatenate([own.values for own in of_column]),
                np.concatenate([own.weights for own in of_column]),
            )
            for of_column in zip(*(part.points for part in parts), strict=True)
        ]
        squares = np.sum([part.squares for part in parts], axis=0) + between
        return cls(sum(part.rows for part in parts), total, mean, squares, points)


def _no_zero(weights: Doubles) -> Doubles:
    return np.where(weights > 0, weights, 1.0)
