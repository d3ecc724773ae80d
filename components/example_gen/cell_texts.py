"""Reads columns of a file as strings, without row validation."""

import zlib
from collections.abc import Iterator

from components.common.errors import DataRefused, reason
from components.example_gen import parquet
from components.example_gen.cell_parsing import Array
from components.example_gen.csv_header import FileHeader, open_csv
from components.example_gen.row_boundaries import BLOCK_BYTES, read_blocks
from components.example_gen.type_inference import as_strings
from components.example_gen.typed_files import typed_batches


def cell_texts(header: FileHeader, names: list[str]) -> Iterator[dict[str, Array]]:
    """Yields the cells of the named columns in batches, of all rows that have the right number of cells.

    Raises:
        DataRefused: the file can't be read to its end.
    """
    if not header.delimiter:
        for batch in typed_batches(header, lambda: names):
            yield {name: parquet.as_text(batch.column(name)) for name in names}
        return
    try:
        with open_csv(header) as stream:
            stream.seek(header.offset)
            for block in read_blocks(stream, header.delimiter, BLOCK_BYTES):
                table = as_strings(block, header, names)
                yield {name: parquet.as_text(table.column(name)) for name in names}
    except (EOFError, OSError, zlib.error) as error:
        raise DataRefused(f"{header.path}: can't be read to its end: {reason(error)}.") from error
