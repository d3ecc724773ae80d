"""One table in Avro, in TFRecords and in a snapshot of a SQL query: the same examples, model and predictions."""

import hashlib
import json
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow.csv as pacsv
import pytest
import tensorflow as tf

Run = Any  # of conftest.py
Row = dict[str, Any]
EFFECTS = {"Köln": 6.0, "Paris": 0.0, "a, b": -6.0}
TYPES = {"a": ["null", "double"], "city": ["null", "string"], "patient": "long", "y": "double"}
GROUPS = 120


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """1,200 rows of 120 patients: y = 3 a + what the city adds + noise. Some values are missing."""
    random = np.random.default_rng(5)
    cities = random.choice([*EFFECTS], 1_200)
    rows: list[Row] = []
    for number, city in enumerate(map(str, cities)):
        a = round(random.normal(), 3)
        rows.append(
            {
                "a": None if number % 50 == 0 else a,
                "city": None if number % 31 == 0 else city,
                "patient": number * 7 % GROUPS,
                "y": round(3 * a + EFFECTS[city] + random.normal(), 3),
            }
        )
    return rows


def write_avro(path: Path, rows: list[Row]) -> Path:
    schema = {
        "type": "record",
        "name": "row",
        "fields": [{"name": name, "type": kind} for name, kind in TYPES.items()],
    }
    with path.open("wb") as file:
        fastavro.writer(file, schema, rows, codec="deflate")
    return path


def write_tf_record(path: Path, rows: list[Row]) -> Path:
    def feature(value: Any) -> tf.train.Feature:
        if isinstance(value, str):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        if isinstance(value, int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))

    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for row in rows:
            features = {name: feature(value) for name, value in row.items() if value is not None}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return path


def shards(root: Path) -> dict[str, str]:
    (examples,) = (root / "artifacts/ExampleGen/examples").iterdir()
    return {
        str(path.relative_to(examples)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in examples.glob("Split-*/*")
    }


def test_three_sources(run: Run, rows: list[Row], tmp_path: Path) -> None:
    """The examples are equal to the byte, so one run to the end is enough: a regression with a text, split by group."""
    lines = tmp_path / "rows.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    snapshot = tmp_path / "snapshot.parquet"
    query = ("--query", f"SELECT * FROM '{lines}'", "-o", snapshot)
    taken = run.regpipe("snapshot", *query)
    assert taken.returncode == 0, taken.stderr
    avro = write_avro(tmp_path / "rows.avro", rows)
    records = write_tf_record(tmp_path / "rows.tfrecord.gz", rows)

    split = ("--set", "data.split.by=group", "--set", "data.split.column=patient")
    settings = ("--label", "y", *split, "--set", "training.epochs=60")
    root = tmp_path / "root"
    done = run(root, "--data", snapshot, *settings)
    assert done.code == 0, done.verdict
    assert done.summary["metrics"]["candidate"]["r2"] > 0.9  # without the city, at most 0.3
    (path,) = (root / "artifacts/Evaluator/evaluation").glob("*/verdict.json")
    assert 10 < json.loads(path.read_text())["bootstrap"]["groups"] < GROUPS / 3
    for number, table in enumerate((avro, records)):
        other = tmp_path / f"other-{number}"
        assert run(other, "--data", table, *settings, "--to-step", "ExampleGen").code == 0
        assert shards(other) == shards(root)

    output = tmp_path / "scores.csv"
    predicted = run.regpipe("predict", snapshot, avro, records, "--root", root, "-o", output)
    assert predicted.returncode == 0, predicted.stderr
    scores = pacsv.read_csv(output).column("prediction").to_numpy().reshape(3, len(rows))
    np.testing.assert_array_equal(scores[1:], scores[[0, 0]])
    assert np.corrcoef(scores[0], [row["y"] for row in rows])[0, 1] > 0.9
