"""Conversion of cells to the numbers that a model takes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.common.errors import DataRefused
from components.example_gen.cell_parsing import CellFormat, missing_markers
from components.example_gen.text_stream import TextFormat, as_csv
from serving.predict.features import FeatureColumns
from serving.predict.row_batches import JsonRowBatch, RowBatch
from serving.predict.sources import open_source

NAN = float("nan")


def features(*columns: str, **more: Any) -> FeatureColumns:
    return FeatureColumns(columns={name: name for name in columns}, **more)


def batch(columns: dict[str, Any]) -> RowBatch:
    table = pa.table(columns)
    return RowBatch(table, "t.csv:", range(2, 2 + table.num_rows))


def numbers(column: Any, **more: Any) -> Any:
    found = features("a", **more).inputs(batch({"a": column}))["a"]
    assert found.dtype == np.float32
    return found.tolist()


@pytest.mark.parametrize(
    "cells",
    [
        ["1.5", "", "-2e3", "NaN", " 7 "],
        pa.array([1.5, None, -2000, NAN, 7]),
        pa.array(["1.5", None, "-2e3", "nan", "7"]).dictionary_encode(),
    ],
)
def test_numbers(cells: Any) -> None:
    """Text is parsed as in ExampleGen; an empty cell, a null and NaN are NaN."""
    np.testing.assert_array_equal(numbers(cells), [1.5, NAN, -2000.0, NAN, 7.0])


def test_other_numbers() -> None:
    """Integers that don't fit in float32's 24 bits are rounded; true is 1."""
    assert numbers([2**24 + 1, 3]) == [2.0**24, 3.0]
    assert numbers([True, False]) == [1.0, 0.0]


def test_missing_values() -> None:
    """Texts and numbers in data.missing_values are NaN."""
    missing = missing_markers(["n/a", "-999"])
    np.testing.assert_array_equal(
        numbers(["1", "N/A", "-999"], cells=CellFormat(missing=missing)), [1, NAN, NAN]
    )
    np.testing.assert_array_equal(numbers([1.0, 2.0, -999.0], cells=CellFormat(missing=missing)), [1, 2, NAN])


def test_words_and_commas_as_in_the_table_of_the_training() -> None:
    """A boolean column takes words for 0 and 1, no other number; a decimal comma and thousands are read."""
    assert numbers(["True", "no", "1", " f "], booleans=frozenset("a")) == [1.0, 0.0, 1.0, 0.0]
    german = CellFormat(decimal=",", thousands=".")
    assert numbers(["1.234,5", "0,25", "\N{MINUS SIGN}7"], cells=german) == [1234.5, 0.25, -7.0]
    with pytest.raises(DataRefused, match=r"t\.csv:2: column 'a': expected true or false, found '7'"):
        numbers(["7"], booleans=frozenset("a"))


def test_inputs_without_a_column_are_nan() -> None:
    found = features("a", absent=("b",)).inputs(batch({"a": [1.0, 2.0]}))
    assert sorted(found) == ["a", "b"]
    assert np.isnan(found["b"]).all()


def refusal(columns: dict[str, Any], *names: str) -> str:
    with pytest.raises(DataRefused) as caught:
        features(*names).inputs(batch(columns))
    return str(caught.value)


def test_bad_cells() -> None:
    """The message has the first bad row, its column and its cell."""
    both = {"a": ["1", "2", "x"], "b": ["1", "oops", "3"]}
    assert refusal(both, "a", "b") == "t.csv:3: column 'b': expected a number, found 'oops'."
    assert refusal({"a": ["1", "inf"]}, "a") == "t.csv:3: column 'a': infinity."
    assert refusal({"a": [1.0, -np.inf]}, "a") == "t.csv:3: column 'a': infinity."
    assert refusal({"a": ["1e39"]}, "a") == "t.csv:2: column 'a': 1e39 is too large for a 32-bit float."
    assert refusal({"a": [1e39]}, "a") == "t.csv:2: column 'a': 1e+39 is too large for a 32-bit float."
    assert refusal({"a": ["1_000"]}, "a") == "t.csv:2: column 'a': expected a number, found '1_000'."


def test_a_column_of_another_type() -> None:
    assert refusal({"a": [[1.0]]}, "a") == "t.csv:2: column 'a': expected numbers, found list<item: double>."


def test_rows_without_a_feature() -> None:
    """A missing key in a row of JSON lines is an error, except with --allow-missing."""
    rows = JsonRowBatch([({"a": 1}, ""), ({}, "")], ["a"], ("t.jsonl:", [1, 3]))
    with pytest.raises(DataRefused) as caught:
        features("a").inputs(rows)
    assert str(caught.value) == (
        "t.jsonl:3: expected 'a', which the first row has, found none; --allow-missing treats it as missing."
    )
    found = features("a", allow_missing=True).inputs(rows)["a"]
    np.testing.assert_array_equal(found, [1.0, NAN])


def test_types() -> None:
    """Text in features becomes doubles or null; other text is unchanged."""
    rows = batch({"a": ["0.1", "-", " 3"], "b": ["1", "2", "3"]})
    typed = features("a", cells=CellFormat(missing=missing_markers(["-"]))).typed(rows.table(), rows)
    assert typed.to_pydict() == {"a": [0.1, None, 3.0], "b": ["1", "2", "3"]}
    assert typed.schema.types == [pa.float64(), pa.string()]


def test_texts() -> None:
    """Cells of categorical inputs are read as in ExampleGen: without blanks, "" where missing, numbers as codes."""
    columns = FeatureColumns(
        columns={"f_color": "color", "code": "code"},
        absent=("shape", "x"),
        texts=frozenset({"f_color", "code", "shape"}),
        cells=CellFormat(missing=missing_markers(["NA"])),
    )
    found = columns.inputs(batch({"color": [" red", "na", None, "größe"], "code": [1, 2, None, 1]}))
    assert {name: column.tolist() for name, column in found.items() if name != "x"} == {
        "f_color": ["red", "", "", "größe"],
        "code": ["1", "2", "", "1"],
        "shape": ["", "", "", ""],
    }
    assert np.isnan(found["x"]).all()
    records: list[dict[str, Any]] = [
        {"color": "red", "code": 1},
        {"color": None, "code": "2"},
        {"color": True, "code": 2.5},
    ]
    rows = JsonRowBatch(
        [(record, json.dumps(record)) for record in records], ["color", "code"], ("t.jsonl:", range(3))
    )
    found = columns.inputs(rows)
    assert found["f_color"].tolist() == ["red", "", "true"]
    assert found["code"].tolist() == ["1", "2", "2.5"]


def test_texts_of_json_lines_are_those_of_the_training(tmp_path: Path) -> None:
    """As ExampleGen converts the lines to CSV: numbers as they are spelled, one line, no half of a surrogate pair."""
    cells = [
        "1.50",
        "-0",
        "1E2",
        "12345678901234567890",
        "true",
        "null",
        '"a\\nb"',
        '"\\ud800x"',
        '[1.50, "ü"]',
    ]
    lines = "".join(f'{{"code": {cell}}}\n' for cell in cells)
    path = tmp_path / "t.jsonl"
    path.write_text(lines)
    (rows,) = open_source(str(path)).batches()
    columns = FeatureColumns(columns={"code": "code"}, texts=frozenset({"code"}))
    found = columns.inputs(rows)["code"].tolist()
    expected = ["1.50", "-0", "1E2", "12345678901234567890", "true", "", "a b", "?x", '["1.50", "ü"]']
    assert found == expected
    text = TextFormat(json_columns=("code", "y"), words=frozenset({"code"}))
    trained = csv.reader(io.StringIO(as_csv(io.BytesIO(lines.encode()), text).read().decode()))
    assert [row[0] for row in trained] == expected
