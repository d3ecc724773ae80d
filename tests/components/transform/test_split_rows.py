"""RowReader and write_rows turn files of tf.Examples into files of vectors, through a real Transform graph."""

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.examples.codec import ExampleTemplate
from components.transform import split_rows
from components.transform.rows_record import RowsRecord
from components.transform.split_rows import RowReader, write_rows

Columns = Mapping[str, Sequence[float]]
WriteExamples = Callable[[Path, Columns], str]
NAN = float("nan")


def part(table: Columns, rows: slice) -> Columns:
    return {name: column[rows] for name, column in table.items()}


def written(folder: Path, transform: Any, pattern: str, weight: str | None = None) -> list[Any]:
    """Writes a split; returns its arrays, read from the bytes of the files."""
    record = write_rows(RowReader(transform, "y", weight), {"train": pattern}, str(folder))
    assert RowsRecord.read(str(folder)) == record
    columns = zip(record.files(str(folder), "train"), record.columns.values(), strict=True)
    arrays = [np.frombuffer(Path(path).read_bytes(), "<f4").reshape(-1, count) for path, count in columns]
    assert {len(array) for array in arrays} == {record.rows["train"]}
    return arrays


@pytest.mark.parametrize("name", ["examples", "examples.gz"])
def test_features_and_labels(
    name: str,
    tmp_path: Path,
    write_examples: WriteExamples,
    transformed: Any,
    table: Columns,
    table_vectors: list[list[float]],
) -> None:
    """A plain and a gzipped file give the vectors computed by hand, and the labels as floats."""
    features, labels = written(tmp_path / "rows", transformed, write_examples(tmp_path / name, table))
    np.testing.assert_allclose(features, table_vectors, atol=1e-7)
    assert labels.tolist() == [[0], [1], [0], [1]]


def test_the_bytes_of_a_file(
    tmp_path: Path, write_examples: WriteExamples, analyze: Callable[..., Any]
) -> None:
    """Little-endian float32, row by row; the record has the shapes and the feature of each column."""
    columns: Columns = {"a": [0.0, 1.0, 4.0], "b": [8.0, 0.0, 2.0], "w": [0.5, 3.0, 2.0], "y": [0, 1, 0]}
    examples = write_examples(tmp_path / "examples", columns)
    written(tmp_path / "rows", analyze(columns, weight="w"), examples, "w")
    files = {file.name: file.read_bytes() for file in (tmp_path / "rows" / "Split-train").iterdir()}
    assert files == {
        "features.f32": struct.pack("<6f", 0, 1, 0.25, 0, 1, 0.25),
        "labels.f32": struct.pack("<3f", 0, 1, 0),
        "weights.f32": struct.pack("<3f", 0.5, 3, 2),
    }
    assert RowsRecord.read(str(tmp_path / "rows")) == RowsRecord(
        width=2, weighted=True, groups=(0, 1), rows={"train": 3}
    )


def test_files_by_name(
    tmp_path: Path,
    write_examples: WriteExamples,
    transformed: Any,
    table: Columns,
    table_vectors: list[list[float]],
) -> None:
    """All files of a split in the order of their names, plain ones beside gzipped ones."""
    write_examples(tmp_path / "b" / "part-2", part(table, slice(2, 4)))
    write_examples(tmp_path / "b" / "part-1.gz", part(table, slice(0, 2)))
    features, labels = written(tmp_path / "rows", transformed, f"{tmp_path}/b/*")
    np.testing.assert_allclose(features, table_vectors, atol=1e-7)
    assert labels.tolist() == [[0], [1], [0], [1]]


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("rows_of_block", [1, 7, 1_000])
def test_decoded_rows_are_those_of_tensorflow(
    tmp_path: Path,
    analyze: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    weight: str | None,
    rows_of_block: int,
) -> None:
    """Bit by bit, with missing values and weights, whatever the size of the blocks."""
    numbers = np.random.default_rng(1).lognormal(size=(3, 50)).astype(np.float32)
    numbers[1, ::5] = np.nan
    labels = np.arange(50) % 3 == 0
    names = ("b", "a", "w")
    transform = analyze(
        {**dict(zip(names, numbers.tolist(), strict=True)), "y": labels.astype(int).tolist()},
        weight=weight,
        missing_indicator="auto",
    )
    examples = tmp_path / "examples"
    examples.write_bytes(ExampleTemplate(names, "y").encode(numbers, labels).tobytes())
    monkeypatch.setattr(split_rows, "_BLOCK_VALUES", rows_of_block * 4)
    found = written(tmp_path / "rows", transform, str(examples), weight)
    assert found[0].shape == (50, 3 if weight else 4)  # with the indicator of `a`
    monkeypatch.setattr(split_rows, "_is_written_with", lambda template, path: False)
    parsed = written(tmp_path / "parsed", transform, str(examples), weight)
    assert [array.tobytes() for array in found] == [array.tobytes() for array in parsed]


