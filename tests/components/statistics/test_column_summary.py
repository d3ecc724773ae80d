"""Summaries compared with arithmetic by hand, with NumPy on all rows, and with the ranks of the rows."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from components.statistics.column_summary import FAN_IN, ColumnSummary
from components.statistics.thinning import POINTS

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]
NAN, INF = float("nan"), float("inf")


def column(values: Sequence[float] | Numbers) -> Floats:
    return np.asarray([values], np.float32)


def drawn(kind: str, rows: int) -> Floats:
    """One column of shape [1, rows], unsorted."""
    generator = np.random.default_rng(7)
    makers: dict[str, Callable[[], Numbers]] = {
        "normal": lambda: generator.normal(size=rows),
        "skewed": lambda: np.exp(5 * generator.normal(size=rows)),
        "ties": lambda: generator.integers(4, size=rows).astype(float),
        "sorted": lambda: np.arange(rows, dtype=float),
        "missing": lambda: np.where(generator.random(rows) < 0.4, NAN, generator.normal(size=rows)),
    }
    return column(makers[kind]())


def worst_rank(summary: ColumnSummary, values: Floats) -> float:
    """The largest error of "so many values are at most x" over all x, as a share of the values."""
    exact, points = np.sort(values[~np.isnan(values)]), summary.points[0]
    shares = (np.searchsorted(given, exact, side="right") / given.size for given in (exact, points))
    return float(np.abs(np.subtract(*shares)).max())


def test_by_hand() -> None:
    """Two columns of four rows, the second without a value."""
    found = ColumnSummary.of(np.array([[3, 0, NAN, 0], [NAN] * 4], np.float32))
    assert found.rows == 4
    assert found.present.tolist() == [3, 0]
    assert found.zeros.tolist() == [2, 0]
    assert found.mean.tolist() == [1, 0]
    assert found.squares.tolist() == [6, 0]  # 4 + 1 + 1
    assert found.low.tolist() == [0, INF]
    assert found.high.tolist() == [3, -INF]
    assert [points.tolist() for points in found.points] == [[0, 0, 3], []]


def test_merged_by_hand() -> None:
    """Means of 1 and 5 with two and one values: 7/3, and 0 + 2 * (4/3)^2 + (8/3)^2 between them."""
    parts = [
        ColumnSummary.of(column([1, 1, NAN])),
        ColumnSummary.of(column([])),
        ColumnSummary.of(column([5])),
    ]
    found = ColumnSummary.merge(parts)
    assert (found.rows, found.present.tolist(), found.low.tolist(), found.high.tolist()) == (4, [3], [1], [5])
    assert found.mean == pytest.approx([7 / 3])
    assert found.squares == pytest.approx([32 / 3])
    assert found.points[0].tolist() == [1, 1, 5]


@pytest.mark.parametrize("offset", [0, 1e6])
@pytest.mark.parametrize("scale", [1e-3, 1, 1e37])
def test_merging_keeps_mean_and_variance(offset: float, scale: float) -> None:
    """Of many parts of different sizes, at different scales: as of all rows at once, in double precision."""
    values = scale * drawn("normal", 10_000) + np.float32(offset)
    found = ColumnSummary.merge([ColumnSummary.of(part) for part in np.array_split(values, 77, axis=1)])
    doubles = values.astype(np.float64)
    assert found.mean == pytest.approx(doubles.mean(axis=1), rel=1e-12)
    assert found.squares == pytest.approx(np.square(doubles - doubles.mean()).sum(axis=1), rel=1e-9)


def test_a_constant_does_not_deviate() -> None:
    """Not even in the last digit, though 0.1 has no exact binary form."""
    found = ColumnSummary.merge([ColumnSummary.of(column([0.1] * rows)) for rows in (7, 1_000, 0, 13)])
    assert found.mean.tolist() == [float(np.float32(0.1))]
    assert found.squares.tolist() == [0]


def test_few_rows_are_kept_as_they_are() -> None:
    """Up to POINTS rows, however they are divided into parts, all are kept; with one more, they are thinned."""
    values = drawn("normal", POINTS)
    merged = ColumnSummary.merge([ColumnSummary.of(part) for part in np.array_split(values, 5, axis=1)])
    assert merged.points[0].tolist() == np.sort(values[0]).tolist()
    assert worst_rank(ColumnSummary.of(drawn("sorted", POINTS + 1)), drawn("sorted", POINTS + 1)) > 0


@pytest.mark.parametrize("kind", ["normal", "skewed", "ties", "sorted", "missing"])
def test_thinned_once(kind: str) -> None:
    """The error of a rank is at most half a point."""
    values = drawn(kind, 100_003)
    assert worst_rank(ColumnSummary.of(values), values) <= 0.5 / POINTS + 1e-9


@pytest.mark.parametrize("kind", ["normal", "skewed", "ties", "sorted", "missing"])
def test_thinned_again(kind: str) -> None:
    """Each time adds half a point, with parts of very different sizes, even if each part has its own range."""
    values = drawn(kind, 100_003)
    parts = np.split(values, [3, 1_000, 5_000, 60_000], axis=1)
    assert (
        worst_rank(ColumnSummary.merge([ColumnSummary.of(part) for part in parts]), values)
        <= 1 / POINTS + 1e-9
    )


def test_a_long_stream() -> None:
    """More than FAN_IN squared parts are thinned three times, not thousands of times."""
    values = drawn("sorted", 3 * FAN_IN**2 + 100)
    parts = (ColumnSummary.of(part) for part in np.array_split(values, FAN_IN**2 + 33, axis=1))
    found = ColumnSummary.merge_stream(parts)
    assert found is not None
    assert found.rows == values.size
    assert found.mean == pytest.approx([(values.size - 1) / 2])
    assert worst_rank(found, values) <= 1.5 / POINTS + 1e-9


def test_weighted_by_hand() -> None:
    """The mean of 3 and 0 with the weights 0.5 and 2 is 0.6; sum(w (x - 0.6)^2) = 0.5 * 5.76 + 2 * 0.36."""
    values = np.array([[3, 0, NAN], [NAN] * 3], np.float32)
    found = ColumnSummary.of(values, np.array([0.5, 2, 1], np.float32)).weighted
    assert found is not None
    assert found.rows == 3.5
    assert found.present.tolist() == [2.5, 0]
    assert found.mean == pytest.approx([0.6, 0])
    assert found.squares == pytest.approx([3.6, 0])
    assert [(own.values.tolist(), own.weights.tolist()) for own in found.points] == [
        ([0, 3], [2, 0.5]),
        ([], []),
    ]


def test_weighted_parts_are_merged_as_one() -> None:
    """With parts of different sizes, one of them without rows, and deviations that are small beside the mean."""
    values = drawn("missing", 10_000) + np.float32(1e4)
    weights = np.random.default_rng(1).uniform(0.1, 9, 10_000).astype(np.float32)
    cuts = [0, 0, 7, 4_000, 4_100, 10_000]
    parts = [
        ColumnSummary.of(values[:, start:end], weights[start:end]) for start, end in itertools.pairwise(cuts)
    ]
    found = ColumnSummary.merge(parts).weighted
    assert found is not None
    x, w = values[0].astype(np.float64), weights.astype(np.float64)
    assert found.rows == pytest.approx(w.sum())
    x, w = x[~np.isnan(x)], w[~np.isnan(x)]
    assert found.present == pytest.approx([w.sum()])
    assert found.mean == pytest.approx([np.average(x, weights=w)], rel=1e-12)
    assert found.squares == pytest.approx([(w * np.square(x - np.average(x, weights=w))).sum()], rel=1e-9)
    (points,) = found.points
    assert points.values.size == POINTS
    assert points.weights.sum() == pytest.approx(w.sum())


def test_a_weighted_constant_does_not_deviate() -> None:
    """Not even in the last digit."""
    parts = [ColumnSummary.of(column([0.1] * rows), np.full(rows, 0.3, np.float32)) for rows in (7, 0, 13)]
    found = ColumnSummary.merge(parts).weighted
    assert found is not None
    assert (found.mean.tolist(), found.squares.tolist()) == ([float(np.float32(0.1))], [0])


def test_a_stream_of_one_part_and_of_none() -> None:
    """One part is returned unchanged; without parts there is no summary."""
    one = ColumnSummary.of(column([1]))
    assert ColumnSummary.merge_stream([one]) is one
    assert ColumnSummary.merge_stream([]) is None
