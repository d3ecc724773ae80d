"""Reads files of records, Avro and TFRecords of tf.Examples: their columns, their blocks, and their rows.

Row n is record n, so messages name the right record.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

import pyarrow as pa

from components.common import storage
from components.common.errors import DataRefused, reason
from components.example_gen import avro_format, tf_record_format
from components.example_gen.csv_header import FileHeader
from components.example_gen.file_formats import AVRO, TF_RECORD, record_format
from components.example_gen.no_rows_error import NoRows
from components.example_gen.record_block import PlacedBlock, RecordBlock
from components.example_gen.row_boundaries import BLOCK_BYTES

_HEAD_BYTES = 2**20


class RecordFormat(Protocol):
    """How the bytes of a format are divided and decoded. Damage raises exceptions of any type."""

    def read_start(self, stream: BinaryIO) -> bytes:
        """Reads the bytes before the first record."""
        ...

    def read_blocks(self, stream: BinaryIO, start: bytes, size: int) -> Iterator[RecordBlock]:
        """Reads the rest of a file in blocks of about `size` bytes."""
        ...

    def kinds(self, start: bytes, first: bytes) -> dict[str, str]:
        """Returns the kind of each column, see `parquet.kind_of`; the columns are those of the first block."""
        ...

    def decode(self, start: bytes, block: bytes) -> Iterator[pa.Table]:
        """Yields the records of a block, in order, in one or several tables."""
        ...


_FORMATS: dict[str, RecordFormat] = {AVRO: avro_format, TF_RECORD: tf_record_format}


class RecordFile:
    """An open file of records. Each method raises DataRefused if the file is damaged.

    Args:
        path: the file.
        stream: its bytes after decompression.

    Attributes:
        start: the bytes before the first record.
    """

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self._path, self._stream = path, stream
        self._format = _FORMATS[record_format(path) or ""]
        with self._refusing_damage(lambda: 0):
            self.start = self._format.read_start(stream)

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[PlacedBlock]:
        """Reads the rest of the file in blocks of whole records of about `size` bytes."""
        records, offset = 0, len(self.start)
        with self._refusing_damage(lambda: records):
            for block in self._format.read_blocks(self._stream, self.start, size):
                yield PlacedBlock(*block, offset, records + 1)
                records += block.records
                offset += len(block.content)

    def kinds(self, block: PlacedBlock) -> dict[str, str]:
        """Returns the kind of each column in a block, by name; see `parquet.kind_of`."""
        with self._refusing_damage(lambda: 0):
            return self._format.kinds(self.start, block.content)

    def tables(self, content: bytes, row: int) -> Iterator[pa.Table]:
        """Decodes a block; `row` is the number of its first record."""
        done = row - 1
        with self._refusing_damage(lambda: done):
            for table in self._format.decode(self.start, content):
                yield table
                done += table.num_rows

    @contextlib.contextmanager
    def _refusing_damage(self, records: Callable[[], int]) -> Iterator[None]:
        try:
            yield
        # The libraries raise errors of many types, depending on which part of the file is damaged.
        except Exception as error:
            if isinstance(error, DataRefused):
                raise
            raise DataRefused(
                f"{self._path}: can't be read: damaged after record {records():,}: {type(error).__name__}: "
                f"{reason(error)}."
            ) from error


@contextlib.contextmanager
def open_records(path: str) -> Iterator[RecordFile]:
    """Opens a file of records.

    Raises:
        DataRefused: its beginning is damaged.
    """
    with storage.open_text(path) as stream:
        yield RecordFile(path, stream)


def read_record_header(path: str) -> FileHeader:
    """Reads the columns of a file of records.

    Raises:
        DataRefused: the file has no rows, or its beginning is damaged.
    """
    names = tuple(name.strip() for name in record_kinds(path))
    return FileHeader(path=path, columns=names, delimiter="", offset=0, line=1)


def record_kinds(path: str) -> dict[str, str]:
    """Returns the kind of each column, by name; see `parquet.kind_of`. Those of TFRecords are in the first MiB.

    Raises:
        DataRefused: see `read_record_header`.
    """
    with storage.open_bytes(path) as stream:
        if not stream.read(1):
            raise NoRows(path, f"{path}: expected rows, found an empty file.")
    with open_records(path) as file:
        first = next(file.blocks(_HEAD_BYTES), None)
        kinds = {} if first is None else file.kinds(first)
    if not kinds:
        raise NoRows(path, f"{path}: expected rows, found none.")
    return kinds


def record_tables(path: str) -> Iterator[pa.Table]:
    """Reads all records in tables; the bounded number of records in each follows from the bytes of the file.

    Raises:
        DataRefused: the file is damaged.
    """
    with open_records(path) as file:
        for block in file.blocks():
            yield from file.tables(block.content, block.first)


def select(table: pa.Table, names: list[str]) -> pa.Table:
    """Returns the named columns of decoded records; null for those that none of the records has."""
    found = {name.strip(): column for name, column in zip(table.column_names, table.columns, strict=True)}
    empty = pa.nulls(table.num_rows)
    return pa.table([found.get(name, empty) for name in names], names)
