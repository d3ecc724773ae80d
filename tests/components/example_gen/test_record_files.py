"""Avro files and TFRecords of tf.Examples are read as the same table in CSV is."""

import datetime
import decimal
import gzip
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
import tensorflow as tf

from components.common.errors import DataRefused
from components.config.data import SPLITS, DataConfig
from components.config.split_settings import SplitConfig
from components.example_gen.block_plan import plan_blocks
from components.example_gen.encoding_guess import guess_encoding
from components.example_gen.ingest_report import write_ingest_report
from components.example_gen.record_files import record_kinds, record_tables, select
from components.example_gen.shards import ConversionJob, convert, parse_block
from components.example_gen.table import find_table, inspect_table

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]
Row = dict[str, Any]
ROWS: list[Row] = [
    {"a": n / 8, "n": None if n % 5 == 0 else n - 3, "vip": n % 3 == 0, "city": f"Köln {n}", "y": n % 2}
    for n in range(60)
]
FIELDS = {"a": "float", "n": ["null", "long"], "vip": "boolean", "city": "string", "y": "int"}


def avro(rows: Sequence[Row] = ROWS, fields: Any = FIELDS, codec: str = "deflate") -> bytes:
    schema = {
        "type": "record",
        "name": "row",
        "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
    }
    target = io.BytesIO()
    fastavro.writer(target, schema, rows, codec=codec, sync_interval=200)
    return target.getvalue()


def feature(value: Any) -> tf.train.Feature:
    values = value if isinstance(value, list) else [] if value is None else [value]
    if values and isinstance(values[0], str):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[one.encode() for one in values]))
    if values and isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(one) for one in values]))


def tf_record(folder: Path, rows: Sequence[Row] = ROWS) -> bytes:
    """Returns what TensorFlow writes."""
    path = str(folder / "written by TensorFlow")
    with tf.io.TFRecordWriter(path) as writer:
        for row in rows:
            features = {name: feature(value) for name, value in row.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return Path(path).read_bytes()


def csv(rows: Sequence[Row] = ROWS) -> str:
    cells = [["" if value is None else str(value) for value in row.values()] for row in rows]
    return "\n".join(",".join(row) for row in [list(rows[0]), *cells]) + "\n"


@pytest.fixture
def shards(settings: Settings, tmp_path: Path) -> Callable[[str], dict[str, bytes]]:
    """Converts a table without Beam; returns the bytes of its examples."""

    def convert_table(path: str) -> dict[str, bytes]:
        config = settings(path)
        table = find_table(config)
        plan = plan_blocks(table)
        folder = tmp_path / f"{Path(path).name}-out"
        job = ConversionJob(table, config, str(folder), len(plan.blocks), plan.most_rows)
        for block in plan.blocks:
            convert(job, block)
        totals = write_ingest_report(job, plan.digest, str(tmp_path))
        assert sum(totals.rows.values()) == len(ROWS)
        return {
            split: b"".join(path.read_bytes() for path in folder.glob(f"Split-{split}/*")) for split in SPLITS
        }

    return convert_table


def test_the_examples_are_those_of_csv(
    write: Write, shards: Callable[[str], dict[str, bytes]], tmp_path: Path
) -> None:
    """To the byte: numbers, missing values and booleans; text is not a feature."""
    expected = shards(write("t.csv", csv()))
    assert all(expected.values())
    tensorflow = tf_record(tmp_path)
    for name, content in {
        "t.avro": avro(),
        "snappyless.avro": avro(codec="null"),
        "t.avro.gz": gzip.compress(avro()),
        "t.tfrecord": tensorflow,
        "data_tfrecord-00000-of-00001.gz": gzip.compress(tensorflow),
    }.items():
        assert shards(write(name, content)) == expected, name


def columns(path: str) -> dict[str, tuple[str, list[Any]]]:
    """Returns the kind and the values of each column."""
    kinds = record_kinds(path)
    tables = [select(table, list(kinds)) for table in record_tables(path)]
    return {
        name: (kind, [value for table in tables for value in table[name].to_pylist()])
        for name, kind in kinds.items()
    }


def test_the_types_of_avro(write: Write) -> None:
    """Dates, times, decimal numbers and bytes are text; lists and maps are no features; unions have one type."""
    fields = {
        "day": {"type": "int", "logicalType": "date"},
        "at": {"type": "long", "logicalType": "timestamp-micros"},
        "price": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2},
        "raw": "bytes",
        "list": {"type": "array", "items": "int"},
        "x": "float",
        "e": {"type": "enum", "name": "color", "symbols": ["red", "blue"]},
        "again": ["null", "color"],
        "some": ["null", "long", "double"],
        "any": ["string", "long"],
        "none": "null",
    }
    row = {
        "day": datetime.date(2024, 1, 31),
        "at": datetime.datetime(2024, 1, 31, 12, tzinfo=datetime.UTC),
        "price": decimal.Decimal("1.50"),
        "raw": b"a\n\xff",
        "list": [1, 2],
        "x": 0.5,
        "e": "red",
        "again": None,
        "some": 2,
        "any": 7,
        "none": None,
    }
    assert columns(write("t.avro", avro([row], fields))) == {
        "day": ("text", ["2024-01-31"]),
        "at": ("text", ["2024-01-31 12:00:00+00:00"]),
        "price": ("text", ["1.50"]),
        "raw": ("text", ["a\n\ufffd"]),
        "list": ("array", ["[1, 2]"]),
        "x": ("number", [0.5]),
        "e": ("text", ["red"]),
        "again": ("text", [None]),
        "some": ("number", [2.0]),
        "any": ("text", ["7"]),
        "none": ("empty", [None]),
    }


