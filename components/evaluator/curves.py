"""Computes the points of a model's ROC, precision-recall and calibration curves, and its confusion matrix."""

from typing import Any

import numpy as np
import numpy.typing as npt

from components.common.verdict_record import (
    CalibrationCurve,
    ConfusionMatrix,
    ModelCurves,
    PrecisionRecallCurve,
    RocCurve,
)
from components.evaluator.decision_counts import RankedCounts, count_decisions, decision_cells, ranked_counts
from components.evaluator.metrics import CALIBRATION_BINS, ScoredRows, bin_sums, calibration_bins

POINTS = 200


def curves(rows: ScoredRows) -> ModelCurves:
    """Computes the curves of one model; a curve that is undefined is None.

    The ROC and the precision-recall curve have at most POINTS points, spread evenly over the distinct predictions,
    ends included. The calibration curve has at most CALIBRATION_BINS bins of equal width; empty bins are left out. The
    confusion matrix is at a threshold of 0.5. A row with a weight counts that many times.
    """
    confusion = confusion_matrix(rows, rows.predictions > 0.5)
    if not rows.labels.size or np.isnan(rows.predictions).any():
        return ModelCurves(roc=None, precision_recall=None, calibration=None, confusion=confusion)
    ranked = ranked_counts(rows)
    return ModelCurves(
        roc=_roc(ranked),
        precision_recall=_precision_recall(ranked),
        calibration=_calibration(rows),
        confusion=confusion,
    )


def confusion_matrix(rows: ScoredRows, positive: npt.NDArray[np.bool_]) -> ConfusionMatrix:
    """Counts the decisions, [rows]: whole numbers, or sums of weights if the rows have weights."""
    counts = count_decisions(decision_cells(rows.labels, positive), rows.row_weights())
    kind = int if rows.weights is None else float
    return ConfusionMatrix.model_validate({name: kind(value) for name, value in counts._asdict().items()})


def _roc(ranked: RankedCounts) -> RocCurve | None:
    positives, negatives = ranked.hits[-1], ranked.found[-1] - ranked.hits[-1]
    if not positives or not negatives:
        return None
    at = _thinned(ranked.hits.size, POINTS - 1)
    hits = ranked.hits[at]
    return RocCurve(
        fpr=(0.0, *_rounded((ranked.found[at] - hits) / negatives)), tpr=(0.0, *_rounded(hits / positives))
    )


def _precision_recall(ranked: RankedCounts) -> PrecisionRecallCurve | None:
    if not ranked.hits[-1]:
        return None
    at = _thinned(ranked.hits.size, POINTS)
    hits = ranked.hits[at]
    return PrecisionRecallCurve(
        recall=_rounded(hits / ranked.hits[-1]), precision=_rounded(hits / ranked.found[at])
    )


def _calibration(rows: ScoredRows) -> CalibrationCurve:
    bins, weights = calibration_bins(rows.predictions), rows.row_weights()
    counts, total = np.bincount(bins, minlength=CALIBRATION_BINS), bin_sums(bins, weights)
    filled = counts > 0
    return CalibrationCurve(
        predicted=_rounded(bin_sums(bins, rows.predictions * weights)[filled] / total[filled]),
        observed=_rounded(bin_sums(bins, rows.labels * weights)[filled] / total[filled]),
        rows=tuple(counts[filled].tolist()),
    )


def _thinned(size: int, points: int) -> npt.NDArray[np.int64]:
    """Returns at most `points` of `size` indices, evenly spread, including the first and the last."""
    return np.unique(np.linspace(0, size - 1, min(size, points)).round().astype(np.int64))


def _rounded(values: npt.NDArray[Any]) -> tuple[float, ...]:
    return tuple(np.round(values.astype(np.float64), 6).tolist())
