"""Good rows and bad rows: what a parsed block consists of, and how the bad ones are told from the good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.example_gen import cell_parsing, labels


@dataclass(frozen=True)
class RejectedRow:
    """A bad row.

    Attributes:
        line: the physical line at which it starts, header = 1; for Parquet the number of the row, first = 1.
        reason: a sentence.
        raw: the row's text, undecodable bytes escaped with a backslash; for Parquet the row as JSON.
        column: the column at fault, '' if it is the row as a whole.
        unknown_label: the label's value, where that is neither of the two expected ones.
    """

    line: int
    reason: str
    raw: str
    column: str = ""
    unknown_label: str = ""


@dataclass(frozen=True)
class ParsedBlock:
    """Good rows, as features [features, rows] in float32 and labels [rows] in int64; and the bad ones."""

    features: cell_parsing.Floats
    label: npt.NDArray[np.int64]
    rejected: list[RejectedRow]


@dataclass(frozen=True)
class RowValidator:
    """Tells good rows from bad ones; `line`, `raw` and `cell` describe a row, the last a column of it."""

    features: tuple[str, ...]
    label: labels.Labels
    line: Callable[[int], int]
    raw: Callable[[int], str]
    cell: Callable[[int, int], Any]

    def validate(
        self, values: cell_parsing.Floats, bad: cell_parsing.Flags, codes: npt.NDArray[np.int64]
    ) -> ParsedBlock:
        """Sets aside the rows with a flagged cell or without a usable label.

        Args:
            values: shape [features, rows].
            bad: flags of the cells that are no numbers; shape [features, rows].
            codes: see `Labels.code`; shape [rows].
        """
        at_fault = bad.any(axis=0) | (codes < 0)
        if not at_fault.any():
            return ParsedBlock(values, codes, [])
        rejected = [self._reject(int(row), bad, codes) for row in np.flatnonzero(at_fault)]
        return ParsedBlock(values[:, ~at_fault], codes[~at_fault], rejected)

    def _reject(self, row: int, bad: cell_parsing.Flags, codes: npt.NDArray[np.int64]) -> RejectedRow:
        line, raw = self.line(row), self.raw(row)
        if codes[row] < 0:
            text = self.cell(row, len(self.features))
            unknown = text.strip() if codes[row] == labels.UNKNOWN else ""
            return RejectedRow(line, self.label.rejection_reason(text), raw, self.label.column, unknown)
        column = int(np.argmax(bad[:, row]))
        name = self.features[column]
        return RejectedRow(line, cell_parsing.rejection_reason(name, self.cell(row, column)), raw, name)


def concatenate(pieces: Sequence[ParsedBlock], features: int) -> ParsedBlock:
    """Joins parts of a block in their order."""
    empty = ParsedBlock(np.empty((features, 0), np.float32), np.empty(0, np.int64), [])
    pieces = [empty, *pieces]
    return ParsedBlock(
        np.concatenate([piece.features for piece in pieces], axis=1),
        np.concatenate([piece.label for piece in pieces]),
        [rejected for piece in pieces for rejected in piece.rejected],
    )
