"""Reads the bytes of a file or of standard input."""

import contextlib
import gzip
import io
import os
import select
import sys
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar, cast

from components.common import storage
from components.common.errors import DataRefused, reason
from components.example_gen.csv_header import CsvOptions
from components.example_gen.text_stream import TextFormat, as_csv, detect_encoding

STDIN = "-"
_MARK_BYTES = 4
_SECONDS = 0.5  # The longest time until Ctrl-C is handled.
T = TypeVar("T")


class ByteStream:
    """Reads bytes after decompression (a name that ends in .gz means gzip).

    Each method raises DataRefused if the file can't be read.

    Args:
        path: a file, or `-` for standard input.
        options: the encoding and the comment lines of text.
    """

    def __init__(self, path: str, options: CsvOptions = CsvOptions()) -> None:  # noqa: B008 - it can't change
        self.path = path
        self._options = options
        # Used in messages, also by `row_boundaries.read_blocks`.
        self.name = "standard input" if path == STDIN else path
        self._file: BinaryIO | None = None
        self._size: int | None = None
        self._peeked = b""

    @property
    def is_divisible(self) -> bool:
        """Whether reading can start at any offset."""
        is_file = self.path != STDIN and not self.path.endswith(".gz")
        return is_file and self._text().is_plain

    def peek(self, size: int) -> bytes:
        """Returns the next `size` bytes, or all that are left, without consuming them."""
        missing = size - len(self._peeked)
        if missing > 0:
            self._peeked += self._with_file(lambda file: _read(file, missing))
        return self._peeked[:size]

    def read(self, size: int) -> bytes:
        """Returns and consumes the next `size` bytes, or all that are left."""
        peeked, self._peeked = self._peeked[:size], self._peeked[size:]
        missing = size - len(peeked)
        return peeked + self._with_file(lambda file: _read(file, missing)) if missing else peeked

    def seek(self, offset: int) -> None:
        """Moves to an offset. On standard input, it skips bytes and works only once."""
        if self.path == STDIN:
            self.read(offset)
        else:
            self._peeked = b""
            self._with_file(lambda file: file.seek(offset))

    def share(self) -> float | None:
        """Returns the fraction of the file that has been read, from 0 to 1; None if it is unknown."""
        if self._file is None or not self._size:
            return None
        raw: Any = self._file.fileobj if isinstance(self._file, gzip.GzipFile) else self._file
        return float(raw.tell()) / self._size

    def close(self) -> None:
        """Closes the file; the next read opens it again."""
        if self._file is not None and self.path != STDIN:
            self._file.close()
            self._file, self._peeked = None, b""

    def _with_file(self, action: Callable[[BinaryIO], T]) -> T:
        try:
            if self._file is None:
                self._file = self._open()
            return action(self._file)
        except (EOFError, OSError, zlib.error) as error:
            raise DataRefused(f"{self.name}: can't be read to its end: {reason(error)}.") from error

    def _open(self) -> BinaryIO:
        if self.path == STDIN:
            return as_csv(cast(BinaryIO, sys.stdin.buffer), self._text())
        text = self._text()
        if not storage.is_remote(self.path) and text.is_plain:
            self._size = os.stat(self.path).st_size  # noqa: PTH116 - a path may be on gs://
        return as_csv(storage.open_text(self.path), text)

    def _text(self) -> TextFormat:
        start = b""
        if self._options.encoding == "auto" and self.path != STDIN:
            with contextlib.suppress(EOFError, OSError, zlib.error), storage.open_text(self.path) as file:
                start = file.read(_MARK_BYTES)
        encoding = detect_encoding(start, self._options.encoding)
        return TextFormat(encoding=encoding, comment=self._options.comment)


def _read(file: BinaryIO, size: int) -> bytes:
    """Returns `size` bytes, or all that are left."""
    parts = []
    while size > 0 and (part := _read_once(file, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _read_once(file: BinaryIO, size: int) -> bytes:
    """Returns the result of one system call.

    For standard input, it first waits until there is something to read: Python handles Ctrl-C each time that this wait
    times out, but would not handle a Ctrl-C that comes just before a blocking read.
    """
    with contextlib.suppress(io.UnsupportedOperation):  # The file has no descriptor.
        if file is sys.stdin.buffer:
            while not select.select([file.fileno()], [], [], _SECONDS)[0]:
                pass
    once: Callable[[int], bytes] = getattr(file, "read1", file.read)
    return once(size)
