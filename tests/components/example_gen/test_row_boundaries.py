"""Where rows end, whatever quotes a file contains."""

import io
import random

import pytest

from components.common.errors import DataRefused
from components.example_gen import row_boundaries
from components.example_gen.row_boundaries import find_rows, read_blocks, split_fields


def rows(text: bytes) -> list[bytes]:
    ends = [int(end) for end in find_rows(text, ",").ends]
    return [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1,2\n3,4\n", [b"1,2\n", b"3,4\n"]),
        (b"1,2\n3,4", [b"1,2\n", b"3,4"]),
        (b'"a\nb",2\n3,4\n', [b'"a\nb",2\n', b"3,4\n"]),
        (b'1,"a\r\n""b"",\n"\r\n3,4\r\n', [b'1,"a\r\n""b"",\n"\r\n', b"3,4\r\n"]),
        (b'1,"",2\n3,"",4\n', [b'1,"",2\n', b'3,"",4\n']),
        (b'1,5" pipe\n2,6" pipe\n', [b'1,5" pipe\n', b'2,6" pipe\n']),
        (b'1,"open\n2,x\n3,"a"\n', [b'1,"open\n', b"2,x\n", b'3,"a"\n']),
        (b'1,"a"b\n2,"c\nd"\n', [b'1,"a"b\n', b'2,"c\nd"\n']),
        (b'1,"a\nb"', [b'1,"a\nb"']),
        (b'1,"open', [b'1,"open']),
        (b"", []),
    ],
)
def test_rows_end_at_newlines_outside_of_well_formed_quotes(text: bytes, expected: list[bytes]) -> None:
    """An unbalanced quote affects only its own row; a newline in a quoted field does not end the row."""
    assert rows(text) == expected


@pytest.mark.parametrize(
    ("text", "irregular"),
    [
        (b'1,"a"\n2,b\n', [False, False]),
        (b'1,"a\n2,b\n', [True, False]),
        (b'1,5" pipe\n2,b\n', [False, False]),
        (b"1,a\rb\n2,b\r\n", [True, False]),
    ],
)
def test_rows_with_a_stray_quote_or_carriage_return_are_marked(text: bytes, irregular: list[bool]) -> None:
    assert find_rows(text, ",").irregular.tolist() == irregular


def test_a_quoted_field_is_at_most_longest_field_bytes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closing quote much later is not part of the field: the rows between are separate rows."""
    monkeypatch.setattr(row_boundaries, "MAX_FIELD_BYTES", 16)
    text = b'1,"open\n' + b"2,x\n" * 5 + b'3,close"\n'
    assert len(rows(text)) == 7


def random_text(source: random.Random) -> bytes:
    pieces = [b",", b",", b"\n", b"\r\n", b'"', b'""', b'"a\nb"', b'"c"', b"12", b" ", b"\r", b'x"y']
    return b"".join(source.choice(pieces) for _ in range(source.randrange(60)))


@pytest.mark.parametrize("seed", range(300))
def test_blocks_of_any_size_have_the_rows_of_the_whole(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of the blocks does not change the rows, whatever quotes are unbalanced."""
    monkeypatch.setattr(row_boundaries, "MAX_FIELD_BYTES", 12)
    source = random.Random(seed)
    text = random_text(source)
    pieces = list(read_blocks(io.BytesIO(text), ",", source.choice([1, 3, 8, 21])))
    assert b"".join(pieces) == text
    assert [row for piece in pieces for row in rows(piece)] == rows(text)


@pytest.mark.parametrize("seed", range(300))
def test_the_loopless_way_finds_the_rows_of_the_expected_one(seed: int) -> None:
    text = random_text(random.Random(seed))
    expected, _ = row_boundaries._ends_row_by_row(text, ",", True)
    assert find_rows(text, ",").ends.tolist() == expected.tolist()


def test_a_file_without_line_ends_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_boundaries, "MAX_ROW_BYTES", 1000)
    with pytest.raises(DataRefused, match="Is this a CSV file"):
        list(read_blocks(io.BytesIO(b"x" * 5000), ",", 100))


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ("1,2\r\n", ["1", "2"]),
        ("1,\n", ["1", ""]),
        ('"a,b","c ""d""",\n', ["a,b", 'c "d"', ""]),
        ('5" x,1', ['5" x', "1"]),
        ('"a\nb",1\n', ["a\nb", "1"]),
        ('"open,1\n', None),
        ('"a"b,1\n', None),
        ("", [""]),
    ],
)
def test_fields(row: str, fields: list[str] | None) -> None:
    assert split_fields(row, ",") == fields
