"""The sample of distinct rows, compared with counting all rows."""

from collections import Counter

import numpy as np
import numpy.typing as npt

from components.transform.row_sample import DistinctRowSample

NAN = float("nan")


def table(*rows: tuple[float, float]) -> npt.NDArray[np.float32]:
    return np.array(rows, np.float32)


def content(sample: DistinctRowSample) -> dict[tuple[float, ...], int]:
    rows, counts = sample.rows()
    return {tuple(row.tolist()): int(number) for row, number in zip(rows, counts, strict=True)}


def test_a_small_table_is_in_the_sample_as_a_whole() -> None:
    """Each distinct row is there once, with its number of copies; -0 equals 0, and NaN equals NaN."""
    sample = DistinctRowSample(2, size=3)
    sample.add(table((1, 2), (0, 5), (1, 2)))
    sample.add(table((-0.0, 5), (1, 2), (NAN, NAN)))
    sample.add(table((NAN, NAN)))
    rows, counts = sample.rows()
    order = np.argsort(rows[:, 0])  # NaN comes last
    np.testing.assert_array_equal(rows[order], table((0, 5), (1, 2), (NAN, NAN)))
    assert counts[order].tolist() == [2, 3, 2]


def test_any_order_and_grouping_gives_the_same_sample() -> None:
    """A large table in three orders, cut into batches and merged samples of different sizes: the same rows and counts.

    The counts are those in the whole table.
    """
    rows = np.random.default_rng(0).integers(0, 40, (5_000, 2)).astype(np.float32)
    copies = Counter(map(tuple, rows.tolist()))
    found = []
    for seed, batch, bundles in ((1, 7, 1), (2, 400, 5), (3, 5_000, 1)):
        shuffled = rows[np.random.default_rng(seed).permutation(len(rows))]
        merged = DistinctRowSample(2, size=100)
        for bundle in np.array_split(shuffled, bundles):
            part = DistinctRowSample(2, size=100)
            for start in range(0, len(bundle), batch):
                part.add(bundle[start : start + batch])
            merged.merge(part)
        found.append(content(merged))
    assert found[0] == found[1] == found[2]
    assert len(copies) > 1_000
    assert len(found[0]) == 100
    assert all(number == copies[row] for row, number in found[0].items())


def test_an_integer_weight_equals_that_many_copies() -> None:
    """Of a table with equal rows, larger than the sample, in batches and merged samples."""
    generator = np.random.default_rng(5)
    rows = generator.integers(0, 20, (1_000, 2)).astype(np.float32)
    weights = generator.integers(1, 5, 1_000)
    weighted, repeated = DistinctRowSample(2, size=100), DistinctRowSample(2, size=100)
    for part in np.array_split(np.arange(1_000), 7):
        weighted.add(rows[part], weights[part].astype(np.float64))
        other = DistinctRowSample(2, size=100)
        other.add(np.repeat(rows[part], weights[part], axis=0))
        repeated.merge(other)
    for given, expected in zip(weighted.rows(), repeated.rows(), strict=True):
        np.testing.assert_array_equal(given, expected)
    assert weighted.rows()[1].size == 100


def test_the_sample_is_uniform() -> None:
    """Of 0 to 99,999 the sample has 10,000. Their mean may differ by three standard errors, each 274."""
    sample = DistinctRowSample(1, size=10_000)
    sample.add(np.arange(100_000, dtype=np.float32)[:, None])
    assert abs(float(sample.rows()[0].mean(dtype=np.float64)) - 49_999.5) < 3 * 274
