"""Headers of CSV files: names, delimiters, and files that are refused."""

import gzip
from collections.abc import Callable

import pytest

from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen.csv_header import read_csv_header

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
            "a,y\n1,0\n".encode("utf-16"),
            ": expected UTF-8 text, found UTF-16 or binary data. Save the file as UTF-8.",
        ),
        (
            b"a,gr\xf6\xdfe\n1,0\n",
            ": expected a header in UTF-8, found the byte 0xf6. Save the file as UTF-8.",
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
