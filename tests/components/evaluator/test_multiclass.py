"""The metrics of several classes, compared with scikit-learn's, their intervals, and the verdict."""

from typing import Any

import numpy as np
import pytest
import sklearn.metrics

from components.common.verdict_record import BASE_RATE, BASELINE, CANDIDATE
from components.config.evaluation import EvaluationConfig
from components.evaluator.bootstrap import intervals, resampled
from components.evaluator.class_metrics import class_scores, confusion
from components.evaluator.comparison import with_base_rate
from components.evaluator.metric_functions import METRIC_FUNCTIONS
from components.evaluator.metrics import Array, ScoredRows
from components.evaluator.paired_scores import PairedScores, SplitScores
from components.evaluator.verdict import compute_verdict
from components.tasks.multiclass import MULTICLASS

NAMES = ("a", "b", "c", "d")
CLASSES = len(NAMES)
FEW = EvaluationConfig(resamples=100)


def predicted(labels: Array, generator: np.random.Generator, sharpness: float) -> Array:
    """Probabilities that are higher for the class of a row; rounded, so that there are ties."""
    logits = sharpness * np.eye(CLASSES)[labels.astype(int)] + generator.normal(size=(labels.size, CLASSES))
    values = np.round(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), 2)
    found: Array = (values / values.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def paired(rows: int = 300, seed: int = 1, *, weighted: bool = False, sharpness: float = 2.0) -> PairedScores:
    """Rows of a candidate that knows more than the baseline; each second row of class 3 is rare."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(CLASSES, rows, p=[0.4, 0.3, 0.25, 0.05]).astype(np.float32)
    models = {CANDIDATE: predicted(labels, generator, sharpness), BASELINE: predicted(labels, generator, 0.5)}
    weights = generator.integers(1, 4, rows).astype(np.float32) if weighted else None
    return PairedScores(labels, models, weights=weights, task=MULTICLASS, classes=NAMES)


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_equal_scikit_learns(*, weighted: bool) -> None:
    """To 1e-9, with ties and weights."""
    scored = paired(weighted=weighted).scored(CANDIDATE)
    labels, p = scored.labels.astype(int), np.clip(scored.predictions.astype(np.float64), 1e-7, 1)
    p /= p.sum(axis=1, keepdims=True)
    weights: Any = {"sample_weight": scored.row_weights()}
    decided = scored.predictions.argmax(axis=1)
    expected = {
        "cross_entropy": sklearn.metrics.log_loss(labels, p, **weights),
        "macro_auc": sklearn.metrics.roc_auc_score(
            np.eye(CLASSES)[labels], scored.predictions, average="macro", **weights
        ),
        "accuracy": sklearn.metrics.accuracy_score(labels, decided, **weights),
        "macro_f1": sklearn.metrics.f1_score(labels, decided, average="macro", **weights),
    }
    found = {name: METRIC_FUNCTIONS[name](scored) for name in expected}
    assert found.pop("cross_entropy") == pytest.approx(expected.pop("cross_entropy"), abs=1e-6)
    assert found == pytest.approx(expected, abs=1e-9)
    matrix = sklearn.metrics.confusion_matrix(labels, decided, **weights)
    np.testing.assert_array_equal(confusion(scored), matrix)
    per_class = list(class_scores(scored))
    precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(
        labels, decided, **weights
    )
    for number, one in enumerate(per_class):
        assert one.name == NAMES[number]
        assert (one.rows, sum(one.predicted)) == (support[number], support[number])
        assert list(one.predicted) == matrix[number].tolist()
        values = (one.precision, one.recall, one.f1)
        assert values == pytest.approx((precision[number], recall[number], f1[number]))
        auc = sklearn.metrics.roc_auc_score(labels == number, scored.predictions[:, number], **weights)
        assert one.auc == pytest.approx(auc)


def test_a_class_without_rows_is_left_out_of_the_means() -> None:
    """Of three classes, the third has no row, and no row is predicted as it: by hand."""
    labels = np.array([0, 0, 1, 1], np.float32)
    predictions = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1]], np.float32)
    rows = ScoredRows(labels, predictions)
    # Class 0 orders 3 of 4 pairs (0.2 is below 0.3), class 1 too (0.7 is above 0.6, below 0.8).
    assert METRIC_FUNCTIONS["macro_auc"](rows) == pytest.approx(0.75)
    # F1 of class 0: precision 1, recall 1/2; of class 1: precision 2/3, recall 1.
    assert METRIC_FUNCTIONS["macro_f1"](rows) == pytest.approx((2 / 3 + 4 / 5) / 2)
    third = list(class_scores(rows))[2]
    assert (third.name, third.rows, third.precision, third.recall, third.auc) == ("2", 0, None, None, None)
    for name in ("cross_entropy", "macro_auc", "accuracy", "macro_f1"):
        assert np.isnan(METRIC_FUNCTIONS[name](ScoredRows(labels[:0], predictions[:0])))


def test_the_class_shares_know_no_features() -> None:
    """Their cross-entropy on the rows that they come from is the entropy of the shares; their AUC is 0.5."""
    scores = paired()
    shares = np.bincount(scores.labels.astype(int), minlength=CLASSES) / scores.labels.size
    test = with_base_rate(scores, scores)
    np.testing.assert_allclose(test.predictions[BASE_RATE], np.tile(shares, (300, 1)), rtol=1e-6)
    base_rate = test.scored(BASE_RATE)
    assert METRIC_FUNCTIONS["cross_entropy"](base_rate) == pytest.approx(-(shares * np.log(shares)).sum())
    assert METRIC_FUNCTIONS["macro_auc"](base_rate) == 0.5
    assert METRIC_FUNCTIONS["accuracy"](base_rate) == pytest.approx(shares.max())


@pytest.mark.parametrize("grouped", [False, True])
def test_resamples_are_metrics_of_repeated_rows(*, grouped: bool) -> None:
    """Each resample has the metrics of the drawn rows, computed anew; all models have the same rows."""
    scores = paired(60)
    if grouped:
        scores = scores._replace(groups=np.arange(60) // 6)
    drawn = resampled(scores, 5, seed=7)
    generator = np.random.default_rng(7)
    for number in range(5):
        groups = np.arange(60) if scores.groups is None else scores.groups
        size = int(groups.max()) + 1
        counts = np.bincount(generator.integers(size, size=size), minlength=size)[groups]
        again = scores.select(np.repeat(np.arange(60), counts))
        for metric, by_model in drawn.items():
            for model, values in by_model.items():
                assert values[number] == pytest.approx(METRIC_FUNCTIONS[metric](again.scored(model)))


def test_intervals_contain_the_true_value_often_enough() -> None:
    """95% intervals over 40 tables, of the metric on 100,000 rows; and of the difference.

    Those of the macro AUC contain it less often: of 200 tables with 20 rows of the rarest class, in 88%.
    """
    truth = paired(100_000, seed=999)
    true = {name: METRIC_FUNCTIONS[name](truth.scored(CANDIDATE)) for name in MULTICLASS.interval_metrics}
    covered = dict.fromkeys(true, 0)
    better = 0
    for seed in range(40):
        bounds = intervals(paired(400, seed=seed), FEW)
        for name, value in true.items():
            low, high = bounds[name][CANDIDATE]
            covered[name] += low <= value <= high
        better += bounds["cross_entropy"]["difference"][1] < 0
    assert better == 40
    assert covered.pop("macro_auc") >= 30
    assert min(covered.values()) >= 34, covered


def test_a_verdict() -> None:
    """A good candidate is blessed; one that is worse than the class shares is not, with the keys of its task."""
    good = paired()
    scored = SplitScores(good, {}, good.labels.size)
    verdict = compute_verdict(scored, good, FEW)
    assert verdict.blessed, verdict.reasons
    assert (verdict.task, verdict.positives) == ("multiclass", None)
    assert set(verdict.metrics) == {"cross_entropy", "macro_auc", "accuracy", "macro_f1"}
    assert [item.metric for item in verdict.thresholds if item.rule == "change"] == [
        "cross_entropy",
        "macro_auc",
    ]
    assert [one.name for one in verdict.curves.candidate.classes] == list(NAMES)
    card = verdict.card_entry()["classes"]
    assert [one["rows"] for one in card] == np.bincount(good.labels.astype(int)).tolist()
    bad = paired(sharpness=-1.0)
    refused = compute_verdict(SplitScores(bad, {}, bad.labels.size), bad, FEW)
    assert not refused.blessed
    assert any("the cross-entropy" in reason for reason in refused.reasons)
    assert any("the macro AUC" in reason for reason in refused.reasons)
    nan = good._replace(
        predictions={**good.predictions, CANDIDATE: np.full((300, CLASSES), np.nan, np.float32)}
    )
    undefined = compute_verdict(SplitScores(nan, {}, 300), nan, FEW)
    assert any("NaN for 300 of 300 rows" in reason for reason in undefined.reasons)
