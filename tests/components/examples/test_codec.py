"""Encoded rows are TFRecords that TensorFlow reads, with tf.Examples of the same length as protobuf writes."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.examples.codec import ExampleTemplate


def read_back(path: Path, records: bytes) -> list[bytes]:
    """Returns the serialized examples in order, as TensorFlow reads them; it verifies both checksums of each record."""
    path.write_bytes(records)
    found = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    ordered = [tf.train.Example.FromString(one).SerializeToString(deterministic=True) for one in found]
    assert list(map(len, ordered)) == list(map(len, found))
    return ordered


def by_protobuf(names: list[str], label: str, numbers: list[float], positive: int) -> bytes:
    """Returns one row, serialized by protobuf's own classes in their order of the features."""
    example = tf.train.Example()
    for name, number in zip(names, numbers, strict=True):
        example.features.feature[name].float_list.value.append(number)
    example.features.feature[label].int64_list.value.append(positive)
    return bytes(example.SerializeToString(deterministic=True))


NAMES = {
    "one": ["x"],
    "the order of names is not that of the columns": ["b", "a", "Z", "zz", "é", "日本", "ab"],
    "twenty": [f"f{index}" for index in range(20)],
    "lengths of more than 127 bytes": ["long " * 60, "x" * 127, "y" * 128, "short"],
    "examples of more than 16,383 bytes": [f"feature {index}" for index in range(800)],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
def test_examples_are_those_of_protobuf(names: list[str], tmp_path: Path) -> None:
    """With missing and extreme values; both checksums are right."""
    random = np.random.default_rng(3)
    features = random.normal(size=(len(names), 50)).astype(np.float32)
    features[0, :4] = [np.nan, -0.0, 3.4028235e38, 1e-45]
    label = random.integers(0, 2, 50)
    records = ExampleTemplate(names, "label").encode(features, label)
    found = read_back(tmp_path / "records", records.tobytes())
    assert found == [
        by_protobuf(names, "label", features[:, row].tolist(), int(label[row])) for row in range(50)
    ]


def test_the_label_may_stand_anywhere_among_the_names(tmp_path: Path) -> None:
    """It may be the first, the last or between others."""
    features, label = np.array([[1.5], [2.5]], np.float32), np.array([1])
    for name in ("a", "c", "e"):
        (found,) = read_back(
            tmp_path / name, ExampleTemplate(["b", "d"], name).encode(features, label).tobytes()
        )
        assert found == by_protobuf(["b", "d"], name, [1.5, 2.5], 1)


def test_features_are_in_the_order_of_their_names() -> None:
    """So the bytes depend only on the table."""
    record = ExampleTemplate(["b", "c"], "a").encode(np.ones((2, 1), np.float32), np.array([1])).tobytes()
    other = ExampleTemplate(["c", "b"], "a").encode(np.ones((2, 1), np.float32), np.array([1])).tobytes()
    assert record == other
    assert record.index(b"a\x12") < record.index(b"b\x12") < record.index(b"c\x12")


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
def test_encoded_rows_are_decoded(names: list[str]) -> None:
    """Bit by bit, including missing values."""
    random = np.random.default_rng(4)
    features = random.normal(size=(len(names), 30)).astype(np.float32)
    features[0, :3] = [np.nan, -0.0, np.inf]
    label = random.integers(0, 2, 30)
    template = ExampleTemplate(names, "label")
    read = template.decode(template.encode(features, label).tobytes())
    assert read is not None
    assert read[0].tobytes() == features.tobytes()
    np.testing.assert_array_equal(read[1], label)


def test_one_changed_bit_is_not_decoded() -> None:
    """Anywhere: in a length, a name, a number or a checksum."""
    template = ExampleTemplate(["x", "y"], "label")
    written = template.encode(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), np.array([0, 1])).tobytes()
    for at in range(len(written)):
        damaged = bytearray(written)
        damaged[at] ^= 1 << at % 8
        assert template.decode(bytes(damaged)) is None, at
    assert template.decode(written[:-1]) is None


def test_rows_of_another_table_are_not_decoded() -> None:
    """Not even if its records have the same size."""
    written = (
        ExampleTemplate(["a", "b"], "y").encode(np.ones((2, 3), np.float32), np.ones(3, np.int64)).tobytes()
    )
    assert ExampleTemplate(["a", "c"], "y").decode(written) is None
    assert ExampleTemplate(["a"], "y").decode(written) is None


def test_no_rows() -> None:
    """No rows are no bytes, and no bytes are no rows."""
    assert ExampleTemplate(["x"], "label").decode(b"")[0].shape == (1, 0)  # type: ignore[index]
    records = ExampleTemplate(["x"], "label").encode(np.empty((1, 0), np.float32), np.empty(0, np.int64))
    assert records.tobytes() == b""


def test_columns_need_not_be_contiguous_in_memory(tmp_path: Path) -> None:
    """A selection of rows, and the transpose of a matrix of rows."""
    rows = np.arange(12, dtype=np.float32).reshape(6, 2)
    records = ExampleTemplate(["a", "b"], "y").encode(rows.T[:, ::2], np.array([0, 1, 0, 1, 0, 1])[::2])
    found = read_back(tmp_path / "records", records.tobytes())
    assert found == [by_protobuf(["a", "b"], "y", [row, row + 1], 0) for row in (0.0, 4.0, 8.0)]


def test_a_damaged_number_is_detected(tmp_path: Path) -> None:
    """The checksum covers each byte of each number."""
    records = ExampleTemplate(["x"], "y").encode(np.array([[1.0]], np.float32), np.array([1]))
    at = records.tobytes().index(struct.pack("<f", 1.0))
    for byte in range(4):
        damaged = records.copy()
        damaged[0, at + byte] ^= 1
        with pytest.raises(tf.errors.DataLossError):
            read_back(tmp_path / "records", damaged.tobytes())
