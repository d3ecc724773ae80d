"""Blocks of CSV: accepted rows become columns, and each rejected row keeps its line, the reason and its text."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from components.config.data import DataConfig
from components.example_gen.block_parsing import CsvBlockParser
from components.example_gen.cell_parsing import CellFormat, missing_markers
from components.example_gen.csv_header import FileHeader
from components.example_gen.labels import choose_labels
from components.example_gen.row_validation import ParsedBlock
from components.example_gen.table_columns import ReadColumns

Settings = Callable[..., DataConfig]
SPELLINGS = [
    "1", "-2.5", "1_000", "+1", "1e5", " 3 ", "0x10", "Infinity", "-inf", "1e39", "1,000", "", " ", "  ", "NA", "na",
    "nA", "n/a", "Null", "NaN", "-nan", "nan(7)", "1.", ".5", ".", "1e", "abc", "1e-50", "true", "-0", "0012", "\t4",
    "5\t", "1 2", "\u00a06", "\uff11", "-999", " -999", "-999.0", "3.4028235677973366e+38", "16777217",
    "0.1", "1.00000005960464477539062500001",
]  # fmt: skip
LABELS = ["0", "1", "0", "1", "0.0", " 1", "1.00", "", "NA", "7", "yes"]


def reader(
    settings: Settings,
    columns: tuple[str, ...] = ("a", "t", "b", "y"),
    hash_only: tuple[str, ...] = ("t",),
    weight: str | None = None,
) -> CsvBlockParser:
    config = settings("t.csv", missing_values=("", "nan", "na", "n/a", "null", "-999"))
    header = FileHeader(path="t.csv", columns=columns, delimiter=",", offset=0, line=2)
    label = choose_labels({"0": 1, "1": 1}, config)
    features = tuple(name for name in ("a", "b") if name != weight)
    cells = CellFormat(missing=missing_markers(config.missing_values))
    return CsvBlockParser(
        header, ReadColumns(features=features, weight=weight, label=label, hash_only=hash_only, cells=cells)
    )


def found(parsed: ParsedBlock) -> list[tuple[int, str, str]]:
    return [(row.line, row.reason, row.raw) for row in parsed.rejected]


def test_good_rows_become_columns(settings: Settings) -> None:
    """Features are in the given order, found by name and not by position; an empty cell is NaN."""
    parsed = reader(settings, ("y", "b", "t", "a")).parse(b"1,2,text,0.5\r\n0,,,3\r\n\r\n", 2)
    np.testing.assert_array_equal(parsed.numbers, np.array([[0.5, 3], [2, np.nan]], np.float32))
    assert parsed.numbers.dtype == np.float32
    assert parsed.label.tolist() == [1, 0]
    assert parsed.rejected == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1,t,2", "expected 4 fields, found 3"),
        (b"1,t,2,0,9", "expected 4 fields, found 5"),
        (b"abc,t,2,0", "column 'a': expected a number, found 'abc'"),
        (b"1,t,inf,0", "column 'b': infinity"),
        (b"1,t,1e39,0", "column 'b': 1e39 is too large for a 32-bit float"),
        (b"1,t,2,", "label 'y': missing"),
        (b"1,t,2,7", "label 'y': expected one of '0', '1', found '7'"),
        (b"1,caf\xe9,2,0", "not UTF-8: byte 0xe9 at position 6 of the row"),
        (b'1,"t,2,0', "a quote that is not closed, or text after a closing quote"),
        (b'1,"t"t,2,0', "a quote that is not closed, or text after a closing quote"),
    ],
)
def test_a_bad_row_is_rejected_and_no_other(row: bytes, reason: str, settings: Settings) -> None:
    """It keeps its line number, the reason and its text; the rows around it are accepted."""
    block = b'1,"two\nlines",2,0\n' + row + b"\n\n3,t,4,1\n"
    parsed = reader(settings).parse(block, 2)
    assert parsed.numbers.tolist() == [[1, 3], [2, 4]]
    assert parsed.label.tolist() == [0, 1]
    assert found(parsed) == [(4, reason, row.decode(errors="backslashreplace"))]


def test_every_bad_row_of_a_large_block_is_found(settings: Settings) -> None:
    """The slow path keeps the order and the line numbers."""
    rows = [f"{number},t,1,{number % 2}" for number in range(5000)]
    for number in (0, 77, 78, 2500, 4999):
        rows[number] = "x,t,1,0"
    parsed = reader(settings).parse("\n".join(rows).encode(), 2)
    assert [row.line for row in parsed.rejected] == [2, 79, 80, 2502, 5001]
    assert parsed.numbers[0].tolist() == [n for n in range(5000) if n not in (0, 77, 78, 2500, 4999)]


def random_block(source: random.Random) -> bytes:
    bad = source.random() < 0.5  # Half of the blocks stay on the fast path.
    rows = []
    for _ in range(source.randrange(1, 30)):
        common_spellings = (
            SPELLINGS if bad and source.random() < 0.5 else ["1", "-2.5", "", "NA", "1e5", " 3 ", "-999"]
        )
        texts = (
            ["t", "", "5in", 'a ""b""', "x\ny", "é", *SPELLINGS] if bad else ["t", "", "7", "inf", " -999"]
        )
        cells = [
            source.choice(common_spellings), source.choice(texts), source.choice(common_spellings),
            source.choice(LABELS if bad else LABELS[:4]),
        ]  # fmt: skip
        quoted = [f'"{cell}"' if source.random() < 0.3 or set(cell) & set('",\n') else cell for cell in cells]
        row = ",".join(quoted).encode()
        if bad and source.random() < 0.1:
            row = source.choice(
                [row + b",9", b'"' + row, row.replace(b"t", b"\xff"), row + b"\r1", b"", b"  "]
            )
        rows.append(row)
    return source.choice([b"\n", b"\r\n"]).join(rows)


@pytest.mark.parametrize("weight", [None, "b"])
@pytest.mark.parametrize("seed", range(200))
def test_the_fast_path_reads_every_cell_as_the_slow_one_does(
    seed: int, weight: str | None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values (bit for bit), labels and rejected rows are the same when no block is parsed at once."""
    block = random_block(random.Random(seed))
    fast = reader(settings, weight=weight).parse(block, 2)
    monkeypatch.setattr(CsvBlockParser, "_parse_with_arrow", lambda self, block: None)
    slow = reader(settings, weight=weight).parse(block, 2)
    assert fast.numbers.tobytes() == slow.numbers.tobytes()
    assert fast.hash_only.tobytes() == slow.hash_only.tobytes()
    assert fast.label.tolist() == slow.label.tolist()
    assert found(fast) == found(slow)


