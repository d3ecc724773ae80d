"""Encodes batches of rows as TFRecords of tf.Examples, and decodes them.

All examples of a table have the same features with one number each, so their serialized bytes differ only in these
numbers. A record with zeros is the template: it is copied for each row, and the numbers are written into it. CRC is
linear, so the checksum of a record is that of the template, XORed with a value for each byte that differs. Encoding
examples one by one, as tfx_bsl and TensorFlow do, took three quarters of ExampleGen's time. Decoding reads the numbers
at their positions; the rows are accepted only if encoding them gives the same bytes again, including the checksums.

The formats: https://protobuf.dev/programming-guides/encoding, tensorflow/core/example/feature.proto, and
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_LENGTH_BYTES, _CHECKSUM_BYTES = 8, 4
_EXAMPLE_FEATURES, _MAP_ENTRY, _KEY, _VALUE, _NUMBERS = 1, 1, 1, 2, 1
_BYTES_FIELD = 2  # the wire type of fields that begin with their length
_FLOAT, _LABEL = np.dtype("<f4"), np.dtype(np.uint8)
_BYTES_LIST = 1
_LIST = {_FLOAT: 2, _LABEL: 3}  # float_list; int64_list, in which 0 and 1 take one byte
_CASTAGNOLI = 0x82F63B78  # bits reversed
_MASK = 0xA282EAD8


class ExampleTemplate:
    """The common bytes of all records with these features, one number each, and a label.

    Args:
        features: the names of the features.
        label: the name of the label.
        number: whether the label is any number, as a feature is; otherwise it is 0 or 1.

    Attributes:
        record_bytes: the size of a record.
    """

    def __init__(self, features: Sequence[str], label: str, *, number: bool = False) -> None:
        kinds = dict.fromkeys(features, _FLOAT) | {label: _FLOAT if number else _LABEL}
        example, at = b"", {}
        # Sorted by name, so that the bytes depend only on the table.
        for name in sorted(kinds, key=str.encode):
            zero = bytes(kinds[name].itemsize)
            example += _map_entry(name.encode(), _field(_LIST[kinds[name]], _field(_NUMBERS, zero)))
            at[name] = len(example) - len(zero)
        # The tag and the length before the features shift all positions.
        shift = len(_field(_EXAMPLE_FEATURES, example)) - len(example)
        example = _field(_EXAMPLE_FEATURES, example)
        length = len(example).to_bytes(_LENGTH_BYTES, "little")
        head = length + masked(np.array([checksum(length)], np.uint32)).tobytes()
        self._record = np.frombuffer(head + example + bytes(_CHECKSUM_BYTES), np.uint8)
        self._features_at = len(head) + shift
        self.record_bytes = self._record.size
        self._at = [len(head) + shift + at[name] for name in kinds]
        self._crc = np.uint32(checksum(example))
        last = len(head) + len(example) - 1
        self._kinds = list(kinds.values())
        positions = zip(self._at, self._kinds, strict=True)
        self._changes = _checksum_changes(
            [[last - at - byte for byte in range(kind.itemsize)] for at, kind in positions]
        )

    def encode(self, features: npt.NDArray[np.float32], label: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Encodes rows as records, one after the other.

        Args:
            features: shape [features, rows]; NaN is a missing value.
            label: 0 or 1, or a number, shape [rows].

        Returns:
            The bytes of a TFRecord file, shape [rows, record_bytes].
        """
        rows = len(label)
        records = np.empty((rows, self.record_bytes), np.uint8)
        records[:] = self._record
        crc = np.full(rows, self._crc)
        columns = zip(self._at, self._kinds, self._changes, (*features, label), strict=True)
        for at, kind, changes, numbers in columns:
            content = np.ascontiguousarray(numbers, kind).view(np.uint8).reshape(rows, kind.itemsize)
            records[:, at : at + kind.itemsize] = content
            for byte, change in zip(content.T, changes, strict=True):
                crc ^= change[byte]
        records[:, -_CHECKSUM_BYTES:] = masked(crc).view(np.uint8).reshape(rows, _CHECKSUM_BYTES)
        return records

    def encode_features(
        self, features: npt.NDArray[np.float32], label: npt.NDArray[Any]
    ) -> npt.NDArray[np.uint8]:
        """Encodes only the features and the label of each row, to which more features can be added.

        Returns:
            Bytes of a `Features` message, shape [rows, bytes]; the arguments are those of `encode`.
        """
        return self.encode(features, label)[:, self._features_at : -_CHECKSUM_BYTES]

    def decode(self, content: bytes) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]] | None:
        """Decodes bytes that `encode` returned: features [features, rows] and label [rows].

        Returns None for other bytes: other features, another writer, compression or damage.
        """
        if len(content) % self.record_bytes:
            return None
        records = np.frombuffer(content, np.uint8).reshape(-1, self.record_bytes)
        features = np.empty((len(self._at) - 1, len(records)), _FLOAT)
        for at, column in zip(self._at, features, strict=False):
            column.view(np.uint8).reshape(-1, _FLOAT.itemsize)[:] = records[:, at : at + _FLOAT.itemsize]
        last, kind = self._at[-1], self._kinds[-1]
        label = np.ascontiguousarray(records[:, last : last + kind.itemsize]).view(kind)[:, 0]
        return (features, label) if np.array_equal(self.encode(features, label), records) else None


