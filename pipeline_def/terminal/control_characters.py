"""Escapes control characters in what is printed.

The name of a column or a file, a cell or a server's message may contain sequences that move the cursor, change the
colours or the title of a terminal, or hide text.
"""

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO, cast

# All of Unicode's control characters (Cc) but newline and tab, and those that change the direction of text
# (https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings).
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def escape_controls(text: str) -> str:
    r"""Returns a text in which each control character but newline and tab is an escape, as in Python.

    >>> print(escape_controls("a\x1b[31mb\u202e"))
    a\x1b[31mb\u202e
    """
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class _EscapingText:
    """A text stream that escapes control characters; in all else, it is the given stream."""

    def __init__(self, stream: TextIO) -> None:
        self.unescaped = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unescaped, name)

    def write(self, text: str) -> int:
        self.unescaped.write(escape_controls(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        self.unescaped.writelines(map(escape_controls, lines))


class EscapingBytes:
    """A binary stream for text in UTF-8 that escapes control characters, for data that is printed on a terminal."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, content: bytes) -> int:
        """Writes whole characters; returns the number of bytes of `content`."""
        self._stream.write(escape_controls(content.decode(errors="backslashreplace")).encode())
        return len(content)

    def flush(self) -> None:
        """Flushes the stream."""
        self._stream.flush()


def unescaped(stream: TextIO) -> TextIO:
    """Returns the stream without the escapes of `escaped_output`, for a library that writes its own sequences."""
    return stream.unescaped if isinstance(stream, _EscapingText) else stream


@contextlib.contextmanager
def escaped_output(*, is_log: bool = False) -> Iterator[None]:
    """Escapes control characters on standard error and, if it is a terminal, on standard output, within the context.

    A file or a pipe on standard output gets what other programs read, such as JSON, without changes.

    Args:
        is_log: whether standard output is a log, too, as that of a container, which `kubectl logs` prints on terminals.
    """
    before = sys.stdout, sys.stderr
    sys.stderr = cast(TextIO, _EscapingText(sys.stderr))
    if is_log or sys.stdout.isatty():
        sys.stdout = cast(TextIO, _EscapingText(sys.stdout))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