def test_a_column_of_texts(tmp_path: Path, analyze: Callable[..., Any]) -> None:
    """Its examples are parsed by TensorFlow; each category has a column, all of one group."""
    import tensorflow as tf

    colors = ["red", "blue", "red", "blue", "red", "blue"]
    transform = analyze(
        {"a": [0.0, 1.0, 2.0, 4.0, 0.0, 4.0], "color": colors, "y": [0, 1] * 3}, min_category_count=2
    )
    with tf.io.TFRecordWriter(str(tmp_path / "examples")) as writer:
        for number, color in ((4.0, b"red"), (1.0, b"blue")):
            features = {
                "a": tf.train.Feature(float_list=tf.train.FloatList(value=[number])),
                "color": tf.train.Feature(bytes_list=tf.train.BytesList(value=[color])),
                "y": tf.train.Feature(int64_list=tf.train.Int64List(value=[1])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    features, _ = written(tmp_path / "rows", transform, str(tmp_path / "examples"))
    named = RowReader(transform, "y", None).layout.names
    assert [dict(zip(named, row, strict=True))["a"] for row in features.tolist()] == [1, 0.25]
    assert [dict(zip(named, row, strict=True))["color=red"] for row in features.tolist()] == [1, 0]
    groups = RowsRecord.read(str(tmp_path / "rows")).groups
    assert groups == (0, *[1] * (len(named) - 1))


def test_no_rows(tmp_path: Path, write_examples: WriteExamples, transformed: Any, table: Columns) -> None:
    """An empty file, or no file, is an error that contains the pattern."""
    write_examples(tmp_path / "empty" / "1.gz", part(table, slice(0, 0)))
    for pattern in (f"{tmp_path}/empty/*", f"{tmp_path}/nothing-*"):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
            written(tmp_path / "rows", transformed, pattern)
        assert str(caught.value) == f"{pattern}: expected at least one example, found none."


def test_a_damaged_file(tmp_path: Path, analyze: Callable[..., Any]) -> None:
    """One changed bit after the first row is an error that contains the path."""
    numbers = np.arange(8, dtype=np.float32).reshape(2, 4)
    transform = analyze(dict(zip("ab", numbers.tolist(), strict=True)) | {"y": [0, 1, 0, 1]})
    content = bytearray(ExampleTemplate(("a", "b"), "y").encode(numbers, np.arange(4) % 2).tobytes())
    content[-9] ^= 1
    (tmp_path / "examples").write_bytes(content)
    with pytest.raises(ValueError, match="damaged, or written by two programs") as caught:
        written(tmp_path / "rows", transform, str(tmp_path / "examples"))
    assert str(caught.value).startswith(f"{tmp_path}/examples: ")


def test_on_a_store(
    gcs: Any, tmp_path: Path, write_examples: WriteExamples, transformed: Any, table: Columns
) -> None:
    """The files on gs:// have the bytes of those on a disk, and no other file is left there."""
    examples = write_examples(tmp_path / "examples", table)
    record = write_rows(RowReader(transformed, "y", None), {"train": examples}, "gs://bucket/rows")
    assert (
        write_rows(RowReader(transformed, "y", None), {"train": examples}, str(tmp_path / "rows")) == record
    )
    names = ["rows/Split-train/features.f32", "rows/Split-train/labels.f32", "rows/rows.json"]
    assert sorted(gcs.store.names("bucket")) == names
    for name in names:
        assert gcs.store.get("bucket", name).content == (tmp_path / name).read_bytes()
