"""Reads rows from files, standard input, or the command line."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from components.common import storage
from components.common.errors import DataRefused, reason
from components.example_gen import parquet
from components.example_gen.csv_header import CsvOptions
from components.example_gen.file_formats import record_format
from components.example_gen.input_files import quoted, table_files
from serving.predict.byte_stream import STDIN, ByteStream
from serving.predict.record_source import RecordSource
from serving.predict.row_batches import FilePart, JsonRowBatch, RowBatch
from serving.predict.text_sources import BOM, CsvSource, JsonLinesSource

_MAX_CELLS = 2**21  # in a batch of Parquet rows
_SNIFFED = 256


class RowSource(Protocol):
    """The rows of one file, of standard input or of the command line.

    Attributes:
        name: the name in messages.
        columns: the names of the columns, all different; for JSON lines, those of the first row.
    """

    name: str
    columns: tuple[str, ...]

    def batches(self, part: FilePart | None = None) -> Iterator[RowBatch]:
        """Yields all rows in order, or the rows of one part.

        Raises:
            DataRefused: a row can't be read.
        """
        ...

    def parts(self) -> Iterator[FilePart]:
        """Divides a file into parts; a compressed file is one part."""
        ...

    def share(self) -> float | None:
        """Returns the fraction that has been read, from 0 to 1; None if it is unknown."""
        ...


def find_inputs(inputs: Sequence[str]) -> list[str]:
    """Returns the files that the inputs name, in order; each input is a file, a folder, a glob or `-`.

    Raises:
        DataRefused: an input matches no file.
    """
    found: list[str] = []
    for path in inputs:
        is_folder = path != STDIN and storage.is_folder(path)
        if path == STDIN or (storage.exists(path) and not is_folder):
            found.append(path)
            continue
        files = table_files(storage.glob(f"{path.rstrip('/')}/*" if is_folder else path))
        if not files:
            raise DataRefused(
                f"{path}: expected a file, a folder or a pattern that matches files, found nothing."
            )
        found += files
    return found


def open_source(path: str, options: CsvOptions = CsvOptions()) -> RowSource:  # noqa: B008 - it can't change
    """Detects the format and the columns of a file from its beginning.

    Args:
        path: a file, or `-` for standard input, which can be read only once.
        options: how a CSV file is read.

    Raises:
        NoRows: the file has no rows.
        DataRefused: the file can't be read.
    """
    stream = ByteStream(path, options)
    try:
        source = _recognized(stream, options)
    finally:
        stream.close()
    repeated = [name for name, times in Counter(source.columns).items() if times > 1]
    if repeated:
        raise DataRefused(
            f"{source.name}: expected column names that differ, found {quoted(repeated)} more than once."
        )
    return source


def _recognized(stream: ByteStream, options: CsvOptions) -> RowSource:
    if stream.path != STDIN and record_format(stream.path) is not None:
        return RecordSource(stream.path)
    start = stream.peek(_SNIFFED).removeprefix(BOM).lstrip()
    name = stream.path.lower().removesuffix(".gz")
    if name.endswith(".parquet") or start.startswith(b"PAR1"):
        if not stream.is_divisible:
            raise DataRefused(
                f"{stream.name}: expected CSV or JSON lines, found Parquet, which must be a plain file."
            )
        return ParquetSource(stream.path)
    if name.endswith((".jsonl", ".ndjson", ".json")) or start.startswith(b"{"):
        return JsonLinesSource(stream)
    return CsvSource(stream, options)


class ParquetSource:
    """The rows of a Parquet file; see `RowSource`."""

    def __init__(self, path: str) -> None:
        parquet.read_parquet_header(path)
        self.name = path
        with parquet.open_file(path) as file:
            self.columns = tuple(name.strip() for name in file.schema_arrow.names)
            self._rows = file.metadata.num_rows
        self._done = 0

    def batches(self, part: FilePart | None = None) -> Iterator[RowBatch]:
        """See `RowSource`."""
        self._done = 0
        row = part.first if part else 1
        size = max(1, min(parquet.BATCH_ROWS, _MAX_CELLS // len(self.columns)))
        with parquet.open_file(self.name) as file:
            groups = [part.offset] if part else None
            try:
                for batch in file.iter_batches(size, row_groups=groups):
                    table = pa.Table.from_batches([batch]).rename_columns(list(self.columns))
                    numbers = range(row, row + batch.num_rows)
                    yield RowBatch(table, f"{self.name}: row ", numbers)
                    row += batch.num_rows
                    self._done += batch.num_rows
            except (OSError, pa.ArrowInvalid) as error:
                raise DataRefused(f"{self.name}: can't be read to its end: {reason(error)}.") from error

    def parts(self) -> Iterator[FilePart]:
        """See `RowSource`; the parts are its row groups."""
        with parquet.open_file(self.name) as file:
            row = 1
            for group in range(file.num_row_groups):
                yield FilePart(group, 0, row)
                row += file.metadata.row_group(group).num_rows

    def share(self) -> float | None:
        """See `RowSource`."""
        return self._done / self._rows


class CommandLineRows:
    """The rows of the command line; see `RowSource`.

    Args:
        rows: the names and cells of each row.
    """

    name = "--row"

    def __init__(self, rows: Sequence[Mapping[str, str]]) -> None:
        self.columns = tuple(rows[0])
        self._objects = [(dict(row), json.dumps(row, ensure_ascii=False)) for row in rows]

    def batches(self, part: FilePart | None = None) -> Iterator[RowBatch]:  # noqa: ARG002 - has only one part
        """See `RowSource`."""
        yield JsonRowBatch(self._objects, self.columns, ("--row ", range(1, len(self._objects) + 1)))

    def parts(self) -> Iterator[FilePart]:
        """See `RowSource`."""
        return iter([FilePart(0, 0, 1)])

    def share(self) -> float | None:
        """See `RowSource`."""
        return None
