"""The rank correlation of each feature alone with a label that is a number, and the warning of a leak."""

from typing import Any

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from components.common.feature_auc_record import FeatureAucRecord
from components.statistics.columns import Columns
from components.statistics.feature_correlation import rank_correlation

RANDOM = np.random.default_rng(5)


def test_it_is_spearmans() -> None:
    """As SciPy computes it, with ties; an integer weight counts as that many rows."""
    values, labels = RANDOM.integers(0, 9, (2, 200)).astype(np.float32)
    labels += values
    ones = np.ones(200)
    assert rank_correlation(values, labels, ones) == pytest.approx(stats.spearmanr(values, labels).statistic)
    weights = RANDOM.integers(1, 4, 200)
    expected = stats.spearmanr(np.repeat(values, weights), np.repeat(labels, weights)).statistic
    assert rank_correlation(values, labels, weights.astype(np.float64)) == pytest.approx(expected)


@pytest.mark.parametrize("rows", [[1.0] * 20, [1.0, 2.0]])
def test_it_is_undefined(rows: list[float]) -> None:
    """Of a constant, and of very few rows."""
    values = np.array(rows, np.float32)
    assert rank_correlation(values, np.arange(len(rows), dtype=np.float32), np.ones(len(rows))) is None


def measured(rows: int, **columns: Any) -> FeatureAucRecord:
    """The record for a table with a label `y` and a categorical feature `t`."""
    texts = columns.pop("t")
    roles = Columns(tuple(sorted(columns)), "y", number=True, categorical=("t",))
    values = np.stack([columns[name] for name in roles.names]).astype(np.float32)
    sample = roles.sample()
    sample.add(values, RANDOM.random(rows), np.array([texts], np.object_))
    return roles.feature_aucs(sample)


def test_leaks_are_named() -> None:
    """The label in another unit and a text that follows from it, but no feature that is only useful, and no id."""
    y = RANDOM.normal(100, 10, 2_000)
    found = measured(
        2_000,
        y=y,
        cents=np.where(np.arange(2_000) % 3, np.nan, -100 * y),
        useful=y + RANDOM.normal(0, 3, 2_000),
        noise=RANDOM.normal(size=2_000),
        t=[f"class {rank // 100}".encode() for rank in y.argsort().argsort()],
    )
    assert set(found.leaks()) == {"cents", "t"}
    assert found.correlations["cents"] == pytest.approx(-1)
    (warning,) = found.warnings()
    assert warning.startswith("2 features determine the label almost alone, ")
    assert "'cents' (rank correlation -1.0000)" in warning
    ids = measured(2_000, y=y, t=[f"id {row}".encode() for row in range(2_000)])
    assert (ids.leaks(), list(ids.warnings())) == ({}, [])
    assert abs(ids.correlations["t"] or 0.0) < 0.1
    constant = measured(2_000, y=y, t=[b"same"] * 2_000)
    assert constant.correlations == {"t": None}
