"""The AUC of each feature alone: against scikit-learn on whole tables, and within its error on samples."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from components.statistics import class_sample
from components.statistics.class_sample import ClassSample
from components.statistics.feature_auc import feature_aucs

Numbers = np.ndarray


def sampled(columns: Numbers, parts: int = 1, seed: int = 0) -> ClassSample:
    """Samples a table, float32 [columns, rows], whose last column is the label, in parts that are merged."""
    samples = []
    for number, part in enumerate(np.array_split(columns, parts, axis=1)):
        samples.append(ClassSample(len(columns), len(columns) - 1))
        samples[-1].add(part, np.random.default_rng([seed, number]).random((part.shape[1],)))
    return ClassSample.merge(samples)


def table(rows: int, seed: int, positive: float = 0.3) -> Numbers:
    """Features with few and many ties, missing values, a constant, the label itself, its opposite; weights; label."""
    draw = np.random.default_rng(seed)
    label = (draw.random(rows) < positive).astype(float)
    normal = draw.normal(size=rows) + label
    features = [
        normal,
        np.round(normal),
        np.where(draw.random(rows) < 0.2, np.nan, np.round(normal, 1)),
        np.full(rows, 2.5),
        label,
        -label,
        np.where(draw.random(rows) < 0.004, 1 - label, label),
        np.full(rows, np.nan),
        1e30 * normal,
    ]
    return np.array([*features, draw.integers(1, 6, rows) / 4, label], np.float32)


def expected(columns: Numbers, weighted: bool = False) -> list[float | None]:
    """Computes the AUCs with scikit-learn."""
    *features, weights, label = columns
    found: list[float | None] = []
    for feature in features:
        kept = ~np.isnan(feature)
        given = weights[kept] if weighted else None
        found.append(roc_auc_score(label[kept], feature[kept], sample_weight=given) if kept.any() else None)
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("rows", "seed", "positive"), [(300, 0, 0.3), (1_000, 1, 0.05), (5_000, 2, 0.9), (64, 3, 0.5)]
)
def test_the_auc_is_that_of_scikit_learn(rows: int, seed: int, positive: float, weighted: bool) -> None:
    """Of whole tables; in any number of parts."""
    columns = table(rows, seed, positive)
    wanted = expected(columns, weighted)
    for parts in (1, 7):
        found = feature_aucs(sampled(columns, parts), range(9), 9 if weighted else None)
        assert found == [pytest.approx(auc, abs=1e-12) if auc is not None else None for auc in wanted]
    assert found[3:6] == [0.5, 1.0, 0.0]


def test_too_few_rows_of_a_class() -> None:
    """Nine positive rows have a value: they could be separated by chance."""
    label = np.repeat([1.0, 0.0], [10, 50])
    feature = label.copy()
    feature[0] = np.nan
    columns = np.array([feature, label, label], np.float32)
    assert feature_aucs(sampled(columns), [0, 1]) == [None, 1.0]


def test_a_sample_is_uniform_and_its_error_is_as_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 20,000 rows, 400 of each class are kept; over 200 samples, bias and standard error are within the bound.

    The mean of 200 estimates is within four of its standard errors, and their deviation at most 1.2 of the bound
    sqrt(A (1 - A) / n): a deviation of 200 estimates is itself known within 5%.
    """
    monkeypatch.setattr(class_sample, "MAX_ROWS", 400)
    columns = table(20_000, 4, positive=0.2)
    wanted = expected(columns)
    found = np.array([feature_aucs(sampled(columns, 5, seed), [0, 6]) for seed in range(200)], np.float64)
    for place, feature in enumerate((0, 6)):
        auc = wanted[feature]
        assert auc is not None
        bound = (auc * (1 - auc) / 400) ** 0.5
        assert found[:, place].std() < 1.2 * bound
        assert found[:, place].mean() == pytest.approx(auc, abs=4 * bound / 200**0.5)


def test_a_rare_class_is_kept_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """All 50 positive rows, and 400 of the others, however many parts there are."""
    monkeypatch.setattr(class_sample, "MAX_ROWS", 400)
    columns = np.array([np.arange(10_000), np.arange(10_000) % 200 == 0], np.float32)
    for parts in (1, 3, 100):
        sample = sampled(columns, parts)
        assert sorted(sample.rows(1)[0].tolist()) == list(range(0, 10_000, 200))
        assert sample.rows(0).shape == (2, 400)
        assert len(set(sample.rows(0)[0].tolist())) == 400


def test_memory_does_not_grow_with_the_columns() -> None:
    """2,001 columns: 499 rows of each class."""
    values = np.zeros((2_001, 3_000), np.float32)
    values[-1] = np.arange(3_000) % 2
    sample = sampled(values, 3)
    assert [sample.rows(code).shape for code in range(2)] == [(2_001, 499)] * 2
