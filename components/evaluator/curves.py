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
from components.evaluator.metrics import ScoredRows

POINTS = 200
BINS = 10


def curves(rows: ScoredRows) -> ModelCurves:
    """Computes the curves of one model; a curve that is undefined is None.

    The ROC and the precision-recall curve have at most POINTS points, spread evenly over the distinct predictions,
    ends included. The calibration curve has at most BINS bins of equal width; empty bins are left out. The confusion
    matrix is at a threshold of 0.5.
    """
    predicted, actual = rows.predictions > 0.5, rows.labels > 0
    confusion = ConfusionMatrix(
        true_positive=int(np.count_nonzero(predicted & actual)),
        false_positive=int(np.count_nonzero(predicted & ~actual)),
        true_negative=int(np.count_nonzero(~predicted & ~actual)),
        false_negative=int(np.count_nonzero(~predicted & actual)),
    )
    if not rows.labels.size or np.isnan(rows.predictions).any():
        return ModelCurves(roc=None, precision_recall=None, calibration=None, confusion=confusion)
    order = np.argsort(-rows.predictions, kind="stable")
    hits = np.cumsum(actual[order])
    # A threshold lies between two distinct predictions: tied rows are counted together.
    last_of_tie = np.flatnonzero(np.append(np.diff(rows.predictions[order]) != 0, True))
    return ModelCurves(
        roc=_roc(hits, last_of_tie),
        precision_recall=_precision_recall(hits, last_of_tie),
        calibration=_calibration(rows),
        confusion=confusion,
    )


def _roc(hits: npt.NDArray[Any], last_of_tie: npt.NDArray[Any]) -> RocCurve | None:
    positives, negatives = int(hits[-1]), hits.size - int(hits[-1])
    if not positives or not negatives:
        return None
    at = last_of_tie[_thinned(last_of_tie.size, POINTS - 1)]
    return RocCurve(
        fpr=(0.0, *_rounded((at + 1 - hits[at]) / negatives)), tpr=(0.0, *_rounded(hits[at] / positives))
    )


def _precision_recall(hits: npt.NDArray[Any], last_of_tie: npt.NDArray[Any]) -> PrecisionRecallCurve | None:
    if not hits[-1]:
        return None
    at = last_of_tie[_thinned(last_of_tie.size, POINTS)]
    return PrecisionRecallCurve(recall=_rounded(hits[at] / hits[-1]), precision=_rounded(hits[at] / (at + 1)))


def _calibration(rows: ScoredRows) -> CalibrationCurve:
    bins = np.minimum((rows.predictions * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    filled = counts > 0
    return CalibrationCurve(
        predicted=_rounded(np.bincount(bins, rows.predictions, BINS)[filled] / counts[filled]),
        observed=_rounded(np.bincount(bins, rows.labels, BINS)[filled] / counts[filled]),
        rows=tuple(counts[filled].tolist()),
    )


def _thinned(size: int, points: int) -> npt.NDArray[np.int64]:
    """Returns at most `points` of `size` indices, evenly spread, including the first and the last."""
    return np.unique(np.linspace(0, size - 1, min(size, points)).round().astype(np.int64))


def _rounded(values: npt.NDArray[Any]) -> tuple[float, ...]:
    return tuple(np.round(values.astype(np.float64), 6).tolist())
