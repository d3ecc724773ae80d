"""Which columns become features, and tables that are refused."""

import datetime
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as papq
import pytest

from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen import type_inference
from components.example_gen.csv_header import FileHeader
from components.example_gen.labels import MISSING
from components.example_gen.table import find_table, inspect_table

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]


def refusal(config: DataConfig) -> str:
    with pytest.raises(DataRefused) as caught:
        find_table(config)
    return str(caught.value)


def test_numeric_columns_are_features(write: Write, settings: Settings) -> None:
    """A column of text only, of mixed cells or without any value is left out with a warning."""
    rows = "1,ann,a,,1.5,0\n2,bob,7,NA,2,1\n3,cid,b,?,-3e1,1\n"
    table = find_table(settings(write("t.csv", "id,name,mixed,empty,x y,y\n" + rows), ignore=("id",)))
    assert table.features == ("x y",)
    assert table.left_out == ("name", "mixed", "empty")
    assert table.warnings == (
        "Left out, because all their cells are missing: 'empty'.",
        "Left out, because they contain only text, and not 2 to 50 different texts (data.max_categories) that "
        "repeat: 'name'. data.categorical makes such columns features.",
        "Left out, because 67% of its cells are not numbers, such as 'a', 'b': 'mixed'. "
        "To use it as categories, list it in data.categorical. To use it as numbers nevertheless, list it in "
        "data.features, not in data.ignore; rows with such cells are then bad rows.",
    )
    assert table.labels.classes == ("0", "1")
    assert (table.delimiter, table.span) == (",", None)


@pytest.mark.parametrize(
    "keys",
    [{}, {"features": ("c", "note")}, {"features": ("a",)}, {"ignore": ("a", "id")}, {"ignore": ("c",)}],
)
def test_the_hashed_columns_do_not_depend_on_the_features(
    keys: dict[str, object], write: Write, settings: Settings
) -> None:
    """All columns with a number or without any value, except the label; text is not hashed, even as a feature."""
    path = write("t.csv", "id,c,note,a,empty,y\n1,2,x,,,0\n2,2,y,b,,1\n3,2,z,7,,1\n")
    table = find_table(settings(path, **keys))
    assert table.hashed == ("id", "c", "a", "empty")
    assert table.hash_only == tuple(name for name in table.hashed if name not in table.features)


def test_the_weight_is_no_feature_and_is_not_hashed(write: Write, settings: Settings) -> None:
    """Neither is it a column that was left out."""
    path = write("t.csv", "id,w,a,y\n1,2,5,0\n2,1,6,1\n")
    table = find_table(settings(path, weight="w"))
    assert (table.features, table.hashed, table.left_out) == (("id", "a"), ("id", "a"), ())
    assert table.read_columns.numbers == ("id", "a", "w")
    listed = find_table(settings(path, weight="w", features=("a",)))
    assert (listed.features, listed.hashed) == (("a",), ("id", "a"))
    report = inspect_table(settings(path, weight="w"))
    assert (report.numeric, report.left_out) == (("id", "a"), ())


