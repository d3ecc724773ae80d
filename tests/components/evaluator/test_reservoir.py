"""The sample of rows that pass by once."""

import itertools
from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest

from components.evaluator import reservoir
from components.evaluator.reservoir import Sample

Numbers = npt.NDArray[np.int64]


def drawn(most: int, rows: int, batch: int) -> tuple[Sample, Numbers]:
    """The numbers of the rows in the sample; a second column must stay beside the first."""
    found = Sample(most)
    numbers = np.arange(rows)
    for start in range(0, rows, batch):
        part = numbers[start : start + batch]
        part = part[found.draw(part.size)]
        found.add(part, part * 0.5)
    first, second = found.columns()
    np.testing.assert_array_equal(second, first * 0.5)
    return found, first


@pytest.mark.parametrize(("most", "rows"), [(0, 100), (100, 100), (150, 100)])
def test_all_rows_where_there_are_no_more(most: int, rows: int) -> None:
    """Each of them, in order."""
    found, numbers = drawn(most, rows, batch=30)
    assert numbers.tolist() == list(range(rows))
    assert found.seen == rows


@pytest.mark.parametrize("rows", [101, 199, 200, 201, 5_000])
def test_exactly_as_many_as_were_asked_for(rows: int) -> None:
    """Different rows in their order, the same for any batch: a row's luck depends on its place only."""
    found, numbers = drawn(100, rows, batch=30)
    assert found.seen == rows
    assert numbers.size == 100
    assert (np.diff(numbers) > 0).all()
    for batch in (1, 7, rows):
        np.testing.assert_array_equal(drawn(100, rows, batch)[1], numbers)


def test_the_sample_is_of_all_rows() -> None:
    """1,000 of 10,000: of each tenth about 100, give or take four standard deviations of 9."""
    counts = np.bincount(drawn(1_000, 10_000, batch=64)[1] // 1_000, minlength=10)
    assert counts.sum() == 1_000
    assert np.abs(counts - 100).max() < 36


def test_every_set_of_rows_is_as_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 of 5 rows with 2,000 seeds: each of the ten pairs 200 times, give or take four standard deviations of 13.4."""
    seen: Counter[tuple[int, ...]] = Counter()
    for seed in range(2_000):
        monkeypatch.setattr(reservoir, "_SEED", seed)
        seen[tuple(drawn(2, 5, batch=1)[1].tolist())] += 1
    assert sorted(seen) == list(itertools.combinations(range(5), 2))
    assert all(abs(count - 200) < 54 for count in seen.values())


def test_few_rows_are_held_and_looked_at() -> None:
    """Never more than twice the sample; of rows that come late, fewer and fewer are drawn."""
    found, looked_at = Sample(50), 0
    for _ in range(1_000):
        rows = found.draw(100)
        looked_at += rows.size
        found.add(rows)
        assert found._held < 100 + 100  # a batch is added as a whole
    assert found.seen == 100_000
    assert looked_at < 1_000  # about 50 * (2 + 2 * ln(100,000 / 100))


@pytest.mark.parametrize("most", [0, 60, 100])
def test_two_samples_become_one(most: int) -> None:
    """Of all rows, those of the second behind those of the first, with the smallest keys of both."""
    first, second = Sample(most), Sample(most)
    keys = []
    for found, numbers in ((first, np.arange(300)), (second, np.arange(300, 330))):
        found.add(numbers[found.draw(numbers.size)])
        keys.append(np.random.default_rng(reservoir._SEED).random(numbers.size))
    first.take_in(second)
    (columns,) = first.columns()
    assert first.seen == 330
    chosen = np.argsort(np.concatenate(keys), kind="stable")[: most or 330]
    if most:
        assert columns.size == most
        # Where the last key is that of two rows, either may be in.
        assert np.setxor1d(columns, chosen).size <= 2
    else:
        assert columns.tolist() == list(range(330))


def test_one_goes_on_after_it_took_another_in() -> None:
    """Still as many as were asked for."""
    first, second = Sample(10), Sample(10)
    for found in (first, second):
        found.add(np.arange(100)[found.draw(100)])
    first.take_in(second)
    first.add(np.arange(200, 300)[first.draw(100)])
    assert first.seen == 300
    assert first.columns()[0].size == 10


def test_nothing_passed_by() -> None:
    """No row, no column."""
    assert Sample(10).columns() == []
