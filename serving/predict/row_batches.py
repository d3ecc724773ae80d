"""Batches of rows: their cells for the model, and all columns for the output."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from components.example_gen import parquet
from components.example_gen.cell_parsing import Array
from components.example_gen.text_stream import json_text, parse_json

Record = dict[str, Any]


@dataclass(frozen=True)
class FilePart:
    """A part of a file that can be read separately.

    Attributes:
        offset: the position of its first byte; for Parquet the number of its row group.
        length: its number of bytes, 0 for the rest of the file; for Parquet 0.
        first: its first line, or its first row if the columns have types, counted from 1.
    """

    offset: int
    length: int
    first: int


class RowBatch:
    """Consecutive rows of a table.

    Args:
        table: all columns; those of a CSV file are strings.
        origin: the location of the rows in messages, without the number: `big.csv:`.
        numbers: the line, or the number, of each row in the file.
    """

    def __init__(self, table: pa.Table, origin: str, numbers: Sequence[int]) -> None:
        self._table = table
        self._origin = origin
        self._numbers = numbers

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self._table.num_rows

    def part(self, start: int, end: int) -> "RowBatch":
        """Returns the rows from `start` to before `end`."""
        return RowBatch(self._table.slice(start, end - start), self._origin, self._numbers[start:end])

    def where(self, row: int) -> str:
        """Returns the location of a row, such as `big.csv:17`."""
        return f"{self._origin}{self._numbers[row]}"

    def column(self, name: str) -> "pa.ChunkedArray[Any]":
        """Returns the cells of a column, as numbers or as text (see `parquet.kind_of`)."""
        return self._table.column(name)

    def texts(self, name: str) -> Array:
        """Returns the cells of a column as the texts that ExampleGen reads in a categorical column."""
        return parquet.as_text(self.column(name))

    def first_without(self, name: str) -> int | None:  # noqa: ARG002 - every row of a table has all columns
        """Returns the first row that does not have the column, even as an empty cell; None if all rows have it."""
        return None

    def table(self) -> pa.Table:
        """Returns all columns."""
        return self._table

    def objects(self) -> list[tuple[Record, str]] | None:
        """Returns the JSON objects that the rows were read from, and their text; None if the input was not JSON."""
        return None


class JsonRowBatch(RowBatch):
    """Consecutive rows that are JSON objects. A row may lack columns that others have.

    Args:
        objects: the object of each row, and its text.
        columns: the names in the first row of the table.
        place: the `origin` and the `numbers` of a `RowBatch`.
    """

    def __init__(
        self,
        objects: Sequence[tuple[Record, str]],
        columns: Sequence[str],
        place: tuple[str, Sequence[int]],
    ) -> None:
        self._objects = list(objects)
        self._records = [record for record, _ in objects]
        self._shapes = {tuple(record) for record in self._records}  # Usually only one.
        self._columns = tuple(columns)
        self._origin, self._numbers = place

    @property
    def rows(self) -> int:
        """See `RowBatch`."""
        return len(self._records)

    def part(self, start: int, end: int) -> RowBatch:
        """See `RowBatch`."""
        place = self._origin, self._numbers[start:end]
        return JsonRowBatch(self._objects[start:end], self._columns, place)

    def column(self, name: str) -> "pa.ChunkedArray[Any]":
        """See `RowBatch`."""
        values = [record.get(name) for record in self._records]
        try:
            return pa.chunked_array([pa.array(values, pa.float64())])
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # Other values than numbers, booleans and nulls.
            return pa.chunked_array([_texts(values)])

    def texts(self, name: str) -> Array:
        """See `RowBatch`."""
        return pa.array([json_text(record.get(name)) for record in self._written], pa.string())

    @functools.cached_property
    def _written(self) -> list[Record]:
        """The objects, in which each number is the text that is written there."""
        return [parse_json(text) for _, text in self._objects]

    def first_without(self, name: str) -> int | None:
        """See `RowBatch`."""
        if all(name in shape for shape in self._shapes):
            return None
        return next(row for row, record in enumerate(self._records) if name not in record)

    def table(self) -> pa.Table:
        """Returns all columns as text, numbers as they are written; columns not in the first row come last."""
        names = list(dict.fromkeys([*self._columns, *(name for shape in self._shapes for name in shape)]))
        rows = self._records, self._written
        columns = [_texts([_cell(*pair, name) for pair in zip(*rows, strict=True)]) for name in names]
        return pa.Table.from_arrays(columns, names)

    def objects(self) -> list[tuple[Record, str]] | None:
        """See `RowBatch`."""
        return self._objects


def _cell(record: Record, written: Record, name: str) -> object:
    """Returns a value, a number as the text that is written there; numbers inside of a list or an object are not."""
    value = record.get(name)
    return written[name] if isinstance(value, int | float) else value


def _texts(values: Sequence[object]) -> Array:
    """Returns strings unchanged, other values as JSON, and null as null."""
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # Half of a surrogate pair is valid in JSON, but not in UTF-8.
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()
