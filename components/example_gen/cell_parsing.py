"""What a cell says: a number, a missing value, or something that makes its row a bad one.

The grammar is that of a decimal number in C, without hexadecimal, thousands separators and underscores.
Blanks around are ignored. The fast path of `rows` accepts a subset of it; where it hesitates, this module
decides.
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
_LONGEST_SHOWN = 40
_FALSE: Any = False


def missing_markers(missing_values: Iterable[str]) -> frozenset[str]:
    """The cells that mean a missing value, as they look after `trimmed`. An empty one always is missing."""
    return frozenset({"", *(word.strip().lower() for word in missing_values)})


def trimmed(texts: Array) -> Array:
    """Cells without blanks around them and in lower case."""
    return pc.utf8_lower(pc.utf8_trim_whitespace(texts))


def is_missing(words: Array, missing: frozenset[str]) -> Array:
    """Which of the `trimmed` cells are missing values."""
    listed = pc.is_in(words, value_set=pa.array(sorted(missing), words.type), skip_nulls=False)
    return pc.or_(pc.or_(listed, pc.is_null(words)), matches(words, _NAN))


def matches(words: Array, pattern: str) -> Array:
    """Which of the cells match a pattern; a null does not."""
    return pc.fill_null(pc.match_substring_regex(words, pattern), _FALSE)


def to_floats(texts: Array, missing: frozenset[str]) -> tuple[Floats, Flags]:
    """Turns cells into numbers.

    Args:
        texts: strings, shape [rows].
        missing: see `missing_markers`.

    Returns:
        The numbers, float32 of shape [rows] with NaN for what is missing; and which cells are neither a
        number that fits into float32 nor missing, bool of shape [rows].
    """
    plain = _plain_floats(texts, missing)
    if plain is not None:
        return plain, np.zeros(len(plain), np.bool_)
    words = trimmed(texts)
    empty = is_missing(words, missing)
    number = pc.and_not(matches(words, NUMBER), empty)
    doubles = pc.if_else(number, words, pa.scalar(None, words.type)).cast(pa.float64())
    values = to_float32(doubles.to_numpy(zero_copy_only=False))
    return values, ~to_numpy_bool(pc.or_(number, empty)) | np.isinf(values)


def _plain_floats(texts: Array, missing: frozenset[str]) -> Floats | None:
    """The same for cells that are all plain numbers or missing, without a regex; None if one is anything else."""
    empty = pc.is_in(texts, value_set=pa.array(common_spellings(missing), texts.type))
    try:
        doubles = pc.if_else(empty, pa.scalar(None, texts.type), texts).cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    values = to_float32(doubles.to_numpy(zero_copy_only=False))
    return None if np.isinf(values).any() else values


def common_spellings(missing: frozenset[str]) -> list[str]:
    """Missing values as they usually stand in a file. An unusual one (nULL) is recognized by a slower way."""
    forms = {form for word in missing for form in (word, word.upper(), word.capitalize(), word.title())}
    return sorted(forms | {"", " ", "NaN"})


def to_float32(doubles: npt.NDArray[np.float64]) -> Floats:
    """Rounds to float32; what is too large becomes an infinity, and all NaNs become one."""
    with np.errstate(over="ignore"):
        values: Floats = doubles.astype(np.float32)
    values[np.isnan(values)] = np.nan  # "-nan" has a sign bit of its own.
    return values


def to_numpy_bool(booleans: Array) -> Flags:
    """An Arrow array of booleans without nulls as a NumPy array."""
    flags: Flags = booleans.to_numpy(zero_copy_only=False)
    return flags.astype(np.bool_)


def rejection_reason(column: str, cell: object) -> str:
    """Why a cell that `to_floats` flagged makes its row a bad one."""
    text = str(cell).strip()
    one = pa.array([text.lower()])
    if matches(one, _INFINITY)[0].as_py():
        return f"column {column!r}: infinity"
    if matches(one, NUMBER)[0].as_py():
        return f"column {column!r}: {shorten(text)} is too large for a 32-bit float"
    return f"column {column!r}: expected a number, found {shorten(text)!r}"


def shorten(text: str) -> str:
    """A cell for a sentence: a long one is cut."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
