"""Reads the column that selects the split of a row (data.split.column): names of splits, times, or groups."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.common.split_times import seconds_of
from components.config.data import SPLITS
from components.config.split_settings import COLUMN, GROUP, TIME, SplitConfig
from components.example_gen.cell_parsing import (
    Array,
    CellFormat,
    Doubles,
    Flags,
    is_missing,
    shorten,
    to_doubles,
    to_numpy_bool,
    trimmed,
)

Codes = npt.NDArray[np.int64]
_NAMES = {name: SPLITS.index(name) for name in SPLITS}
_NAMES |= dict.fromkeys(("validation", "valid", "val", "dev"), SPLITS.index("eval"))
_INVALID = -1


@dataclass(frozen=True)
class SplitColumn:
    """The column that selects the split of a row.

    Attributes:
        name: its name.
        settings: data.split, with `by` other than row; by time, with edges.
        cells: how the cells are written.
    """

    name: str
    settings: SplitConfig
    cells: CellFormat

    @property
    def refuses(self) -> bool:
        """Whether one invalid cell refuses the table. Otherwise its row is a bad row."""
        return self.settings.by == COLUMN

    @property
    def advice(self) -> str:
        """What to do if a split has no rows."""
        if self.settings.by == TIME:
            return "Change data.split.eval_from and data.split.test_from; without both, a run proposes times and stops."
        if self.settings.by == GROUP:
            return (
                "There are few groups, or very large ones: set another data.split.seed or other shares, or "
                "data.split.by: row, which divides groups."
            )
        return "Name it in some rows, or set data.split.by: row, which divides the rows by a hash."

    def codes(self, cells: Array) -> Codes:
        """Returns a number for every cell of a string array, -1 where it is invalid; int64 [rows].

        The number is the index of the split in `SPLITS`; by group, it is an id that follows from the text.
        """
        encoded: Any = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
        lookup = np.append(_CODES[self.settings.by](encoded.dictionary, self), _INVALID)
        # A null has no index: it gets the last one.
        indices = encoded.indices.fill_null(len(lookup) - 1).to_numpy(zero_copy_only=False)
        codes: Codes = lookup[indices]
        return codes

    def rejection_reason(self, cell: object) -> str:
        """Returns why a row is rejected because of an invalid cell."""
        expected = {
            COLUMN: "train, eval (also validation, valid, val or dev) or test",
            GROUP: "the group of the row",
            TIME: "a number" if self.settings.has_number_edges else "a date or a time in ISO 8601",
        }[self.settings.by]
        found = "" if cell is None else str(cell).strip()
        return f"column {self.name!r} (data.split.column): expected {expected}, found {shorten(found)!r}"


def times(texts: Array, cells: CellFormat, *, numbers: bool) -> tuple[Doubles, Flags]:
    """Reads times as numbers, or as seconds since 1970; NaN where they are none, float64 [rows].

    Args:
        texts: the cells.
        cells: how numbers are written, and which texts mean a missing value.
        numbers: whether the times are numbers; otherwise they are dates and times in ISO 8601.

    Returns:
        The times, and which cells are not missing.
    """
    is_given = ~to_numpy_bool(is_missing(trimmed(texts), cells.missing))
    if numbers:
        values: Doubles = to_doubles(texts, cells)[0].to_numpy(zero_copy_only=False).astype(np.float64)
    else:
        values = _seconds(texts)
    values[~is_given | np.isinf(values)] = np.nan
    return values, is_given


def _seconds(texts: Array) -> Doubles:
    """Does what `seconds_of` does, for many cells; NaN where it returns None."""
    try:
        # Arrow reads a part of ISO 8601, without offsets, in a tenth of the time.
        micros: Any = texts.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy(zero_copy_only=False)
        found: Doubles = micros.astype(np.float64) / 1e6
    except pa.ArrowInvalid:
        read = [seconds_of((text or "").strip()) for text in texts.to_pylist()]
        found = np.array([np.nan if time is None else time for time in read], np.float64)
    return found


def _codes_of_names(texts: Array, column: SplitColumn) -> Codes:
    del column
    return np.array(
        [_NAMES.get((text or "").strip().lower(), _INVALID) for text in texts.to_pylist()], np.int64
    )


def _codes_of_times(texts: Array, column: SplitColumn) -> Codes:
    edges = column.settings.edges()
    assert edges is not None
    values, _ = times(texts, column.cells, numbers=column.settings.has_number_edges)
    found: Codes = np.searchsorted(edges, values, side="right").astype(np.int64)
    found[np.isnan(values)] = _INVALID
    return found


def _codes_of_groups(texts: Array, column: SplitColumn) -> Codes:
    missing = to_numpy_bool(is_missing(trimmed(texts), column.cells.missing))
    groups = zip(texts.to_pylist(), missing, strict=True)
    return np.array(
        [_INVALID if is_none else group_id((text or "").strip()) for text, is_none in groups], np.int64
    )


def is_split_name(text: str) -> bool:
    """Returns whether a text names a split, as the cells of a split by column do."""
    return text.strip().lower() in _NAMES


def group_id(name: str) -> int:
    """Returns the id of a group, a hash of its name, from 0 to 2^63 - 1."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") >> 1


_CODES: dict[str, Callable[[Array, SplitColumn], Codes]] = {
    COLUMN: _codes_of_names,
    TIME: _codes_of_times,
    GROUP: _codes_of_groups,
}
