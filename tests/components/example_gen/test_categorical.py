"""Categorical columns: which ones there are, how their cells are read, and the examples of whole tables."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as papq
import pytest
import tensorflow as tf

from components.common.errors import DataRefused
from components.config.data import SPLITS, DataConfig
from components.example_gen.block_plan import plan_blocks
from components.example_gen.cell_parsing import missing_markers, to_texts
from components.example_gen.row_boundaries import BLOCK_BYTES
from components.example_gen.shards import ConversionJob, convert
from components.example_gen.split import split_record
from components.example_gen.table import find_table, inspect_table

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]
COLORS = ["red", "blue", "größe, 1", 'a "b"', "", " NA ", "None"]
MISSING = missing_markers(["NA", "none"])


def shards(config: DataConfig, folder: Path, block_bytes: int = BLOCK_BYTES) -> dict[str, bytes]:
    """Converts a table without Beam; returns the bytes of each split."""
    table = find_table(config)
    plan = plan_blocks(table, block_bytes)
    for block in plan.blocks:
        convert(ConversionJob(table, config, str(folder), len(plan.blocks)), block)
    return {
        split: b"".join(path.read_bytes() for path in sorted(folder.glob(f"Split-{split}/*")))
        for split in SPLITS
    }


def examples(folder: Path) -> list[dict[str, Any]]:
    """Returns the features of all rows."""
    files = sorted(str(path) for path in folder.glob("Split-*/*"))
    rows = []
    for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        rows.append(
            {
                name: value.bytes_list.value[0].decode()
                if value.HasField("bytes_list")
                else (value.float_list.value or value.int64_list.value)[0]
                for name, value in features.items()
            }
        )
    return rows


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def table_text(rows: int, plain: bool = False) -> str:
    """A table with a text column, a code, a number and the label."""
    colors = [color for color in COLORS if not plain or not set(color) & set(',"')]
    lines = [
        f"{quoted(colors[row % len(colors)]) if not plain else colors[row % len(colors)]},{row % 3},{row}.5,{row % 2}"
        for row in range(rows)
    ]
    return "\n".join(["color,code,x,y", *lines]) + "\n"


def test_repeated_texts_are_categories(write: Write, settings: Settings) -> None:
    """2 to max_categories different texts, each twice on average; `init` judges alike."""
    rows = [
        f"{'ab'[n % 2]},{'abcd'[n % 4]},t{n},one,{'yes' if n % 2 else 'no'},{n},{n % 2}" for n in range(8)
    ]
    path = write("t.csv", "two,four,unique,constant,word,number,y\n" + "\n".join(rows) + "\n")
    config = settings(path, max_categories=3)
    table = find_table(config)
    assert table.features == ("two", "word", "number")
    assert table.categorical == {"two"}
    assert table.read_columns.features == ("word", "number")
    assert table.hashed == ("two", "word", "number")
    [warning] = table.warnings
    assert "only text, and not 2 to 3 different texts (data.max_categories)" in warning
    assert "'four', 'unique', 'constant'" in warning
    report = inspect_table(config)
    assert (report.numeric, report.categorical) == (("word", "number"), ("two",))
    assert report.left_out == ("four", "unique", "constant")


@pytest.mark.parametrize(
    ("others", "kind"),
    [(["no service"] * 3, "category"), (["no service"] * 2, "word"), (["1", "0"] * 10, "word")],
)
def test_words_for_true_and_false_beside_other_texts(
    others: list[str], kind: str, write: Write, settings: Settings
) -> None:
    """With more than 1% of other texts in 200 rows, they are categories; such rows are not bad. 1 and 0 are words."""
    cells = ["Yes", "No"] * 100
    cells[50 : 50 + len(others)] = others
    path = write("t.csv", "a,x,y\n" + "".join(f"{cell},{n},{n % 2}\n" for n, cell in enumerate(cells)))
    table = find_table(settings(path))
    assert table.features == ("a", "x")
    assert (table.categorical, table.booleans) == (
        ({"a"}, frozenset()) if kind == "category" else (frozenset(), {"a"})
    )


def test_the_configuration_makes_any_column_categorical(write: Write, settings: Settings) -> None:
    """Numbers, words for true and false, and texts that do not repeat; also columns that are ignored are hashed."""
    path = write("t.csv", "code,word,id,x,y\n1,yes,a,1,0\n2,no,b,2,1\n")
    table = find_table(settings(path, categorical=("code", "word", "id"), ignore=("id",)))
    assert table.features == ("code", "word", "x")
    assert table.categorical == {"code", "word", "id"}
    assert table.booleans == frozenset()
    columns = table.read_columns
    assert (columns.categorical, columns.hash_only_texts, columns.hash_only) == (
        ("code", "word"),
        ("id",),
        (),
    )
    assert columns.names == ("x", "y", "code", "word", "id")


def test_columns_that_the_table_does_not_have(write: Write, settings: Settings) -> None:
    """The message has the key and the name."""
    config = settings(write("t.csv", "a,y\n1,0\n2,1\n"), categorical=("b",))
    with pytest.raises(DataRefused, match=r"'b' \(data.categorical\)"):
        find_table(config)


def test_columns_of_neither_text_nor_numbers(tmp_path: Path, settings: Settings) -> None:
    """A list has no text."""
    path = tmp_path / "t.parquet"
    papq.write_table(pa.table({"a": [[1], [2]], "x": [1, 2], "y": [0, 1]}), path)
    with pytest.raises(
        DataRefused, match=r"text or numbers in the column 'a' \(data.categorical\), found list"
    ):
        find_table(settings(str(path), categorical=("a",)))


def test_a_purely_categorical_table(write: Write, settings: Settings, tmp_path: Path) -> None:
    """It needs no column of numbers, and its rows are in all splits."""
    path = write("t.csv", "a,b,y\n" + "".join(f"{'uvw'[n % 3]},{'st'[n % 2]},{n % 2}\n" for n in range(60)))
    config = settings(path)
    assert all(shards(config, tmp_path / "out").values())
    assert {(row["a"], row["b"]) for row in examples(tmp_path / "out")} == {
        (a, b) for a in "uvw" for b in "st"
    }


def test_texts_without_blanks_and_missing_ones() -> None:
    """Surrounding blanks do not count; the spellings of missing values in any case, and nulls, are the empty text."""
    cells = pa.array(["red", " red ", None, "na", "NONE", "nan", "", "Red"])
    for form in (cells, cells.dictionary_encode()):
        column = to_texts(form, MISSING)
        assert [column.texts[code].decode() for code in column.codes] == [
            "red", "red", "", "", "", "", "", "Red",
        ]  # fmt: skip
        assert len(column.texts) == 3


def test_the_examples(write: Write, settings: Settings, tmp_path: Path) -> None:
    """One text in each row; a rejected row takes its texts with it."""
    path = write("t.csv", table_text(200) + "red,1,bad,1\n")
    shards(settings(path, categorical=("code",), max_bad_fraction=0.5), tmp_path / "out")
    found = sorted(examples(tmp_path / "out"), key=lambda row: row["x"])
    assert len(found) == 200
    given = [color if color in COLORS[:4] else "" for color in COLORS]
    for number, row in enumerate(found):
        assert row == {
            "color": given[number % 7], "code": str(number % 3), "x": number + 0.5, "y": number % 2,
        }  # fmt: skip


def test_parquet_gives_the_same_examples_as_csv(write: Write, settings: Settings, tmp_path: Path) -> None:
    """The bytes are equal: the texts, whole numbers as codes, and the splits."""
    csv = settings(write("t.csv", table_text(300)), categorical=("code",))
    rows = range(300)
    table = pa.table(
        {
            "color": pa.array([COLORS[row % 7] or None for row in rows]).dictionary_encode(),
            "code": [row % 3 for row in rows],
            "x": [row + 0.5 for row in rows],
            "y": [row % 2 for row in rows],
        }
    )
    path = tmp_path / "t.parquet"
    papq.write_table(table, path)
    parquet = settings(str(path), categorical=("code",))
    assert shards(csv, tmp_path / "csv") == shards(parquet, tmp_path / "parquet")


def test_true_and_false_as_categories_in_any_format(write: Write, settings: Settings, tmp_path: Path) -> None:
    """CSV, JSON lines and Parquet give the same bytes."""
    rows = [{"a": number % 3 == 0, "x": number + 0.5, "y": number % 2} for number in range(60)]
    lines = [f"{'true' if row['a'] else 'false'},{row['x']},{row['y']}\n" for row in rows]
    papq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    paths = (
        write("t.csv", "a,x,y\n" + "".join(lines)),
        write("t.jsonl", "".join(json.dumps(row) + "\n" for row in rows)),
        str(tmp_path / "t.parquet"),
    )
    written = [
        shards(settings(path, categorical=("a",)), tmp_path / f"of {number}")
        for number, path in enumerate(paths)
    ]
    assert written[0] == written[1] == written[2]
    assert {row["a"] for row in examples(tmp_path / "of 1")} == {"true", "false"}


def test_quotes_and_blocks_change_no_row(write: Write, settings: Settings, tmp_path: Path) -> None:
    """Arrow's fast path and the parser of single rows, in one block or in many, give the same examples."""
    plain = table_text(300, plain=True)
    quotes = plain.replace("red", '"red"')
    one = shards(settings(write("a.csv", plain)), tmp_path / "one")
    assert shards(settings(write("b.csv", quotes)), tmp_path / "quotes") == one
    assert shards(settings(write("c.csv", plain)), tmp_path / "many", 1_000) == one


def test_texts_select_the_split(write: Write, settings: Settings, tmp_path: Path) -> None:
    """Rows that differ only in their texts are no copies; without categorical columns, the record is as before."""
    rows = "".join(f"{'abcdefghij'[n % 10]}{n % 7},1,{n % 2}\n" for n in range(700))
    found = shards(settings(write("t.csv", "c,x,y\n" + rows), categorical=("c",)), tmp_path / "out")
    assert all(found.values())
    config = DataConfig()
    cells = find_table(settings(write("u.csv", "x,y\n1,0\n2,1\n"))).cells
    before = split_record(config.split, ("a",), cells, ())
    assert split_record(config.split, ("a",), cells, (), ()) == before
    assert list(split_record(config.split, ("a",), cells, (), ("a",)).differences(before))