def test_a_weight_of_another_type_is_refused(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    when = [datetime.datetime(2024, 1, 1)] * 2
    papq.write_table(pa.table({"a": [1, 2], "w": when, "y": [0, 1]}), path)
    expected = f"{path}: expected numbers in the column 'w' (data.weight), found none."
    assert refusal(settings(str(path), weight="w")) == expected


def test_no_warning_about_columns_that_are_ignored(settings: Settings, tmp_path: Path) -> None:
    """Their types are inferred too, but only for the hash."""
    path = tmp_path / "t.parquet"
    when = [datetime.datetime(2024, 1, 1)] * 2
    papq.write_table(pa.table({"a": [1, 2], "name": ["x", "y"], "when": when, "y": [0, 1]}), path)
    for keys in ({"ignore": ("name", "when")}, {"features": ("a",)}):
        table = find_table(settings(str(path), **keys))
        assert (table.features, table.hashed, table.warnings) == (("a",), ("a",), ())


def test_listed_features_keep_their_order(write: Write, settings: Settings) -> None:
    path = write("t.csv", "a,b,c,y\n1,2,3,0\n1,2,3,1\n")
    assert find_table(settings(path, features=("c", "a"))).features == ("c", "a")


@pytest.mark.parametrize(("texts", "used"), [(0, True), (20, True), (21, False), (100, False)])
def test_the_share_of_numbers_decides(texts: int, used: bool, write: Write, settings: Settings) -> None:
    """Of 100 cells that are not missing, 80 must be numbers, wherever they are in the first 10,000 rows."""
    cells = ["A7"] * texts + ["5"] * (100 - texts) + [""] * 9_000
    rows = "".join(f"1,{cell},{index % 2}\n" for index, cell in enumerate(cells))
    table = find_table(settings(write("t.csv", "a,b,y\n" + rows)))
    assert ("b" in table.features) == used
    assert inspect_table(settings(table.headers[0].path)).numeric == table.features


def test_rows_beyond_the_first_ten_thousand_are_read_only_for_columns_without_values(
    write: Write, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["1,,0\n", "1,,1\n"] * 50_000
    path = write("t.csv", "a,b,y\n" + "".join(rows))
    read: list[list[str]] = []
    original = type_inference.as_strings

    def counting(block: bytes, header: FileHeader, names: list[str]) -> object:
        read.append(names)
        return original(block, header, names)

    monkeypatch.setattr(type_inference, "as_strings", counting)
    assert find_table(settings(path)).features == ("a",)
    assert read[0] == ["a", "b", "y"]
    assert read[-1] == ["b"]  # to the end: its type is not known
    write("t.csv", "a,b,y\n" + "".join(rows) + "1,5,1\n")
    assert find_table(settings(path)).features == ("a", "b")


@pytest.mark.parametrize("pair", [("False", "True"), ("no", "YES"), ("f", "t"), ("N", "Y")])
def test_words_for_0_and_1_are_features_as_in_parquet(
    pair: tuple[str, str], write: Write, settings: Settings
) -> None:
    rows = "".join(f"{pair[index % 2]},{index},{index % 2}\n" for index in range(9))
    table = find_table(settings(write("t.csv", "vip,a,y\n" + rows + ",9,1\n")))
    assert (table.features, table.hashed) == (("vip", "a"), ("vip", "a"))
    assert table.booleans == {"vip"}
    one = "".join(f"{pair[1]},{index},{index % 2}\n" for index in range(9))  # may be any text, such as T
    assert find_table(settings(write("t.csv", "vip,a,y\n" + one))).features == ("a",)


@pytest.mark.parametrize(
    ("delimiter", "cells", "decimal", "thousands"),
    [
        (";", ["0,1257", "3,5", "-12"], ",", ""),
        (";", ["1.234,50", "0,5", "12.345"], ",", "."),
        (";", ["0,125", "-1234,567"], ",", ""),
        (";", ["1,234,567", "12,345", "0.5"], ".", ","),
        (",", ['"12,345"', "987", '"1,000"'], ".", ","),
        (";", ["12,345", "987", "1.5"], ".", ","),
        (";", ["1.5", "2.125", "7"], ".", ""),
    ],
)
def test_the_decimal_mark_and_the_thousands_separator_are_found_where_they_are_plain(
    delimiter: str, cells: list[str], decimal: str, thousands: str, write: Write, settings: Settings
) -> None:
    rows = "".join(f"{cell}{delimiter}{index % 2}\n" for index, cell in enumerate(cells))
    table = find_table(settings(write("t.csv", f"a{delimiter}y\n" + rows)))
    assert table.features == ("a",)
    assert (table.cells.decimal, table.cells.thousands) == (decimal, thousands)
    assert len(table.warnings) == ((decimal, thousands) != (".", ""))
    assert find_table(settings(table.headers[0].path, decimal=decimal, thousands=thousands)).warnings == ()


@pytest.mark.parametrize(
    ("header", "rows", "hint"),
    [
        # three digits after a comma, and nothing else in the table that says what it is
        (
            "b;a;y",
            ["1;12,345;0", "2;13,000;1"],
            "set data.thousands to ',' or, for a decimal comma, data.decimal. ",
        ),
        # a comma beside a point, and a quoted comma beside commas as delimiters
        ("b;a;y", ["1.5;0,12;0", "2;1,5;1"], "set data.decimal to ','. "),
        ("b,a,y", ['1,"1,5",0', '2,"2,7",1'], "set data.decimal to ','. "),
        ("b;a;y", ["1;1'000;0", "2;2'000;1"], 'set data.thousands to "\'". '),
        (
            "b;a;y",
            ["1;unknown;0", "2;5;1"],
            "If 'unknown' means a missing value, add it to data.missing_values. ",
        ),
    ],
)
def test_cells_in_doubt_are_no_numbers_and_the_warning_names_the_key(
    header: str, rows: list[str], hint: str, write: Write, settings: Settings
) -> None:
    table = find_table(settings(write("t.csv", header + "\n" + "\n".join(rows) + "\n")))
    assert table.features == ("b",)
    assert len(table.warnings) == 1
    assert hint in table.warnings[0]


def test_the_keys_decide_how_numbers_are_written(write: Write, settings: Settings) -> None:
    path = write("t.csv", "a;b;y\n12,345;1;0\n13,5;2;1\n")
    assert find_table(settings(path, decimal=",")).features == ("a", "b")
    assert find_table(settings(path, decimal=".")).features == ("b",)
    swiss = write("t.csv", "a;b;y\n1'000.5;1;0\n2'000;2;1\n")
    assert find_table(settings(swiss, thousands="'")).features == ("a", "b")


def test_a_hyphen_can_be_a_value_of_the_label(write: Write, settings: Settings) -> None:
    """It is a missing value by default, but not if the label has no two other values."""
    labels = find_table(settings(write("t.csv", "a,y\n1,+\n2,-\n"), positive_label="+")).labels
    assert labels.codes(pa.array(["+", "-", ""])).tolist() == [1, 0, MISSING]
    labels = find_table(settings(write("t.csv", "a,y\n1,0\n2,1\n3,-\n"))).labels
    assert labels.codes(pa.array(["1", "0", "-"])).tolist() == [1, 0, MISSING]


def test_a_column_without_a_name_is_left_out(write: Write, settings: Settings) -> None:
    path = write("t.csv", ",a,y\n0,1,0\n1,1,1\n")
    table = find_table(settings(path))
    assert table.features == ("a",)
    assert table.warnings == (f"Left out, because it has no name: column 1 of {path}.",)


def test_files_may_order_their_columns_differently(write: Write, settings: Settings, tmp_path: Path) -> None:
    write("1.csv", "a,b,y\n1,2,0\n")
    write("2.csv", "y;b;a\n1;2;1\n")
    table = find_table(settings(str(tmp_path)))
    assert table.features == ("a", "b")
    assert [header.columns for header in table.headers] == [("a", "b", "y"), ("y", "b", "a")]


@pytest.mark.parametrize(
    ("content", "keys", "message"),
    [
        ("a,b,a,y\n1,2,3,0\n", {}, "expected column names that differ, found 'a' more than once."),
        (
            "a,b,Y\n1,2,0\n",
            {},
            "expected a column 'y' (data.label), found 'a', 'b', 'Y'. Did you mean 'Y'?",
        ),
        (
            "a,b,target\n1,2,0\n",
            {"label": "traget"},
            "expected a column 'traget' (data.label), found 'a', 'b', 'target'. Did you mean 'target'?",
        ),
        (
            "width,y\n1,0\n2,1\n",
            {"features": ("widht",)},
            "expected a column 'widht' (data.features), found 'width', 'y'. Did you mean 'width'?",
        ),
        (
            "a,weigth,y\n1,1,0\n",
            {"weight": "weight"},
            "expected a column 'weight' (data.weight), found 'a', 'weigth', 'y'. Did you mean 'weigth'?",
        ),
        (
            "a,w,y\n1,high,0\n2,,1\n",
            {"weight": "w"},
            "expected numbers in the column 'w' (data.weight), found none.",
        ),
        (
            "w,y\n1,0\n2,1\n",
            {"weight": "w"},
            "expected a column of numbers or categories besides the label 'y' and the weight 'w', found no other "
            "column.",
        ),
        (
            "a,b,y\nu,v,0\nw,x,1\n",
            {},
            "expected a column of numbers or categories besides the label 'y', found only columns without numbers: "
            "'a', 'b'. data.categorical makes columns of text features.",
        ),
        (
            "a,y\n1,0\n2,1\n",
            {"ignore": ("a",)},
            "expected a column of numbers or categories besides the label 'y', found no other column.",
        ),
        (
            "y\n0\n1\n",
            {},
            "expected a column of numbers or categories besides the label 'y', found no other column.",
        ),
        (
            ",".join(f"f{i}" for i in range(2001)) + ",y\n" + "1," * 2001 + "0\n" + "1," * 2001 + "1\n",
            {},
            "expected at most 2,000 features, found 2,001. "
            "List some in data.features or leave some out with data.ignore.",
        ),
    ],
)
def test_refusals_that_name_the_file(
    content: str, keys: dict[str, object], message: str, write: Write, settings: Settings
) -> None:
    path = write("t.csv", content)
    assert refusal(settings(path, **keys)) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("111", "The label 'y' has only one class, '1'; expected two."),
        (
            "abc",
            "The label 'y' has more than two values: 'a', 'b', 'c'; expected exactly two, or data.task: multiclass "
            "with at most 100 classes.",
        ),
        (
            "aab",
            "The label 'y' has the values 'a' and 'b': set data.positive_label to the one that counts as 1.",
        ),
        (" NA", "The label 'y' has no value in any row; expected two different values."),
    ],
)
def test_labels_that_are_refused(values: str, message: str, write: Write, settings: Settings) -> None:
    rows = "".join(f"1,{value if values != ' NA' else 'NA'}\n" for value in values)
    assert refusal(settings(write("t.csv", "a,y\n" + rows))) == message


