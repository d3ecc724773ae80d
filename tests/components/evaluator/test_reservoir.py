"""The uniform sample of rows that are read once."""

import itertools
from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest

from components.evaluator import reservoir
from components.evaluator.reservoir import ReservoirSample

Numbers = npt.NDArray[np.int64]


def drawn(size: int, rows: int, batch: int) -> tuple[ReservoirSample, Numbers]:
    """Returns the sample and the numbers of its rows; the second column must stay aligned with the first."""
    found = ReservoirSample(size)
    numbers = np.arange(rows)
    for start in range(0, rows, batch):
        part = numbers[start : start + batch]
        part = part[found.draw(part.size)]
        found.add(part, part * 0.5)
    first, second = found.columns()
    np.testing.assert_array_equal(second, first * 0.5)
    return found, first


@pytest.mark.parametrize(("size", "rows"), [(0, 100), (100, 100), (150, 100)])
def test_the_sample_holds_all_rows_if_they_fit(size: int, rows: int) -> None:
    """All rows, in order."""
    found, numbers = drawn(size, rows, batch=30)
    assert numbers.tolist() == list(range(rows))
    assert found.seen == rows


@pytest.mark.parametrize("rows", [101, 199, 200, 201, 5_000])
def test_the_sample_has_exactly_the_requested_size(rows: int) -> None:
    """Distinct rows in their order, the same for any batch size: a row's key depends only on its position."""
    found, numbers = drawn(100, rows, batch=30)
    assert found.seen == rows
    assert numbers.size == 100
    assert (np.diff(numbers) > 0).all()
    for batch in (1, 7, rows):
        np.testing.assert_array_equal(drawn(100, rows, batch)[1], numbers)


def test_the_sample_is_spread_over_all_rows() -> None:
    """1,000 of 10,000: about 100 of each tenth, within four standard deviations of 9."""
    counts = np.bincount(drawn(1_000, 10_000, batch=64)[1] // 1_000, minlength=10)
    assert counts.sum() == 1_000
    assert np.abs(counts - 100).max() < 36


def test_every_set_of_rows_is_equally_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 of 5 rows with 2,000 seeds: each of the ten pairs 200 times, within four standard deviations of 13.4."""
    seen: Counter[tuple[int, ...]] = Counter()
    for seed in range(2_000):
        monkeypatch.setattr(reservoir, "_SEED", seed)
        seen[tuple(drawn(2, 5, batch=1)[1].tolist())] += 1
    assert sorted(seen) == list(itertools.combinations(range(5), 2))
    assert all(abs(count - 200) < 54 for count in seen.values())


def test_few_rows_are_kept_and_drawn() -> None:
    """Never more than twice the sample is in memory; the later the rows, the fewer are drawn."""
    found, count_drawn = ReservoirSample(50), 0
    for _ in range(1_000):
        rows = found.draw(100)
        count_drawn += rows.size
        found.add(rows)
        assert found._buffered < 100 + 100  # a batch is added as a whole
    assert found.seen == 100_000
    assert count_drawn < 1_000  # about 50 * (2 + 2 * ln(100,000 / 100))


@pytest.mark.parametrize("size", [0, 60, 100])
def test_merge(size: int) -> None:
    """The rows with the smallest keys of both samples, those of the second after those of the first."""
    first, second = ReservoirSample(size), ReservoirSample(size)
    keys = []
    for found, numbers in ((first, np.arange(300)), (second, np.arange(300, 330))):
        found.add(numbers[found.draw(numbers.size)])
        keys.append(np.random.default_rng(reservoir._SEED).random(numbers.size))
    first.merge(second)
    (columns,) = first.columns()
    assert first.seen == 330
    chosen = np.argsort(np.concatenate(keys), kind="stable")[: size or 330]
    if size:
        assert columns.size == size
        # If two rows share the largest key, either may be in the sample.
        assert np.setxor1d(columns, chosen).size <= 2
    else:
        assert columns.tolist() == list(range(330))


def test_rows_can_be_added_after_a_merge() -> None:
    """The sample keeps the requested size."""
    first, second = ReservoirSample(10), ReservoirSample(10)
    for found in (first, second):
        found.add(np.arange(100)[found.draw(100)])
    first.merge(second)
    first.add(np.arange(200, 300)[first.draw(100)])
    assert first.seen == 300
    assert first.columns()[0].size == 10


def test_a_sample_of_no_rows() -> None:
    """It has no columns."""
    assert ReservoirSample(10).columns() == []
