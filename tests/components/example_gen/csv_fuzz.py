"""Parses damaged CSV files and compares each row with an independent reading; run in a process of its own.

A memory fault ends that process, so `test_csv_fuzz` sees it as an exit code.
"""

import math
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen.block_parsing import CsvBlockParser
from components.example_gen.table import find_table

_PIECES = ("", ",", '"', "\n", "\r", "\0", "é", "\xa0", "nan", "inf", "1e400", "-", ",,", '""', "0x1", "1_0")
_PLAIN = set("aby,\n0123456789.e+-")
_MISSING = ("", "nan", "na", "n/a", "null")


def _table(rng: random.Random) -> str:
    rows = [[f"{rng.gauss(0, 10):.4g}", f"{rng.randrange(1000)}", f"{index % 2}"] for index in range(40)]
    return "a,b,y\n" + "".join(",".join(row) + "\n" for row in rows)


def _damaged(text: str, rng: random.Random) -> str:
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(text))
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:at] + rng.choice(_PIECES) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + rng.randrange(1, 9) :]
        elif kind == 2:  # a row with far too many fields
            at = text.find("\n", at) + 1
            text = text[:at] + "," * rng.choice((10, 1_000, 70_000, 300_000)) + "\n" + text[at:]
        else:
            text = text[:at] + text[at : at + 30] + text[at:]
    return text


def _expected(line: str) -> tuple[float, float, int] | None:
    """Reads one line without quotes and other unusual content as Python does; None if the row is invalid."""
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != 3 or cells[2] not in ("0", "1"):
        return None
    try:
        values = [math.nan if cell.lower() in _MISSING else float(cell) for cell in cells[:2]]
    except ValueError:
        return None
    return values[0], values[1], int(cells[2])


def _check(text: str, folder: Path) -> bool:
    """Parses a table; returns whether its rows were compared. A misread row is an AssertionError."""
    path = folder / "t.csv"
    path.write_text(text, "utf-8", newline="")
    try:
        table = find_table(DataConfig(input=str(path), label="y", features=("a", "b"), delimiter=","))
    except DataRefused:
        return False
    parser = CsvBlockParser(table.headers[0], table.read_columns)
    body = path.read_bytes()[table.headers[0].offset :]
    parsed = parser.parse(body, table.headers[0].line)
    if not set(text) <= _PLAIN or table.headers[0].columns != ("a", "b", "y"):
        return False
    found = list(zip(*parsed.numbers[:2], parsed.label, strict=True))
    lines = filter(None, body.decode().split("\n"))
    wanted = [row for row in map(_expected, lines) if row is not None and not _too_large(row)]
    np.testing.assert_array_equal(np.array(found, np.float32), np.array(wanted, np.float32))
    return True


def _too_large(row: tuple[float, float, int]) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.isinf(np.array(row, np.float32)).any())


def main(seed: int, tables: int) -> None:
    """Damages and parses `tables` tables; prints how many were compared."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        compared = sum(_check(_damaged(_table(rng), rng), Path(folder)) for _ in range(tables))
    print(compared)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
