"""Output of rows with probabilities in each format; files are complete or do not exist."""

import csv
import dataclasses
import io
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.common.errors import DataRefused
from components.example_gen.cell_parsing import CellFormat, missing_markers
from serving.predict.added_columns import AddedColumn, DecisionColumn, OutputColumn, class_columns
from serving.predict.features import FeatureColumns
from serving.predict.output import CSV, JSON_LINES, PARQUET, OutputLayout, Scored, output_file, write_rows
from serving.predict.row_batches import JsonRowBatch, RowBatch

NAN = float("nan")
PROBABILITY = OutputColumn(name="probability")


DECISION = DecisionColumn(name="decision", threshold=0.3, negative="no", positive='"yes", 年')


def layout(
    *columns: str, features: Sequence[str] = (), decision: DecisionColumn | None = None
) -> OutputLayout:
    found = FeatureColumns(
        columns={name: name for name in features}, cells=CellFormat(missing=missing_markers(["na"]))
    )
    added: tuple[AddedColumn, ...] = (PROBABILITY,) if decision is None else (PROBABILITY, decision)
    return OutputLayout(columns=columns, added=added, features=found)


def scored(columns: dict[str, Any], *probabilities: float) -> Scored:
    table = pa.table(columns)
    return RowBatch(table, "t.csv:", range(2, 2 + table.num_rows)), np.array(probabilities, np.float32)


def objects(*lines: str) -> Scored:
    rows = [(json.loads(line), line) for line in lines]
    batch = JsonRowBatch(rows, list(rows[0][0]), ("t.jsonl:", range(1, 1 + len(rows))))
    return batch, np.full(len(rows), 0.5, np.float32)


def written(kind: str, to: OutputLayout, *scores: Scored) -> bytes:
    stream = io.BytesIO()
    assert write_rows(kind, stream, to, scores) == sum(batch.rows for batch, _ in scores)
    return stream.getvalue()


def test_csv_can_be_read_back() -> None:
    """Python's reader returns the same text, in all columns and in the header, in order."""
    texts = ["plain", "", 'a "b"', "x,y", "two\nlines", "carriage\rreturn", " blanks ", "年 龄", "'", "\\"]
    columns = {'a,"b"': texts, "é": texts[::-1]}
    output = written(CSV, layout(*columns), scored(columns, *[0.5] * len(texts)))
    header, *rows = csv.reader(io.StringIO(output.decode(), newline=""))
    assert header == ['a,"b"', "é", "probability"]
    assert rows == [[a, b, "0.5"] for a, b in zip(texts, texts[::-1], strict=True)]


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x?"&A1)',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\uff1d1",
        "-",
        "=1,2",
    ],
)
def test_csv_for_spreadsheets(text: str) -> None:
    """With csv_safe, a text that would be a formula has ' before it, also in the header; otherwise it is unchanged."""
    for safe, expected in ((True, f"'{text}"), (False, text)):
        to = dataclasses.replace(layout(text), csv_safe=safe)
        output = written(CSV, to, scored({text: [text]}, 0.5)).decode()
        rows = [[expected, "probability"], [expected, "0.5"]]
        assert list(csv.reader(io.StringIO(output, newline=""))) == rows


def test_csv_for_spreadsheets_keeps_numbers_and_other_text() -> None:
    """A negative number is no formula; missing values stay empty."""
    columns = {
        "t": ["-1.5", "+2e-3", "-1.234,5", "a=b", "", None, "'x"],
        "n": [-1.0, NAN, None, -1e-7, 2.0, 3.0, 4.0],
    }
    rows = scored(columns, *[0.5] * 7)
    safe = dataclasses.replace(layout(*columns), csv_safe=True)
    assert written(CSV, safe, rows) == written(CSV, layout(*columns), rows)


def test_csv_of_types() -> None:
    """Numbers are the shortest decimals with the same value; missing values are empty cells."""
    columns = {
        "double": [0.1, NAN, None],
        "float": pa.array([0.1, 1e-7, 1e20], pa.float32()),
        "int": [2**62 + 1, None, -1],
        "bool": [True, False, None],
        "text": pa.array(["x", None, "nan"]).dictionary_encode(),
    }
    lines = written(CSV, layout(*columns), scored(columns, 0.1, 1e-7, 1.0)).decode().splitlines()
    assert lines == [
        "double,float,int,bool,text,probability",
        "0.1,0.1,4611686018427387905,true,x,0.1",
        ",1e-7,,false,,1e-7",
        ",1e+20,-1,,nan,1",
    ]


