"""Conversion of text to CSV in UTF-8, line by line."""

import io

import pytest

from components.common.errors import DataRefused
from components.example_gen import text_stream
from components.example_gen.text_stream import TextFormat, as_csv


def converted(content: bytes, **keys: object) -> bytes:
    return as_csv(io.BytesIO(content), TextFormat(**keys)).read()  # type: ignore[arg-type]


def test_other_encodings_become_utf_8() -> None:
    assert converted("ä,1\r\nß,2\r\n".encode("cp1252"), encoding="cp1252") == "ä,1\r\nß,2\r\n".encode()
    assert converted("ä,1\n".encode("utf-16"), encoding="utf-16") == "ä,1\n".encode()
    assert converted(b"\xff,1\n", encoding="ascii") == "\N{REPLACEMENT CHARACTER},1\n".encode()


def test_comment_lines_become_blank_so_that_line_numbers_remain() -> None:
    assert converted(b"# a\n1,2\n#\n3,#4\n", comment="#") == b"\n1,2\n\n3,#4\n"


def test_json_lines_become_csv_with_their_numbers_as_they_are_spelled() -> None:
    lines = b'{"a": 1.50, "b": true, "y": true}\n\n{"y": "no, \\"x\\"\\n", "b": null, "a": 1e400}\n'
    text = TextFormat(json_columns=("a", "b", "y"), words=frozenset("y"))
    assert as_csv(io.BytesIO(lines), text).read() == b'1.50,1,true\n\n1e400,,"no, ""x"""\n'


@pytest.mark.parametrize("line", ["[1, 2]", "7", "{", "x"])
def test_a_line_that_is_no_object_gets_one_cell_too_many(line: str) -> None:
    row = converted(f"{line}\n".encode(), json_columns=("a", "y"))
    assert row.endswith(b",,\n")


def test_lines_longer_than_a_part_and_seeking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_stream, "_CHUNK_BYTES", 7)
    content = "".join(f"{n},é\n" for n in range(40)).encode("latin-1")
    expected = content.decode("latin-1").encode()
    assert converted(content, encoding="latin-1") == expected
    stream = as_csv(io.BytesIO(content), TextFormat(encoding="latin-1"))
    stream.seek(50)
    assert stream.read() == expected[50:]
    monkeypatch.setattr(text_stream, "MAX_LINE_BYTES", 20)
    with pytest.raises(DataRefused, match="expected lines of text, found none that ends within"):
        converted(b"x" * 100, encoding="latin-1")
