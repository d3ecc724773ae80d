"""Encodes batches of rows with texts as TFRecords of tf.Examples.

The features with numbers come first, as `codec` encodes them; then those with texts, in the order of their names. A
missing text is the empty one, so that every feature has one value in every example.
"""

import functools
from collections.abc import Sequence
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.examples.codec import ExampleTemplate, checksum, example_feature, features_head, masked
from components.examples.text_column import TextColumn

_BINARY = pa.large_binary()  # offsets of 64 bits: a batch may have more than 2 GB


class TextExampleEncoder:
    """Encodes rows of numbers, a label and texts.

    Args:
        features: the names of the features with numbers.
        label: the name of the label.
        texts: the names of the features with texts.
        number: whether the label is any number; otherwise it is 0 or 1.
    """

    def __init__(
        self, features: Sequence[str], label: str, texts: Sequence[str], *, number: bool = False
    ) -> None:
        self._numbers = ExampleTemplate(features, label, number=number)
        self._names = [name.encode() for name in texts]
        self._order = sorted(range(len(texts)), key=lambda index: self._names[index])

    def encode(
        self,
        features: npt.NDArray[np.float32],
        label: npt.NDArray[Any],
        texts: Sequence[TextColumn],
    ) -> bytes:
        """Returns the bytes of a TFRecord file, one record for each row.

        Args:
            features: shape [features, rows]; NaN is a missing value.
            label: 0 or 1, or a number, shape [rows].
            texts: the columns with texts.
        """
        if not len(label):
            return b""
        parts = [_rows_of(self._numbers.encode_features(features, label))]
        for index in self._order:
            encoded = [example_feature(self._names[index], text) for text in texts[index].texts]
            parts.append(_taken(encoded, texts[index].codes))
        content = _joined(parts)
        examples = _joined([_of_length(content, features_head), content])
        checksums = np.fromiter(map(google_crc32c.value, examples.to_pylist()), np.uint32, len(label))
        records = _joined(
            [_of_length(examples, _record_head), examples, _rows_of(_bytes_of(masked(checksums)))]
        )
        offsets = _offsets(records)
        content_bytes: bytes = (
            records.buffers()[2].slice(int(offsets[0]), int(offsets[-1] - offsets[0])).to_pybytes()
        )
        return content_bytes


@functools.lru_cache(maxsize=1)
def text_example_encoder(
    features: tuple[str, ...], label: str, texts: tuple[str, ...], *, number: bool = False
) -> TextExampleEncoder:
    """Returns the encoder of a table, created once."""
    return TextExampleEncoder(features, label, texts, number=number)


def _record_head(length: int) -> bytes:
    content = length.to_bytes(8, "little")
    return content + _bytes_of(masked(np.array([checksum(content)], np.uint32))).tobytes()


def _bytes_of(values: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Returns the little-endian bytes of 32-bit integers, shape [values, 4]."""
    return values.astype("<u4").view(np.uint8).reshape(len(values), 4)


def _rows_of(content: npt.NDArray[np.uint8]) -> Any:
    """Returns the rows of a matrix of bytes as an Arrow array."""
    rows, size = content.shape
    offsets = np.arange(rows + 1, dtype=np.int64) * size
    buffers: Any = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(content.tobytes())]
    return pa.Array.from_buffers(_BINARY, rows, buffers)


def _joined(parts: Sequence[Any]) -> Any:
    return pc.binary_join_element_wise(*parts, pa.scalar(b"", _BINARY))


def _offsets(values: Any) -> npt.NDArray[np.int64]:
    return np.frombuffer(values.buffers()[1], np.int64)[values.offset : values.offset + len(values) + 1]


def _of_length(values: Any, head: Any) -> Any:
    """Returns `head` of the length of each value."""
    lengths, inverse = np.unique(np.diff(_offsets(values)), return_inverse=True)
    return _taken([head(length) for length in lengths.tolist()], inverse)


def _taken(values: list[bytes], codes: npt.NDArray[np.int64]) -> Any:
    chosen: Any = pa.array(values, _BINARY).take(codes)
    return chosen
