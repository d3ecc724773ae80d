"""Reads the header of a CSV file: checks the encoding, detects the delimiter, reads the column names."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass

from components.common import storage
from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen.row_boundaries import MAX_ROW_BYTES, find_rows, split_fields

DELIMITERS = (",", ";", "\t", "|")
_HEADER_BYTES = 2**18
_ROWS_COMPARED = 50
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True)
class FileHeader:
    """The columns of a file, where its rows begin, and how they are delimited.

    Attributes:
        path: the file.
        columns: the names in the order of the file, without surrounding blanks; '' for a column without a name.
        delimiter: the delimiter of a CSV file; '' for Parquet.
        offset: the position of the first row in bytes, after decompression.
        line: the number of the line at which the first row begins, counted from 1; for Parquet, of the first row.
    """

    path: str
    columns: tuple[str, ...]
    delimiter: str
    offset: int
    line: int


def read_csv_header(path: str, settings: DataConfig) -> FileHeader:
    """Reads the header of a CSV file.

    Raises:
        DataRefused: the file is empty, has only a header, or is not UTF-8 text.
    """
    if settings.delimiter != "auto" and not settings.delimiter.isascii():
        raise DataRefused(f"data.delimiter: expected an ASCII character, got {settings.delimiter!r}.")

    def start(size: int) -> bytes:
        try:
            with storage.open_text(path) as stream:
                return stream.read(size)
        except (EOFError, OSError) as error:
            raise DataRefused(f"{path}: can't be read: {error}.") from error

    return parse_header(path, start, settings.delimiter)


def parse_header(path: str, start: Callable[[int], bytes], delimiter: str) -> FileHeader:
    """Parses the header of a CSV file.

    Args:
        path: the file, for messages.
        start: returns the first n bytes of the file, or all bytes if the file has fewer.
        delimiter: one character, or "auto" to detect it.

    Raises:
        DataRefused: see `read_csv_header`.
    """
    size = _HEADER_BYTES
    while True:
        first = start(size)
        header = _parse(path, first, delimiter, final=len(first) < size)
        if header:
            return header
        if size > MAX_ROW_BYTES:
            raise DataRefused(f"{path}: expected a header line, found none in the first {size // 2**20} MiB.")
        size *= 16


def _parse(path: str, start: bytes, chosen: str, *, final: bool) -> FileHeader | None:
    """Parses the header from the first bytes of a file; returns None if more bytes are needed."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or start[:64].count(0) > len(start[:64]) // 4:
        raise DataRefused(
            f"{path}: expected UTF-8 text, found UTF-16 or binary data. Save the file as UTF-8."
        )
    body = start.removeprefix(_BOM)
    text = body.lstrip()
    if not text:
        if final:
            raise DataRefused(f"{path}: expected a header and rows, found an empty file.")
        return None
    if b"\n" not in text and b"\r" in text.rstrip():
        raise DataRefused(f"{path}: expected lines that end in a line feed, found only carriage returns.")
    # Blank lines before the header are skipped; a leading tab or blank belongs to the first name.
    skipped = body.rfind(b"\n", 0, len(body) - len(text)) + 1
    delimiter = _detect(body[skipped:], final) if chosen == "auto" else chosen
    rows = find_rows(body[skipped:], delimiter, final=final)
    if not len(rows.ends):
        return None
    end = skipped + int(rows.ends[0])
    if not body[end:].strip():
        if final:
            raise DataRefused(f"{path}: expected rows after the header, found none.")
        return None
    try:
        names = body[skipped:end].decode()
    except UnicodeDecodeError as error:
        raise DataRefused(
            f"{path}: expected a header in UTF-8, found the byte 0x{error.object[error.start]:02x}. "
            "Save the file as UTF-8."
        ) from error
    return FileHeader(
        path=path,
        columns=_names(names, delimiter),
        delimiter=delimiter,
        offset=len(start) - len(body) + end,
        line=1 + body.count(b"\n", 0, end),
    )


def _names(row: str, delimiter: str) -> tuple[str, ...]:
    # Headers are often written by hand, so a blank is allowed before a quote.
    reader = csv.reader(
        [row.removesuffix("\n").removesuffix("\r")], delimiter=delimiter, skipinitialspace=True
    )
    return tuple(re.sub(r"\s*[\r\n]\s*", " ", name.strip()) for name in next(reader))


def _detect(body: bytes, final: bool) -> str:
    """Returns the delimiter with which most rows have as many cells as the header; on a tie, that with most cells."""
    best, best_score = DELIMITERS[0], (0.0, 1)
    for delimiter in DELIMITERS:
        ends = find_rows(body, delimiter, final=final).ends[:_ROWS_COMPARED]
        texts = [body[a:b].decode(errors="replace") for a, b in zip([0, *ends], ends, strict=False)]
        counts = [len(split_fields(text, delimiter) or ()) for text in texts if text.strip()]
        if not counts or counts[0] < 2:
            continue
        alike = sum(count == counts[0] for count in counts[1:]) / max(len(counts) - 1, 1)
        score = (round(alike, 1), counts[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best
