"""Parquet files are read by the same rules as CSV files."""

import datetime
import decimal
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as papq
import pytest

from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen import parquet
from components.example_gen.block_parsing import parse_typed_batch
from components.example_gen.block_plan import plan_blocks
from components.example_gen.table import find_table

Settings = Callable[..., DataConfig]


def store(path: Path, columns: dict[str, Any], **options: Any) -> str:
    papq.write_table(pa.table(columns), path, **options)
    return str(path)


def test_types_are_those_of_the_schema_and_strings_are_parsed_as_in_csv(
    tmp_path: Path, settings: Settings
) -> None:
    path = store(
        tmp_path / "t.parquet",
        {
            "f": [1.5, None, 3.0],
            "i": [1, 2, 3],
            "b": [True, False, None],
            "d": [decimal.Decimal("1.25"), None, None],
            "s": ["1", " 2 ", "NA"],
            "c": pa.array(["4", "5", "6"]).dictionary_encode(),
            "n": pa.nulls(3),
            "name": ["ann", "bob", "cid"],
            "when": [datetime.datetime(2024, 1, 1)] * 3,
            "list": [[1], [2], [3]],
            "y": [True, False, True],
        },
    )
    table = find_table(settings(path))
    assert table.features == ("f", "i", "b", "d", "s", "c")
    assert table.left_out == ("n", "name", "when", "list")
    assert table.warnings == (
        "Left out, because all their cells are missing: 'n'.",
        "Left out, because they contain only text, and not 2 to 50 different texts (data.max_categories) that "
        "repeat: 'name'. data.categorical makes such columns features.",
        "Left out, because they are neither numbers nor text: 'list' (list<element: int64>), "
        "'when' (timestamp[us]).",
    )
    [batch] = parquet.batches(table.headers[0], 0, list(table.read_columns.names))
    parsed = parse_typed_batch(batch, 1, table.read_columns)
    nan = math.nan
    expected = [[1.5, nan, 3], [1, 2, 3], [1, 0, nan], [1.25, nan, nan], [1, 2, nan], [4, 5, 6]]
    np.testing.assert_array_equal(parsed.numbers, np.array(expected, np.float32))
    assert parsed.label.tolist() == [1, 0, 1]


def test_rejected_rows_have_their_number_and_their_content(tmp_path: Path, settings: Settings) -> None:
    path = store(
        tmp_path / "t.parquet",
        {"x": [1.0, math.inf, 1e39, 2.0, 5.0], "s": ["1", "2", "3", "four", "5"], "y": [0, 1, 1, 0, None]},
    )
    table = find_table(settings(path))
    [batch] = parquet.batches(table.headers[0], 0, [*table.features, "y"])
    parsed = parse_typed_batch(batch, 1, table.read_columns)
    assert parsed.numbers.tolist() == [[1], [1]]
    assert [(row.line, row.reason) for row in parsed.rejected] == [
        (2, "column 'x': infinity"),
        (3, "column 'x': 1e+39 is too large for a 32-bit float"),
        (4, "column 's': expected a number, found 'four'"),
        (5, "label 'y': missing"),
    ]
    assert parsed.rejected[2].raw == '{"x": 2.0, "s": "four", "y": 0}'


def test_weights_are_numbers_greater_than_zero(tmp_path: Path, settings: Settings) -> None:
    """A row without such a weight is rejected; the weight is the last column of numbers."""
    for weights in ([2.5, 0.0, None, math.inf, 3.0], ["2.5", "0.0", None, "inf", "3"]):
        path = store(
            tmp_path / "t.parquet", {"w": weights, "x": [1.0, 2.0, 3.0, 4.0, 5.0], "y": [0, 1, 1, 0, 1]}
        )
        table = find_table(settings(path, weight="w"))
        assert (table.features, table.hashed) == (("x",), ("x",))
        [batch] = parquet.batches(table.headers[0], 0, list(table.read_columns.names))
        parsed = parse_typed_batch(batch, 1, table.read_columns)
        assert parsed.numbers.tolist() == [[1, 5], [2.5, 3]]
        assert [(row.line, row.reason) for row in parsed.rejected] == [
            (2, "column 'w' (data.weight): expected a number > 0, found '0.0'"),
            (3, "column 'w' (data.weight): expected a number > 0, found none"),
            (4, "column 'w' (data.weight): expected a number > 0, found 'inf'"),
        ]


