"""The points of the curves, compared with scikit-learn's and computed by hand."""

from typing import Any

import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped]
import sklearn.metrics

from components.evaluator import curves as evaluator_curves
from components.evaluator.curves import POINTS, wilson_interval
from components.evaluator.metrics import ScoredRows
from components.tasks.binary import BINARY


def curves(rows: ScoredRows) -> dict[str, Any]:
    """The curves as verdict.json has them."""
    return evaluator_curves.curves(rows, 0.95, BINARY.plots).model_dump(mode="json")


def rows(count: int, digits: int) -> ScoredRows:
    generator = np.random.default_rng(count)
    labels = (generator.random(count) < 0.3).astype(np.float32)
    predictions = np.round(np.clip(0.3 * labels + generator.random(count) * 0.7, 0, 1), digits)
    return ScoredRows(labels, predictions.astype(np.float32))


@pytest.mark.parametrize("digits", [1, 6], ids=["ties", "no ties"])
def test_all_points_are_scikit_learns(digits: int) -> None:
    """With fewer than POINTS predictions, no point is left out, and each tie is one point."""
    given = rows(150, digits)
    found = curves(given)
    fpr, tpr, _ = sklearn.metrics.roc_curve(given.labels, given.predictions, drop_intermediate=False)
    assert found["roc"]["fpr"] == pytest.approx(fpr, abs=1e-6)
    assert found["roc"]["tpr"] == pytest.approx(tpr, abs=1e-6)
    precision, recall, _ = sklearn.metrics.precision_recall_curve(given.labels, given.predictions)
    assert found["precision_recall"]["recall"] == pytest.approx(recall[-2::-1], abs=1e-6)
    assert found["precision_recall"]["precision"] == pytest.approx(precision[-2::-1], abs=1e-6)
    matrix = sklearn.metrics.confusion_matrix(given.labels, given.predictions > 0.5)
    names = ("true_negative", "false_positive", "false_negative", "true_positive")
    assert [found["confusion"][name] for name in names] == matrix.ravel().tolist()


def test_many_rows_make_few_points() -> None:
    """5,000 predictions give at most POINTS points, including both ends; the area under them is the AUC to 0.002."""
    given = rows(5_000, 7)
    found = curves(given)
    roc, precision_recall = found["roc"], found["precision_recall"]
    assert len(roc["fpr"]) == len(roc["tpr"]) <= POINTS
    assert len(precision_recall["recall"]) == len(precision_recall["precision"]) <= POINTS
    assert (roc["fpr"][0], roc["tpr"][0], roc["fpr"][-1], roc["tpr"][-1]) == (0, 0, 1, 1)
    assert precision_recall["recall"][-1] == 1
    exact = sklearn.metrics.roc_auc_score(given.labels, given.predictions)
    assert sklearn.metrics.auc(roc["fpr"], roc["tpr"]) == pytest.approx(exact, abs=0.002)


def test_calibration_by_hand() -> None:
    """Ten bins without the empty ones; a prediction of 1 is in the last."""
    given = ScoredRows(
        np.array([0, 1, 1, 1, 0], np.float32), np.array([0.05, 0.07, 0.95, 1.0, 0.31], np.float32)
    )
    found = curves(given)["calibration"]
    assert found["rows"] == [2, 1, 2]
    assert found["predicted"] == pytest.approx([0.06, 0.31, 0.975], abs=1e-6)
    assert found["observed"] == [0.5, 0.0, 1.0]


def test_curves_that_do_not_exist() -> None:
    """One class: no ROC curve. No positives: no precision-recall curve either. NaN, no rows: only the counts."""
    p = np.array([0.2, 0.8], np.float32)
    positives, negatives = (
        curves(ScoredRows(np.ones(2, np.float32), p)),
        curves(ScoredRows(np.zeros(2, np.float32), p)),
    )
    assert positives["roc"] is None
    assert positives["precision_recall"] == {"recall": [0.5, 1.0], "precision": [1.0, 1.0]}
    assert negatives["roc"] is None
    assert negatives["precision_recall"] is None
    assert negatives["calibration"]["observed"] == [0.0, 0.0]
    nothing = np.zeros(0, np.float32)
    for labels, predictions in (
        (np.array([0, 1], np.float32), np.array([0.2, np.nan], np.float32)),
        (nothing, nothing),
    ):
        found = curves(ScoredRows(labels, predictions))
        assert (found["roc"], found["precision_recall"], found["calibration"]) == (None, None, None)
        assert sum(found["confusion"].values()) == labels.size


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize(("positives", "rows"), [(0, 1), (1, 1), (0, 30), (7, 20), (50, 50), (300, 1_000)])
def test_the_interval_is_wilsons(positives: int, rows: int, confidence: float) -> None:
    """SciPy computes the same."""
    low, high = wilson_interval(np.array([positives / rows]), np.array([float(rows)]), confidence)
    expected = scipy.stats.binomtest(positives, rows).proportion_ci(confidence, method="wilson")
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_intervals_of_the_calibration() -> None:
    """One for each bin: from its rows or, with weights, from as many equal weights as would vary as much."""
    labels, predictions = np.array([0, 1, 1, 1], np.float32), np.array([0.05, 0.07, 0.95, 1.0], np.float32)
    found = curves(ScoredRows(labels, predictions))["calibration"]["intervals"]
    for (low, high), positives in zip(found, (1, 2), strict=True):
        expected = scipy.stats.binomtest(positives, 2).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    equal = curves(ScoredRows(labels, predictions, weights=np.full(4, 3, np.float32)))["calibration"][
        "intervals"
    ]
    assert equal == found
    # (1 + 3)**2 / (1 + 9) = 1.6 rows, of which 3/4 are positive.
    other = curves(ScoredRows(labels, predictions, weights=np.array([1, 3, 1, 1], np.float32)))
    low, high = (bound[0] for bound in wilson_interval(np.array([0.75]), np.array([1.6]), 0.95))
    assert other["calibration"]["intervals"][0] == pytest.approx((low, high), abs=1e-6)