def test_files_whose_headers_differ(write: Write, settings: Settings, tmp_path: Path) -> None:
    """Columns that are ignored, or not listed if data.features lists some, may differ; they are not hashed either."""
    first = write("1.csv", "a,b,y\n1,2,0\n1,3,1\n")
    second = write("2.csv", "a,y\n1,1\n")
    advice = "To leave it out, add it to data.ignore."
    message = f"{second}: expected the columns of {first}, but 'b' is missing. {advice}"
    assert refusal(settings(str(tmp_path))) == message
    table = find_table(settings(str(tmp_path), ignore=("b",)))
    assert (table.features, table.hashed, table.left_out) == (("a",), ("a",), ())
    assert refusal(settings(str(tmp_path), features=("b",))) == message.removesuffix(f" {advice}")
    write("2.csv", "c,a,b,y\n1,1,1,1\n")
    message = f"{second}: expected the columns of {first}, but found 'c' as well. {advice}"
    assert refusal(settings(str(tmp_path))) == message
    for keys in ({"ignore": ("c",)}, {"features": ("a", "b")}):
        table = find_table(settings(str(tmp_path), **keys))
        assert (table.features, table.hashed) == (("a", "b"), ("a", "b"))
    write("2.csv", "a,b\n1,1\n")
    assert refusal(settings(str(tmp_path), features=("a",))) == (
        f"{second}: expected the columns of {first}, but 'y' is missing."
    )


