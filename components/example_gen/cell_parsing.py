"""Parses cells: a cell is a number, a missing value, or invalid, in which case its row is rejected.

A number is a decimal number as in C; hexadecimal numbers, thousands separators and underscores are invalid.
Surrounding blanks are ignored. The fast path of `block_parsing` accepts a subset of this grammar; everything else is
parsed here.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Array: TypeAlias = "pa.Array[Any]"
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$"
_NAN = r"^[+-]?nan(\([0-9a-z_]*\))?$"
_INFINITY = r"^[+-]?inf(inity)?$"
_MAX_SHOWN = 40
_FALSE: Any = False


def missing_markers(missing_values: Iterable[str]) -> frozenset[str]:
    """Returns the cell texts that mean a missing value, trimmed and in lower case; '' is always one of them."""
    return frozenset({"", *(value.strip().lower() for value in missing_values)})


def trimmed(texts: Array) -> Array:
    """Returns the cells in lower case, without surrounding blanks."""
    return pc.utf8_lower(pc.utf8_trim_whitespace(texts))


def is_missing(texts: Array, missing: frozenset[str]) -> Array:
    """Returns which of the `trimmed` cells are missing values."""
    listed = pc.is_in(texts, value_set=pa.array(sorted(missing), texts.type), skip_nulls=False)
    return pc.or_(pc.or_(listed, pc.is_null(texts)), matches(texts, _NAN))


def matches(texts: Array, pattern: str) -> Array:
    """Returns which of the cells match a pattern; a null does not match."""
    return pc.fill_null(pc.match_substring_regex(texts, pattern), _FALSE)


def to_floats(texts: Array, missing: frozenset[str]) -> tuple[Floats, Flags]:
    """Converts cells to numbers.

    Args:
        texts: strings, shape [rows].
        missing: see `missing_markers`.

    Returns:
        The numbers, float32 of shape [rows], NaN where missing; and which cells are invalid, bool of shape [rows]:
        neither missing nor a number that fits into float32.
    """
    plain = _plain_floats(texts, missing)
    if plain is not None:
        return plain, np.zeros(len(plain), np.bool_)
    texts = trimmed(texts)
    empty = is_missing(texts, missing)
    number = pc.and_not(matches(texts, NUMBER), empty)
    doubles = pc.if_else(number, texts, pa.scalar(None, texts.type)).cast(pa.float64())
    values = to_float32(doubles.to_numpy(zero_copy_only=False))
    return values, ~to_numpy_bool(pc.or_(number, empty)) | np.isinf(values)


def _plain_floats(texts: Array, missing: frozenset[str]) -> Floats | None:
    """Does what `to_floats` does, but without a regex; returns None unless all cells are plain numbers or missing."""
    empty = pc.is_in(texts, value_set=pa.array(common_spellings(missing), texts.type))
    try:
        doubles = pc.if_else(empty, pa.scalar(None, texts.type), texts).cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    values = to_float32(doubles.to_numpy(zero_copy_only=False))
    return None if np.isinf(values).any() else values


def to_floats_or_nan(texts: Array, missing: frozenset[str]) -> Floats:
    """Does what `to_floats` does, for a column that is not a feature: an invalid cell becomes NaN."""
    values, invalid = to_floats(texts, missing)
    values[invalid] = np.nan
    return values


def common_spellings(missing: frozenset[str]) -> list[str]:
    """Returns the usual spellings of the missing values. Only the slower path recognizes unusual ones (nULL)."""
    forms = {
        form for marker in missing for form in (marker, marker.upper(), marker.capitalize(), marker.title())
    }
    return sorted(forms | {"", " ", "NaN"})


def to_float32(doubles: npt.NDArray[np.float64]) -> Floats:
    """Rounds to float32; numbers that are too large become infinite, and every NaN gets the same bits."""
    with np.errstate(over="ignore"):
        values: Floats = doubles.astype(np.float32)
    values[np.isnan(values)] = np.nan  # "-nan" has its sign bit set.
    return values


def to_numpy_bool(booleans: Array) -> Flags:
    """Converts an Arrow array of booleans without nulls to a NumPy array."""
    flags: Flags = booleans.to_numpy(zero_copy_only=False)
    return flags.astype(np.bool_)


def rejection_reason(column: str, cell: object) -> str:
    """Returns why a row is rejected because of a cell that `to_floats` found invalid."""
    text = str(cell).strip()
    one = pa.array([text.lower()])
    if matches(one, _INFINITY)[0].as_py():
        return f"column {column!r}: infinity"
    if matches(one, NUMBER)[0].as_py():
        return f"column {column!r}: {shorten(text)} is too large for a 32-bit float"
    return f"column {column!r}: expected a number, found {shorten(text)!r}"


def weight_rejection_reason(column: str, cell: object) -> str:
    """Returns why a row is rejected because of its weight, which is not a number > 0 that fits into float32."""
    text = "" if cell is None else str(cell).strip()
    expected = f"column {column!r} (data.weight): expected a number > 0"
    if not text:
        return f"{expected}, found none"
    if matches(pa.array([text.lower()]), NUMBER)[0].as_py() and float(text) > 0:
        return f"{expected} that fits into a 32-bit float, found {shorten(text)}"
    return f"{expected}, found {shorten(text)!r}"


def shorten(text: str) -> str:
    """Returns a cell for use in a message; a long one is truncated."""
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
