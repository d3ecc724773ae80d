"""The statistics of the training split: exact for few rows, close for many, weighted, and of bounded size."""

import numpy as np
import pytest

from components.common.training_statistics import TrainingStatistics
from components.drift.measures import kolmogorov_smirnov
from components.statistics.column_summary import ColumnSummary
from components.statistics.columns import Columns
from components.statistics.training_split import training_statistics

NAN = float("nan")


def test_few_rows() -> None:
    """All values are kept; the label is not among the features."""
    values = np.array([[3.0, NAN, 1.0, 2.0], [0.0, 1.0, 1.0, 1.0], [NAN] * 4], np.float32)
    columns = Columns(("a", "label", "z"), "label")
    found = training_statistics(columns.summary(values), columns)
    assert (found.rows, found.effective_rows, found.positive_share) == (4, 4.0, 0.75)
    a, z = found.columns
    assert (a.name, a.missing, a.low, a.high, a.rank_error) == ("a", 0.25, 1.0, 3.0, 0.0)
    assert a.points.tolist() == [1.0, 2.0, 3.0]
    assert (z.missing, z.low, z.high, z.points.size) == (1.0, None, None, 0)


def test_many_rows() -> None:
    """The error of the points is at most the recorded one, also where the batches were merged."""
    values = np.random.default_rng(0).lognormal(size=(2, 200_000)).astype(np.float32)
    columns = Columns(("a", "label"), "label")
    parts = np.split(values, 20, axis=1)
    merged = ColumnSummary.merge_stream(map(columns.summary, parts))
    assert merged is not None
    (a,) = training_statistics(merged, columns).columns
    assert a.points.size == 2_048
    assert 0 < kolmogorov_smirnov(np.sort(values[0]), a.points) <= a.rank_error < 0.002


def test_weights() -> None:
    """A row of weight 3 is three of four parts; two such rows of four are as good as 3.2 equal ones."""
    values = np.array([[1.0, 1.0, 5.0, NAN], [1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 1.0, 0.0]], np.float32)
    columns = Columns(("a", "w", "label"), "label", "w")
    found = training_statistics(columns.summary(values), columns)
    assert found.effective_rows == pytest.approx(8**2 / (1 + 1 + 9 + 9))
    assert found.positive_share == pytest.approx(3 / 8)
    (a,) = found.columns
    assert a.missing == pytest.approx(3 / 8)
    assert np.mean(a.points == 5.0) == pytest.approx(0.6, abs=a.rank_error)


def test_the_size_is_bounded() -> None:
    """20 features: 0.23 MB. 2,000 features: 3.2 MB, with 262 points each."""
    random = np.random.default_rng(0)
    sizes = {}
    for features in (20, 2_000):
        columns = Columns((*(f"feature_{n:04d}" for n in range(features)), "label"), "label")
        values = random.normal(size=(features + 1, 3_000)).astype(np.float32)
        found = training_statistics(columns.summary(values), columns)
        sizes[features] = len(found.to_json())
        for column, exact in zip(found.columns, values, strict=False):
            assert kolmogorov_smirnov(np.sort(exact), column.points) <= column.rank_error
    assert found.columns[0].points.size == 262
    assert sizes[20] < 240_000
    assert sizes[2_000] < 3_400_000


def test_a_split_without_rows() -> None:
    columns = Columns(("a", "label"), "label")
    found = training_statistics(columns.summary(np.empty((2, 0), np.float32)), columns)
    assert (found.rows, found.columns[0].points.size) == (0, 0)


@pytest.mark.parametrize(
    ("points", "problem"), [("=1", "expected base64"), ("AAAA", "expected float32 values of 4 bytes")]
)
def test_damaged_points(points: str, problem: str) -> None:
    column = {"name": "a", "missing": 0, "low": 1, "high": 1, "encoded_points": points, "rank_error": 0}
    content = {"rows": 1, "effective_rows": 1, "label": "y", "positive_share": 0, "columns": [column]}
    with pytest.raises(ValueError, match=problem):
        TrainingStatistics.model_validate(content)


def test_the_shares_of_the_classes() -> None:
    """By name, the most frequent first, also with weights; the share of label 1 is that of two classes only."""
    labels = np.array([0, 2, 2, 1, 2, 0], np.float32)
    roles = Columns(("w", "y"), "y", "w", classes=("x", "y z", "ü"))
    weights = np.ones(6, np.float32)
    found = training_statistics(roles.summary(np.stack([weights, labels])), roles)
    assert found.label_classes is not None
    assert found.label_classes.shares == pytest.approx({"ü": 3 / 6, "x": 2 / 6, "y z": 1 / 6}, abs=1e-3)
    assert list(found.label_classes.shares) == ["ü", "x", "y z"]
    assert (found.positive_share, found.label_numbers, found.has_two_classes) == (0.0, None, False)
    heavier = training_statistics(roles.summary(np.stack([weights + 3 * (labels == 1), labels])), roles)
    assert heavier.label_classes is not None
    assert heavier.label_classes.shares == pytest.approx({"y z": 4 / 9, "ü": 3 / 9, "x": 2 / 9}, abs=1e-3)
