"""The split of a row depends on its columns, and for equal rows also on their order, but never on the label."""

import numpy as np
import pytest

from components.common.split_record import SplitRecord
from components.config.split_settings import SplitConfig
from components.example_gen.cell_parsing import CellFormat
from components.example_gen.split import hash_rows, split_of, split_record

SPLIT = SplitConfig()
Columns = dict[str, np.ndarray]


def table(rows: int) -> Columns:
    values = np.random.default_rng(0).normal(size=(3, rows)).astype(np.float32)
    return dict(zip("abc", values, strict=True))


def split(columns: Columns, settings: SplitConfig = SPLIT) -> np.ndarray:
    return split_of(hash_rows(columns, len(next(iter(columns.values()))), settings.seed), settings)


@pytest.mark.parametrize(
    "columns", [table(100_000), {"a": np.zeros(100_000, np.float32)}], ids=["unique rows", "equal rows"]
)
def test_the_ratio_is_kept(columns: Columns) -> None:
    """6:2:2 of 100,000 rows, within four standard deviations."""
    counts = np.bincount(split(columns), minlength=3)
    assert abs(counts[0] - 60_000) < 4 * (100_000 * 0.6 * 0.4) ** 0.5
    assert abs(counts[1] - 20_000) < 4 * (100_000 * 0.2 * 0.8) ** 0.5


@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")])
def test_the_seeds_distribute_one_row_uniformly(value: float) -> None:
    """Chi-square of 3,000 seeds at 6:2:2, expected 1,800, 600 and 600; below 13.8, the 99.9% point at 2 degrees.

    For a row alone and for the second one of two equal rows.
    """
    columns = {"a": np.full(2, value, np.float32)}
    found = np.array([split(columns, SplitConfig(seed=seed)) for seed in range(3_000)])
    for row in (0, 1):
        counts = np.bincount(found[:, row], minlength=3)
        assert sum((counts - [1_800, 600, 600]) ** 2 / [1_800, 600, 600]) < 13.8
    # The two rows are independent: both are in train for 0.36 of the seeds.
    both = np.count_nonzero((found == 0).all(axis=1))
    assert abs(both - 0.36 * 3_000) < 4 * (3_000 * 0.36 * 0.64) ** 0.5


def test_two_seeds_agree_only_by_chance() -> None:
    """0.6 ** 2 + 2 * 0.2 ** 2 = 0.44 of the rows have the same split."""
    columns = table(100_000)
    agree = np.count_nonzero(split(columns) == split(columns, SplitConfig(seed=1)))
    assert abs(agree - 44_000) < 4 * (100_000 * 0.44 * 0.56) ** 0.5


def test_a_unique_row_goes_to_the_same_split_at_any_position() -> None:
    columns = table(1000)
    order = np.random.default_rng(1).permutation(1000)
    assert np.array_equal(split(columns)[order], split({name: c[order] for name, c in columns.items()}))


def test_the_order_of_the_columns_does_not_matter() -> None:
    columns = table(1000)
    assert np.array_equal(split(columns), split(dict(reversed(columns.items()))))


def test_equal_rows_are_numbered_in_their_order() -> None:
    """The n-th of several equal rows has the same split whatever other rows there are; the first that of a lone row."""
    value = np.array([3, 5, 3, 3, 7, 5, 3], np.float32)
    found = split({"a": value})
    assert found[value == 3].tolist() == split({"a": np.full(4, 3, np.float32)}).tolist()
    assert found[value == 5].tolist() == split({"a": np.full(2, 5, np.float32)}).tolist()
    assert found[[0, 1, 4]].tolist() == split({"a": np.array([3, 5, 7], np.float32)}).tolist()
    assert len(set(split({"a": np.full(40, 3, np.float32)}))) == 3


def test_no_columns_and_no_rows() -> None:
    """Rows without any numeric column are equal rows; an empty block has no splits."""
    assert set(split_of(hash_rows({}, 100, 0), SPLIT)) == {0, 1, 2}
    assert split_of(hash_rows({"a": np.empty(0, np.float32)}, 0, 0), SPLIT).tolist() == []


