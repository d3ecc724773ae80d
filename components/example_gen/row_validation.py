"""Row validation: separates the rows of a parsed block that are accepted from those that are rejected.

Rows with a wrong number of fields, an unclosed quote or invalid UTF-8 are rejected earlier, in `block_parsing`;
`cell_parsing` decides which cells are numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.example_gen import cell_parsing, labels


@dataclass(frozen=True)
class RejectedRow:
    """A rejected row.

    Attributes:
        line: the number of the line at which it starts; the header is line 1. For Parquet, the row number from 1.
        reason: why it is rejected.
        raw: the text of the row, with a backslash escape for each byte that is not UTF-8; for Parquet the row as JSON.
        column: the column with the invalid cell; '' if the row as a whole is invalid.
        unknown_label: the value of the label, if it is neither of the two expected ones; otherwise ''.
    """

    line: int
    reason: str
    raw: str
    column: str = ""
    unknown_label: str = ""


@dataclass(frozen=True)
class ParsedBlock:
    """The accepted and the rejected rows.

    Attributes:
        features: float32 [features, rows].
        hash_only: the columns that only select the split, see `InputTable.hash_only`; float32 [hash_only, rows].
        label: int64 [rows].
        rejected: the rejected rows.
    """

    features: cell_parsing.Floats
    hash_only: cell_parsing.Floats
    label: npt.NDArray[np.int64]
    rejected: list[RejectedRow]


@dataclass(frozen=True)
class RowValidator:
    """Rejects rows with an invalid cell or without a usable label.

    Attributes:
        features: the names of the features.
        label: the values of the label.
        line: returns the line number of a row.
        raw: returns the text of a row.
        cell: returns the cell of a row in a column; the label comes after the features.
    """

    features: tuple[str, ...]
    label: labels.Labels
    line: Callable[[int], int]
    raw: Callable[[int], str]
    cell: Callable[[int, int], Any]

    def validate(
        self,
        values: cell_parsing.Floats,
        invalid: cell_parsing.Flags,
        hash_only: cell_parsing.Floats,
        codes: npt.NDArray[np.int64],
    ) -> ParsedBlock:
        """Separates the rows with an invalid cell or without a usable label from the others.

        Args:
            values: the features; shape [features, rows].
            invalid: which cells of the features are invalid; shape [features, rows].
            hash_only: see `ParsedBlock`; no row is rejected because of them.
            codes: see `Labels.code`; shape [rows].
        """
        is_rejected = invalid.any(axis=0) | (codes < 0)
        if not is_rejected.any():
            return ParsedBlock(values, hash_only, codes, [])
        rejected = [self._reject(int(row), invalid, codes) for row in np.flatnonzero(is_rejected)]
        kept = ~is_rejected
        return ParsedBlock(values[:, kept], hash_only[:, kept], codes[kept], rejected)

    def _reject(self, row: int, invalid: cell_parsing.Flags, codes: npt.NDArray[np.int64]) -> RejectedRow:
        line, raw = self.line(row), self.raw(row)
        if codes[row] < 0:
            text = self.cell(row, len(self.features))
            unknown = text.strip() if codes[row] == labels.UNKNOWN else ""
            return RejectedRow(line, self.label.rejection_reason(text), raw, self.label.column, unknown)
        column = int(np.argmax(invalid[:, row]))
        name = self.features[column]
        return RejectedRow(line, cell_parsing.rejection_reason(name, self.cell(row, column)), raw, name)


def empty_block(features: int, hash_only: int) -> ParsedBlock:
    """Returns a block without rows; the arguments are the numbers of columns."""
    return ParsedBlock(
        np.empty((features, 0), np.float32), np.empty((hash_only, 0), np.float32), np.empty(0, np.int64), []
    )
