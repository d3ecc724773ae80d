"""Converts the cells of a table to the inputs of a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.common.errors import DataRefused
from components.example_gen import cell_parsing, parquet
from components.example_gen.block_parsing import numeric_markers
from serving.client.predictor import Columns
from serving.predict.row_batches import RowBatch


@dataclass(frozen=True, kw_only=True)
class FeatureColumns:
    """The columns that a model uses.

    Attributes:
        columns: the column of each input of the model.
        absent: the inputs for which the table has no column; their values are missing.
        texts: the inputs that take texts, in `columns` or in `absent`; all others take numbers.
        cells: how the cells are written.
        booleans: the columns whose cells are words such as true and false.
        allow_missing: whether a row of JSON lines may lack a column that other rows have.
    """

    columns: Mapping[str, str]
    absent: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()
    cells: cell_parsing.CellFormat = cell_parsing.PLAIN
    booleans: frozenset[str] = frozenset()
    allow_missing: bool = False

    def inputs(self, batch: RowBatch) -> Columns:
        """Returns the inputs of a batch, [rows]: float32, NaN is missing; or an object array of texts, "" is missing.

        Raises:
            DataRefused: a cell is neither missing nor a number in the range of float32; the message has the first row.
        """
        values: dict[str, npt.NDArray[Any]] = {}
        worst: tuple[int, str] | None = None
        for name, column in self.columns.items():
            row = None if self.allow_missing else batch.first_without(column)
            if row is not None:
                raise DataRefused(
                    f"{batch.where(row)}: expected {column!r}, which the first row has, found none; "
                    "--allow-missing treats it as missing."
                )
            if name in self.texts:
                found = cell_parsing.to_texts(batch.texts(column), self.cells.missing)
                values[name] = np.array([text.decode() for text in found.texts], object)[found.codes]
                continue
            cell = batch.column(column)
            kind = parquet.kind_of(cell.type)
            if kind not in (parquet.NUMBER, parquet.TEXT, parquet.EMPTY):
                raise DataRefused(f"{batch.where(0)}: column {column!r}: expected numbers, found {kind}.")
            values[name], bad = self._floats(column, cell)
            if bad.any() and (worst is None or int(bad.argmax()) < worst[0]):
                worst = int(bad.argmax()), column
        if worst is not None:
            row, column = worst
            given = batch.column(column)[row].as_py()
            reason = cell_parsing.rejection_reason(column, given, self.cells, boolean=column in self.booleans)
            raise DataRefused(f"{batch.where(row)}: {reason}.")
        for name in self.absent:
            is_text = name in self.texts
            values[name] = np.full(batch.rows, "" if is_text else np.nan, object if is_text else np.float32)
        return values

    def typed(self, table: pa.Table, batch: RowBatch) -> pa.Table:
        """Returns the table with the numeric features that it has as text as float64; null means missing.

        Args:
            table: the columns of the batch, in any order.
            batch: the rows, whose `column` gives JSON's true and false as 1 and 0.
        """
        for name, column in self.columns.items():
            if name in self.texts:
                continue
            at = table.column_names.index(column)
            if parquet.kind_of(table.column(at).type) == parquet.TEXT:
                table = table.set_column(at, column, self._doubles(column, batch.column(column)))
        return table

    def _doubles(self, name: str, column: "pa.ChunkedArray[Any]") -> cell_parsing.Array:
        if parquet.kind_of(column.type) == parquet.TEXT:
            texts = parquet.as_text(column)
            numbers, _ = cell_parsing.to_doubles(texts, self.cells, boolean=name in self.booleans)
            return numbers
        doubles = column.cast(pa.float64()).to_numpy()
        is_missing = np.isnan(doubles) | np.isin(doubles.astype(np.float32), numeric_markers(self.cells))
        present: cell_parsing.Array = pa.array(doubles, mask=is_missing)
        return present

    def _floats(
        self, name: str, column: "pa.ChunkedArray[Any]"
    ) -> tuple[cell_parsing.Floats, cell_parsing.Flags]:
        if parquet.kind_of(column.type) == parquet.TEXT:
            texts = parquet.as_text(column)
            return cell_parsing.to_floats(texts, self.cells, boolean=name in self.booleans)
        values = parquet.as_floats(column)
        values[np.isin(values, numeric_markers(self.cells))] = np.nan
        return values, np.isinf(values)
