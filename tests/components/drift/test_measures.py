"""The measures equal SciPy's on exact samples, and hold with ties, outliers and unequal sizes."""

import math

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]
from scipy.spatial import distance  # type: ignore[import-untyped]

from components.drift import measures

RANDOM = np.random.default_rng(7)
SAMPLES = {
    "normal": (RANDOM.normal(size=300), RANDOM.normal(0.3, 1.0, 500)),
    "ties": (RANDOM.integers(0, 4, 200).astype(float), RANDOM.integers(1, 6, 777).astype(float)),
    "mostly zeros": (
        np.where(RANDOM.random(400) < 0.9, 0.0, RANDOM.lognormal(size=400)),
        np.where(RANDOM.random(100) < 0.7, 0.0, RANDOM.lognormal(size=100)),
    ),
    "constant": (np.full(20, 3.0), np.full(7, 3.0)),
    "outliers": (np.append(RANDOM.normal(size=99), 1e30), RANDOM.normal(size=100)),
    "one value each": (np.array([1.0]), np.array([2.0])),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_kolmogorov_smirnov(name: str) -> None:
    before, now = map(np.sort, SAMPLES[name])
    expected = stats.ks_2samp(before, now, method="auto").statistic
    assert measures.kolmogorov_smirnov(before, now) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_divergences(seed: int) -> None:
    """The index is the sum of both relative entropies; the Jensen-Shannon distance has the base 2."""
    p, q = np.random.default_rng(seed).dirichlet(np.full(6, 2.0), 2)
    index = measures.population_stability_index(p, q)
    assert index == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p))
    assert measures.jensen_shannon(p, q) == pytest.approx(distance.jensenshannon(p, q, base=2))
    assert measures.l_infinity(p, q) == max(abs(p - q))


def test_a_category_on_one_side() -> None:
    """Nothing in common: the distance is 1, the index finite: two bins, each changed from 1 to 0.0001 or back."""
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert measures.jensen_shannon(p, q) == distance.jensenshannon(p, q, base=2) == 1.0
    assert measures.population_stability_index(p, q) == pytest.approx(2 * (1 - 1e-4) * math.log(1e4))
    assert measures.l_infinity(p, q) == 1.0


def test_bins_hold_equal_shares_of_the_reference() -> None:
    """An extreme value changes no edge."""
    values = np.arange(1.0, 101.0)
    edges = measures.quantile_edges(values)
    assert edges.tolist() == [11.0, 21.0, 31.0, 41.0, 51.0, 61.0, 71.0, 81.0, 91.0]
    extreme = np.append(values[:-1], 1e30)
    assert measures.quantile_edges(extreme).tolist() == edges.tolist()


def test_a_frequent_value_is_one_edge() -> None:
    """Of 90% zeros there are three bins: up to 0, up to the next decile, and above."""
    values = np.sort(np.append(np.zeros(90), np.arange(1.0, 11.0)))
    edges = measures.quantile_edges(values)
    assert edges.tolist() == [0.0, 1.0]
    assert measures.shares_between(values, edges).tolist() == [0.9, 0.01, 0.09]


def test_shares_of_categories() -> None:
    values, categories = np.array([1.0, 1.0, 2.0, 5.0]), np.array([1.0, 2.0, 3.0])
    assert measures.shares_of(values, categories).tolist() == [0.5, 0.25, 0.0]


def test_equal_distributions() -> None:
    """Every measure is 0."""
    values = np.sort(SAMPLES["normal"][0])
    shares = measures.shares_between(values, measures.quantile_edges(values))
    assert measures.kolmogorov_smirnov(values, values) == 0
    assert measures.population_stability_index(shares, shares) == 0
    assert measures.jensen_shannon(shares, shares) == measures.l_infinity(shares, shares) == 0
