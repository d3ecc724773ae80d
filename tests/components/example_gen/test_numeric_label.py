"""A label that is a number: when it is taken for one, what is read, and what the ingest record says."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as papq
import pytest
import tensorflow as tf

from components.common.errors import DataRefused
from components.common.ingest_record import IngestRecord
from components.config.data import SPLITS, DataConfig
from components.example_gen.block_plan import plan_blocks
from components.example_gen.ingest_report import write_ingest_report
from components.example_gen.numeric_label import NumericLabel
from components.example_gen.shards import ConversionJob, convert
from components.example_gen.table import find_table

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]


def table(labels: list[str]) -> str:
    return "a,y\n" + "".join(f"{row},{label}\n" for row, label in enumerate(labels))


def ingest(config: DataConfig, folder: Path) -> tuple[IngestRecord, dict[str, list[tuple[float, ...]]]]:
    """Converts a table; returns the ingest record, and the feature and the label of the rows of each split."""
    found = find_table(config)
    plan = plan_blocks(found)
    job = ConversionJob(found, config, str(folder), len(plan.blocks), plan.most_rows)
    for block in plan.blocks:
        convert(job, block)
    write_ingest_report(job, plan.digest, "")
    rows = {}
    for split in SPLITS:
        files = sorted(str(path) for path in folder.glob(f"Split-{split}/*"))
        examples = [
            tf.train.Example.FromString(raw).features.feature
            for raw in tf.data.TFRecordDataset(files).as_numpy_iterator()
        ]
        rows[split] = [(one["a"].float_list.value[0], *one["y"].float_list.value) for one in examples]
    return IngestRecord.read(str(folder)), rows


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["1.5", "2", "3"] * 4, "fractions"),
        ([str(number) for number in range(21)], "more than 20 whole numbers"),
        (["0", "1", *(str(number) for number in range(2, 30))], "more than 20 whole numbers"),
    ],
    ids=["fractions", "whole numbers", "with 0 and 1"],
)
def test_auto_takes_many_numbers_for_a_number(
    write: Write, settings: Settings, labels: list[str], reason: str
) -> None:
    found = find_table(settings(write("t.csv", table(labels)))).labels
    assert isinstance(found, NumericLabel)
    assert found.task.name == "regression"
    assert reason in found.task_reason


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["1", "2", "4"] * 4, r"'y'.*3 whole numbers.*data\.task to regression"),
        ([str(2 * number) for number in range(20)], r"'y'.*20 whole numbers.*data\.task to regression"),
        ([f"text {number}" for number in range(12)], "'y'.*more than two values.*'text 0'"),
    ],
    ids=["three", "twenty", "text"],
)
def test_auto_refuses_what_may_be_classes(
    write: Write, settings: Settings, labels: list[str], message: str
) -> None:
    with pytest.raises(DataRefused, match=message):
        find_table(settings(write("t.csv", table(labels))))


def test_two_values_are_classes_unless_the_task_says_otherwise(write: Write, settings: Settings) -> None:
    """Also with a few other values, which are bad rows."""
    path = write("t.csv", table(["0", "1"] * 100 + ["7"]))
    assert find_table(settings(path)).labels.task.name == "binary"
    assert find_table(settings(path, task="binary")).labels.task.name == "binary"
    assert find_table(settings(path, task="regression")).labels.task.name == "regression"
    three = write("three.csv", table(["1", "2", "3"] * 4))
    assert find_table(settings(three, task="regression")).labels.classes == ()


def test_a_number_is_expected(write: Write, settings: Settings) -> None:
    path = write("t.csv", table(["low", "high"] * 4))
    with pytest.raises(DataRefused, match=r"'y'.*data\.task is regression.*100.0%.*'low'"):
        find_table(settings(path, task="regression"))
    with pytest.raises(ValueError, match=r"data\.positive_label.*data\.task is regression.*'low'"):
        settings(path, task="regression", positive_label="low")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_labels_are_written_as_floats(write: Write, settings: Settings, tmp_path: Path, suffix: str) -> None:
    """The examples have the numbers of the table; the record has their statistics in each split, and no classes."""
    random.seed(3)
    labels = [round(random.gauss(100, 20), 2) for _ in range(200)]
    path = write("t.csv", table([str(label) for label in labels]))
    if suffix == "parquet":
        path = str(tmp_path / "t.parquet")
        papq.write_table(pa.table({"a": [float(row) for row in range(200)], "y": labels}), path)
    record, rows = ingest(settings(path), tmp_path / "examples")
    found = sorted(row for split in SPLITS for row in rows[split])
    assert found == [(row, float(np.float32(label))) for row, label in enumerate(labels)]
    assert (record.task, record.positives, record.classes) == ("regression", None, ())
    assert record.task_reason is not None
    assert record.label_statistics is not None
    for split in SPLITS:
        values = np.array([label for _, label in rows[split]])
        statistics = record.label_statistics[split]
        assert statistics.mean == pytest.approx(values.mean())
        assert statistics.deviation == pytest.approx(values.std())
        assert (statistics.low, statistics.high) == (values.min(), values.max())


def test_the_split_does_not_depend_on_the_label(write: Write, settings: Settings, tmp_path: Path) -> None:
    """The same rows with two classes are in the same splits."""
    numbers = ingest(settings(write("n.csv", table([f"{row}.5" for row in range(100)]))), tmp_path / "n")[1]
    classes = ingest(settings(write("c.csv", table([str(row % 2) for row in range(100)]))), tmp_path / "c")[
        0
    ].rows
    assert {split: len(rows) for split, rows in numbers.items()} == classes.model_dump(exclude={"rejected"})


def test_rows_without_a_number_are_rejected(write: Write, settings: Settings, tmp_path: Path) -> None:
    """With line and reason; the decimal mark is that of the table."""
    labels = [f"{row},5" for row in range(60)]
    labels[10], labels[20], labels[30] = "", "abc", "1e99"
    text = "a;b;y\n" + "".join(f"{row},25;{row};{label}\n" for row, label in enumerate(labels))
    record, rows = ingest(settings(write("t.csv", text), max_bad_fraction=0.1), tmp_path / "examples")
    assert record.rows.rejected == 3
    assert [reason.partition(":")[2] for reason in record.reasons] == [
        "12: label 'y': missing",
        "22: label 'y': expected a number, found 'abc'",
        "32: label 'y': 1e99 is too large for a 32-bit float",
    ]
    assert (4.25, 4.5) in [row for split in SPLITS for row in rows[split]]


def test_equal_labels_are_refused(write: Write, settings: Settings, tmp_path: Path) -> None:
    config = settings(write("t.csv", table(["2.5"] * 100)), task="regression")
    with pytest.raises(DataRefused, match=r"'y' is 2\.5 in all rows"):
        ingest(config, tmp_path / "examples")


def test_the_block_report_is_json(write: Write, settings: Settings, tmp_path: Path) -> None:
    """A block without a row in a split has no statistics of it."""
    config = settings(write("t.csv", table(["2.5", "3.5"])), task="regression")
    found = find_table(config)
    job = ConversionJob(found, config, str(tmp_path / "examples"), 1)
    convert(job, plan_blocks(found).blocks[0])
    (file,) = (tmp_path / "examples/_block_reports").glob("*.json")
    moments: dict[str, Any] = json.loads(file.read_text())["label_moments"]
    assert sum(values[0] for values in moments.values() if values is not None) == 2