@pytest.mark.parametrize("empty", ["a,y\n", "a,y", "", "\n"])
def test_files_without_rows_are_skipped(empty: str, write: Write, settings: Settings, tmp_path: Path) -> None:
    part = write("part-0.csv", empty)
    full = write("part-1.csv", "a,y\n1,0\n2,1\n")
    table = find_table(settings(str(tmp_path)))
    assert [header.path for header in table.headers] == [full]
    assert table.warnings == (f"Skipped, because without rows: {part}.",)
    assert inspect_table(settings(str(tmp_path))).warnings == table.warnings
    write("part-1.csv", empty)
    assert refusal(settings(str(tmp_path))).startswith(f"{part}: expected ")


def test_the_spans_of_a_pattern(write: Write, settings: Settings, tmp_path: Path) -> None:
    write("1.csv", "a,y\n1,0\n1,1\n")
    write("2.csv", "a,y\n1,0\n1,1\n")
    assert find_table(settings(f"{tmp_path}/{{SPAN}}.csv")).span == 2


def test_a_report_needs_no_usable_label(write: Write, settings: Settings) -> None:
    """`regpipe init` prints the columns by kind and the values of the label, most frequent first."""
    path = write("t.csv", "id,a,y\nx,1,no\ny,2,no\nz,3,yes\n")
    report = inspect_table(settings(path))
    assert (report.numeric, report.left_out) == (("a",), ("id",))
    assert report.label_values == ("no", "yes")
    assert report.needs_positive_label
    path = write("t.csv", "a,y\n1,1\n2,0\n3,1\n")
    report = inspect_table(settings(path))
    assert report.label_values == ("1", "0")
    assert not report.needs_positive_label


