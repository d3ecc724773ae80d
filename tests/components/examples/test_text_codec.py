"""Records with texts, compared with TensorFlow, which also checks their checksums."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.examples.codec import ExampleTemplate
from components.examples.text_codec import TextExampleEncoder
from components.examples.text_column import TextColumn

NAN = float("nan")
NUMBERS = np.array([[1.5, NAN, -3e38], [0.0, 2.0, 7.0]], np.float32)
LABEL = np.array([1, 0, 1])
LONG = "ö" * 70_000  # the lengths of the text, of its feature and of the example need three bytes
COLORS = TextColumn((b"red", LONG.encode(), b""), np.array([1, 0, 2]))
CODES = TextColumn((b"7",), np.array([0, 0, 0]))


def parsed(content: bytes, tmp_path: Path) -> list[dict[str, Any]]:
    """Returns the features of each record, as TensorFlow reads them."""
    path = tmp_path / "records"
    path.write_bytes(content)
    rows = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        rows.append({name: _value(values) for name, values in features.items()})
    return rows


def _value(values: tf.train.Feature) -> Any:
    kind = values.WhichOneof("kind")
    assert kind is not None
    [value] = getattr(values, kind).value
    return value.decode() if isinstance(value, bytes) else value


def test_tensorflow_reads_the_rows(tmp_path: Path) -> None:
    """Every feature has one value in every row; a missing text is the empty one."""
    encoder = TextExampleEncoder(["b", "a"], "y", ["color", "code"])
    found = parsed(encoder.encode(NUMBERS, LABEL, [COLORS, CODES]), tmp_path)
    assert [(row["color"], row["code"], row["y"]) for row in found] == [
        (LONG, "7", 1),
        ("red", "7", 0),
        ("", "7", 1),
    ]
    np.testing.assert_array_equal([[row["b"], row["a"]] for row in found], NUMBERS.T)


def test_the_bytes_of_a_record() -> None:
    """An independent encoding of one row: the numbers and the label by name, then the texts by name."""
    encoder = TextExampleEncoder(["x"], "y", ["b", "a"])
    column = TextColumn((b"t",), np.array([0]))
    found = encoder.encode(np.array([[1.0]], np.float32), np.array([1]), [column, column])
    texts = [b"\x0a\x0a\x0a\x01" + name + b"\x12\x05\x0a\x03\x0a\x01t" for name in (b"a", b"b")]
    number = b"\x0a\x0d\x0a\x01x\x12\x08\x12\x06\x0a\x04\x00\x00\x80\x3f"
    label = b"\x0a\x0a\x0a\x01y\x12\x05\x1a\x03\x0a\x01\x01"
    features = number + label + b"".join(texts)
    assert found[12:-4] == b"\x0a" + bytes([len(features)]) + features
    assert tf.train.Example.FromString(found[12:-4]).features.feature["a"].bytes_list.value == [b"t"]


def test_no_rows() -> None:
    """They have no bytes."""
    encoder = TextExampleEncoder([], "y", ["a"])
    empty = TextColumn((), np.empty(0, np.int64))
    assert encoder.encode(np.empty((0, 0), np.float32), np.empty(0, np.int64), [empty]) == b""


@pytest.mark.parametrize("features", [[], ["x", "b"]])
def test_without_texts_the_records_are_those_of_the_other_codec(features: list[str]) -> None:
    """So both write one format."""
    numbers = NUMBERS[: len(features)]
    expected = ExampleTemplate(features, "y").encode(numbers, LABEL).tobytes()
    assert TextExampleEncoder(features, "y", []).encode(numbers, LABEL, []) == expected
