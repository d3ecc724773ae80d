"""Reads rows from lines of text: CSV and JSON lines."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from components.common.errors import DataRefused
from components.example_gen.block_parsing import NumberedRows, row_text, split_row
from components.example_gen.cell_parsing import shorten
from components.example_gen.csv_header import CsvOptions, parse_header
from components.example_gen.no_rows_error import NoRows
from components.example_gen.row_boundaries import (
    BLOCK_BYTES,
    MAX_ROW_BYTES,
    Positions,
    find_rows,
    read_blocks,
)
from serving.predict.byte_stream import ByteStream
from serving.predict.row_batches import FilePart, JsonRowBatch, Record, RowBatch

JSON_BLOCK_BYTES = 2**20  # As Python objects, rows take about ten times as much.
BOM = b"\xef\xbb\xbf"


class _TextSource:
    """The code that CSV and JSON lines share: they are read in blocks of whole rows."""

    def __init__(self, stream: ByteStream, columns: tuple[str, ...], start: FilePart) -> None:
        self.name = stream.name
        self.columns = columns
        self._stream = stream
        self._start = start

    def batches(self, part: FilePart | None = None) -> Iterator[RowBatch]:
        """See `RowSource`."""
        part = part or self._start
        self._stream.seek(part.offset)
        line = part.first
        try:
            for block in [self._stream.read(part.length)] if part.length else self._blocks():
                batch = self._parse(block, line)
                if batch.rows:
                    yield batch
                line += block.count(b"\n")
        finally:
            self._stream.close()

    def parts(self) -> Iterator[FilePart]:
        """See `RowSource`."""
        if not self._stream.is_divisible:
            yield self._start
            return
        self._stream.seek(self._start.offset)
        offset, line = self._start.offset, self._start.first
        try:
            for block in self._blocks():
                yield FilePart(offset, len(block), line)
                offset += len(block)
                line += block.count(b"\n")
        finally:
            self._stream.close()

    def share(self) -> float | None:
        """See `RowSource`."""
        return self._stream.share()

    def _blocks(self) -> Iterator[bytes]:
        raise NotImplementedError

    def _parse(self, block: bytes, line: int) -> RowBatch:
        raise NotImplementedError


class CsvSource(_TextSource):
    """The rows of a CSV file, parsed like in components.example_gen. All cells are strings."""

    def __init__(self, stream: ByteStream, options: CsvOptions) -> None:
        header = parse_header(stream.name, stream.peek, options)
        unnamed = header.columns.count("")
        columns = [
            name or (f"column_{number}" if unnamed > 1 else "")
            for number, name in enumerate(header.columns, 1)
        ]
        super().__init__(stream, tuple(columns), FilePart(header.offset, 0, header.line))
        self._delimiter = header.delimiter
        self._indices = [str(index) for index in range(len(columns))]

    def _blocks(self) -> Iterator[bytes]:
        return read_blocks(cast(BinaryIO, self._stream), self._delimiter, BLOCK_BYTES)

    def _parse(self, block: bytes, line: int) -> RowBatch:
        rows = find_rows(block, self._delimiter)
        numbers = _lines_of(block, rows.ends, line)
        # Arrow may parse odd quotes, and blank lines in a table with one column, differently from `split_row`.
        table = None if rows.irregular.any() or len(self.columns) == 1 else self._at_once(block)
        if table is None or table.num_rows != len(numbers):
            numbered = list(self._one_by_one(NumberedRows(block, rows, line)))
            cells = (
                zip(*(cells for _, cells in numbered), strict=True) if numbered else [()] * len(self.columns)
            )
            table = pa.Table.from_arrays([pa.array(column, pa.string()) for column in cells], self._indices)
            numbers = [number for number, _ in numbered]
        return RowBatch(table.rename_columns(list(self.columns)), f"{self.name}:", numbers)

    def _at_once(self, block: bytes) -> pa.Table | None:
        """Parses a block with Arrow; returns None if a row has too many or too few cells, or is not UTF-8."""
        try:
            return pacsv.read_csv(
                BytesIO(block),
                pacsv.ReadOptions(column_names=self._indices, block_size=len(block) + 1),
                pacsv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
                pacsv.ConvertOptions(
                    column_types=dict.fromkeys(self._indices, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid:
            return None

    def _one_by_one(self, text: NumberedRows) -> Iterator[tuple[int, list[str]]]:
        """Yields the line and the cells of each row that is not a blank line."""
        for row in range(len(text.rows.ends)):
            cells = split_row(text.row(row), self._delimiter, len(self.columns))
            if isinstance(cells, str):
                raise DataRefused(f"{self.name}:{text.line_of(row)}: {cells}.")
            if cells:
                yield text.line_of(row), cells


def _lines_of(block: bytes, ends: Positions, line: int) -> list[int]:
    """Returns the first line of each row that is not an empty line."""
    data = np.frombuffer(block, np.uint8)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[: len(ends)]
    sizes = ends - starts
    is_empty = (sizes == 1) | ((sizes == 2) & (data[starts] == ord("\r")))
    lines = line + np.searchsorted(np.flatnonzero(data == ord("\n")), starts)
    return cast(list[int], lines[~is_empty].tolist())


class JsonLinesSource(_TextSource):
    """The rows of a JSON lines file: one JSON object in each line."""

    def __init__(self, stream: ByteStream) -> None:
        self.name = stream.name
        super().__init__(stream, self._first_names(stream), FilePart(0, 0, 1))

    def _first_names(self, stream: ByteStream) -> tuple[str, ...]:
        size = JSON_BLOCK_BYTES
        while True:
            start = stream.peek(size)
            stripped = start.removeprefix(BOM).lstrip()
            line = 1 + start.count(b"\n", 0, len(start) - len(stripped))
            first, newline, _ = stripped.partition(b"\n")
            if newline or len(start) < size:
                break
            if size > MAX_ROW_BYTES:
                raise self._too_long()
            size *= 16
        if not first:
            raise NoRows(stream.name, f"{stream.name}: expected rows, found an empty file.")
        return tuple(self._object(first, line)[0])

    def _blocks(self) -> Iterator[bytes]:
        rest = b""
        while read := self._stream.read(JSON_BLOCK_BYTES):
            rest += read
            cut = rest.rfind(b"\n") + 1
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
            elif len(rest) > MAX_ROW_BYTES:
                raise self._too_long()
        if rest:
            yield rest

    def _parse(self, block: bytes, line: int) -> RowBatch:
        lines = [(number, raw) for number, raw in enumerate(block.split(b"\n"), line) if raw.strip()]
        objects = [self._object(raw, number) for number, raw in lines]
        return JsonRowBatch(objects, self.columns, (f"{self.name}:", [number for number, _ in lines]))

    def _object(self, raw: bytes, line: int) -> tuple[Record, str]:
        why = ""
        try:
            text = raw.removeprefix(BOM).decode().strip()
            found: Any = json.loads(text)
            if isinstance(found, dict):
                return found, text
        except UnicodeDecodeError as error:
            why = f" (not UTF-8: byte 0x{raw[error.start]:02x})"
        except json.JSONDecodeError as error:
            why = f" ({error.msg.lower()}, at character {error.colno})"
        except (ValueError, RecursionError) as error:
            why = f" ({error})"
        start = shorten(row_text(raw).strip())
        raise DataRefused(f"{self.name}:{line}: expected a JSON object in one line, found {start!r}{why}.")

    def _too_long(self) -> DataRefused:
        return DataRefused(
            f"{self.name}: expected JSON objects in lines, found none that ends within {MAX_ROW_BYTES // 2**20} MiB."
        )
