"""Snapshots of SQL queries: rows, types and order are those of the query; no secret is in a message or a file."""

import datetime
import decimal
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as papq
import pytest

from components.config.data import DataConfig
from components.example_gen.table import find_table
from pipeline_def.cli.main import main
from pipeline_def.local.sql_snapshot import QueryFailed, as_table, write_snapshot

URL = "REGPIPE_DATABASE_URL"


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A SQLite database of 25,000 rows; the value of `late` is missing in the first 20,000."""
    path = tmp_path / "data.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE churn (id INTEGER, x REAL, late INTEGER, city TEXT, y INTEGER)")
        connection.executemany(
            "INSERT INTO churn VALUES (?, ?, ?, ?, ?)",
            [(n, n / 8, None if n < 20_000 else n, f"Köln {n % 3}", n % 2) for n in range(25_000)],
        )
    connection.close()
    return f"sqlite:///{path}"


def test_a_table_of_a_database(database: str, tmp_path: Path) -> None:
    """All rows in the order of the query, of several parts; ExampleGen accepts the file."""
    path = tmp_path / "table.parquet"
    assert write_snapshot("SELECT * FROM churn WHERE x < 3000 ORDER BY id DESC", database, path) == (
        24_000,
        5,
    )
    table = papq.read_table(path)
    assert table.column_names == ["id", "x", "late", "city", "y"]
    assert [str(field.type) for field in table.schema] == ["int64", "double", "int64", "string", "int64"]
    assert table["id"].to_pylist() == list(range(23_999, -1, -1))
    assert table["late"].to_pylist()[3_998:4_001] == [20_001, 20_000, None]
    assert find_table(DataConfig(input=str(path), label="y")).features == ("id", "x", "late", "city")


def test_the_same_query_gives_the_same_bytes(database: str, tmp_path: Path) -> None:
    """So a second snapshot of unchanged rows leaves the cache valid."""
    paths = [tmp_path / f"{number}.parquet" for number in range(2)]
    for path in paths:
        write_snapshot("SELECT * FROM churn ORDER BY id", database, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_query_changes_no_database(database: str, tmp_path: Path) -> None:
    query = "DELETE FROM churn RETURNING id, y"
    assert write_snapshot(query, database, tmp_path / "table.parquet").rows == 25_000
    assert write_snapshot("SELECT id FROM churn", database, tmp_path / "table.parquet").rows == 25_000


def test_local_files(tmp_path: Path) -> None:
    """DuckDB joins a CSV file and a Parquet file."""
    (tmp_path / "a.csv").write_text("id,x\n2,0.5\n1,0.25\n")
    papq.write_table(pa.table({"id": [1, 2], "y": [0, 1]}), tmp_path / "b.parquet")
    query = f"SELECT id, x, y FROM '{tmp_path}/a.csv' JOIN '{tmp_path}/b.parquet' USING (id) ORDER BY id"
    assert write_snapshot(query, None, tmp_path / "table.parquet") == (2, 3)
    found = papq.read_table(tmp_path / "table.parquet").to_pydict()
    assert found == {"id": [1, 2], "x": [0.25, 0.5], "y": [0, 1]}


def test_types_of_several_parts() -> None:
    """Integers and floats become floats, dates stay dates; what does not fit together becomes text."""
    day = datetime.date(2024, 1, 31)
    table = as_table("abcd", [[(1, None, 1, None)], [(2.5, day, "x", None)], [(None, day, 1.5, None)]])
    assert table.to_pydict() == {
        "a": [1.0, 2.5, None],
        "b": [None, day, day],
        "c": ["1", "x", "1.5"],
        "d": [None, None, None],
    }


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("SELECT * FROM churns", "no such table: churns"),
        ("SELECT id, y AS id FROM churn", "'id' more than once"),
        ("SELECT * FROM churn WHERE id < 0", "expected rows, found none"),
        ("CREATE TABLE t (a INTEGER)", "expected a query that returns rows"),
    ],
)
def test_a_query_that_gives_no_table(query: str, problem: str, database: str, tmp_path: Path) -> None:
    """An existing file is kept."""
    (tmp_path / "table.parquet").write_text("before")
    with pytest.raises(QueryFailed, match=problem):
        write_snapshot(query, database, tmp_path / "table.parquet")
    assert (tmp_path / "table.parquet").read_text() == "before"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////no/such/folder/geheim%21.sqlite",
        "nosuchdialect://me:geheim%21@host/db",
        "mysql+nosuchdriver://me:geheim%21@host/db",
        "geheim!",
    ],
)
def test_no_message_contains_the_url(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(URL, url)
    monkeypatch.chdir(tmp_path)
    assert main(["snapshot", "--query", "SELECT 1 AS a"]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("regpipe: ")
    assert "geheim" not in printed.out + printed.err
    assert not (tmp_path / "table.parquet").exists()


def test_bigquery_needs_its_driver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the dialect that is missing; SQLAlchemy knows it from the package sqlalchemy-bigquery."""
    monkeypatch.setenv(URL, "bigquery://project/dataset")
    assert main(["snapshot", "--query", "SELECT 1 AS a", "-o", str(tmp_path / "t.parquet")]) == 1
    assert "sqlalchemy.dialects:bigquery" in capsys.readouterr().err


def test_values_of_bigquery() -> None:
    """NUMERIC becomes float64; DATE and TIMESTAMP keep their types; an array stays one, and is no feature."""
    row = (
        decimal.Decimal("1.50"),
        datetime.date(2024, 1, 31),
        datetime.datetime(2024, 1, 31, 12),
        True,
        [1, 2],
    )
    table = as_table("abcde", [[row, (None,) * 5]])
    assert [str(field.type) for field in table.schema] == [
        "double", "date32[day]", "timestamp[us]", "bool", "list<item: int64>",
    ]  # fmt: skip
    assert table["a"].to_pylist() == [1.5, None]


def test_the_command(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The query in a file; the output is not overwritten without --force."""
    monkeypatch.setenv(URL, database)
    (tmp_path / "q.sql").write_text("SELECT x, y FROM churn")
    path = tmp_path / "t.parquet"
    given = ["snapshot", "--query-file", str(tmp_path / "q.sql"), "-o", str(path)]
    assert main(given) == 0
    assert f"Wrote {path} with 25,000 rows and 2 columns." in capsys.readouterr().out
    assert main(given) == 2
    assert "--force" in capsys.readouterr().err
    assert main([*given, "--force"]) == 0


def test_wrong_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another suffix, and a file of a query that does not exist, or a folder of the output."""
    assert main(["snapshot", "--query", "SELECT 1 AS a", "-o", "t.csv"]) == 2
    assert "expected a name that ends in .parquet, got 't.csv'" in capsys.readouterr().err
    assert main(["snapshot", "--query-file", str(tmp_path / "q.sql"), "-o", str(tmp_path / "t.parquet")]) == 2
    assert "--query-file: " in capsys.readouterr().err


def test_without_a_url_the_message_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(URL, raising=False)
    assert main(["snapshot", "--query", "SELECT * FROM churn", "-o", str(tmp_path / "t.parquet")]) == 1
    assert f"{URL} is not set, so DuckDB" in capsys.readouterr().err
