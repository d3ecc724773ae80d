"""Divides TFRecords of tf.Examples into blocks of whole records, and decodes a block as an Arrow table.

The format: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
"""

import json
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen import parquet
from components.example_gen.record_block import RecordBlock

_LENGTH = struct.Struct("<QI")  # and its checksum; then follow the data and its checksum
_CHECKSUM = struct.Struct("<I")
_MASK = 0xA282EAD8
_MAX_RECORD_BYTES = 2**30


def read_start(stream: BinaryIO) -> bytes:
    """Returns the bytes before the first record: none."""
    del stream
    return b""


def read_blocks(stream: BinaryIO, start: bytes, size: int) -> Iterator[RecordBlock]:
    """Reads a file in parts of whole records of about `size` bytes."""
    del start
    rest = b""
    while read := stream.read(size):
        rest += read
        ends = [end for _, end in _bounds(rest)]
        if ends:
            yield RecordBlock(rest[: ends[-1]], len(ends))
            rest = rest[ends[-1] :]
    if rest:
        raise EOFError("expected a TFRecord, found the end of the file")


def kinds(start: bytes, first: bytes) -> dict[str, str]:
    """Returns the kind of each column in the first block, see `parquet.kind_of`; `list` for several values."""
    del start
    batch = _decoded(first)
    found = {}
    for name, column in sorted(zip(batch.schema.names, batch.columns, strict=True)):
        several = not pa.types.is_null(column.type) and _most_values(column) > 1
        found[name] = "list" if several else parquet.kind_of(_single(column).type)
    return found


def decode(start: bytes, block: bytes) -> Iterator[pa.Table]:
    """Yields the records of a block as one table; a column with several values in a row is text."""
    del start
    batch = _decoded(block)
    columns = [_column(column) for column in batch.columns]
    yield pa.Table.from_arrays(columns, list(batch.schema.names))


def _decoded(block: bytes) -> pa.RecordBatch:
    # Other tables don't need this library.
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    records = []
    for begin, end in _bounds(block):
        record = block[begin + _LENGTH.size : end - _CHECKSUM.size]
        if _CHECKSUM.unpack_from(block, end - _CHECKSUM.size)[0] != _masked_checksum(record):
            raise ValueError("expected a TFRecord, found another checksum")
        records.append(record)
    try:
        batch: pa.RecordBatch = ExamplesToRecordBatchDecoder().DecodeBatch(records)
        return batch
    except RuntimeError as error:
        raise ValueError(f"expected tf.Examples in which each feature has one type: {error}") from error


def _bounds(content: bytes) -> Iterator[tuple[int, int]]:
    """Yields where each whole record begins and ends."""
    begin, size = 0, len(content)
    while begin + _LENGTH.size <= size:
        length, checksum = _LENGTH.unpack_from(content, begin)
        if checksum != _masked_checksum(content[begin : begin + 8]) or length > _MAX_RECORD_BYTES:
            raise ValueError("expected a TFRecord, found another length or checksum")
        end = begin + _LENGTH.size + length + _CHECKSUM.size
        if end > size:
            return
        yield begin, end
        begin = end


def _column(lists: Any) -> Any:
    """Returns the values of a column of lists; null without one, JSON text if a row has several."""
    if pa.types.is_null(lists.type):
        return lists
    if _most_values(lists) > 1:
        return _as_json(lists)
    return _single(lists)


def _single(lists: Any) -> Any:
    """Returns the value of each list; null if it has none."""
    if pa.types.is_null(lists.type):
        return lists
    values = lists.flatten()
    if pa.types.is_large_binary(values.type):
        values = _as_texts(values)
    if len(values) == len(lists):
        return values
    has_one = pc.fill_null(pc.list_value_length(lists), 0).to_numpy() > 0
    return values.take(pa.array(np.cumsum(has_one) - 1, mask=~has_one))


def _most_values(lists: Any) -> int:
    return pc.max(pc.list_value_length(lists)).as_py() or 0


def _as_texts(values: Any) -> Any:
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:  # not UTF-8
        return pa.array([value.decode(errors="replace") for value in values.to_pylist()], pa.string())


def _as_json(lists: Any) -> Any:
    if pa.types.is_large_binary(lists.type.value_type):
        lists = pa.LargeListArray.from_arrays(lists.offsets, _as_texts(lists.values), mask=lists.is_null())
    texts = [
        None if not values else json.dumps(values if len(values) > 1 else values[0], ensure_ascii=False)
        for values in lists.to_pylist()
    ]
    return pa.array(texts, pa.string())


def _masked_checksum(content: bytes) -> int:
    checksum: int = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + _MASK) & 0xFFFFFFFF
