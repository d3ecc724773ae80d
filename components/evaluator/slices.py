"""Divides a split into slices by ranges of a feature."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.config.evaluation import SliceConfig


class Slice(NamedTuple):
    """The rows where `above` < value <= `up_to` (None: no end on that side), or where the value is missing.

    `rows` is a mask over the split, [rows].
    """

    name: str
    feature: str
    above: float | None
    up_to: float | None
    missing: bool
    rows: npt.NDArray[np.bool_]


def slices(settings: SliceConfig, values: npt.NDArray[np.float32]) -> Iterator[Slice]:
    """Yields the ranges between the edges, from the lowest, then the missing values (NaN); each row is in one slice.

    Args:
        settings: the feature and its edges. They are compared as float32, the type in the examples: a value of 0.1 is
            not above an edge of 0.1.
        values: the values of the feature, [rows].
    """
    feature = settings.feature
    # A value that equals an edge belongs to the range below it; NaN would sort after the last edge.
    where = np.searchsorted(np.array(settings.edges, np.float32), values, "left")
    missing = np.isnan(values)
    ends = [None, *settings.edges, None]
    for number, (above, up_to) in enumerate(itertools.pairwise(ends)):
        if above is None:
            name = f"{feature} <= {_text(up_to)}"
        elif up_to is None:
            name = f"{feature} > {_text(above)}"
        else:
            name = f"{_text(above)} < {feature} <= {_text(up_to)}"
        yield Slice(name, feature, above, up_to, False, (where == number) & ~missing)
    yield Slice(f"{feature} missing", feature, None, None, True, missing)


def _text(edge: float | None) -> str:
    """Returns "30", "0.5"; all digits if six of them are not exact."""
    short = f"{edge:g}"
    return short if float(short) == edge else repr(edge)