def test_features_with_none_one_and_several_values(write: Write, tmp_path: Path) -> None:
    rows: list[Row] = [
        {"b": None, "c": "é", "a": 1.5, "d": [1, 2], "e": 2**60},
        {"b": None, "d": 3, "e": None, "f": [0.5]},
    ]
    assert columns(write("t.tfrecord", tf_record(tmp_path, rows))) == {
        "a": ("number", [1.5, None]),
        "b": ("number", [None, None]),
        "c": ("text", ["é", None]),
        "d": ("list", ["[1, 2]", "3"]),
        "e": ("number", [2**60, None]),
        "f": ("number", [None, 0.5]),
    }


def test_a_feature_of_two_types_is_refused(write: Write, tmp_path: Path) -> None:
    path = write("t.tfrecord", tf_record(tmp_path, [{"a": 1}, {"a": 0.5}]))
    with pytest.raises(
        DataRefused, match=r"each feature has one type.*int64_list, found float_list for feature .a"
    ):
        record_kinds(path)


def test_bytes_that_are_not_utf_8(write: Write, tmp_path: Path) -> None:
    values = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a\xff"]))
    example = tf.train.Example(features=tf.train.Features(feature={"a": values}))
    path = str(tmp_path / "t.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(example.SerializeToString())
    assert columns(path) == {"a": ("text", ["a\ufffd"])}


@pytest.mark.parametrize("name", ["t.avro", "t.tfrecord"])
def test_blocks_do_not_change_the_rows(name: str, write: Write, settings: Settings, tmp_path: Path) -> None:
    """Small blocks together are the file, and have the same rows; a changed block is refused."""
    content = avro() if name.endswith("avro") else tf_record(tmp_path)
    table = find_table(settings(write(name, content)))
    whole, divided = plan_blocks(table), plan_blocks(table, 200)
    assert len(whole.blocks) == 1 < len(divided.blocks)
    assert (
        (whole.digest, whole.most_rows)
        == (divided.digest, divided.most_rows)
        == (whole.digest, len(ROWS) + 1)
    )
    assert sum(block.length for block in divided.blocks) == sum(block.length for block in whole.blocks)
    (at_once,) = parse_block(table, whole.blocks[0])
    parts = [part for block in divided.blocks for part in parse_block(table, block)]
    assert [block.line for block in divided.blocks] == [
        1 + sum(len(part.label) for part in parts[:number]) for number in range(len(parts))
    ]
    np.testing.assert_array_equal(np.hstack([part.numbers for part in parts]), at_once.numbers)
    np.testing.assert_array_equal(np.concatenate([part.label for part in parts]), at_once.label)
    write(name, content[:-20] + bytes(20))
    with pytest.raises(DataRefused, match="the file changed"):
        list(parse_block(table, divided.blocks[-1]))


def test_a_bad_row_is_named_by_its_record(write: Write, settings: Settings) -> None:
    rows = [row | {"a": float("inf") if number == 41 else row["a"]} for number, row in enumerate(ROWS)]
    table = find_table(settings(write("t.avro", avro(rows))))
    parts = [part for block in plan_blocks(table, 600).blocks for part in parse_block(table, block)]
    (rejected,) = [one for part in parts for one in part.rejected]
    assert (rejected.line, rejected.reason) == (42, "column 'a': infinity")


def test_a_split_by_a_time_of_avro(write: Write, settings: Settings) -> None:
    """A date of Avro can be the time of the rows."""
    fields = {"day": {"type": "int", "logicalType": "date"}, "a": "int", "y": "int"}
    rows = [{"day": datetime.date(2024, 1, 1 + n), "a": n, "y": n % 2} for n in range(10)]
    config = settings(write("t.avro", avro(rows, fields)), split=SplitConfig(by="time", column="day"))
    with pytest.raises(DataRefused, match=r"eval_from: 2024-01-07 and data.split.test_from: 2024-01-09"):
        find_table(config)


def test_init_describes_the_file(write: Write, settings: Settings, tmp_path: Path) -> None:
    """Its format, without a guess of an encoding; data.encoding has no effect."""
    for name, content, kind in (("t.avro", avro(), "Avro"), ("t.tfrecord", tf_record(tmp_path), "TFRecord")):
        config = settings(write(name, content))
        assert guess_encoding(config) is None
        report = inspect_table(config.model_copy(update={"encoding": "utf-16"}))
        assert (report.kind, sorted(report.numeric)) == (kind, ["a", "n", "vip"])


def test_files_of_records_in_a_folder_are_one_table(write: Write, settings: Settings, tmp_path: Path) -> None:
    for name, content in (
        ("avro/1.avro", avro()),
        ("avro/2.avro", avro(ROWS[:7])),
        ("avro/README.md", "text"),
    ):
        write(name, content)
    assert len(find_table(settings(str(tmp_path / "avro"))).headers) == 2


@pytest.mark.parametrize("name", ["t.avro", "t.tfrecord"])
def test_a_damaged_file_is_refused(name: str, write: Write, settings: Settings, tmp_path: Path) -> None:
    """Cut off, or with one changed byte near its end; the message has the file and the record before."""
    content = avro() if name.endswith("avro") else tf_record(tmp_path)
    changed = bytearray(content)
    changed[-30] ^= 0xFF
    for number, damaged in enumerate((content[:-10], bytes(changed))):
        path = write(f"{number}/{name}", damaged)
        with pytest.raises(DataRefused, match=rf"{number}/{name}: can't be read.*damaged after record \d+"):
            find_table(settings(path))


def test_other_content_under_such_a_name(write: Write, settings: Settings) -> None:
    """Text is neither; Avro under another name is called by its format."""
    for name in ("t.avro", "t.tfrecord"):
        with pytest.raises(DataRefused, match=rf"{name}: can't be read"):
            find_table(settings(write(name, csv())))
    with pytest.raises(DataRefused, match=r"Avro; its name must end in \.avro"):
        find_table(settings(write("t.csv", avro())))