@functools.lru_cache(maxsize=1)
def example_template(features: tuple[str, ...], label: str, *, number: bool = False) -> ExampleTemplate:
    """Returns the template for a table, computed once: with 2,000 features that takes longer than encoding a block."""
    return ExampleTemplate(features, label, number=number)


def example_feature(name: bytes, text: bytes) -> bytes:
    """Returns the bytes of one feature with one text, as a part of a `Features` message."""
    return _map_entry(name, _field(_BYTES_LIST, _field(_NUMBERS, text)))


def features_head(length: int) -> bytes:
    """Returns the bytes of an example before a `Features` message of this length."""
    return _tag(_EXAMPLE_FEATURES) + _varint(length)


def _map_entry(name: bytes, values: bytes) -> bytes:
    return _field(_MAP_ENTRY, _field(_KEY, name) + _field(_VALUE, values))


def _field(number: int, content: bytes) -> bytes:
    return _tag(number) + _varint(len(content)) + content


def _tag(number: int) -> bytes:
    return bytes([number << 3 | _BYTES_FIELD])


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _byte_table() -> npt.NDArray[np.uint32]:
    """Returns the CRC-32C of each byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & np.uint32(1), np.uint32(_CASTAGNOLI), np.uint32(0))
    return table


_TABLE = _byte_table()


def checksum(content: bytes) -> int:
    """Returns the CRC-32C of the bytes, see RFC 3720."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = int(_TABLE[(crc ^ byte) & 0xFF]) ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _checksum_changes(following: Sequence[Sequence[int]]) -> list[list[npt.NDArray[np.uint32]]]:
    """Returns by which value (XOR) each byte changes the checksum of the content, compared with a zero byte.

    Args:
        following: for each number and each of its bytes, how many bytes of the content come after it.

    Returns:
        For each number and each of its bytes, uint32 [256], indexed by the value of the byte.
    """
    found: dict[int, npt.NDArray[np.uint32]] = {}
    wanted = {distance for distances in following for distance in distances}
    change = _TABLE
    for distance in range(max(wanted) + 1):
        if distance in wanted:
            found[distance] = change
        change = _TABLE[change & np.uint32(0xFF)] ^ (change >> np.uint32(8))
    return [[found[distance] for distance in distances] for distances in following]


def masked(crc: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Masks a checksum as TFRecord does: rotates it by 15 bits and adds a constant."""
    rotated = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    return (rotated + np.uint32(_MASK)).astype("<u4")
