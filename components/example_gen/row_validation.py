"""Row validation: separates the rows of a parsed block that are accepted from those that are rejected.

Rows with a wrong number of fields, an unclosed quote or invalid UTF-8 are rejected earlier, in `block_parsing`;
`cell_parsing` decides which cells are numbers.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from components.example_gen import cell_parsing
from components.example_gen.table_columns import ReadColumns
from components.examples.text_column import TextColumn, no_texts

LabelValues = npt.NDArray[np.int64] | npt.NDArray[np.float32]


@dataclass(frozen=True)
class RejectedRow:
    """A rejected row.

    Attributes:
        line: the number of the line at which it starts; the header is line 1. For Parquet, the row number from 1.
        reason: why it is rejected.
        raw: the text of the row, with a backslash escape for each byte that is not UTF-8; for Parquet the row as JSON.
        column: the column with the invalid cell; '' if the row as a whole is invalid.
        unknown_label: the value of the label, if it is neither of the two expected ones; otherwise ''.
        cell: the text of the invalid cell, if it is not the label's; '' if the row as a whole is invalid.
    """

    line: int
    reason: str
    raw: str
    column: str = ""
    unknown_label: str = ""
    cell: str = ""


@dataclass(frozen=True)
class ParsedBlock:
    """The accepted and the rejected rows.

    Attributes:
        numbers: the columns `ReadColumns.numbers`; float32 [numbers, rows].
        hash_only: the columns `ReadColumns.hash_only`; float32 [hash_only, rows].
        label: 0 or 1, int64 [rows]; or a number, float32 [rows].
        rejected: the rejected rows.
        exact: by position in `ReadColumns.numbers`, the columns with numbers beyond 2^24, which float32 does not tell
            apart, before they were rounded; float64 [rows].
        split: the codes of the column `ReadColumns.split`; int64 [rows]. None without such a column.
        texts: the columns `ReadColumns.texts`.
    """

    numbers: cell_parsing.Floats
    hash_only: cell_parsing.Floats
    label: LabelValues
    rejected: list[RejectedRow]
    exact: Mapping[int, cell_parsing.Doubles] = field(default_factory=dict)
    split: npt.NDArray[np.int64] | None = None
    texts: tuple[TextColumn, ...] = ()


@dataclass(frozen=True)
class RowValidator:
    """Rejects rows with an invalid cell, without a usable label, a weight > 0 or what selects the split.

    Attributes:
        columns: the columns that are read.
        line: returns the line number of a row.
        raw: returns the text of a row.
        cell: returns the cell of a row in a column, by its position in `ReadColumns.names`.
        most_rejected: the number of rejected rows after which no more are described.
    """

    columns: ReadColumns
    line: Callable[[int], int]
    raw: Callable[[int], str]
    cell: Callable[[int, int], Any]
    most_rejected: int = sys.maxsize

    def validate(self, block: ParsedBlock, invalid: cell_parsing.Flags) -> ParsedBlock:
        """Separates the rows that are rejected from the others.

        Args:
            block: all rows; `label` has the codes of `Labels.codes`, `split` those of `SplitColumn.codes`. No row is
                rejected because of `hash_only` or `texts`.
            invalid: which cells of the columns of numbers are invalid; shape [numbers, rows].
        """
        codes, split = block.label, block.split
        if self.columns.weight is not None:
            invalid = invalid.copy()
            invalid[-1] |= ~has_weight(block.numbers)
        no_label = self.columns.label.unusable(codes)
        is_rejected = invalid.any(axis=0) | no_label
        if split is not None:
            is_rejected |= split < 0
        if not is_rejected.any():
            return block
        described = np.flatnonzero(is_rejected)[: self.most_rejected + 1]
        rejected = [self._reject(int(row), invalid, no_label) for row in described]
        kept = ~is_rejected
        return ParsedBlock(
            block.numbers[:, kept],
            block.hash_only[:, kept],
            codes[kept],
            rejected,
            {column: doubles[kept] for column, doubles in block.exact.items()},
            None if split is None else split[kept],
            tuple(column.select(kept) for column in block.texts),
        )

    def _reject(self, row: int, invalid: cell_parsing.Flags, no_label: cell_parsing.Flags) -> RejectedRow:
        line, raw, label = self.line(row), self.raw(row), self.columns.label
        if no_label[row]:
            text = self.cell(row, len(self.columns.numbers))
            return RejectedRow(
                line, label.rejection_reason(text), raw, label.column, label.unknown_class(text)
            )
        if not invalid[:, row].any():
            return self._reject_split(row)
        column = int(np.argmax(invalid[:, row]))
        name = self.columns.numbers[column]
        cell, cells = self.cell(row, column), self.columns.cells
        if name == self.columns.weight:
            reason = cell_parsing.weight_rejection_reason(name, cell, cells)
        else:
            reason = cell_parsing.rejection_reason(name, cell, cells, boolean=name in self.columns.booleans)
        return RejectedRow(line, reason, raw, name, cell="" if cell is None else str(cell).strip())

    def _reject_split(self, row: int) -> RejectedRow:
        split = self.columns.split
        assert split is not None
        reason = split.rejection_reason(self.cell(row, len(self.columns.names) - 1))
        return RejectedRow(self.line(row), reason, self.raw(row), split.name)


def has_weight(numbers: cell_parsing.Floats) -> cell_parsing.Flags:
    """Returns which rows have a weight > 0, bool [rows]; the weight is the last of the columns of numbers."""
    positive: cell_parsing.Flags = numbers[-1] > 0  # False for NaN, which is a missing weight
    return positive


def empty_block(columns: ReadColumns) -> ParsedBlock:
    """Returns a block without rows."""
    numbers, hashed = (
        np.empty((len(names), 0), np.float32) for names in (columns.numbers, columns.hash_only)
    )
    split = None if columns.split is None else np.empty(0, np.int64)
    texts = tuple(no_texts() for _ in columns.texts)
    return ParsedBlock(numbers, hashed, np.empty(0, np.int64), [], split=split, texts=texts)
