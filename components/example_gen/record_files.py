"""Reads Avro files and TFRecords of tf.Examples as JSON lines, so that everything else reads them as such.

Line n is record n, so messages name the right record.
"""

import json
import posixpath
import struct
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import fastavro
import google_crc32c

from components.common import storage
from components.example_gen.text_stream import stream_of

AVRO, TF_RECORD = "Avro", "TFRecord"
AVRO_SUFFIX = ".avro"
_HEAD, _CHECKSUM_BYTES = (
    struct.Struct("<QI"),
    4,
)  # TFRecord: length and its checksum; data; checksum of the data
_MASK = 0xA282EAD8
_MAX_RECORD_BYTES = 2**30
_LINES_TOGETHER = 256


def record_kind(path: str) -> str | None:
    """Returns the format of a file of records by its name, `AVRO` or `TF_RECORD`; None for other files.

    >>> record_kind("days/rows.avro"), record_kind("data_tfrecord-00000-of-00001.gz"), record_kind("rows.csv")
    ('Avro', 'TFRecord', None)
    """
    name = posixpath.basename(path).lower().removesuffix(".gz")
    if name.endswith(AVRO_SUFFIX):
        return AVRO
    return TF_RECORD if "tfrecord" in name else None


def open_as_text(path: str) -> BinaryIO:
    """Opens a file for reading its bytes after decompression (.gz), as JSON lines if it is a file of records.

    Reading raises OSError if the file is damaged.
    """
    raw, kind = storage.open_text(path), record_kind(path)
    return raw if kind is None else stream_of(raw, _json_lines(raw, _READERS[kind]))


def _json_lines(raw: BinaryIO, read: Callable[[BinaryIO], Iterator[dict[str, Any]]]) -> Iterator[bytes]:
    lines: list[str] = []
    number = 0
    try:
        for record in read(raw):
            number += 1
            lines.append(json.dumps(record, default=_as_text))
            if len(lines) == _LINES_TOGETHER:
                yield _joined(lines)
                lines = []
    # fastavro raises errors of many types, depending on which part of the file is damaged.
    except Exception as error:
        raise OSError(f"damaged after record {number:,}: {type(error).__name__}: {error}") from error
    if lines:
        yield _joined(lines)


def _joined(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def _as_text(value: object) -> str:
    """Returns a value that JSON does not have: a date, a time, a decimal number, bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _avro_records(raw: BinaryIO) -> Iterator[dict[str, Any]]:
    for record in fastavro.reader(raw):
        if not isinstance(record, dict):
            raise ValueError(f"expected records with named fields, found {type(record).__name__}")
        yield record


def _tf_examples(raw: BinaryIO) -> Iterator[dict[str, Any]]:
    # Loading TensorFlow takes seconds, which other tables don't need.
    from tensorflow.core.example.example_pb2 import Example

    for content in _tf_records(raw):
        features = Example.FromString(content).features.feature
        yield {name: _value(features[name]) for name in sorted(features)}


def _value(feature: Any) -> object:
    """Returns the value of a feature; None without one, a list if there are several."""
    kind = feature.WhichOneof("kind")
    values = list(getattr(feature, kind).value) if kind else []
    if kind == "bytes_list":
        values = [_as_text(value) for value in values]
    return values[0] if len(values) == 1 else values or None


def _tf_records(raw: BinaryIO) -> Iterator[bytes]:
    """https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details."""
    while head := raw.read(_HEAD.size):
        length, checksum = _HEAD.unpack(head)
        if checksum != _masked_checksum(head[:8]) or length > _MAX_RECORD_BYTES:
            raise ValueError("expected a TFRecord, found another length or checksum")
        content, found = raw.read(length), raw.read(_CHECKSUM_BYTES)
        if found != _masked_checksum(content).to_bytes(_CHECKSUM_BYTES, "little"):
            raise ValueError("expected a TFRecord, found another checksum or the end of the file")
        yield content


def _masked_checksum(content: bytes) -> int:
    checksum: int = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + _MASK) & 0xFFFFFFFF


_READERS = {AVRO: _avro_records, TF_RECORD: _tf_examples}
