"""Parses cells: a cell is a number, a missing value, or invalid, in which case its row is rejected.

A number is a decimal number as in C, but with the decimal mark and the thousands separator of the `CellFormat`, and
with the minus sign U+2212 besides the hyphen; hexadecimal numbers and underscores are invalid. In a boolean column,
true, yes, t and y are 1, false, no, f and n are 0. Surrounding blanks are ignored. The fast path of `block_parsing`
accepts a subset of this grammar; everything else is parsed here.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.examples.text_column import TextColumn

Array: TypeAlias = "pa.Array[Any]"
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BOOLEAN_PAIRS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))  # the words for 0 and for 1
_FALSE_WORDS, _TRUE_WORDS = (tuple(words) for words in zip(*BOOLEAN_PAIRS, strict=True))
_MINUS_SIGN = "\N{MINUS SIGN}"
BLANKS = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
_NAN = r"^[+-]?nan(\([0-9a-z_]*\))?$"
_INFINITY = r"^[+-]?inf(inity)?$"
_MAX_SHOWN = 40
# Up to here, float32 has every whole number: its significand has 24 bits.
FLOAT32_WHOLE = 2**24
_FALSE: Any = False


@dataclass(frozen=True, kw_only=True)
class CellFormat:
    """How the cells of a table are written.

    Attributes:
        missing: see `missing_markers`.
        decimal: the decimal mark, `.` or `,`.
        thousands: the separator between groups of three digits; '' for none. A blank stands for any kind of blank.
    """

    missing: frozenset[str] = frozenset({""})
    decimal: str = "."
    thousands: str = ""

    @property
    def number(self) -> str:
        """The regular expression of a number in lower case."""
        digits = "[0-9]+"
        if self.thousands:
            digits = f"(?:[0-9]{{1,3}}(?:{self._separator}[0-9]{{3}})+|[0-9]+)"
        mark = f"[{self.decimal}]"
        return f"^[+-]?({digits}(?:{mark}[0-9]*)?|{mark}[0-9]+)(e[+-]?[0-9]+)?$"

    def as_in_c(self, texts: Array) -> Array:
        """Returns numbers that match `number`, spelled as in C."""
        if self.thousands:
            texts = pc.replace_substring_regex(texts, self._separator, "")
        return texts if self.decimal == "." else pc.replace_substring(texts, self.decimal, ".")

    @property
    def _separator(self) -> str:
        return f"[{BLANKS if self.thousands == ' ' else self.thousands}]"


PLAIN = CellFormat()


def missing_markers(missing_values: Iterable[str]) -> frozenset[str]:
    """Returns the cell texts that mean a missing value, trimmed and in lower case; '' is always one of them."""
    return frozenset({"", *(value.strip().lower() for value in missing_values)})


def trimmed(texts: Array) -> Array:
    """Returns the cells in lower case, without surrounding blanks, and with a hyphen for U+2212."""
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    return pc.replace_substring(texts, _MINUS_SIGN, "-")


def is_missing(texts: Array, missing: frozenset[str]) -> Array:
    """Returns which of the `trimmed` cells are missing values."""
    listed = pc.is_in(texts, value_set=pa.array(sorted(missing), texts.type), skip_nulls=False)
    return pc.or_(pc.or_(listed, pc.is_null(texts)), matches(texts, _NAN))


def matches(texts: Array, pattern: str) -> Array:
    """Returns which of the cells match a pattern; a null does not match."""
    return pc.fill_null(pc.match_substring_regex(texts, pattern), _FALSE)


def to_floats(texts: Array, cells: CellFormat, *, boolean: bool = False) -> tuple[Floats, Flags]:
    """Converts cells to numbers.

    Args:
        texts: strings, shape [rows].
        cells: how they are written.
        boolean: whether the column is boolean: then its cells are 0, 1 and the words of `BOOLEAN_PAIRS`.

    Returns:
        The numbers, float32 of shape [rows], NaN where missing; and which cells are invalid, bool of shape [rows]:
        neither missing nor a number that fits into float32.
    """
    plain = _plain_floats(texts, cells) if not boolean else None
    if plain is not None:
        return plain, np.zeros(len(plain), np.bool_)
    doubles, is_invalid = to_doubles(texts, cells, boolean=boolean)
    values = to_float32(doubles.to_numpy(zero_copy_only=False))
    invalid = to_numpy_bool(is_invalid) | np.isinf(values)
    if boolean:
        invalid |= ~np.isnan(values) & ~np.isin(values, (0, 1))
    return values, invalid


def to_doubles(texts: Array, cells: CellFormat, *, boolean: bool = False) -> tuple[Array, Array]:
    """Converts cells to float64, null where a cell is not a number; and returns which of these are not missing."""
    texts = trimmed(texts)
    empty = is_missing(texts, cells.missing)
    if boolean:
        texts = _words_as_digits(texts)
    number = pc.and_not(matches(texts, cells.number), empty)
    digits = cells.as_in_c(pc.if_else(number, texts, pa.scalar(None, texts.type)))
    return digits.cast(pa.float64()), pc.invert(pc.or_(number, empty))


def exact_doubles(texts: Array, cells: CellFormat, rounded: Floats) -> Doubles | None:
    """Returns the cells as float64, NaN where they are not numbers, if there are numbers beyond 2^24; otherwise None.

    Args:
        texts: strings, shape [rows].
        cells: how they are written.
        rounded: what `to_floats` returns for the column.
    """
    if not is_beyond_float32(rounded):
        return None
    doubles: Doubles = to_doubles(texts, cells)[0].to_numpy(zero_copy_only=False)
    return doubles


def is_beyond_float32(values: Floats) -> bool:
    """Returns whether a column has numbers beyond 2^24, where float32 has no longer every whole number."""
    return bool((np.abs(values) > FLOAT32_WHOLE).any())


def _words_as_digits(texts: Array) -> Array:
    for words, digit in ((_TRUE_WORDS, "1"), (_FALSE_WORDS, "0")):
        is_word = pc.is_in(texts, value_set=pa.array(words, texts.type))
        texts = pc.if_else(is_word, pa.scalar(digit, texts.type), texts)
    return texts


def boolean_spellings(digit: int) -> list[str]:
    """Returns the usual spellings of 0 or 1 in a boolean column. Only the slower path recognizes others (tRUE)."""
    words = (_FALSE_WORDS, _TRUE_WORDS)[digit]
    return [str(digit), *(form for word in words for form in (word, word.upper(), word.title()))]


def _plain_floats(texts: Array, cells: CellFormat) -> Floats | None:
    """Does what `to_floats` does, but without a regex; returns None unless all cells are plain numbers or missing."""
    if cells.decimal != ".":
        return None
    empty = pc.is_in(texts, value_set=pa.array(common_spellings(cells.missing), texts.type))
    try:
        doubles = pc.if_else(empty, pa.scalar(None, texts.type), texts).cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    values = to_float32(doubles.to_numpy(zero_copy_only=False))
    return None if np.isinf(values).any() else values


def plain_numbers(texts: Array, missing: frozenset[str]) -> int | None:
    """Returns how many cells are not missing, if all of these are numbers as in C without blanks; otherwise None."""
    values = _plain_floats(texts, CellFormat(missing=missing))
    return None if values is None else int(np.count_nonzero(~np.isnan(values)))


def to_texts(cells: Array, missing: frozenset[str]) -> TextColumn:
    """Returns the cells of a categorical column without surrounding blanks.

    Args:
        cells: strings, or a dictionary of strings, shape [rows].
        missing: see `missing_markers`.
    """
    encoded: Any = cells if pa.types.is_dictionary(cells.type) else pc.dictionary_encode(cells)
    texts: Any = pc.utf8_trim_whitespace(encoded.dictionary.cast(pa.string()))
    texts = pc.if_else(is_missing(trimmed(texts), missing), "", texts).to_pylist()
    positions: dict[bytes, int] = {}
    # The last entry is the place of a null, whose index is -1.
    places = [positions.setdefault((text or "").encode(), len(positions)) for text in [*texts, None]]
    indices = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return TextColumn(tuple(positions), np.array(places, np.int64)[indices])


def to_floats_or_nan(texts: Array, cells: CellFormat, *, boolean: bool = False) -> Floats:
    """Does what `to_floats` does, for a column that is not a feature: an invalid cell becomes NaN."""
    values, invalid = to_floats(texts, cells, boolean=boolean)
    values[invalid] = np.nan
    return values


@functools.cache
def common_spellings(missing: frozenset[str]) -> tuple[str, ...]:
    """Returns the usual spellings of the missing values. Only the slower path recognizes unusual ones (nULL)."""
    forms = {
        form for marker in missing for form in (marker, marker.upper(), marker.capitalize(), marker.title())
    }
    return tuple(sorted(forms | {"", " ", "NaN"}))


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


def rejection_reason(column: str, cell: object, cells: CellFormat = PLAIN, *, boolean: bool = False) -> str:
    """Returns why a row is rejected because of a cell that `to_floats` found invalid."""
    text = str(cell).strip()
    one = trimmed(pa.array([text]))
    if boolean:
        return f"column {column!r}: expected true or false, found {shorten(text)!r}"
    if matches(one, _INFINITY)[0].as_py():
        return f"column {column!r}: infinity"
    if matches(one, cells.number)[0].as_py():
        return f"column {column!r}: {shorten(text)} is too large for a 32-bit float"
    return f"column {column!r}: expected a number, found {shorten(text)!r}"


def weight_rejection_reason(column: str, cell: object, cells: CellFormat = PLAIN) -> str:
    """Returns why a row is rejected because of its weight, which is not a number > 0 that fits into float32."""
    text = "" if cell is None else str(cell).strip()
    expected = f"column {column!r} (data.weight): expected a number > 0"
    if not text:
        return f"{expected}, found none"
    one = trimmed(pa.array([text]))
    if matches(one, cells.number)[0].as_py() and float(cells.as_in_c(one)[0].as_py()) > 0:
        return f"{expected} that fits into a 32-bit float, found {shorten(text)}"
    return f"{expected}, found {shorten(text)!r}"


def shorten(text: str, length: int = _MAX_SHOWN) -> str:
    """Returns a cell or a name for use in a message; one with more than `length` characters is truncated."""
    return text if len(text) <= length else text[: length - 1] + "…"
