"""The files that data.input refers to."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen.input_files import find_input_files

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]


def names(config: DataConfig) -> list[str]:
    return [Path(path).name for path in find_input_files(config).paths]


def refusal(config: DataConfig) -> str:
    with pytest.raises(DataRefused) as caught:
        find_input_files(config)
    return str(caught.value)


def test_a_single_file(write: Write, settings: Settings) -> None:
    assert names(settings(write("t.dat", "a,y\n1,0\n"))) == ["t.dat"]


def test_the_tables_in_a_folder_are_sorted_without_hidden_and_other_files(
    write: Write, settings: Settings, tmp_path: Path
) -> None:
    for name in ("b.csv", "a.tsv.gz", "c.txt", ".hidden.csv", "_SUCCESS.csv", "notes.md", "sub/d.csv"):
        write(name, "x")
    assert names(settings(str(tmp_path))) == ["a.tsv.gz", "b.csv", "c.txt"]


def test_a_glob(write: Write, settings: Settings, tmp_path: Path) -> None:
    for name in ("day-2.csv", "day-1.csv", "other.csv", "_day-3.csv"):
        write(name, "x")
    assert names(settings(f"{tmp_path}/*day-?.csv")) == ["day-1.csv", "day-2.csv"]


def test_no_file(settings: Settings, tmp_path: Path) -> None:
    assert refusal(settings(f"{tmp_path}/none.csv")) == (
        f"{tmp_path}/none.csv: expected a file, a folder or a pattern that matches files, found nothing."
    )


def test_an_empty_folder(settings: Settings, tmp_path: Path) -> None:
    assert refusal(settings(str(tmp_path))) == (
        f"{tmp_path}: expected files that end in .csv, .tsv, .txt, .csv.gz, .tsv.gz, .parquet, .avro, found an empty "
        "folder."
    )


def test_a_folder_without_tables(write: Write, settings: Settings, tmp_path: Path) -> None:
    write("a.md", "x")
    assert refusal(settings(str(tmp_path))).endswith("found 'a.md'.")


def test_csv_and_parquet_together(write: Write, settings: Settings, tmp_path: Path) -> None:
    write("a.csv", "x")
    write("b.parquet", "x")
    assert refusal(settings(str(tmp_path))) == (
        f"{tmp_path}: expected either files of text or files of one other format, found {tmp_path}/a.csv and "
        f"{tmp_path}/b.parquet."
    )


@pytest.mark.parametrize(
    ("keys", "expected", "newest"),
    [
        ({}, ["12"], 12),
        ({"span": 3}, ["003"], 3),
        ({"last_spans": 2}, ["007", "12"], 12),
        ({"span": 7, "last_spans": 5}, ["003", "007"], 7),
    ],
)
def test_spans(
    keys: dict[str, int], expected: list[str], newest: int, write: Write, settings: Settings, tmp_path: Path
) -> None:
    """Spans are compared as numbers; `last_spans` counts existing spans; the newest span is returned."""
    for span in ("003", "007", "12", "x9"):
        write(f"span-{span}/t.csv", "x")
    files = find_input_files(settings(f"{tmp_path}/span-{{SPAN}}/*.csv", **keys))
    assert [re.sub(r".*span-(\w+)/.*", r"\1", path) for path in files.paths] == expected
    assert files.span == newest


def test_a_span_may_be_a_folder_or_part_of_a_name(write: Write, settings: Settings, tmp_path: Path) -> None:
    write("a/1/t.csv", "x")
    write("b/t-2.csv", "x")
    assert names(settings(f"{tmp_path}/a/{{SPAN}}")) == ["t.csv"]
    assert names(settings(f"{tmp_path}/b/t-{{SPAN}}.csv")) == ["t-2.csv"]


def test_a_span_that_does_not_exist(write: Write, settings: Settings, tmp_path: Path) -> None:
    write("s/1.csv", "x")
    write("s/3.csv", "x")
    pattern = f"{tmp_path}/s/{{SPAN}}.csv"
    assert (
        refusal(settings(pattern, span=2)) == f"{pattern}: expected span 2 (data.span), found the spans 1, 3."
    )


def test_no_span_at_all(settings: Settings, tmp_path: Path) -> None:
    pattern = f"{tmp_path}/{{SPAN}}.csv"
    assert refusal(settings(pattern)) == (
        f"{pattern}: expected paths with a number or a date (yyyy-mm-dd) in place of {{SPAN}}, found none."
    )


@pytest.mark.parametrize("address", ["https://example.org/table.csv", "s3://bucket/table.csv"])
def test_an_address_that_cannot_be_read(address: str) -> None:
    """The data is refused, with the address and the reason, as for a path that does not exist."""
    with pytest.raises(DataRefused) as refused:
        find_input_files(DataConfig(input=address))
    assert str(refused.value).startswith(
        f"{address}: expected a path on this machine, or an address that TensorFlow can"
    )
    assert "File system scheme" in str(refused.value)


def test_spans_may_be_dates(write: Write, settings: Settings, tmp_path: Path) -> None:
    for day in ("2024-01-31", "2023-12-01", "2024-02-01", "2024-2-3"):
        write(f"days/{day}/t.csv", "x")
    files = find_input_files(settings(f"{tmp_path}/days/{{SPAN}}/*.csv", span=20240131, last_spans=2))
    assert [Path(path).parent.name for path in files.paths] == ["2023-12-01", "2024-01-31"]
    assert find_input_files(settings(f"{tmp_path}/days/{{SPAN}}")).span == 20240201


def test_files_about_the_table_are_skipped(write: Write, settings: Settings, tmp_path: Path) -> None:
    """JSON beside CSV describes the table; alone it is the table."""
    for name in ("a.csv", "README.txt", "LICENSE.txt", "datapackage.json"):
        write(f"one/{name}", "x")
    assert names(settings(f"{tmp_path}/one")) == ["a.csv"]
    write("two/README.txt", "x")
    assert names(settings(f"{tmp_path}/two")) == ["README.txt"]
    write("three/a.jsonl", "x")
    assert names(settings(f"{tmp_path}/three")) == ["a.jsonl"]


def test_a_pattern_that_is_none(settings: Settings, write: Write, tmp_path: Path) -> None:
    write("1/t.csv", "x")
    pattern = f"{tmp_path}/{{SPAN}}/[z-a].csv"
    assert refusal(settings(pattern)).startswith(
        f"{pattern}: expected a pattern, but it can't be read as one: bad"
    )


@pytest.mark.parametrize("names_of_span", [("span-1", "span-01"), ("span-20240131", "span-2024-01-31")])
def test_two_paths_for_one_span_are_refused(
    names_of_span: tuple[str, str], write: Write, settings: Settings, tmp_path: Path
) -> None:
    """The message has both: their rows must not be merged unnoticed."""
    for name in (*names_of_span, "span-2"):
        write(f"{name}/t.csv", "x")
    message = refusal(settings(f"{tmp_path}/{{SPAN}}/*.csv".replace("{SPAN}", "span-{SPAN}")))
    assert "expected one path for the span" in message
    assert all(f"{tmp_path}/{name}/t.csv" in message for name in names_of_span)


def test_only_documents_are_taken_for_descriptions(write: Write, settings: Settings, tmp_path: Path) -> None:
    """A table whose name begins in the same way is read, and a pattern skips the documents, too."""
    for name in ("licenses-2023.csv", "notices.csv", "README.txt"):
        write(f"one/{name}", "x")
    for path in (f"{tmp_path}/one", f"{tmp_path}/one/*"):
        assert names(settings(path)) == ["licenses-2023.csv", "notices.csv"]