@pytest.mark.parametrize("cell", SPELLINGS)
def test_each_spelling_alone(cell: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One unusual cell in an otherwise plain block, quoted and not."""
    for text in (cell, f'"{cell}"'):
        if "," in cell and text == cell:
            continue
        block = f"1,t,2,0\n{text},t,2,1\n".encode()
        fast = reader(settings).parse(block, 2)
        with monkeypatch.context() as patch:
            patch.setattr(CsvBlockParser, "_parse_with_arrow", lambda self, block: None)
            slow = reader(settings).parse(block, 2)
        np.testing.assert_array_equal(fast.numbers, slow.numbers)
        assert found(fast) == found(slow)


def test_weights_are_numbers_greater_than_zero(settings: Settings) -> None:
    """The weight is the last column of numbers; a row with any other weight is rejected."""
    good = {"1": 1.0, " 2.5": 2.5, "1e-30": 1e-30, "7.": 7.0}
    bad = {
        "": "found none",
        "NA": "found 'NA'",
        "0": "found '0'",
        "-0.0": "found '-0.0'",
        "-1": "found '-1'",
        "nan": "found 'nan'",
        "-999": "found '-999'",
        "inf": "found 'inf'",
        "two": "found 'two'",
        "1e39": "that fits into a 32-bit float, found 1e39",
        "1e-60": "that fits into a 32-bit float, found 1e-60",
    }
    block = "".join(f"5,t,{weight},1\n" for weight in (*good, *bad)).encode()
    parsed = reader(settings, weight="b").parse(block, 2)
    np.testing.assert_array_equal(parsed.numbers, np.array([[5] * 4, [*good.values()]], np.float32))
    assert [row.line for row in parsed.rejected] == list(range(6, 17))
    assert {row.column for row in parsed.rejected} == {"b"}
    for row, reason in zip(parsed.rejected, bad.values(), strict=True):
        assert row.reason.startswith("column 'b' (data.weight): expected a number > 0")
        assert row.reason.endswith(reason)


@pytest.mark.parametrize("cell", SPELLINGS)
def test_a_column_that_is_only_hashed(cell: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell has the same value as in a feature if it is valid there, else NaN; the block stays on the fast path."""
    monkeypatch.setattr(CsvBlockParser, "_parse_row_by_row", None)
    parsed = reader(settings).parse(f'1,8,2,0\n1,"{cell}",2,1\n'.encode(), 2)
    assert parsed.rejected == []
    monkeypatch.undo()
    as_feature = reader(settings).parse(f'"{cell}",8,2,1\n'.encode(), 2).numbers[0].tolist()
    expected = as_feature or [np.nan]
    np.testing.assert_array_equal(parsed.hash_only, np.array([[8, *expected]], np.float32))


def test_a_last_row_that_is_cut_is_told_apart(settings: Settings) -> None:
    """Without a line end and with too few fields; a whole last row needs no line end, and other rows have one."""
    parser = reader(settings)
    assert found(parser.parse(b"1,t,2,0\n3,t,4", 2)) == [
        (3, "expected 4 fields, found 3; the file ends in this row", "3,t,4")
    ]
    assert found(parser.parse(b"1,t,2,0\n3,t,4\n", 2)) == [(3, "expected 4 fields, found 3", "3,t,4")]
    assert found(parser.parse(b"1,t,2,0\n3,t,4,1", 2)) == []
