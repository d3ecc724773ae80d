"""Divides a split into slices by ranges of a numeric feature, or by the texts of a categorical one."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.config.evaluation import CategorySliceConfig, SliceConfig
from components.examples.text_column import MISSING


class Slice(NamedTuple):
    """The rows where `above` < number <= `up_to` (None: no end on that side), with a text, or without a value.

    `value` is the text; None in a slice of numbers, and in the one of all texts that have no slice of their own. `rows`
    is a mask over the split, [rows].
    """

    name: str
    feature: str
    rows: npt.NDArray[np.bool_]
    above: float | None = None
    up_to: float | None = None
    missing: bool = False
    value: str | None = None


def text_numbers(texts: npt.NDArray[np.object_], values: Sequence[str]) -> npt.NDArray[np.float32]:
    """Replaces texts by their positions in `values`, by len(values) if they are not in it, and by NaN if missing.

    Args:
        texts: in UTF-8, [rows]; the empty one is a missing value.
        values: the texts that are told apart.
    """
    numbers = np.full(texts.size, len(values), np.float32)
    for number, value in enumerate(values):
        numbers[texts == value.encode()] = number
    numbers[texts == MISSING] = np.nan
    return numbers


def slices(
    settings: SliceConfig | CategorySliceConfig,
    values: npt.NDArray[np.float32],
    texts: Sequence[str] = (),
) -> Iterator[Slice]:
    """Yields the ranges between the edges, from the lowest, or the texts in their order, then the missing values.

    Each row is in one slice.

    Args:
        settings: the feature and its edges, or its values. Edges are compared as float32, the type in the examples: a
            value of 0.1 is not above an edge of 0.1.
        values: the values of the feature, [rows]; those of a categorical one are the numbers of `text_numbers`.
        texts: the texts with these numbers.
    """
    if isinstance(settings, SliceConfig):
        yield from _ranges(settings, values)
    else:
        yield from _texts(settings, values, texts)
    yield Slice(f"{settings.feature} missing", settings.feature, np.isnan(values), missing=True)


def _texts(
    settings: CategorySliceConfig, numbers: npt.NDArray[np.float32], texts: Sequence[str]
) -> Iterator[Slice]:
    feature = settings.feature
    others = ~np.isnan(numbers)
    for value in settings.values:
        rows = numbers == texts.index(value)
        others &= ~rows
        yield Slice(f"{feature} = {value}", feature, rows, value=value)
    yield Slice(f"{feature}: all others", feature, others)


def _ranges(settings: SliceConfig, values: npt.NDArray[np.float32]) -> Iterator[Slice]:
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
        yield Slice(name, feature, (where == number) & ~missing, above, up_to)


def _text(edge: float | None) -> str:
    """Returns "30", "0.5"; all digits if six of them are not exact."""
    short = f"{edge:g}"
    return short if float(short) == edge else repr(edge)
