"""Reduces the sorted values of a column to a fixed number, for computing quantiles."""

from typing import Any

import numpy as np
import numpy.typing as npt

# The maximum number of values kept of a column. Of up to POINTS rows all values are kept. Of more rows, each kept value
# represents 1/POINTS of the rows, and each thinning adds at most half of that, 0.024% of the rows, to the rank error.
POINTS = 2_048


def thin(
    values: npt.NDArray[Any], cumulative: npt.NDArray[np.float64], points: int = POINTS
) -> npt.NDArray[Any]:
    """Returns values of equal weight.

    Args:
        values: sorted, at least one.
        cumulative: the cumulative weights of the values.
        points: how many to return.
    """
    middles = (np.arange(points) + 0.5) * (cumulative[-1] / points)
    kept: npt.NDArray[Any] = values[np.minimum(np.searchsorted(cumulative, middles), values.size - 1)]
    return kept
