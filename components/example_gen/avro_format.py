"""Divides Avro files into blocks of whole records, and decodes a block as Arrow tables.

The format: https://avro.apache.org/docs/1.11.1/specification/#object-container-files.
"""

import itertools
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

import fastavro
import pyarrow as pa

from components.example_gen import parquet
from components.example_gen.record_block import RecordBlock

_MAGIC = b"Obj\x01"
_SYNC_BYTES = 16
_MAX_BYTES = 2**30  # of an Avro block; more is taken for damage
_MAX_CELLS = 2**19  # in an Arrow table: as Python objects, cells take about ten times as much
_TYPES: dict[str, Any] = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int64(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "enum": pa.string(),
}
_NESTED = frozenset({"record", "error", "array", "map"})


class _Column(NamedTuple):
    """A field of the records: its Arrow type, and the name of its Avro type if it is nested."""

    name: str
    type: Any
    nested: str = ""


def read_start(stream: BinaryIO) -> bytes:
    """Reads the bytes before the first block: the schema, the codec and the marker that ends each block."""
    read = _Recorder(stream)
    if read(len(_MAGIC)) != _MAGIC:
        raise ValueError("expected an Avro file, found other bytes at its beginning")
    while entries := _number(read):
        if entries < 0:  # then the size in bytes follows
            _number(read)
        for _ in range(2 * abs(entries)):
            read(_number(read))
    read(_SYNC_BYTES)
    return bytes(read.bytes)


def read_blocks(stream: BinaryIO, start: bytes, size: int) -> Iterator[RecordBlock]:
    """Reads the rest of a file in parts of several Avro blocks, at least `size` bytes each except the last."""
    content, records = bytearray(), 0
    while first := stream.read(1):
        read = _Recorder(stream, first)
        count = _number(read)
        read(_number(read))
        if read(_SYNC_BYTES) != start[-_SYNC_BYTES:]:
            raise ValueError("expected the marker at the end of a block, found other bytes")
        content += read.bytes
        records += count
        if len(content) >= size:
            yield RecordBlock(bytes(content), records)
            content, records = bytearray(), 0
    if content:
        yield RecordBlock(bytes(content), records)


def kinds(start: bytes, first: bytes) -> dict[str, str]:
    """Returns the kind of each column, see `parquet.kind_of`; for nested values, the name of their Avro type."""
    del first
    reader = fastavro.reader(BytesIO(start))
    return {
        column.name: column.nested or parquet.kind_of(column.type)
        for column in _columns(reader.writer_schema)
    }


def decode(start: bytes, block: bytes) -> Iterator[pa.Table]:
    """Yields the records of a block; what Arrow has no type for here is text: dates, decimal numbers, nested values."""
    reader = fastavro.reader(BytesIO(start + block))
    columns = _columns(reader.writer_schema)
    rows: Iterator[Any] = iter(reader)
    while records := list(itertools.islice(rows, max(1, _MAX_CELLS // len(columns)))):
        arrays = [_array([record[column.name] for record in records], column.type) for column in columns]
        yield pa.Table.from_arrays(arrays, [column.name for column in columns])


def _array(values: list[Any], arrow_type: Any) -> Any:
    if pa.types.is_string(arrow_type):
        values = [value if value is None or isinstance(value, str) else _as_text(value) for value in values]
    return pa.array(values, arrow_type)


def _as_text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _columns(schema: Any) -> list[_Column]:
    named: dict[str, Any] = {}
    parsed: Any = fastavro.parse_schema(schema, named)
    fields = parsed.get("fields") if isinstance(parsed, dict) else None
    if not fields:
        raise ValueError("expected records with named fields, found another schema")
    return [_column(field["name"], field["type"], named) for field in fields]


def _column(name: str, schema: Any, named: dict[str, Any]) -> _Column:
    branches = [named.get(one, one) if isinstance(one, str) else one for one in _branches(schema)]
    types = [one if isinstance(one, str) else one["type"] for one in branches]
    nested = next((one for one in types if one in _NESTED), "")
    if nested:
        return _Column(name, pa.string(), nested)
    # Logical types, such as dates, and bytes are text.
    found = {
        _TYPES.get(one, pa.string())
        if isinstance(branch, str) or "logicalType" not in branch
        else pa.string()
        for one, branch in zip(types, branches, strict=True)
    } - {pa.null()}
    if len(found) <= 1:
        return _Column(name, found.pop() if found else pa.null())
    are_numbers = all(pa.types.is_integer(one) or pa.types.is_floating(one) for one in found)
    return _Column(name, pa.float64() if are_numbers else pa.string())


def _branches(schema: Any) -> list[Any]:
    return schema if isinstance(schema, list) else [schema]


class _Recorder:
    """Reads exact numbers of bytes, and keeps all that it has read."""

    def __init__(self, stream: BinaryIO, first: bytes = b"") -> None:
        self._stream, self._given = stream, first
        self.bytes = bytearray()

    def __call__(self, size: int) -> bytes:
        if not 0 <= size <= _MAX_BYTES:
            raise ValueError(f"expected a block of at most {_MAX_BYTES:,} bytes, found {size:,}")
        read = self._given[:size]
        self._given = self._given[size:]
        while len(read) < size:  # a short read is not always the end of the file
            more = self._stream.read(size - len(read))
            if not more:
                raise EOFError("expected more bytes, found the end of the file")
            read += more
        self.bytes += read
        return read


def _number(read: Callable[[int], bytes]) -> int:
    """Reads a long of Avro: seven bits in each byte, the lowest ones first, with the sign in the lowest bit."""
    value, shift = 0, 0
    while True:
        (byte,) = read(1)
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
        if shift > 63:
            raise ValueError("expected a number of at most ten bytes, found more")
