"""The row with the most copies."""

import json

import numpy as np
import pytest

from components.example_gen.row_copies import RowCopies


def counted(hashes: np.ndarray, blocks: int = 1) -> tuple[int, str]:
    """Counts rows that consist of their hash and a missing value: each block alone, through JSON, and then merged."""
    total = RowCopies()
    for part in np.array_split(hashes, blocks):
        found = RowCopies()
        columns = np.stack([part.astype(np.float32), np.full(part.size, np.nan, np.float32)])
        found.add(part.astype(np.uint64), ["a", "b"], columns)
        total.merge(RowCopies.from_json(json.loads(json.dumps(found.to_json()))))
    return total.most_frequent()


def test_the_most_frequent_row_is_described() -> None:
    assert counted(np.array([3, 5, 3, 3, 7, 5])) == (3, "a 3, b missing")
    assert counted(np.zeros(0)) == (0, "")


@pytest.mark.parametrize("blocks", [1, 3, 100, 1_000])
def test_in_any_number_of_blocks(blocks: int) -> None:
    """6% of 1,000 rows are equal. Parts of it that are below 1% of a block are not counted: at most 1% of all rows."""
    hashes = np.arange(1_000, 2_000)
    hashes[np.random.default_rng(0).permutation(1_000)[:60]] = 1
    count, text = counted(hashes, blocks)
    assert 50 <= count <= 60
    assert text == "a 1, b missing"
    assert blocks == 3 or count == 60


def test_few_rows_of_a_block_are_kept() -> None:
    """No more than 100, although all of them have a copy."""
    found = RowCopies()
    hashes = np.repeat(np.arange(5_000, dtype=np.uint64), 2)
    found.add(hashes, ["a"], hashes.astype(np.float32)[None])
    assert found.to_json() == {}
    found.add(np.arange(99, dtype=np.uint64), ["a"], np.zeros((1, 99), np.float32))
    assert len(found.to_json()) == 99
