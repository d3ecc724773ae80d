"""Computes the points of a model's ROC, precision-recall and calibration curves, and its confusion matrix."""

from statistics import NormalDist
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
from components.evaluator.metrics import CALIBRATION_BINS, Floats, ScoredRows, bin_sums, calibration_bins

POINTS = 200


def curves(rows: ScoredRows, confidence: float) -> ModelCurves:
    """Computes the curves of one model; a curve that is undefined is None.

    The ROC and the precision-recall curve have at most POINTS points, spread evenly over the distinct predictions,
    ends included. The calibration curve has at most CALIBRATION_BINS bins of equal width; empty bins are left out. The
    confusion matrix is at a threshold of 0.5. A row with a weight counts that many times.

    Args:
        rows: the test split, as scored by the model.
        confidence: of the intervals of the calibration curve, between 0 and 1.
    """
    confusion = confusion_matrix(rows, rows.predictions > 0.5)
    if not rows.labels.size or np.isnan(rows.predictions).any():
        return ModelCurves(roc=None, precision_recall=None, calibration=None, confusion=confusion)
    ranked = ranked_counts(rows)
    return ModelCurves(
        roc=_roc(ranked),
        precision_recall=_precision_recall(ranked),
        calibration=_calibration(rows, confidence),
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


def wilson_interval(shares: Floats, rows: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Returns the lower and the upper bounds of shares of independent rows, float64 [shares].

    Unlike the normal approximation, the interval holds for few rows and for shares of 0 and 1 (Wilson, Probable
    Inference, the Law of Succession, and Statistical Inference, Journal of the American Statistical Association, 1927).

    Args:
        shares: from 0 to 1, [shares].
        rows: the number of rows of each share, > 0, [shares]; not a whole number if it is an effective number.
        confidence: between 0 and 1.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    center = shares + z**2 / (2 * rows)
    half = z * np.sqrt(shares * (1 - shares) / rows + (z / (2 * rows)) ** 2)
    scale = 1 + z**2 / rows
    return np.maximum((center - half) / scale, 0.0), np.minimum((center + half) / scale, 1.0)


def _calibration(rows: ScoredRows, confidence: float) -> CalibrationCurve:
    bins, weights = calibration_bins(rows.predictions), rows.row_weights()
    counts, total = np.bincount(bins, minlength=CALIBRATION_BINS), bin_sums(bins, weights)
    filled = counts > 0
    observed = bin_sums(bins, rows.labels * weights)[filled] / total[filled]
    # With weights, as many rows of equal weight would vary as much (Kish, Survey Sampling, 1965); else the rows.
    effective = total[filled] ** 2 / bin_sums(bins, weights.astype(np.float64) ** 2)[filled]
    bounds = wilson_interval(observed, effective, confidence)
    return CalibrationCurve(
        predicted=_rounded(bin_sums(bins, rows.predictions * weights)[filled] / total[filled]),
        observed=_rounded(observed),
        rows=tuple(counts[filled].tolist()),
        intervals=tuple(zip(*map(_rounded, bounds), strict=True)),
    )


def _thinned(size: int, points: int) -> npt.NDArray[np.int64]:
    """Returns at most `points` of `size` indices, evenly spread, including the first and the last."""
    return np.unique(np.linspace(0, size - 1, min(size, points)).round().astype(np.int64))


def _rounded(values: npt.NDArray[Any]) -> tuple[float, ...]:
    return tuple(np.round(values.astype(np.float64), 6).tolist())
