"""Reads files whose columns have types: Parquet and the files of records."""

from collections.abc import Callable, Iterator

import pyarrow as pa

from components.example_gen import parquet, record_files
from components.example_gen.csv_header import FileHeader
from components.example_gen.file_formats import PARQUET, typed_format


def read_typed_header(path: str) -> FileHeader:
    """Reads the columns of a file.

    Raises:
        DataRefused: the file has no rows, or is not of the format that its name says.
    """
    read = parquet.read_parquet_header if _is_parquet(path) else record_files.read_record_header
    return read(path)


def typed_kinds(path: str) -> dict[str, str]:
    """Returns the kind of each column of a file, by name; see `parquet.kind_of`."""
    return parquet.kinds(path) if _is_parquet(path) else record_files.record_kinds(path)


def typed_batches(header: FileHeader, names: Callable[[], list[str]]) -> Iterator[pa.Table]:
    """Reads columns of a file in batches of rows.

    Args:
        header: the file.
        names: returns the columns that are needed of the next rows, in order; if there are none, reading ends.

    Raises:
        DataRefused: the file is damaged.
    """
    if not _is_parquet(header.path):
        for table in record_files.record_tables(header.path):
            if not (needed := names()):
                return
            yield record_files.select(table, needed)
        return
    with parquet.open_file(header.path) as file:
        groups = file.num_row_groups
    for group in range(groups):
        if not (needed := names()):
            return
        yield from parquet.batches(header, group, needed)


def _is_parquet(path: str) -> bool:
    return typed_format(path) == PARQUET
