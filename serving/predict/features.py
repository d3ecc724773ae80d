"""Converts the cells of a table to the inputs of a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
        absent: the inputs for which the table has no column; their values are NaN.
        missing: the cells that mean a missing value; see `cell_parsing.missing_markers`.
        allow_missing: whether a row of JSON lines may lack a column that other rows have.
    """

    columns: Mapping[str, str]
    absent: tuple[str, ...] = ()
    missing: frozenset[str] = field(default_factory=lambda: cell_parsing.missing_markers(()))
    allow_missing: bool = False

    def numbers(self, batch: RowBatch) -> Columns:
        """Returns the inputs of a batch, float32 [rows]; NaN means missing.

        Raises:
            DataRefused: a cell is neither missing nor a number in the range of float32; the message has the first row.
        """
        values: dict[str, cell_parsing.Floats] = {}
        worst: tuple[int, str] | None = None
        for name, column in self.columns.items():
            row = None if self.allow_missing else batch.first_without(column)
            if row is not None:
                raise DataRefused(
                    f"{batch.where(row)}: expected {column!r}, which the first row has, found none; "
                    "--allow-missing treats it as missing."
                )
            cell = batch.column(column)
            kind = parquet.kind_of(cell.type)
            if kind not in (parquet.NUMBER, parquet.TEXT, parquet.EMPTY):
                raise DataRefused(f"{batch.where(0)}: column {column!r}: expected numbers, found {kind}.")
            values[name], bad = self._floats(cell)
            if bad.any() and (worst is None or int(bad.argmax()) < worst[0]):
                worst = int(bad.argmax()), column
        if worst is not None:
            row, column = worst
            reason = cell_parsing.rejection_reason(column, batch.column(column)[row].as_py())
            raise DataRefused(f"{batch.where(row)}: {reason}.")
        return values | {name: np.full(batch.rows, np.nan, np.float32) for name in self.absent}

    def typed(self, table: pa.Table) -> pa.Table:
        """Returns the table with the columns of the features as float64; null means missing."""
        for column in self.columns.values():
            at = table.column_names.index(column)
            if parquet.kind_of(table.column(at).type) == parquet.TEXT:
                texts = cell_parsing.trimmed(parquet.as_text(table.column(at)))
                empty = cell_parsing.is_missing(texts, self.missing)
                numbers = pc.if_else(empty, pa.scalar(None, pa.string()), texts).cast(pa.float64())
                table = table.set_column(at, column, numbers)
        return table

    def _floats(self, column: "pa.ChunkedArray[Any]") -> tuple[cell_parsing.Floats, cell_parsing.Flags]:
        if parquet.kind_of(column.type) == parquet.TEXT:
            return cell_parsing.to_floats(parquet.as_text(column), self.missing)
        values = parquet.as_floats(column)
        values[np.isin(values, numeric_markers(self.missing))] = np.nan
        return values, np.isinf(values)