def test_inspecting_a_table_imports_neither_tensorflow_nor_tfx() -> None:
    """These imports take seconds, and `regpipe init` must start fast."""
    code = (
        "import sys, components.example_gen.table; "
        "print(sorted({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


COMPOSED, DECOMPOSED = "gr\u00f6\u00dfe", "gro\u0308\u00dfe"  # both are shown as größe


@pytest.mark.parametrize(
    ("header", "keys", "key"),
    [
        (f"a,{DECOMPOSED}", {"label": COMPOSED}, "data.label"),
        (f"a,{COMPOSED},y", {"features": (DECOMPOSED,)}, "data.features"),
        (f"a,{DECOMPOSED},y", {"weight": COMPOSED}, "data.weight"),
        (f"a,{DECOMPOSED},y", {"ignore": (COMPOSED,)}, "data.ignore"),
    ],
)
def test_a_name_in_the_other_unicode_form(
    header: str, keys: dict[str, object], key: str, write: Write, settings: Settings
) -> None:
    """The message names the key and shows how the two names differ, also for a key that would have no effect."""
    path = write("t.csv", f"{header}\n1,0,0\n")
    with pytest.raises(DataRefused) as refused:
        find_table(settings(path, **keys))
    message = str(refused.value)
    assert f"({key})" in message
    assert ascii(COMPOSED) in message
    assert ascii(DECOMPOSED) in message


def test_columns_that_look_the_same_are_refused(write: Write, settings: Settings, tmp_path: Path) -> None:
    """In one file; and between two files, where one seems to be missing."""
    for content in (
        f"{COMPOSED},{DECOMPOSED},y\n1,2,0\n",
        f'{{"{COMPOSED}": 1, "{DECOMPOSED}": 2, "y": 0}}\n',
    ):
        with pytest.raises(DataRefused, match="found two that look the same") as refused:
            find_table(settings(write("one/t.txt", content)))
        assert f"{COMPOSED!a} and {DECOMPOSED!a}" in str(refused.value)
    write("two/1.csv", f"{COMPOSED},y\n1,0\n")
    write("two/2.csv", f"{DECOMPOSED},y\n1,0\n")
    with pytest.raises(DataRefused, match="looks the same"):
        find_table(settings(f"{tmp_path}/two"))