def test_equal_zeros_and_missing_values_have_equal_hashes() -> None:
    """-0.0 equals 0.0, and all NaNs are equal whatever their bits; the array of the caller is not changed."""
    odd_nan = np.array([0x7FC12345], np.uint32).view(np.float32)[0]
    base = np.random.default_rng(2).normal(size=64).astype(np.float32)
    plain = {"a": base, "b": np.zeros(64, np.float32), "c": np.full(64, np.nan, np.float32)}
    other = {"a": base, "b": np.full(64, -0.0, np.float32), "c": np.full(64, odd_nan, np.float32)}
    before = {name: column.tobytes() for name, column in other.items()}
    assert np.array_equal(split(plain), split(other))
    assert {name: column.tobytes() for name, column in other.items()} == before


def test_the_hash_does_not_change() -> None:
    """Another hash would move rows between train and test from one release to the next."""
    assert split(table(12)).tolist() == FROZEN
    assert split({"a": np.zeros(12, np.float32)}, SplitConfig(seed=7)).tolist() == FROZEN_EQUAL


# Computed by a second implementation, row by row with Python's integers.
FROZEN = [0, 2, 2, 0, 0, 0, 2, 1, 0, 0, 0, 1]
FROZEN_EQUAL = [0, 2, 0, 0, 0, 2, 2, 0, 1, 0, 2, 2]


CELLS = CellFormat(missing=frozenset({"", "na"}))
RECORD = split_record(SPLIT, ("a", "b"), CELLS, {"b", "left out"})


@pytest.mark.parametrize(
    ("other", "differences"),
    [
        (split_record(SPLIT, ("b", "a"), CELLS, {"b"}), []),
        (
            split_record(SplitConfig(train=8, eval=1, test=1), ("a", "b"), CELLS, {"b"}),
            ["the shares (6:2:2, not 8:1:1)"],
        ),
        (split_record(SplitConfig(seed=7), ("a", "b"), CELLS, {"b"}), ["the seed (0, not 7)"]),
        (
            split_record(SPLIT, ("a", "c"), CELLS, ()),
            ["the columns of numbers", "how cells are read (such as data.missing_values)"],
        ),
        (
            split_record(SPLIT, ("a", "b"), CellFormat(), {"b"}),
            ["how cells are read (such as data.missing_values)"],
        ),
        (RECORD.model_copy(update={"hash_version": 2}), ["the version of the hash (1, not 2)"]),
    ],
)
def test_what_differs_between_two_ways_to_split(other: SplitRecord, differences: list[str]) -> None:
    """The order of the columns and columns that are not hashed don't count; everything else is named."""
    assert list(RECORD.differences(other)) == differences


def by_time(test_from: str, column: str = "day") -> SplitRecord:
    split = SplitConfig(by="time", column=column, eval_from="1970-01-01", test_from=test_from)
    return split_record(split, ("a",), CELLS, ())


@pytest.mark.parametrize(
    ("trained", "today", "differences"),
    [
        (RECORD, by_time("2024-03-01"), ["what selects the split (row, not time)"]),
        (by_time("2024-03-01"), by_time("2024-03-01"), []),
        (by_time("2024-03-01"), by_time("2024-03-01T12:00"), []),
        (
            by_time("2024-03-01"),
            by_time("2024-02-29"),
            ["the time at which test begins (2024-03-01, later than 2024-02-29)"],
        ),
        (
            by_time("2024-03-01"),
            by_time("2024-03-01", "at"),
            ["the column ('day', not 'at')"],
        ),
        (
            split_record(SplitConfig(by="group", column="who"), ("a",), CELLS, ()),
            split_record(SplitConfig(by="group", column="who", seed=3, test=1), ("b",), CELLS, ()),
            ["the shares (6:2:2, not 6:2:1)", "the seed (0, not 3)"],
        ),
        (
            split_record(SplitConfig(by="column", column="part"), ("a",), CELLS, ()),
            split_record(SplitConfig(by="column", column="part", seed=3), ("a", "b"), CELLS, ()),
            [],
        ),
    ],
)
def test_what_differs_between_splits_by_a_column(
    trained: SplitRecord, today: SplitRecord, differences: list[str]
) -> None:
    """By time, the test split may begin later: no training row of then is a test row of today."""
    assert list(trained.differences(today)) == differences


def test_a_record_of_an_older_version_is_by_row() -> None:
    old = {"train": 6, "eval": 2, "test": 2, "seed": 0, "hash_version": 1, "columns": "ab", "cells": "cd"}
    assert SplitRecord.model_validate(old).by == "row"
