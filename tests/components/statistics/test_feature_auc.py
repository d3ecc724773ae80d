"""The AUC of each feature alone: against scikit-learn on whole tables, and within its error on samples."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from components.statistics import class_sample
from components.statistics.class_sample import ClassSample
from components.statistics.columns import Columns
from components.statistics.feature_auc import feature_aucs, text_aucs

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


def sampled_texts(
    labels: Numbers, texts: list[list[str]], weights: Numbers | None = None, parts: int = 1
) -> ClassSample:
    """Samples rows with texts, by feature; their weights are the first column of numbers, the label is the second."""
    encoded = np.array([[text.encode() for text in column] for column in texts], object)
    values = np.array([np.ones(len(labels)) if weights is None else weights, labels], np.float32)
    samples = []
    for part in np.array_split(np.arange(len(labels)), parts):
        samples.append(ClassSample(2, 1, len(texts)))
        keys = np.random.default_rng([0, len(samples)]).random(part.size)
        samples[-1].add(values[:, part], keys, encoded[:, part])
    return ClassSample.merge(samples)


def test_a_text_that_tells_the_label() -> None:
    """Also if it is missing for one class. Texts that occur once, and those of one row of each class, tell nothing."""
    rows = np.arange(2_000)
    label = rows % 2
    texts = [
        np.where(label, "gone", np.where(rows % 3, "here", "new")).tolist(),
        np.where(label, "moved away", "").tolist(),
        [f"id {row}" for row in rows],
        [f"pair {row // 2}" for row in rows],
        ["all"] * 2_000,
        np.random.default_rng(0).choice(["a", "b", "c"], 2_000).tolist(),
    ]
    for parts in (1, 7):
        tells, reason, once, pair, constant, random = text_aucs(sampled_texts(label, texts, parts=parts))
        assert (tells, reason, once, constant) == (1.0, 1.0, 0.5, 0.5)
        assert pair is not None
        assert 0.01 < pair < 0.5
        # Six standard errors of an AUC of 0.5 on 1,000 and 1,000 rows.
        assert random == pytest.approx(0.5, abs=6 * (1 / 6_000) ** 0.5)


def test_the_auc_of_a_text_is_that_of_its_share_of_positive_rows() -> None:
    """Of one wrong row in fifty, and of shares of 10%, 50% and 80%, as scikit-learn computes it on all rows.

    With 20,000 rows and few texts, the shares in both halves have the order of those in all rows.
    """
    draw = np.random.default_rng(1)
    label = (draw.random(20_000) < 0.4).astype(int)
    nearly = np.where(draw.random(20_000) < 0.02, 1 - label, label)
    kind = draw.integers(0, 3, 20_000)
    other = (draw.random(20_000) < np.array([0.1, 0.5, 0.8])[kind]).astype(int)
    for labels, codes in ((label, nearly), (other, kind)):
        (found,) = text_aucs(sampled_texts(labels, [[f"t{code}" for code in codes]]))
        # All 12,000 negative rows are not in the sample, but 5,000 of them.
        assert found == pytest.approx(roc_auc_score(labels, codes), abs=0.01)


def test_the_weights_of_texts() -> None:
    """The wrong rows, 100 of 1,000 in each class, have so small a weight that the text tells the label."""
    label = np.arange(2_000) % 2
    wrong = np.arange(2_000) % 20 < 2
    texts = [["yes" if value else "no" for value in np.where(wrong, 1 - label, label)]]
    weights = np.where(wrong, 1e-4, 1.0)
    (plain,) = text_aucs(sampled_texts(label, texts))
    (weighted,) = text_aucs(sampled_texts(label, texts, weights), 0)
    assert plain == pytest.approx(0.9, abs=0.02)
    assert weighted is not None
    assert weighted > 0.9999


def test_too_few_rows_of_a_class_with_texts() -> None:
    """Nine positive rows."""
    label = np.repeat([1, 0], [9, 50])
    assert text_aucs(sampled_texts(label, [["a"] * 9 + ["b"] * 50])) == [None]


def test_the_record_has_numbers_and_texts() -> None:
    """By name; the weight and the label are no features."""
    columns = Columns(("age", "w", "y"), "y", "w", categorical=("plan",))
    label = np.arange(100) % 2
    sample = columns.sample()
    values = np.array([label, np.ones(100), label], np.float32)
    texts = np.array([[b"a" if value else b"b" for value in label]], object)
    sample.add(values, np.random.default_rng(0).random(100), texts)
    assert columns.feature_aucs(sample).features == {"age": 1.0, "plan": 1.0}