def test_csv_has_one_header() -> None:
    batches = [scored({"a": ["1"]}, 0.25), scored({"a": ["2"]}, 0.75)]
    assert written(CSV, layout("a"), *batches) == b"a,probability\n1,0.25\n2,0.75\n"


def test_json_lines_of_json_lines_keep_their_text() -> None:
    """Spelling, nested values, keys of single rows and half a surrogate pair stay; only the probability is added."""
    lines = ['{"a": 1.50, "big": 12345678901234567890 }', "{}", '{"o": {"x": [null]}, "s": "\\ud800"}']
    assert written(JSON_LINES, layout("a"), objects(*lines)).decode().splitlines() == [
        '{"a": 1.50, "big": 12345678901234567890 , "probability": 0.5}',
        '{"probability": 0.5}',
        '{"o": {"x": [null]}, "s": "\\ud800", "probability": 0.5}',
    ]


def test_json_lines_of_a_table() -> None:
    """From CSV, features become numbers and other columns text; NaN, which is not in JSON, becomes null."""
    columns = {"f": ["0.1", "NA"], "id": ["007", "é"], "n": [NAN, 2.0]}
    lines = (
        written(JSON_LINES, layout(*columns, features=["f"]), scored(columns, 0.1, 1.0)).decode().splitlines()
    )
    assert lines == [
        '{"f": 0.1, "id": "007", "n": null, "probability": 0.1}',
        '{"f": null, "id": "é", "n": 2.0, "probability": 1.0}',
    ]


def test_parquet() -> None:
    """Features are doubles, other columns keep their types, the probability is float32; rows are in order."""
    columns = {"f": ["1", ""], "id": ["007", "8"], "l": [[1], None]}
    to = layout(*columns, features=["f"])
    output = written(PARQUET, to, scored(columns, 0.25, 0.5), scored(columns, 0.75, 1.0))
    table = pq.read_table(io.BytesIO(output))
    assert table.schema.types == [pa.float64(), pa.string(), pa.list_(pa.int64()), pa.float32()]
    assert table.column("f").to_pylist() == [1.0, None, 1.0, None]
    assert table.column("probability").to_pylist() == [0.25, 0.5, 0.75, 1.0]


def test_decisions_in_each_format() -> None:
    """They are the texts of the label, in the last column. A probability that equals the threshold is positive.

    Both are compared as float32: 0.3 is 0.30000001192 there, which is more than 0.3.
    """
    to = layout("a", decision=DECISION)
    below = float(np.nextafter(np.float32(0.3), np.float32(0)))
    given = scored({"a": ["1", "2", "3"]}, 0.3, below, 0.75)
    decisions = ['"yes", 年', "no", '"yes", 年']
    header, *lines = csv.reader(io.StringIO(written(CSV, to, given).decode(), newline=""))
    assert header == ["a", "probability", "decision"]
    assert [line[2] for line in lines] == decisions
    assert [line[1] for line in lines] == ["0.3", "0.29999998", "0.75"]
    assert written(JSON_LINES, to, given).decode().splitlines() == [
        '{"a": "1", "probability": 0.3, "decision": "\\"yes\\", 年"}',
        '{"a": "2", "probability": 0.29999998, "decision": "no"}',
        '{"a": "3", "probability": 0.75, "decision": "\\"yes\\", 年"}',
    ]
    assert written(JSON_LINES, to, objects('{"a": 1}', "{}")).decode().splitlines()[1] == (
        '{"probability": 0.5, "decision": "\\"yes\\", 年"}'
    )
    table = pq.read_table(io.BytesIO(written(PARQUET, to, given)))
    assert table.schema.names == ["a", "probability", "decision"]
    assert table.schema.types == [pa.string(), pa.float32(), pa.string()]
    assert table.column("decision").to_pylist() == decisions


def test_columns_in_another_order_are_put_in_the_first_one() -> None:
    batches = [scored({"a": ["1"], "b": ["2"]}, 0.5), scored({"b": ["4"], "a": ["3"]}, 0.5)]
    assert written(CSV, layout("a", "b"), *batches) == b"a,b,probability\n1,2,0.5\n3,4,0.5\n"


def refusal(kind: str, to: OutputLayout, *scores: Scored) -> str:
    with pytest.raises(DataRefused) as caught:
        written(kind, to, *scores)
    return str(caught.value)


