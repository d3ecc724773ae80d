"""A label that is a number, for regression."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.example_gen import cell_parsing
from components.example_gen.cell_parsing import Array, CellFormat, Flags, Floats
from components.tasks.regression import REGRESSION
from components.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class NumericLabel:
    """The label of a regression; it has the methods of `components.example_gen.labels.Labels`.

    Attributes:
        column: the label's name.
        cells: how its numbers are written.
        task_reason: why the task is regression.
    """

    column: str
    cells: CellFormat
    task_reason: str
    task: Task = REGRESSION
    classes: tuple[str, ...] = ()

    def codes(self, cells: Array) -> Floats:
        """Returns the number of every cell of a string array, float32 [rows]; NaN if it has none."""
        encoded: Any = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
        values, invalid = cell_parsing.to_floats(encoded.dictionary, self.cells)
        values = np.append(np.where(invalid, np.float32(np.nan), values), np.float32(np.nan))
        # A null has no index: it gets the last index.
        found: Floats = values[encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)]
        return found

    @staticmethod
    def unusable(codes: npt.NDArray[Any]) -> Flags:
        """Returns which rows have no number; bool [rows]."""
        found: Flags = np.isnan(codes)
        return found

    @staticmethod
    def unknown_class(text: str | None) -> str:
        """Returns '': there are no classes."""
        del text
        return ""

    def is_missing(self, text: str | None) -> bool:
        """Returns whether a cell has no label."""
        return text is None or bool(
            cell_parsing.is_missing(cell_parsing.trimmed(pa.array([text])), self.cells.missing)[0].as_py()
        )

    def rejection_reason(self, text: str | None) -> str:
        """Returns why a row is rejected because of its label."""
        if self.is_missing(text):
            return f"label {self.column!r}: missing"
        return cell_parsing.rejection_reason(self.column, str(text), self.cells).replace("column", "label", 1)
