"""Reads the header of a CSV file: checks the encoding, detects the delimiter, reads the column names."""

import csv
import dataclasses
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from components.common import storage
from components.common.errors import DataRefused, reason
from components.config.data import DataConfig
from components.example_gen.cell_parsing import shorten
from components.example_gen.file_formats import typed_format
from components.example_gen.file_signatures import recognized
from components.example_gen.input_files import JSON_SUFFIXES, quoted
from components.example_gen.no_rows_error import NoRows
from components.example_gen.row_boundaries import MAX_ROW_BYTES, find_rows, split_fields
from components.example_gen.text_stream import PLAIN_TEXT, TextFormat, as_csv, detect_encoding, json_names

DELIMITERS = (",", ";", "\t", "|")
MAX_HEADER_BYTES = 2**20
MAX_COLUMNS = 20_000
NUMBER = re.compile(r"[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_HEADER_BYTES = 2**18
_JSON_BYTES = 2**20
_ROWS_COMPARED = 50
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True)
class FileHeader:
    """The columns of a file, where its rows begin, and how they are delimited.

    Attributes:
        path: the file.
        columns: the names in the order of the file, without surrounding blanks; '' for a column without a name.
        delimiter: the delimiter of a file of text; '' for one whose columns have types, see `typed_files`.
        offset: the position of the first row in bytes, after decompression.
        line: the number of the line at which the first row begins, counted from 1; otherwise, of the first row.
        text: what is done with the text before it is read as CSV.
        row_fields: how many fields most of the first rows have; 0 for JSON lines and if the columns have types.
    """

    path: str
    columns: tuple[str, ...]
    delimiter: str
    offset: int
    line: int
    text: TextFormat = PLAIN_TEXT
    row_fields: int = 0

    @property
    def kind(self) -> str:
        """The format, for messages."""
        if self.text.json_columns:
            return "JSON lines"
        return f"CSV, delimiter {self.delimiter!r}" if self.delimiter else str(typed_format(self.path))

    @property
    def is_divisible(self) -> bool:
        """Whether a text file can be read from any row on."""
        return bool(self.delimiter) and self.text.is_plain and not self.path.endswith(".gz")


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """The keys under `data` that say how CSV files are read; see `DataConfig`."""

    delimiter: str = "auto"
    encoding: str = "auto"
    comment: str = ""
    header: bool = True

    @classmethod
    def of(cls, settings: DataConfig) -> "CsvOptions":
        """Returns the options in the configuration."""
        return cls(
            delimiter=settings.delimiter,
            encoding=settings.encoding,
            comment=settings.comment,
            header=settings.header,
        )


def open_csv(header: FileHeader) -> BinaryIO:
    """Opens a file of text for reading, decompressed, as CSV in UTF-8."""
    return as_csv(storage.open_text(header.path), header.text)


def read_csv_header(path: str, settings: DataConfig) -> FileHeader:
    """Reads the header of a CSV file, or the names in the first lines of a JSON lines file.

    Raises:
        DataRefused: the file is empty, has only a header, or is not text.
    """
    if settings.delimiter != "auto" and not settings.delimiter.isascii():
        raise DataRefused(f"data.delimiter: expected an ASCII character, got {settings.delimiter!r}.")

    def start(size: int, text: TextFormat | None = None) -> bytes:
        try:
            with as_csv(storage.open_text(path), text or PLAIN_TEXT) as stream:
                return stream.read(size)
        except (EOFError, OSError, zlib.error) as error:
            raise DataRefused(f"{path}: can't be read: {reason(error)}.") from error

    first = start(_JSON_BYTES)
    text = TextFormat(encoding=detect_encoding(first, settings.encoding), comment=settings.comment)
    names = _json_names(path, first, text)
    if names:
        words = frozenset((settings.label, *settings.categorical))
        text = TextFormat(encoding=text.encoding, json_columns=names, words=words)
        return FileHeader(path=path, columns=_stripped(names), delimiter=",", offset=0, line=1, text=text)
    header = parse_header(path, lambda size: start(size, text), CsvOptions.of(settings))
    return dataclasses.replace(header, text=text)


def _json_names(path: str, start: bytes, text: TextFormat) -> tuple[str, ...] | None:
    is_named = path.lower().removesuffix(".gz").endswith(JSON_SUFFIXES)
    content = start.decode(text.encoding, "replace").removeprefix("\N{BYTE ORDER MARK}").lstrip()
    if not (is_named or content.startswith("{")):
        return None
    lines, newline, _ = content.rpartition("\n")
    names = json_names(lines if newline else content)
    if is_named and content and not names and not recognized(start):
        first = shorten(content.splitlines()[0])
        raise DataRefused(f"{path}:1: expected a JSON object in one line, found {first!r}.")
    return names


def parse_header(path: str, start: Callable[[int], bytes], options: CsvOptions) -> FileHeader:
    """Parses the header of a CSV file.

    Args:
        path: the file, for messages.
        start: returns the first n bytes of the text in UTF-8, or all bytes if the file has fewer.
        options: the delimiter, and whether there is a header.

    Raises:
        DataRefused: see `read_csv_header`.
    """
    size = _HEADER_BYTES
    while True:
        first = start(size)
        header = _parse(path, first, options, final=len(first) < size)
        if header:
            return header
        if size > MAX_ROW_BYTES:
            raise DataRefused(f"{path}: expected a header line, found none in the first {size // 2**20} MiB.")
        size *= 16


