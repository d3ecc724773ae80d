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
from components.evaluator.metrics import CALIBRATION_BINS, ScoredRows, bin_sums, calibration_bins

POINTS = 200


def curves(rows: ScoredRows) -> ModelCurves:
    """Computes the curves of one model; a curve that is undefined is None.

    The ROC and the precision-recall curve have at most POINTS points, spread evenly over the distinct predictions,
    ends included. The calibration curve has at most CALIBRATION_BINS bins of equal width; empty bins are left out. The
    confusion matrix is at a threshold of 0.5. A row with a weight counts that many times.
    """
    predicted, actual = rows.predictions > 0.5, rows.labels > 0

    def count(chosen: npt.NDArray[np.bool_]) -> float:
        return (
            int(np.count_nonzero(chosen)) if rows.weights is None else float(rows.row_weights()[chosen].sum())
        )

    confusion = ConfusionMatrix(
        true_positive=count(predicted & actual),
        false_positive=count(predicted & ~actual),
        true_negative=count(~predicted & ~actual),
        false_negative=count(~predicted & actual),
    )
    if not rows.labels.size or np.isnan(rows.predictions).any():
        return ModelCurves(roc=None, precision_recall=None, calibration=None, confusion=confusion)
    order = np.argsort(-rows.predictions, kind="stable")
    weights = rows.row_weights()[order]
    hits, found = np.cumsum(actual[order] * weights), np.cumsum(weights)
    # A threshold lies between two distinct predictions: tied rows are counted together.
    last_of_tie = np.flatnonzero(np.append(np.diff(rows.predictions[order]) != 0, True))
    return ModelCurves(
        roc=_roc(hits, found, last_of_tie),
        precision_recall=_precision_recall(hits, found, last_of_tie),
        calibration=_calibration(rows),
        confusion=confusion,
    )


def _roc(hits: npt.NDArray[Any], found: npt.NDArray[Any], last_of_tie: npt.NDArray[Any]) -> RocCurve | None:
    positives, negatives = hits[-1], found[-1] - hits[-1]
    if not positives or not negatives:
        return None
    at = last_of_tie[_thinned(last_of_tie.size, POINTS - 1)]
    return RocCurve(
        fpr=(0.0, *_rounded((found[at] - hits[at]) / negatives)), tpr=(0.0, *_rounded(hits[at] / positives))
    )


def _precision_recall(
    hits: npt.NDArray[Any], found: npt.NDArray[Any], last_of_tie: npt.NDArray[Any]
) -> PrecisionRecallCurve | None:
    if not hits[-1]:
        return None
    at = last_of_tie[_thinned(last_of_tie.size, POINTS)]
    return PrecisionRecallCurve(
        recall=_rounded(hits[at] / hits[-1]), precision=_rounded(hits[at] / found[at])
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
