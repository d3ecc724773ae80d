"""Reading of rows in each format, in order, with all columns; errors have the location."""

import gzip
import io
import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.common.errors import DataRefused
from serving.predict import text_sources
from serving.predict.sources import CommandLineRows, RowSource, find_inputs, open_source

Write = Callable[[str, str | bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file below tmp_path and returns its path."""

    def write_file(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write_file


def table(source: RowSource) -> dict[str, list[Any]]:
    """Returns all rows of a source as columns."""
    return pa.concat_tables([batch.table() for batch in source.batches()]).to_pydict()


def places(source: RowSource) -> list[str]:
    """Returns the location of each row without the path."""
    found = [batch.where(row) for batch in source.batches() for row in range(batch.rows)]
    return [place.removeprefix(source.name) for place in found]


def refusal(path: str) -> str:
    with pytest.raises(DataRefused) as caught:
        table(open_source(path))
    return str(caught.value).replace(path, "FILE")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a,été\n1,x\n,y z\n", {"a": ["1", ""], "été": ["x", "y z"]}),
        ("\ufeffa;b\r\n1,5;2\r\n", {"a": ["1,5"], "b": ["2"]}),
        ("a\tb\n1\t \n", {"a": ["1"], "b": [" "]}),
        ('a,b\n1,"x, ""y""\nz"\n2,3\n', {"a": ["1", "2"], "b": ['x, "y"\nz', "3"]}),
        ('a,b\n5" pipe,1\n', {"a": ['5" pipe'], "b": ["1"]}),
        ("a\n1\n2\n", {"a": ["1", "2"]}),
        (",a,\n0,1,2\n", {"column_1": ["0"], "a": ["1"], "column_3": ["2"]}),
        (",a\n0,1\n", {"": ["0"], "a": ["1"]}),
    ],
)
def test_csv_cells_stay_as_they_are_written(text: str, columns: dict[str, list[str]], write: Write) -> None:
    """Text, blanks and quotes are kept with any delimiter, also from gzip files."""
    assert table(open_source(write("t.csv", text))) == columns
    assert table(open_source(write("t.csv.gz", gzip.compress(text.encode())))) == columns


def test_lines_are_counted_as_an_editor_does(write: Write) -> None:
    """Blank lines and line ends in quotes count, for both parsers."""
    assert places(open_source(write("a.csv", "\na,b\n1,2\n\n\r\n3,4\n"))) == [":3", ":6"]
    assert places(open_source(write("b.csv", 'a,b\n"1\n",2\n3,4\n'))) == [":2", ":4"]
    assert places(open_source(write("c.csv", "a,b\n1,2\n  \n3,4\n"))) == [":2", ":4"]
    assert places(open_source(write("d.jsonl", '\n{"a": 1}\n\n{"a": 2}'))) == [":2", ":4"]


def test_avro_keeps_its_types(write: Write) -> None:
    """All values; the location is the number of the record; each part has its records."""
    schema = {"type": "record", "name": "row", "fields": [{"name": name, "type": "double"} for name in "ab"]}
    target = io.BytesIO()
    fastavro.writer(target, schema, [{"a": n / 4, "b": -n} for n in range(3)])
    source = open_source(write("t.avro", target.getvalue()))
    assert table(source) == {"a": [0, 0.25, 0.5], "b": [0, -1, -2]}
    assert places(source) == [": record 1", ": record 2", ": record 3"]
    (part,) = source.parts()
    assert [batch.rows for batch in source.batches(part)] == [3]
    assert "t.avro: can't be read" in refusal(write("t.avro", target.getvalue()[:-5])).replace(
        "FILE", "t.avro"
    )


def test_json_lines_keep_their_text(write: Write) -> None:
    """Numbers, nested values and absent keys keep their text; a column is read as numbers if possible."""
    lines = ['{"a": 1.50, "n": 12345678901234567890}', '{"a":null,"o":{"x":[1]}}', '{"a": true, "n": "ü"}']
    (batch,) = open_source(write("t.jsonl", "\n".join(lines) + "\n")).batches()
    assert [text for _, text in batch.objects() or ()] == lines
    assert batch.column("a").to_pylist() == [1.5, None, 1.0]
    assert batch.texts("a").to_pylist() == ["1.50", "", "true"]
    assert batch.column("n").to_pylist() == ["12345678901234567890", None, "ü"]
    assert batch.table().to_pydict() == {
        "a": ["1.50", None, "true"],
        "n": ["12345678901234567890", None, "ü"],
        "o": [None, '{"x": [1]}', None],
    }
    assert (batch.first_without("a"), batch.first_without("n")) == (None, 1)


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    """Numbers, text and lists keep their types; rows are numbered across all row groups."""
    columns = {"a": [1, None, 3], "s": ["x", "y", None], "l": [[1], [], None]}
    path = str(tmp_path / "t.parquet")
    pq.write_table(pa.table(columns), path, row_group_size=2)
    source = open_source(path)
    assert table(source) == columns
    assert places(source) == [": row 1", ": row 2", ": row 3"]
    assert source.share() == 1.0


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_parts_together_are_the_whole(name: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file read in parts gives the same rows at the same lines as the whole file."""
    monkeypatch.setattr(text_sources, "BLOCK_BYTES", 50)
    monkeypatch.setattr(text_sources, "JSON_BLOCK_BYTES", 50)
    if name == "t.csv":
        path = write(name, "a,b\n" + "".join(f'{n},"x\n{n}"\n' for n in range(40)))
    elif name == "t.jsonl":
        path = write(name, "".join(f'{{"a": {n}, "b": "x"}}\n\n' for n in range(40)))
    else:
        path = write(name, b"")
        pq.write_table(pa.table({"a": range(40)}), path, row_group_size=7)
    source = open_source(path)
    parts = list(source.parts())
    assert len(parts) > 3
    whole = [
        (batch.where(row), batch.column("a")[row].as_py())
        for batch in source.batches()
        for row in range(batch.rows)
    ]
    divided = [
        (batch.where(row), batch.column("a")[row].as_py())
        for part in parts
        for batch in pickle.loads(pickle.dumps(list(open_source(path).batches(part))))
        for row in range(batch.rows)
    ]
    assert divided == whole
    assert len(whole) == 40


def test_a_compressed_file_is_one_part(write: Write) -> None:
    assert len(list(open_source(write("t.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 9))).parts())) == 1


@pytest.mark.parametrize("text", ["a,b\n1,2\n", '{"a": 1, "b": 2}\n'])
def test_standard_input(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first character distinguishes CSV and JSON lines; the bytes read for this are not lost."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    source = open_source("-")
    assert source.columns == ("a", "b")
    assert source.share() is None
    assert [batch.where(0) for batch in source.batches()] == [
        "standard input:2" if text[1] == "," else "standard input:1"
    ]


def test_rows_from_the_command_line() -> None:
    (batch,) = CommandLineRows([{"a": "1"}, {"a": "2"}]).batches()
    assert (batch.rows, batch.where(1), batch.column("a").to_pylist()) == (2, "--row 2", ["1", "2"])


def test_the_share_that_was_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The share grows to 1 with the bytes, also for a compressed file."""
    monkeypatch.setattr(text_sources, "BLOCK_BYTES", 2**20)
    text = "a,b\n" + "1,2\n" * 10**6
    for path in (write("t.csv", text), write("t.csv.gz", gzip.compress(text.encode()))):
        source = open_source(path)
        shares = [source.share() or 0.0 for _ in source.batches()]
        assert len(shares) >= 3
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


BAD = {
    "too many cells": ("t.csv", "a,b\n1,2\n1,2,3\n", "FILE:3: expected 2 fields, found 3."),
    "too few cells": ("t.csv", "a,b\n1,2\n1\n", "FILE:3: expected 2 fields, found 1."),
    "open quote": (
        "t.csv",
        'a,b\n1,"2\n3,4\n',
        "FILE:2: a quote that is not closed, or text after a closing quote.",
    ),
    "not UTF-8": ("t.csv", b"a,b\n1,2\n1,\xff\n", "FILE:3: not UTF-8: byte 0xff at position 3 of the row."),
    "no rows": ("t.csv", "a,b\n", "FILE: expected rows after the header, found none."),
    "empty": ("t.csv", "", "FILE: expected a header and rows, found an empty file."),
    "a name twice": (
        "t.csv",
        "a,b,a\n1,2,3\n",
        "FILE: expected column names that differ, found 'a' more than once.",
    ),
    "no JSON": (
        "t.jsonl",
        '{"a": 1}\n{"a": 1 "b": 2}\n',
        "FILE:2: expected a JSON object in one line, found '{\"a\": 1 \"b\": 2}' (expecting ',' delimiter, "
        "at character 9).",
    ),
    "a JSON array": ("t.json", "[1, 2]\n", "FILE:1: expected a JSON object in one line, found '[1, 2]'."),
    "JSON not UTF-8": (
        "t.jsonl",
        b'{"a": 1}\n{"a": "\xff"}\n',
        'FILE:2: expected a JSON object in one line, found \'{"a": "\\\\xff"}\' (not UTF-8: byte 0xff).',
    ),
    "empty JSON": ("t.jsonl", "\n", "FILE: expected rows, found an empty file."),
    "damaged gzip": (
        "t.csv.gz",
        gzip.compress(b"a,b\n" + bytes(range(48, 58)) * 999)[:-9],
        "FILE: can't be read to its end: Compressed file ended before the end-of-stream marker was reached.",
    ),
    "compressed Parquet": (
        "t.parquet.gz",
        gzip.compress(b"PAR1"),
        "FILE: expected CSV or JSON lines, found Parquet, which must be a plain file.",
    ),
    "empty Parquet": ("t.parquet", "", "FILE: expected a Parquet file, found an empty file."),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD.values(), ids=BAD.keys())
def test_refusals(name: str, content: str | bytes, message: str, write: Write) -> None:
    assert refusal(write(name, content)) == message


def test_find(tmp_path: Path) -> None:
    """Files, folders and patterns keep their order; within each, files are sorted, without hidden ones."""
    for name in ("b.csv", "a.csv", "_SUCCESS", ".x.csv", "c.json"):
        (tmp_path / name).touch()
    (tmp_path / "more").mkdir()
    names = [
        Path(path).name
        for path in find_inputs(["-", str(tmp_path / "c.json"), str(tmp_path), f"{tmp_path}/*.csv"])
    ]
    assert names == ["-", "c.json", "a.csv", "b.csv", "c.json", "a.csv", "b.csv"]
    with pytest.raises(DataRefused) as caught:
        find_inputs([f"{tmp_path}/more"])
    assert str(caught.value) == (
        f"{tmp_path}/more: expected a file, a folder or a pattern that matches files, found nothing."
    )


@pytest.mark.parametrize("text", ["a,b\n1,2\n3,4\n5,6\n", '{"a": 1}\n{"a": 3}\n{"a": 5}\n'])
def test_a_part_of_a_batch(text: str, write: Write) -> None:
    """It has its own rows and their locations; an end after the last row is valid."""
    (batch,) = open_source(write("t", text)).batches()
    part = batch.part(1, 9)
    assert part.rows == 2
    assert part.table().column("a").to_pylist() == ["3", "5"]
    assert part.where(1) == batch.where(2)
    assert len(part.objects() or "ab") == 2


def test_objects_of_rows_that_were_typed() -> None:
    (batch,) = CommandLineRows([{"a": "1"}]).batches()
    assert [json.loads(text) for _, text in batch.objects() or ()] == [{"a": "1"}]