def _parse(path: str, start: bytes, options: CsvOptions, *, final: bool) -> FileHeader | None:
    """Parses the header from the first bytes of a file; returns None if more bytes are needed."""
    body = start.removeprefix(_BOM)
    text = body.lstrip()
    _expect_text(path, start, text)
    if not text:
        if final:
            raise NoRows(path, f"{path}: expected a header and rows, found an empty file.")
        return None
    # Blank lines before the header are skipped; a leading tab or blank belongs to the first name.
    skipped = body.rfind(b"\n", 0, len(body) - len(text)) + 1
    _expect_length(path, body[skipped:].partition(b"\n")[0])
    delimiter = _detect(body[skipped:], final) if options.delimiter == "auto" else options.delimiter
    rows = find_rows(body[skipped:], delimiter, final=final)
    if not len(rows.ends):
        return None
    end = skipped + int(rows.ends[0])
    if options.header and not body[end:].strip():
        if final:
            raise NoRows(path, f"{path}: expected rows after the header, found none.")
        return None
    _expect_length(path, body[skipped:end])
    names = _names(path, body[skipped:end], delimiter, 1 + body.count(b"\n", 0, skipped))
    rows_after = _first_rows(body[skipped:], delimiter, final)[1:]
    if not options.header:
        names, end = tuple(f"column_{number}" for number in range(1, len(names) + 1)), skipped
    else:
        _expect_names(path, names)
        names = _with_trailing_field(names, rows_after)
    if len(names) > MAX_COLUMNS:
        raise DataRefused(f"{path}: expected at most {MAX_COLUMNS:,} columns, found {len(names):,}.")
    return FileHeader(
        path=path,
        columns=names,
        delimiter=delimiter,
        offset=len(start) - len(body) + end,
        line=1 + body.count(b"\n", 0, end),
        row_fields=Counter(map(len, rows_after)).most_common(1)[0][0] if rows_after else len(names),
    )


def _expect_text(path: str, start: bytes, text: bytes) -> None:
    found = recognized(start)
    if found:
        raise DataRefused(f"{path}: expected text, found {found}.")
    if start[:64].count(0) > len(start[:64]) // 4:
        raise DataRefused(
            f"{path}: expected UTF-8 text, found binary data or UTF-16 without a byte order mark; "
            "data.encoding sets another encoding."
        )
    if b"\n" not in text and b"\r" in text.rstrip():
        raise DataRefused(f"{path}: expected lines that end in a line feed, found only carriage returns.")


def _expect_length(path: str, header: bytes) -> None:
    if len(header) > MAX_HEADER_BYTES:
        raise DataRefused(
            f"{path}: expected a header of at most {MAX_HEADER_BYTES // 2**10:,} KiB, found {len(header) // 2**10:,}. "
            "Is this a CSV file?"
        )


def _expect_names(path: str, names: Sequence[str]) -> None:
    """Refuses a first line that consists of numbers, unless they count the columns from 0 or 1."""
    if not all(NUMBER.fullmatch(name) for name in names):
        return
    if any(list(names) == [str(first + index) for index in range(len(names))] for first in (0, 1)):
        return
    raise DataRefused(
        f"{path}: expected the names of the columns in the first line, found only numbers: {quoted(names)}. If the "
        "file has no header, set data.header to false; the columns are then column_1, column_2 and so on."
    )


def _first_rows(body: bytes, delimiter: str, final: bool) -> list[list[str]]:
    """Returns the cells of the first rows, with the header, without blank lines."""
    ends = find_rows(body, delimiter, final=final).ends[:_ROWS_COMPARED]
    texts = [body[a:b].decode(errors="replace") for a, b in zip([0, *ends], ends, strict=False)]
    return [split_fields(text, delimiter) or [] for text in texts if text.strip()]


def _with_trailing_field(names: tuple[str, ...], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Adds or removes a last column without a name if only the rows, or only the header, end in a delimiter."""
    if not rows:
        return names
    if all(len(row) == len(names) + 1 and not row[-1].strip() for row in rows):
        return (*names, "")
    if not names[-1] and all(len(row) == len(names) - 1 for row in rows):
        return names[:-1]
    return names


def _names(path: str, row: bytes, delimiter: str, line: int) -> tuple[str, ...]:
    text = ""
    try:
        text = row.decode().removesuffix("\n").removesuffix("\r")
        # Headers are often written by hand, so a blank is allowed before a quote.
        return _stripped(next(csv.reader([text], delimiter=delimiter, skipinitialspace=True)))
    except UnicodeDecodeError as error:
        raise DataRefused(
            f"{path}: expected a header in UTF-8, found the byte 0x{error.object[error.start]:02x}. Save the file as "
            "UTF-8, or set data.encoding, for example to latin-1."
        ) from error
    except csv.Error as error:
        found = "a carriage return without a line feed" if "\r" in text else str(error)
        raise DataRefused(f"{path}:{line}: the header can't be read: {found}.") from error


def _stripped(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(re.sub(r"\s*[\r\n]\s*", " ", name.strip()) for name in names)


def _detect(body: bytes, final: bool) -> str:
    """Returns the delimiter with which most rows have as many cells as the header; on a tie, that with most cells."""
    best, best_score = DELIMITERS[0], (0.0, 1)
    for delimiter in DELIMITERS:
        counts = [len(row) for row in _first_rows(body, delimiter, final)]
        if not counts or counts[0] < 2:
            continue
        alike = sum(count == counts[0] for count in counts[1:]) / max(len(counts) - 1, 1)
        score = (round(alike, 1), counts[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best