def test_columns_that_are_only_hashed_reject_no_row(tmp_path: Path, settings: Settings) -> None:
    """Text, infinities and missing markers are NaN; the text of a rejected row has only the columns that are used."""
    path = store(
        tmp_path / "t.parquet",
        {
            "x": ["1", "2", "three", "4"],
            "t": ["1", "two", "3", "-999"],
            "f": [1.0, math.inf, 3.0, -999.0],
            "y": [0, 1, 1, 0],
        },
    )
    table = find_table(settings(path, features=("x",), missing_values=("", "-999")))
    assert table.hash_only == ("t", "f")
    [batch] = parquet.batches(table.headers[0], 0, ["x", "y", "t", "f"])
    parsed = parse_typed_batch(batch, 1, table.read_columns)
    assert parsed.numbers.tolist() == [[1, 2, 4]]
    np.testing.assert_array_equal(
        parsed.hash_only, np.array([[1, math.nan, math.nan], [1, math.nan, math.nan]], np.float32)
    )
    assert [(row.line, row.raw) for row in parsed.rejected] == [(3, '{"x": "three", "y": 1}')]


def test_each_row_group_is_a_block(tmp_path: Path, settings: Settings) -> None:
    path = store(tmp_path / "t.parquet", {"x": list(range(10)), "y": [0, 1] * 5}, row_group_size=4)
    blocks = plan_blocks(find_table(settings(path))).blocks
    assert [(block.offset, block.line) for block in blocks] == [(0, 1), (1, 5), (2, 9)]


def test_files_may_order_their_columns_differently(tmp_path: Path, settings: Settings) -> None:
    store(tmp_path / "1.parquet", {"x": [1], "z": [2], "y": [0]})
    store(tmp_path / "2.parquet", {"y": [1], "z": [4], "x": [3]})
    table = find_table(settings(str(tmp_path)))
    [batch] = parquet.batches(table.headers[1], 0, [*table.features, "y"])
    assert parse_typed_batch(batch, 1, table.read_columns).numbers.tolist() == [[3], [4]]


def test_a_number_that_means_missing(tmp_path: Path, settings: Settings) -> None:
    path = store(tmp_path / "t.parquet", {"x": [1.0, -999.0], "y": [0, 1]})
    table = find_table(settings(path, missing_values=("", "-999")))
    [batch] = parquet.batches(table.headers[0], 0, ["x", "y"])
    parsed = parse_typed_batch(batch, 1, table.read_columns)
    np.testing.assert_array_equal(parsed.numbers, np.array([[1, math.nan]], np.float32))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": expected a Parquet file, found an empty file."),
        (b"a,y\n1,0\n", ": expected a Parquet file, but it can't be read as one: "),
    ],
)
def test_files_that_are_not_parquet(content: bytes, message: str, tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(DataRefused) as caught:
        find_table(settings(str(path)))
    assert str(caught.value).startswith(f"{path}{message}")


def test_no_rows(tmp_path: Path, settings: Settings) -> None:
    path = store(tmp_path / "t.parquet", {"x": pa.array([], pa.int64()), "y": pa.array([], pa.int64())})
    with pytest.raises(DataRefused) as caught:
        find_table(settings(path))
    assert str(caught.value) == f"{path}: expected rows, found none."


def test_files_without_rows_are_skipped(tmp_path: Path, settings: Settings) -> None:
    store(tmp_path / "1.parquet", {"a": pa.array([], pa.int64()), "y": pa.array([], pa.int64())})
    full = store(tmp_path / "2.parquet", {"a": [1, 2], "y": [0, 1]})
    assert [header.path for header in find_table(settings(str(tmp_path))).headers] == [full]


def test_a_damaged_page_is_refused(tmp_path: Path, settings: Settings) -> None:
    """The footer can be read, the pages can't."""
    path = store(tmp_path / "t.parquet", {"a": [float(n) for n in range(2_000)], "y": [0, 1] * 1_000})
    table = find_table(settings(path))
    content = bytearray(Path(path).read_bytes())
    content[4:60] = b"\xff" * 56
    Path(path).write_bytes(content)
    with pytest.raises(DataRefused, match=r"row group 1 can't be read, the file is damaged"):
        list(parquet.batches(table.headers[0], 0, ["a", "y"]))
