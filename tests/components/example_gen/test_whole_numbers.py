"""Which features are taken for ids, and which have whole numbers that float32 can't tell apart."""

import json
from typing import Any

import numpy as np
import pytest

from components.example_gen import whole_numbers
from components.example_gen.row_validation import ParsedBlock
from components.example_gen.whole_numbers import WholeNumbers


def block(*columns: Any) -> ParsedBlock:
    """A block as the parsers return it: with the values before rounding of columns beyond 2^24."""
    doubles = np.array(columns, np.float64)
    numbers = doubles.astype(np.float32)
    exact = {index: column for index, column in enumerate(doubles) if (np.abs(column) > 2**24).any()}
    rows = doubles.shape[1]
    return ParsedBlock(numbers, np.empty((0, rows), np.float32), np.zeros(rows, np.int64), [], exact)


def judged(*columns: Any, blocks: int = 1) -> WholeNumbers:
    """Judges columns of equal length: each part alone, through JSON, and then merged."""
    features = len(columns)
    total = WholeNumbers(features)
    for part in np.array_split(np.array(columns, np.float64), blocks, axis=1):
        found = WholeNumbers(features)
        found.add(block(*part), np.arange(part.shape[1]))
        total.merge(WholeNumbers.from_json(json.loads(json.dumps(found.to_json()))))
    return total


SHUFFLED = np.random.default_rng(0).permutation(240)


@pytest.mark.parametrize("blocks", [1, 2, 7, 240])
@pytest.mark.parametrize(
    ("column", "is_id"),
    [
        (np.arange(240), True),
        (SHUFFLED - 100, True),
        (10**15 + SHUFFLED, True),  # in float32 all are equal
        (np.where(np.arange(240) < 100, np.nan, SHUFFLED), True),
        (np.where(np.arange(240) < 141, np.nan, SHUFFLED), False),  # 99 values
        (SHUFFLED + 0.5, False),
        (np.where(SHUFFLED == 7, 8, SHUFFLED), False),  # one value twice
        (np.where(SHUFFLED == 7, 0.25, SHUFFLED), False),
        (np.full(240, np.nan), False),
        (np.full(240, 3.0), False),
        (SHUFFLED % 120, False),  # the same numbers again in a second file
    ],
)
def test_ids_are_different_whole_numbers(column: Any, is_id: bool, blocks: int) -> None:
    """At least 100 of them; in any order, and in any number of blocks."""
    assert judged(column, np.zeros(240), blocks=blocks).may_be_ids.tolist() == [is_id, False]


def test_99_different_values_are_no_id() -> None:
    assert judged(np.arange(99)).may_be_ids.tolist() == [False]
    assert judged(np.arange(100)).may_be_ids.tolist() == [True]


@pytest.mark.parametrize("blocks", [1, 5])
@pytest.mark.parametrize(
    ("large", "is_rounded"),
    [
        (2**24, False),
        (2**24 + 1, True),
        (-(2**24) - 1, True),
        (10**15, True),
        (2.0**24 + 1.5, False),  # not a whole number
        (1e20, False),  # no integer of 64 bits
    ],
)
def test_whole_numbers_beyond_2_to_the_24(large: float, is_rounded: bool, blocks: int) -> None:
    """One value is enough, if all others are whole numbers."""
    column = np.array([1.0, 1.0, np.nan, 2.0, large])
    found = judged(column, np.where(column == 2, 0.5, column), blocks=blocks)
    assert found.are_rounded.tolist() == [is_rounded, False]
    assert found.largest[0] == abs(large) or not is_rounded


def test_only_the_given_rows_count() -> None:
    """Those of the training split; the others have a fraction, or are large."""
    column = np.where(np.arange(300) % 3 == 0, np.arange(300), 2**40 + 0.5)
    found = WholeNumbers(1)
    found.add(block(column), np.arange(0, 300, 3))
    assert found.may_be_ids.tolist() == [True]
    assert found.are_rounded.tolist() == [False]


def test_equal_values_in_two_blocks_are_found_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 values in ten blocks: half of them twice is always found, and memory does not grow with the rows."""
    monkeypatch.setattr(whole_numbers, "SAMPLE", 50)
    assert judged(np.arange(100_000) % 50_000, blocks=10).may_be_ids.tolist() == [False]
    found = judged(np.arange(100_000), blocks=10)
    assert found.may_be_ids.tolist() == [True]
    assert [len(hashes) for hashes in found.hashes.values()] == [50]
