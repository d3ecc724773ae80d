"""Reads the columns of Parquet files, and their rows in batches."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as papq

from components.common import storage
from components.common.errors import DataRefused, reason
from components.example_gen.cell_parsing import Array, to_float32
from components.example_gen.csv_header import FileHeader
from components.example_gen.no_rows_error import NoRows

Column: TypeAlias = "pa.ChunkedArray[Any]"
BATCH_ROWS = 2**16
# The read buffer of each column. Without it, the whole column chunk of a row group is read at once; with PyArrow's
# `pre_buffer`, its default, all bytes read so far stay in memory.
_READ_BYTES = 2**20
NUMBER, TEXT, EMPTY = "number", "text", "empty"


@contextmanager
def open_file(path: str) -> Iterator[papq.ParquetFile]:
    """Opens a Parquet file.

    Raises:
        DataRefused: the file is not a Parquet file.
    """
    with storage.open_bytes(path) as stream:
        try:
            file = papq.ParquetFile(stream, buffer_size=_READ_BYTES, pre_buffer=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataRefused(
                f"{path}: expected a Parquet file, but it can't be read as one: {reason(error)}."
            ) from error
        yield file


def read_parquet_header(path: str) -> FileHeader:
    """Reads the columns of a Parquet file.

    Raises:
        DataRefused: the file is empty, has no rows, or is not a Parquet file.
    """
    with storage.open_bytes(path) as stream:
        if not stream.read(1):
            raise NoRows(path, f"{path}: expected a Parquet file, found an empty file.")
    with open_file(path) as file:
        if not file.metadata.num_rows:
            raise NoRows(path, f"{path}: expected rows, found none.")
        names = tuple(
            "" if name.startswith("__index_level_") else name.strip() for name in file.schema_arrow.names
        )
    return FileHeader(path=path, columns=names, delimiter="", offset=0, line=1)


def kind_of(arrow_type: Any) -> str:
    """Returns NUMBER, TEXT, EMPTY (no cell has a value) or, for a type that can't be a feature, its name."""
    if pa.types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    if pa.types.is_null(arrow_type):
        return EMPTY
    if pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type):
        return TEXT
    is_number = (
        pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type) or pa.types.is_decimal(arrow_type)
    )
    return NUMBER if is_number or pa.types.is_boolean(arrow_type) else str(arrow_type)


def kinds(path: str) -> dict[str, str]:
    """Returns the kind of each column of a file, by name; see `kind_of`."""
    with open_file(path) as file:
        return {field.name.strip(): kind_of(field.type) for field in file.schema_arrow}


def batches(header: FileHeader, group: int, names: list[str]) -> Iterator[pa.Table]:
    """Reads the named columns of a row group in batches of `BATCH_ROWS` rows, in the order of the names."""
    with open_file(header.path) as file:
        file_names = [file.schema_arrow.names[header.columns.index(name)] for name in names]
        try:
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=file_names):
                yield pa.Table.from_batches([batch]).select(file_names).rename_columns(names)
        except (pa.ArrowException, OSError) as error:
            raise DataRefused(
                f"{header.path}: row group {group + 1} can't be read, the file is damaged: {reason(error)}."
            ) from error


def as_text(column: Column) -> Array:
    """Returns the cells of a column as strings, as a CSV file would spell them."""
    array: Any = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], pa.string())
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    texts: Array = array.cast(pa.string())
    return texts


def as_floats(column: Column) -> npt.NDArray[np.float32]:
    """Returns a column of kind NUMBER or EMPTY as float32, nulls as NaN."""
    return to_float32(as_doubles(column))


def as_doubles(column: Column) -> npt.NDArray[np.float64]:
    """Returns a column of kind NUMBER or EMPTY as float64, nulls as NaN."""
    array: Any = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], pa.float64())
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    doubles: npt.NDArray[np.float64] = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return doubles


def row_as_json(table: pa.Table, row: int) -> str:
    """Returns one row as JSON, for the file of rejected rows."""
    return json.dumps(table.slice(row, 1).to_pylist()[0], default=str, ensure_ascii=False)
