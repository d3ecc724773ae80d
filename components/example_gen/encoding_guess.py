"""Guesses the encoding of text that is not UTF-8, for `regpipe init`, which writes it down for the user to check.

A run never guesses: text that is read in the wrong encoding gives wrong names and categories without an error.
"""

import codecs
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from components.common import storage
from components.config.data import DataConfig
from components.example_gen.input_files import InputFiles, find_input_files
from components.example_gen.text_stream import UTF_8, detect_encoding

_FILE_BYTES, _ALL_BYTES = 8 * 2**20, 64 * 2**20
# windows-1252 has characters from 0x80 to 0x9f, where latin-1 has control characters; otherwise they are equal.
_WINDOWS = re.compile(rb"[\x80-\x9f]")
# Beside letters, what is usual in text of Western Europe: currencies, quotes, dashes, degrees, units, a hard space.
_USUAL = frozenset("€£¥¢§°²³½¼¾µ·–—‘’‚“”„«»…•®©™´¿¡ªº×±\N{NO-BREAK SPACE}")  # noqa: RUF001 (they are meant)
# Between letters, these are letters of another encoding.
_ODD = re.compile(r"(?<=[^\W\d_])[£¥¢§°²³½¼¾¿¡±×](?=[^\W\d_])")  # noqa: RUF001
# Cyrillic, Greek and East Asian text in another encoding would be long runs of accented letters.
_LONG_RUN = re.compile(r"[^\W\d_\x00-\x7f]{3}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WORD = re.compile(r"[^\s,;|\"]*[^\x00-\x7f][^\s,;|\"]*")
_MAX_SHOWN = 40


class EncodingGuess(NamedTuple):
    """A guess, and a word of the text that is not ASCII, by which a reader can judge it."""

    encoding: str
    example: str


def guess_encoding(settings: DataConfig) -> EncodingGuess | None:
    """Guesses the encoding of the files of a table that are not UTF-8: latin-1, cp1252, or none.

    Args:
        settings: where the table is; only for `data.encoding: auto` there is a guess.

    Returns:
        None if all text that was read is UTF-8 (the first 8 MiB of each file, at most 64 MiB in all), or if it does not
        look like text of Western Europe.

    Raises:
        DataRefused: the files can't be found.
    """
    files = find_input_files(settings)
    if not files.is_text or settings.encoding != "auto":
        return None
    contents = list(_contents(files))
    if any(_has_utf_8(content) for content in contents):
        return None
    others = b"\n".join(content for content in contents if not content.isascii())
    return _guess(others) if others else None


def _contents(files: InputFiles) -> Iterator[bytes]:
    """Yields what is read of each file; nothing of files that can't be read or have a byte order mark."""
    left = _ALL_BYTES
    for path in files.paths:
        try:
            with storage.open_text(path) as stream:
                content = stream.read(min(_FILE_BYTES, left))
        except (EOFError, OSError, zlib.error):
            continue
        if detect_encoding(content, "auto") == UTF_8:
            yield content
        left -= len(content)
        if left <= 0:
            return


def _has_utf_8(content: bytes) -> bool:
    """Whether there is a character of several bytes in UTF-8, as in a damaged file, but not in these encodings."""
    read = content.decode(errors="replace")
    return any(one > "\x7f" and one != "\N{REPLACEMENT CHARACTER}" for one in set(read))


def _guess(text: bytes) -> EncodingGuess | None:
    encoding = "cp1252" if _WINDOWS.search(text) else "latin-1"
    try:
        decoded = codecs.decode(text, encoding)
    except UnicodeDecodeError:
        return None
    is_usual = all(one.isalpha() or one in _USUAL for one in set(decoded) if one > "\x7f")
    word = _WORD.search(decoded)
    if (
        not is_usual
        or _LONG_RUN.search(decoded)
        or _ODD.search(decoded)
        or _CONTROL.search(decoded)
        or word is None
    ):
        return None
    return EncodingGuess(encoding, word[0][:_MAX_SHOWN])
