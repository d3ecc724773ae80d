"""The encoding of text that is not UTF-8 is guessed only where the text looks like one of Western Europe."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from components.config.data import DataConfig
from components.example_gen.encoding_guess import guess_encoding

Write = Callable[[str, str | bytes], str]
TEXT = "größe,name,y\n1,Zoë,0\n2,café crème,1\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT.encode("latin-1"), ("latin-1", "größe")),
        ("a,price,y\n1,5 €,0\n".encode("cp1252"), ("cp1252", "€")),
        ("a,l’eau,y\n1,x,0\n".encode("cp1252"), ("cp1252", "l’eau")),  # noqa: RUF001 (the typographic apostrophe)
        (TEXT.encode(), None),
        (TEXT.encode("utf-8-sig"), None),
        (TEXT.encode("utf-16"), None),
        (b"a,b,y\n1,2,0\n", None),
        (TEXT.encode() + "Zoë".encode("latin-1"), None),  # UTF-8 with a damaged row
        ("имя,y\nИван,0\n".encode("cp1251"), None),  # noqa: RUF001 (Cyrillic is meant)
        ("όνομα,y\nΝίκος,0\n".encode("cp1253"), None),  # noqa: RUF001 (Greek is meant)
        ("miłość,y\nżółw,0\n".encode("cp1250"), None),
        ("名前,y\n太郎,0\n".encode("shift_jis"), None),
        (b"PK\x03\x04\xe9t\xe9", None),
    ],
)
def test_guesses(content: bytes, expected: tuple[str, str] | None, write: Write) -> None:
    assert guess_encoding(DataConfig(input=write("t.csv", content))) == expected
    assert guess_encoding(DataConfig(input=write("t.csv.gz", gzip.compress(content)))) == expected


def test_an_encoding_that_is_given_is_kept(write: Write) -> None:
    path = write("t.csv", TEXT.encode("latin-1"))
    assert guess_encoding(DataConfig(input=path, encoding="cp850")) is None


def test_all_files_count(write: Write, tmp_path: Path) -> None:
    """One file in UTF-8 with a letter that is not ASCII: then the other one has no encoding that fits both."""
    write("one/1.csv", "a,y\n1,0\n")
    write("one/2.csv", TEXT.encode("latin-1"))
    assert guess_encoding(DataConfig(input=f"{tmp_path}/one")) == ("latin-1", "größe")
    write("one/1.csv", TEXT)
    assert guess_encoding(DataConfig(input=f"{tmp_path}/one")) is None
