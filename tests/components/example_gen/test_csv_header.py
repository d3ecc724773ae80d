"""Headers of CSV files: names, delimiters, and files that are refused."""

import bz2
import gzip
import lzma
from collections.abc import Callable

import pytest

from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen.csv_header import open_csv, read_csv_header

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]


def refusal(path: str, config: DataConfig) -> str:
    with pytest.raises(DataRefused) as caught:
        read_csv_header(path, config)
    return str(caught.value).removeprefix(path)


@pytest.mark.parametrize(
    ("content", "columns", "line"),
    [
        (b"a,y\n1,0\n", ("a", "y"), 2),
        (b"\xef\xbb\xbfa,y\n1,0\n", ("a", "y"), 2),
        (b"a,y\r\n1,0\r\n", ("a", "y"), 2),
        (b" a , y\n1,0\n", ("a", "y"), 2),
        (b'"a", "b,c" ,y\n1,2,0\n', ("a", "b,c", "y"), 2),
        (b'"a\nb","say ""x""",y\n1,2,0\n', ("a b", 'say "x"', "y"), 3),
        (b"\n\na,y\n1,0\n", ("a", "y"), 4),
        (b",a,y\n0,1,0\n", ("", "a", "y"), 2),
        ("größe (m²),年 龄,a.b-c,y\n1,2,3,0\n".encode(), ("größe (m²)", "年 龄", "a.b-c", "y"), 2),
        (b"\tx\ty\n1\t2\t3\n", ("", "x", "y"), 2),
    ],
)
def test_columns(
    content: bytes, columns: tuple[str, ...], line: int, write: Write, settings: Settings
) -> None:
    """A byte order mark, CRLF, blanks, quotes and newlines in and around names are not part of them."""
    path = write("t.csv", content)
    header = read_csv_header(path, settings(path))
    assert header.columns == columns
    assert header.line == line
    assert content[header.offset :].split(b"\n")[0].strip() in (
        b"1,0",
        b"1,2,0",
        b"1,2,3,0",
        b"0,1,0",
        b"1\t2\t3",
    )


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("a,b,y\n1,2,0\n", ","),
        ("a;b;y\n1,5;2,5;0\n", ";"),
        ("a\tb\ty\n1\t2\t0\n", "\t"),
        ("a|b|y\n1|2|0\n", "|"),
        ("a, in m;b;y\n1,5;2,5;0\n", ";"),
        ('"a;b;c","y"\n1,0\n2,1\n', ","),
        ("y\n1\n", ","),
    ],
)
def test_the_delimiter_is_found(content: str, delimiter: str, write: Write, settings: Settings) -> None:
    path = write("t.csv", content)
    assert read_csv_header(path, settings(path)).delimiter == delimiter


def test_a_given_delimiter_is_used(write: Write, settings: Settings) -> None:
    path = write("t.csv", "a:b,y\n1:0,1\n")
    assert read_csv_header(path, settings(path, delimiter=":")).columns == ("a", "b,y")


def test_a_compressed_file_is_decompressed(write: Write, settings: Settings) -> None:
    path = write("t.csv.gz", gzip.compress(b"a,y\n1,0\n"))
    assert read_csv_header(path, settings(path)).columns == ("a", "y")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": expected a header and rows, found an empty file."),
        (b" \r\n \n", ": expected a header and rows, found an empty file."),
        (b"\xef\xbb\xbf", ": expected a header and rows, found an empty file."),
        (b"a,y", ": expected rows after the header, found none."),
        (b"a,y\r\n\r\n", ": expected rows after the header, found none."),
        (
            "a,y\n1,0\n".encode("utf-16-le"),
            ": expected UTF-8 text, found binary data or UTF-16 without a byte order mark; data.encoding sets another "
            "encoding.",
        ),
        (
            b"a,gr\xf6\xdfe\n1,0\n",
            ": expected a header in UTF-8, found the byte 0xf6. Save the file as UTF-8, or set "
            "data.encoding, for example to latin-1.",
        ),
        (b"a,y\r1,0\r", ": expected lines that end in a line feed, found only carriage returns."),
    ],
)
def test_files_that_are_not_tables_are_refused(
    content: bytes, message: str, write: Write, settings: Settings
) -> None:
    path = write("t.csv", content)
    assert refusal(path, settings(path)) == message


