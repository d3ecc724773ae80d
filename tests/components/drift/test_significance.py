"""The bounds are at least the exact p-values, and close to them where they matter."""

import math

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from components.drift.significance import beyond_p_value, kolmogorov_smirnov_threshold, share_p_value

ALPHA = 1e-4


@pytest.mark.parametrize(("rows", "others"), [(20, 20), (30, 60), (50, 70), (120, 120), (200, 300)])
def test_the_threshold_is_conservative(rows: int, others: int) -> None:
    """The exact p-value of a distance just above the threshold is at most alpha: SciPy counts the lattice paths."""
    threshold = kolmogorov_smirnov_threshold(rows, others, ALPHA)
    moved = math.floor(threshold * rows) + 1
    first = np.append(np.full(moved, -1.0), np.linspace(0, 1, rows - moved))
    found = stats.ks_2samp(first, np.linspace(-0.5, 0.999, others), method="exact")
    assert found.statistic > threshold
    assert found.pvalue <= ALPHA


def test_the_threshold_is_near_that_of_the_asymptotic_distribution() -> None:
    """For large samples and a small error probability it is larger by at most 3%."""
    rows, alpha = 100_000, 1e-5
    exact = stats.kstwobign.isf(alpha) * math.sqrt(2 / rows)
    assert exact <= kolmogorov_smirnov_threshold(rows, rows, alpha) <= 1.03 * exact


def test_the_threshold_shrinks_with_the_rows() -> None:
    """A hundred times the rows: a tenth of the threshold. The smaller of both samples decides."""
    small, large = (kolmogorov_smirnov_threshold(rows, rows, ALPHA) for rows in (1_000, 100_000))
    assert small == pytest.approx(10 * large)
    unequal = kolmogorov_smirnov_threshold(1_000, 10**9, ALPHA)
    assert unequal == pytest.approx(small / math.sqrt(2), rel=1e-5)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((0, 200), (9, 200)),
        ((10, 100), (30, 100)),
        ((3, 1_000), (40, 2_000)),
        ((500, 1_000), (600, 1_000)),
        ((60, 60), (5, 10)),
        ((0, 100_000), (100, 100_000)),
        ((1, 5_000), (0, 100)),
        ((7, 10), (7, 10)),
    ],
)
def test_a_share_has_at_least_the_p_value_of_fisher(before: tuple[int, int], now: tuple[int, int]) -> None:
    """SciPy's one-sided value, doubled; where it is small, the bound is at most half as large again."""
    table = [[now[0], now[1] - now[0]], [before[0], before[1] - before[0]]]
    sides = (stats.fisher_exact(table, alternative=side).pvalue for side in ("less", "greater"))
    exact = min(1.0, 2 * min(sides))
    bound = share_p_value(before, now)
    assert bound >= exact * (1 - 1e-6)
    if exact < 1e-3:
        assert bound <= 1.5 * exact
    assert share_p_value(now, before) == pytest.approx(bound)


def test_values_beyond_the_reference() -> None:
    """By hand: of 2 + 2 values, the two largest are both new in 1 of 6 orders; nothing beyond is certain."""
    assert beyond_p_value(2, 2, 2) == pytest.approx(1 / 6)
    assert beyond_p_value(2, 0, 2) == 1
    # 100 of a million new values above all of 9,900 old ones: about (1,000,000 / 1,009,900)^100.
    assert beyond_p_value(9_900, 100, 1_000_000) == pytest.approx((1_000_000 / 1_009_900) ** 100, rel=1e-3)
