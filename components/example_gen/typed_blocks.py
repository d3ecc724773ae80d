"""Reads the rows of a block of a file whose columns have types."""

from collections.abc import Iterator

import pyarrow as pa

from components.example_gen import parquet, record_files
from components.example_gen.block_plan import Block, read_block
from components.example_gen.csv_header import FileHeader
from components.example_gen.file_formats import PARQUET, typed_format


def typed_block(header: FileHeader, block: Block, names: list[str]) -> Iterator[pa.Table]:
    """Reads the named columns of a block in batches of rows, in the order of the names.

    Raises:
        DataRefused: the file is damaged, or has changed.
    """
    if typed_format(header.path) == PARQUET:
        yield from parquet.batches(header, block.offset, names)
        return
    for table in _records(header.path, block):
        yield record_files.select(table, names)


def _records(path: str, block: Block) -> Iterator[pa.Table]:
    if not block.length:
        return record_files.record_tables(path)
    with record_files.open_records(path) as file:
        return file.tables(read_block(path, block), block.line)
