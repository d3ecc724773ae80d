"""Reads text files as CSV in UTF-8: decodes other encodings, blanks comment lines, converts JSON lines.

Line n of the result is line n of the file, so messages name the right line.
"""

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from components.common.errors import DataRefused

UTF_8 = "utf-8"
MAX_LINE_BYTES = 64 * 2**20
_CHUNK_BYTES = 2**20
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DIGITS = {True: "1", False: "0"}


@dataclass(frozen=True, kw_only=True)
class TextFormat:
    """What is done with the text of a file before it is read as CSV.

    Attributes:
        encoding: the encoding of the text, a name that Python knows.
        comment: lines that begin with this text are blanked; '' for none.
        json_columns: the columns of a file of JSON lines, whose rows have no header; () for CSV.
        words: the columns of JSON lines in which true and false remain words, as in a CSV file: the label and the
            categorical ones. In others, they are 1 and 0.
    """

    encoding: str = UTF_8
    comment: str = ""
    json_columns: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()

    @property
    def is_plain(self) -> bool:
        """Whether the bytes of the file are read as they are."""
        return self.encoding == UTF_8 and not self.comment and not self.json_columns


PLAIN_TEXT = TextFormat()


def detect_encoding(start: bytes, chosen: str) -> str:
    """Returns the encoding of a file that begins with these bytes: the chosen one, or by its byte order mark."""
    if chosen != "auto":
        return codecs.lookup(chosen).name
    return "utf-16" if start.startswith(_UTF_16_MARKS) else UTF_8


def as_csv(raw: BinaryIO, text: TextFormat) -> BinaryIO:
    """Returns a stream of CSV in UTF-8. It can be read forward only: `seek` skips bytes from the beginning."""
    return raw if text.is_plain else stream_of(raw, _converted(raw, text))


def stream_of(raw: BinaryIO, parts: Iterator[bytes]) -> BinaryIO:
    """Returns a stream of the parts, which are read from `raw`. It can be read forward only, as that of `as_csv`."""
    return cast(BinaryIO, io.BufferedReader(_ConvertedStream(raw, parts)))


class _ConvertedStream(io.RawIOBase):
    """The lines of a file after conversion."""

    def __init__(self, raw: BinaryIO, parts: Iterator[bytes]) -> None:
        self._raw = raw
        self._parts = parts
        self._rest = memoryview(b"")
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(part)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self._position += size
        return size

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset < self._position:
            raise io.UnsupportedOperation("only forward")
        while self._position < offset and self.read(min(_CHUNK_BYTES, offset - self._position)):
            pass
        return self._position

    def close(self) -> None:
        self._raw.close()
        super().close()


def _converted(raw: BinaryIO, text: TextFormat) -> Iterator[bytes]:
    convert = _json_converter(text) if text.json_columns else _blank_comments(text.comment)
    for lines in _lines(raw, text.encoding):
        yield convert(lines).encode(errors="replace")


def _lines(raw: BinaryIO, encoding: str) -> Iterator[str]:
    """Yields whole lines of text in parts of about 1 MiB. Bytes that are not in the encoding become U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    rest, final = "", False
    while not final:
        chunk = raw.read(_CHUNK_BYTES)
        final = not chunk
        rest += decoder.decode(chunk, final)
        cut = len(rest) if final else rest.rfind("\n") + 1
        if cut:
            yield rest[:cut].removeprefix("\N{BYTE ORDER MARK}")
            rest = rest[cut:]
        elif len(rest) > MAX_LINE_BYTES:
            raise DataRefused(
                f"{getattr(raw, 'name', 'a file')}: expected lines of text, found none that ends within "
                f"{MAX_LINE_BYTES // 2**20} MiB."
            )


def _blank_comments(comment: str) -> Callable[[str], str]:
    def convert(lines: str) -> str:
        if not comment or comment not in lines:
            return lines
        return "\n".join("" if line.startswith(comment) else line for line in lines.split("\n"))

    return convert


def _json_converter(text: TextFormat) -> Callable[[str], str]:
    def convert(lines: str) -> str:
        return "\n".join(_csv_row(line, text) if line.strip() else "" for line in lines.split("\n"))

    return convert


def _csv_row(line: str, text: TextFormat) -> str:
    try:
        found = parse_json(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        # Not a row: one cell too many, so that row validation rejects it with its text.
        return _joined([line.strip(), *[""] * len(text.json_columns)])
    return _joined([_cell(found.get(name), name.strip() in text.words) for name in text.json_columns])


def parse_json(line: str) -> Any:
    """Parses JSON in which a number becomes the text that is written there, such as 1.50.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    return json.loads(line, parse_int=str, parse_float=str)


def json_text(value: object) -> str:
    """Returns a value of `parse_json` as a cell of text: the empty text for null, the words true and false, one line.

    Half of a surrogate pair, which is valid in JSON but not in UTF-8, becomes a question mark.
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.splitlines())
    return line if line.isascii() else line.encode(errors="replace").decode()


def _joined(cells: list[str]) -> str:
    target = io.StringIO()
    csv.writer(target, lineterminator="").writerow(cells)
    return target.getvalue()


def _cell(value: object, is_word: bool) -> str:
    return _DIGITS[value] if isinstance(value, bool) and not is_word else json_text(value)


def json_names(start: str) -> tuple[str, ...] | None:
    """Returns the names in the first lines of JSON lines, in order; None if the first line is not a JSON object.

    Args:
        start: the first lines, of which the last one may be incomplete.
    """
    names: dict[str, None] = {}
    lines = [line for line in start.split("\n") if line.strip()]
    for index, line in enumerate(lines):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            names |= dict.fromkeys(found)
        elif index == 0:
            return None
    return tuple(names)