def test_a_damaged_archive(write: Write, settings: Settings) -> None:
    path = write("t.csv.gz", b"a,y\n1,0\n")
    assert refusal(path, settings(path)) == ": can't be read: Not a gzipped file (b'a,')."


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (gzip.compress(b"a,y\n1,0\n", mtime=0), "gzip; the name of a compressed CSV file must end in .gz"),
        (bz2.compress(b"a,y\n1,0\n"), "bzip2; decompress it, or compress it with gzip (.gz)"),
        (lzma.compress(b"a,y\n1,0\n"), "xz; decompress it, or compress it with gzip (.gz)"),
        (b"PAR1....PAR1", "Parquet; its name must end in .parquet"),
        (b"PK\x03\x04....t.csv", "a zip archive; unpack it"),
        (b"PK\x03\x04....[Content_Types].xml", "a workbook of Excel (.xlsx); save the sheet as CSV"),
        (b'[{"a": 1, "y": 0}]', "a JSON array; expected JSON lines, one object in each line"),
        (b"\n<!DOCTYPE html>\n<p>", "an HTML page; download the table itself"),
    ],
)
def test_other_files_are_called_what_they_are(
    content: bytes, found: str, write: Write, settings: Settings
) -> None:
    path = write("t.csv", content)
    assert refusal(path, settings(path)) == f": expected text, found {found}."


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ("a;größe;y\n1;2;0\n".encode("latin-1"), {"encoding": "latin-1"}),
        ("a;größe;y\n1;2;0\n".encode("utf-16"), {}),
        ("a;größe;y\n1;2;0\n".encode("utf-16-be"), {"encoding": "utf-16-be"}),
        ("# exported\n#\na;größe;y\n1;2;0\n".encode(), {"comment": "#"}),
        ("a;größe;y\n1;2;;\n1;2;0;\n"[:-2].replace(";;", ";").encode(), {}),
    ],
)
def test_encodings_and_comments(
    content: bytes, keys: dict[str, object], write: Write, settings: Settings
) -> None:
    path = write("t.csv", content)
    header = read_csv_header(path, settings(path, **keys))
    assert header.columns == ("a", "größe", "y")
    with open_csv(header) as stream:
        stream.seek(header.offset)
        assert stream.readline().startswith(b"1;2;")


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("a,y\n1,0,\n2,1,\n", ("a", "y", "")),
        ("a,y,\n1,0\n2,1\n", ("a", "y")),
        ("a,y,\n1,0,\n2,1,\n", ("a", "y", "")),
        ("a,y\n1,0,\n2,1\n", ("a", "y")),
        ("a,y\n1,0,7\n2,1,8\n", ("a", "y")),
    ],
)
def test_a_delimiter_at_the_end_of_all_rows_or_of_the_header(
    content: str, columns: tuple[str, ...], write: Write, settings: Settings
) -> None:
    path = write("t.csv", content)
    assert read_csv_header(path, settings(path)).columns == columns


def test_a_header_of_numbers(write: Write, settings: Settings) -> None:
    """It is refused, because it is the first row of a file without a header; pandas numbers columns from 0."""
    path = write("t.csv", "1.2882,64.49,1\n0.5,60,0\n")
    message = refusal(path, settings(path))
    assert message.startswith(
        ": expected the names of the columns in the first line, found only numbers: '1.2882'"
    )
    assert "set data.header to false" in message
    header = read_csv_header(path, settings(path, header=False))
    assert (header.columns, header.offset, header.line) == (("column_1", "column_2", "column_3"), 0, 1)
    path = write("t.csv", "0,1,2\n0.5,60,0\n")
    assert read_csv_header(path, settings(path)).columns == ("0", "1", "2")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "a" * 200_000 + ",y\n1,0\n",
            ":1: the header can't be read: field larger than field limit (131072).",
        ),
        ("a,b\rc,y\n1,2,0\n", ":1: the header can't be read: a carriage return without a line feed."),
        ("a" * 2**21 + "\n1\n", ": expected a header of at most 1,024 KiB, found 2,048. Is this a CSV file?"),
        ("a," * 30_000 + "y\n1\n", ": expected at most 20,000 columns, found 30,001."),
    ],
)
def test_damaged_and_endless_headers(content: str, message: str, write: Write, settings: Settings) -> None:
    path = write("t.csv", content)
    assert refusal(path, settings(path)).startswith(message)


def test_json_lines_have_the_names_of_their_first_rows(write: Write, settings: Settings) -> None:
    path = write("t.json", '{"a": 1, "y": 0}\n{"a": null, "b c": "x", "y": 1}\n')
    header = read_csv_header(path, settings(path))
    assert (header.columns, header.offset, header.line) == (("a", "y", "b c"), 0, 1)
    path = write("t.jsonl", "a,y\n1,0\n")
    assert refusal(path, settings(path)) == ":1: expected a JSON object in one line, found 'a,y'."