def test_what_a_format_can_not_hold() -> None:
    """A list in CSV, a key of some rows in a table, changing types, or an existing probability are errors."""
    assert refusal(CSV, layout("l"), scored({"l": [[1]]}, 0.5)) == (
        "column 'l': expected a type that CSV supports, found list<item: int64>; --format parquet or jsonl supports it."
    )
    late = objects('{"a": 1}', '{"a": 1, "x": 2}')
    assert refusal(CSV, layout("a"), late) == (
        "t.jsonl:2: expected only columns that the first row has, found 'x'; only JSON lines can contain it."
    )
    assert refusal(JSON_LINES, layout("a"), objects('{"a": 1}', '{"probability": 2}')) == (
        "t.jsonl:2: expected no column 'probability' in the table, found one; --column gives the new one another name."
    )
    assert refusal(JSON_LINES, layout("a", decision=DECISION), objects('{"a": 1}', '{"decision": 2}')) == (
        "t.jsonl:2: expected no column 'decision' in the table, found one; --decision-column gives the new one another "
        "name."
    )
    changed = refusal(PARQUET, layout("a"), scored({"a": [1]}, 0.5), scored({"a": ["x"]}, 0.5))
    assert changed.startswith("t.csv:2: expected columns of the same types as before, found others: ")


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    """Until then the earlier content stays; the mode is that of a new file."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    with output_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]
    (tmp_path / "other").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


@pytest.mark.parametrize("error", [DataRefused("bad"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def fail() -> None:
        with output_file(tmp_path / "out.csv") as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_link_and_a_pipe_stay_what_they_are(tmp_path: Path) -> None:
    """A link's target is replaced, not the link; a pipe is written to."""
    (tmp_path / "target").touch()
    link = tmp_path / "link"
    link.symlink_to("target")
    with output_file(link) as file:
        file.write(b"x")
    assert link.is_symlink()
    assert (tmp_path / "target").read_bytes() == b"x"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with output_file(pipe) as file:
        file.write(b"y")
    assert os.read(reader, 9) == b"y"
    os.close(reader)
    assert pipe.is_fifo()


def test_true_in_a_feature_of_json_lines_is_1_in_parquet() -> None:
    """As in the model's input; a number that means a missing value is null."""
    found = FeatureColumns(columns={"a": "a"}, cells=CellFormat(missing=missing_markers(["-9"])))
    to = OutputLayout(columns=("a", "b"), added=(PROBABILITY,), features=found)
    rows = objects(
        '{"a": true, "b": true}', '{"a": null, "b": 1}', '{"a": -9, "b": "x"}', '{"a": 2.5, "b": null}'
    )
    table = pq.read_table(io.BytesIO(written(PARQUET, to, rows)))
    assert table.column("a").to_pylist() == [1.0, None, None, 2.5]
    assert table.column("b").to_pylist() == ["true", "1", "x", None]


def test_float16_in_json_lines() -> None:
    halves = {"a": pa.array(np.array([1.5, NAN, -0.25], np.float16))}
    lines = (
        written(JSON_LINES, layout("a", features=("a",)), scored(halves, 0.5, 0.5, 0.5)).decode().splitlines()
    )
    assert [json.loads(line)["a"] for line in lines] == [1.5, None, -0.25]


def test_several_classes_in_each_format() -> None:
    """The name and the probability of the most probable class, then that of each class; of equal ones, the first."""
    columns = {"a": ["1", "2"]}
    batch, _ = scored(columns)
    predicted = np.array([[0.25, 0.75, 0.0], [0.5, 0.0, 0.5]], np.float32)
    added = class_columns("prediction", "p", ["x", 'y"', "ü"], each=True)
    to = OutputLayout(columns=("a",), added=added, features=FeatureColumns(columns={}), classes=3)
    csv = written(CSV, to, (batch, predicted)).decode().splitlines()
    assert csv == ['a,prediction,p,p_x,"p_y""",p_ü', '1,"y""",0.75,0.25,0.75,0', "2,x,0.5,0.5,0,0.5"]
    lines = [json.loads(line) for line in written(JSON_LINES, to, (batch, predicted)).splitlines()]
    assert lines[0] == {"a": "1", "prediction": 'y"', "p": 0.75, "p_x": 0.25, 'p_y"': 0.75, "p_ü": 0.0}
    table = pq.read_table(io.BytesIO(written(PARQUET, to, (batch, predicted))))
    assert table.column("prediction").to_pylist() == ['y"', "x"]
    assert table.column("p_ü").to_pylist() == [0.0, 0.5]
    assert table.schema == to.parquet_schema(batch)
    short = class_columns("prediction", "p", ["x", "y", "z"], each=False)
    assert [column.name for column in short] == ["prediction", "p"]
