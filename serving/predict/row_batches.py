"""Rows as they were read: cells for the model, and everything else for the output."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from components.example_gen.cell_parsing import Array

Record = dict[str, Any]


@dataclass(frozen=True)
class FilePart:
    """What can be read on its own.

    Attributes:
        offset: the position of its first byte; Parquet: its row group.
        length: its bytes, 0 for all that follow; Parquet: 0.
        first: the line, or the row of a Parquet file, at which it begins, counted from 1.
    """

    offset: int
    length: int
    first: int


class RowBatch:
    """Some rows of a table with columns, one after the other.

    Args:
        table: all columns; those of a CSV file are strings.
        origin: where a row is from, for messages, up to its number: `big.csv:`.
        numbers: the line, or the number, of each row there.
    """

    def __init__(self, table: pa.Table, origin: str, numbers: Sequence[int]) -> None:
        self._table = table
        self._origin = origin
        self._numbers = numbers

    @property
    def rows(self) -> int:
        """How many there are."""
        return self._table.num_rows

    def part(self, start: int, end: int) -> "RowBatch":
        """The rows from `start` to before `end`."""
        return RowBatch(self._table.slice(start, end - start), self._origin, self._numbers[start:end])

    def where(self, row: int) -> str:
        """Where a row of the batch is from: `big.csv:17`."""
        return f"{self._origin}{self._numbers[row]}"

    def column(self, name: str) -> "pa.ChunkedArray[Any]":
        """A column's cells, as numbers or as text (see `parquet.kind_of`)."""
        return self._table.column(name)

    def first_without(self, name: str) -> int | None:  # noqa: ARG002 - a table has its columns throughout
        """The first row that has no such column, not even an empty cell; None if all have it."""
        return None

    def table(self) -> pa.Table:
        """All columns."""
        return self._table

    def objects(self) -> list[tuple[Record, str]] | None:
        """The JSON objects that the rows were read from, and their text; None if they were read from something else."""
        return None


class JsonRowBatch(RowBatch):
    """Some rows that are JSON objects. A row may lack columns that others have.

    Args:
        objects: each row's names and values, and its text.
        columns: the names that the first row of the table has.
        place: the `origin` and the `numbers` of a `Batch`.
    """

    def __init__(
        self,
        objects: Sequence[tuple[Record, str]],
        columns: Sequence[str],
        place: tuple[str, Sequence[int]],
    ) -> None:
        self._objects = list(objects)
        self._records = [record for record, _ in objects]
        self._shapes = {tuple(record) for record in self._records}  # mostly one
        self._columns = tuple(columns)
        self._origin, self._numbers = place

    @property
    def rows(self) -> int:
        """See `Batch`."""
        return len(self._records)

    def part(self, start: int, end: int) -> RowBatch:
        """See `Batch`."""
        place = self._origin, self._numbers[start:end]
        return JsonRowBatch(self._objects[start:end], self._columns, place)

    def column(self, name: str) -> "pa.ChunkedArray[Any]":
        """See `Batch`."""
        values = [record.get(name) for record in self._records]
        try:
            return pa.chunked_array([pa.array(values, pa.float64())])
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # not only numbers, booleans and nulls
            return pa.chunked_array([_texts(values)])

    def first_without(self, name: str) -> int | None:
        """See `Batch`."""
        if all(name in shape for shape in self._shapes):
            return None
        return next(row for row, record in enumerate(self._records) if name not in record)

    def table(self) -> pa.Table:
        """All columns as text; those that the first row has not come last."""
        names = list(dict.fromkeys([*self._columns, *(name for shape in self._shapes for name in shape)]))
        columns = [_texts([record.get(name) for record in self._records]) for name in names]
        return pa.Table.from_arrays(columns, names)

    def objects(self) -> list[tuple[Record, str]] | None:
        """See `Batch`."""
        return self._objects


def _texts(values: Sequence[object]) -> Array:
    """Strings as they are, anything else as JSON; null stays null."""
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # Half of a surrogate pair is JSON, but no UTF-8.
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()
