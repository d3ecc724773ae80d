"""Judges, by the cells of its first rows, whether a column contains numbers, and how the numbers are written.

A number of the kind 1.234 or 12,345 can have a decimal mark or a thousands separator. So the decimal mark and the
separator are chosen for the whole table, and only if its other numbers leave no doubt.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen import cell_parsing
from components.example_gen.cell_parsing import Array, CellFormat

# A column is numeric (boolean) if at least this share of its cells that are not missing are numbers (words).
MIN_SHARE = 0.8
# Of a boolean column, at most this share is something else, as data.max_bad_fraction allows by default. With more, as
# in yes, no, "no service", the words are categories.
_MAX_OTHERS = 0.01
EXAMPLES = 3
_MAX_TEXTS = 1_000
_DIGITS, _GROUP = "[+-]?[0-9]+", "[+-]?[1-9][0-9]{0,2}"
_SPELLINGS = {
    # A decimal comma beyond doubt: no three digits after it, or more than three or only a zero before it.
    "decimal_comma": rf"^({_DIGITS},([0-9]{{0,2}}|[0-9]{{4,}})|({_DIGITS}[0-9]{{3}}|[+-]?0*),[0-9]{{3}})(e{_DIGITS})?$",
    "comma_group": rf"^{_GROUP},[0-9]{{3}}$",
    "comma_groups": rf"^{_GROUP}((,[0-9]{{3}}){{2,}}|(,[0-9]{{3}})+\.[0-9]+)$",
    "dot_groups": rf"^{_GROUP}((\.[0-9]{{3}}){{2,}}|(\.[0-9]{{3}})+,[0-9]+)$",
    "blank_groups": rf"^{_GROUP}([{cell_parsing.BLANKS}][0-9]{{3}})+([.,][0-9]+)?$",
    "apostrophe_groups": rf"^{_GROUP}('[0-9]{{3}})+([.,][0-9]+)?$",
}
_GROUPS = {",": ("comma_group", "comma_groups"), " ": ("blank_groups",), "'": ("apostrophe_groups",)}
_DOTS_COUNTED = 1_000
_DOT_GROUP = rf"^{_GROUP}\.[0-9]{{3}}$"


@dataclass
class ColumnEvidence:
    """Counts of the cells of one column.

    Attributes:
        cells: cells that are not missing.
        numbers: of these, the numbers that are spelled as in C.
        spellings: other numbers by spelling: the keys of `_SPELLINGS`; `dot` and `dot_group`, numbers as in C with a
            decimal point, without and with exactly three digits after it (of a column without other cells, only
            those in its first rows).
        words: words that mean true or false, by word.
        texts: other cells by text: the first `_MAX_TEXTS` different ones.
    """

    cells: int = 0
    numbers: int = 0
    spellings: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)

    def add(self, column: Array, missing: frozenset[str]) -> None:
        """Adds the cells of some rows, which are strings."""
        plain = cell_parsing.plain_numbers(column, missing)
        if plain is not None:
            self.cells += plain
            self.numbers += plain
            self._count_dots(column[:_DOTS_COUNTED])
            return
        texts = cell_parsing.trimmed(column)
        empty = cell_parsing.is_missing(texts, missing)
        number = pc.and_not(cell_parsing.matches(texts, cell_parsing.PLAIN.number), empty)
        self.cells += len(texts) - _count(empty)
        self.numbers += _count(number)
        self._count_dots(texts.filter(number))
        odd: Any = pc.invert(pc.or_(number, empty))
        lower = texts.filter(odd)
        for name, pattern in _SPELLINGS.items():
            self.spellings[name] += _count(cell_parsing.matches(lower, pattern))
        values: Any = pc.value_counts(column.filter(odd))
        for entry in values.to_pylist():
            text = entry["values"].strip()
            if text in self.texts or len(self.texts) < _MAX_TEXTS:
                self.texts[text] += entry["counts"]
            if any(text.lower() in pair for pair in cell_parsing.BOOLEAN_PAIRS):
                self.words[text.lower()] += entry["counts"]

    def _count_dots(self, numbers: Array) -> None:
        has_dot = _count(pc.match_substring(numbers, "."))
        groups = _count(cell_parsing.matches(numbers, _DOT_GROUP)) if has_dot else 0
        self.spellings["dot_group"] += groups
        self.spellings["dot"] += has_dot - groups

    def is_number(self, cells: CellFormat) -> bool:
        """Returns whether the column is numeric, if numbers are written in this way."""
        return self.cells > 0 and self.share(cells) >= MIN_SHARE

    def is_boolean(self) -> bool:
        """Returns whether the cells are the two words of a pair such as true and false."""
        for pair in cell_parsing.BOOLEAN_PAIRS:
            words = sum(self.words[word] for word in pair)
            others = self.cells - words - self.numbers
            if all(self.words[word] for word in pair) and words >= MIN_SHARE * self.cells:
                return others <= _MAX_OTHERS * self.cells
        return False

    def share(self, cells: CellFormat) -> float:
        """Returns the share of numbers in the cells that are not missing; 0 if all are missing."""
        return self.readable(cells) / self.cells if self.cells else 0.0

    def readable(self, cells: CellFormat) -> int:
        """Returns how many cells are numbers, if numbers are written in this way."""
        known = self.spellings
        number = self.numbers
        if cells.decimal == ",":
            number += known["decimal_comma"] + known["comma_group"] - known["dot"]
            number += known["dot_groups"] if cells.thousands == "." else -known["dot_group"]
            return number + sum(known[name] for name in _GROUPS.get(cells.thousands, ()))
        return number + sum(known[name] for name in _GROUPS.get(cells.thousands, ()))

    def is_text(self) -> bool:
        """Returns whether no cell is a number in any way of writing."""
        return not self.numbers and not any(self.spellings[name] for name in _SPELLINGS)

    def has_categories(self, most: int) -> bool:
        """Returns whether the cells are texts that repeat: 2 to `most` different ones, each twice on average."""
        return self.is_text() and 2 <= len(self.texts) <= most and self.cells >= 2 * len(self.texts)

    def unreadable(self, cells: CellFormat) -> list[str]:
        """Returns the texts of cells that are not numbers, the most frequent first."""
        texts = [text for text, _ in self.texts.most_common()]
        array = cell_parsing.trimmed(pa.array(texts, pa.string()))
        is_number = cell_parsing.matches(array, cells.number).to_pylist()
        return [text for text, number in zip(texts, is_number, strict=True) if not number]


def find_number_format(columns: Collection[ColumnEvidence], delimiter: str) -> tuple[str, str]:
    """Returns the decimal mark and the thousands separator: `.` and none unless the cells leave no doubt.

    Args:
        columns: those of the table. Only columns that are numeric in some way of writing count.
        delimiter: that of the CSV file; '' for other files.
    """
    found: Counter[str] = Counter()
    for column in columns:
        numbers = column.numbers + sum(column.spellings[name] for name in _SPELLINGS)
        if column.cells and numbers >= MIN_SHARE * column.cells:
            found.update(column.spellings)
    commas = found["decimal_comma"] + found["dot_groups"]
    # With commas as delimiters, a quoted 1,5 may also be a list.
    if commas and not found["comma_groups"] and not found["dot"] and delimiter != ",":
        return ",", "." if found["dot_groups"] else ""
    if commas:
        return ".", ""
    if found["comma_groups"] or (found["comma_group"] and (found["dot"] or delimiter == ",")):
        return ".", ","
    return ".", ""


def _count(flags: Array) -> int:
    counted: Any = pc.sum(flags)
    return int(counted.as_py() or 0)
