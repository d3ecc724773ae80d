"""Many rows at once become TFRecords of tf.Examples, and rows again.

All examples of a table have the same features with one number each, so their serialized forms are equal but for these
numbers: a record is written once, copied for each row, and the numbers are put in. The checksum of a record is that of
the form with zeros, changed by what each byte that differs adds to it: CRC is linear. One call for each
example, as in tfx_bsl and TensorFlow, took three quarters of ExampleGen's time. To read, the numbers are taken out of
where they must be; written again they must give what was read, to the last bit of the checksums.

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
_BYTES_FIELD = 2  # the wire type of whatever comes with its length
_FLOAT, _LABEL = np.dtype("<f4"), np.dtype(np.uint8)
_LIST = {_FLOAT: 2, _LABEL: 3}  # float_list; int64_list, where 0 and 1 take a byte
_CASTAGNOLI = 0x82F63B78  # bits reversed
_MASK = 0xA282EAD8


class ExampleTemplate:
    """What all examples have that have these features, with one number each, and a label that is 0 or 1.

    Attributes:
        record_bytes: of each.
    """

    def __init__(self, features: Sequence[str], label: str) -> None:
        kinds = dict.fromkeys(features, _FLOAT) | {label: _LABEL}
        example, at = b"", {}
        # In the order of their names, so that nothing but the table decides the bytes.
        for name in sorted(kinds, key=str.encode):
            number = bytes(kinds[name].itemsize)
            values = _field(_LIST[kinds[name]], _field(_NUMBERS, number))
            example += _field(_MAP_ENTRY, _field(_KEY, name.encode()) + _field(_VALUE, values))
            at[name] = len(example) - len(number)
        # What stands before the features moves them all.
        moved = len(_field(_EXAMPLE_FEATURES, example)) - len(example)
        example = _field(_EXAMPLE_FEATURES, example)
        length = len(example).to_bytes(_LENGTH_BYTES, "little")
        head = length + _masked(np.array([_crc(length)], np.uint32)).tobytes()
        self._record = np.frombuffer(head + example + bytes(_CHECKSUM_BYTES), np.uint8)
        self.record_bytes = self._record.size
        self._at = [len(head) + moved + at[name] for name in kinds]
        self._crc = np.uint32(_crc(example))
        last = len(head) + len(example) - 1
        self._kinds = list(kinds.values())
        places = zip(self._at, self._kinds, strict=True)
        self._changes = _changes([[last - at - byte for byte in range(kind.itemsize)] for at, kind in places])

    def write(
        self, features: npt.NDArray[np.float32], label: npt.NDArray[np.integer[Any]]
    ) -> npt.NDArray[np.uint8]:
        """The records of rows, one after the other.

        Args:
            features: shape [features, rows]; NaN stands for a missing value.
            label: 0 or 1, shape [rows].

        Returns:
            Bytes of a TFRecord file, shape [rows, record_bytes].
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
        records[:, -_CHECKSUM_BYTES:] = _masked(crc).view(np.uint8).reshape(rows, _CHECKSUM_BYTES)
        return records

    def read(self, content: bytes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]] | None:
        """The rows that `write` would give these bytes for: features [features, rows] and label [rows].

        None where there are no such rows: the bytes are of other features or another writer, compressed, or damaged.
        """
        if len(content) % self.record_bytes:
            return None
        records = np.frombuffer(content, np.uint8).reshape(-1, self.record_bytes)
        features = np.empty((len(self._at) - 1, len(records)), _FLOAT)
        for at, column in zip(self._at, features, strict=False):
            column.view(np.uint8).reshape(-1, _FLOAT.itemsize)[:] = records[:, at : at + _FLOAT.itemsize]
        label = records[:, self._at[-1]].copy()
        return (features, label) if np.array_equal(self.write(features, label), records) else None


@functools.lru_cache(maxsize=1)
def example_template(features: tuple[str, ...], label: str) -> ExampleTemplate:
    """The form of a table's examples, made once for all its files: 2,000 features take longer than a block."""
    return ExampleTemplate(features, label)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES_FIELD]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _byte_table() -> npt.NDArray[np.uint32]:
    """What CRC-32C makes of each byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & np.uint32(1), np.uint32(_CASTAGNOLI), np.uint32(0))
    return table


_TABLE = _byte_table()


def _crc(content: bytes) -> int:
    """CRC-32C, as RFC 3720 has it."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = int(_TABLE[(crc ^ byte) & 0xFF]) ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _changes(following: Sequence[Sequence[int]]) -> list[list[npt.NDArray[np.uint32]]]:
    """By how much each value of a byte changes the checksum of what has zero there.

    Args:
        following: for each number, how many bytes come after each of its bytes.
    """
    found: dict[int, npt.NDArray[np.uint32]] = {}
    wanted = {distance for distances in following for distance in distances}
    change = _TABLE
    for distance in range(max(wanted) + 1):
        if distance in wanted:
            found[distance] = change
        change = _TABLE[change & np.uint32(0xFF)] ^ (change >> np.uint32(8))
    return [[found[distance] for distance in distances] for distances in following]


def _masked(crc: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """As TFRecord stores a checksum: turned by 15 bits, with a constant added."""
    turned = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    return (turned + np.uint32(_MASK)).astype("<u4")
