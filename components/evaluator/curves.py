"""Computes the points of the plots of a model's predictions: curves, confusion matrix, residuals."""

from collections.abc import Callable, Iterable, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from components.common.verdict_record import (
    CalibrationCurve,
    ClassScores,
    ConfusionMatrix,
    ModelCurves,
    PrecisionRecallCurve,
    PredictedAgainstActual,
    Residuals,
    RocCurve,
)
from components.evaluator.class_metrics import class_scores
from components.evaluator.decision_counts import count_decisions, decision_cells, ranked_counts
from components.evaluator.metrics import CALIBRATION_BINS, Floats, ScoredRows, bin_sums, calibration_bins

POINTS = 200
FIT_POINTS = 500
RESIDUAL_BINS = 30
_SEED = 20_260_103


def curves(rows: ScoredRows, confidence: float, plots: Iterable[str]) -> ModelCurves:
    """Computes what is drawn of the predictions of one model; what is undefined is None.

    The ROC and the precision-recall curve have at most POINTS points, spread evenly over the distinct predictions,
    ends included. The calibration curve has at most CALIBRATION_BINS bins of equal width; empty bins are left out. The
    confusion matrix is at a threshold of 0.5. A row with a weight counts that many times.

    Args:
        rows: the test split, as scored by the model.
        confidence: of the intervals of the calibration curve, between 0 and 1.
        plots: the names of the fields to compute.
    """
    undefined = not rows.labels.size or bool(np.isnan(rows.predictions).any())
    return ModelCurves.model_validate(
        {
            name: _PLOTS[name](rows, confidence)
            for name in plots
            if not undefined or _PLOTS[name] is _confusion
        }
    )


def _confusion(rows: ScoredRows, confidence: float) -> ConfusionMatrix:
    del confidence
    return confusion_matrix(rows, rows.predictions > 0.5)


def confusion_matrix(rows: ScoredRows, positive: npt.NDArray[np.bool_]) -> ConfusionMatrix:
    """Counts the decisions, [rows]: whole numbers, or sums of weights if the rows have weights."""
    counts = count_decisions(decision_cells(rows.labels, positive), rows.row_weights())
    kind = int if rows.weights is None else float
    return ConfusionMatrix.model_validate({name: kind(value) for name, value in counts._asdict().items()})


def _roc(rows: ScoredRows, confidence: float) -> RocCurve | None:
    del confidence
    ranked = ranked_counts(rows)
    positives, negatives = ranked.hits[-1], ranked.found[-1] - ranked.hits[-1]
    if not positives or not negatives:
        return None
    at = _thinned(ranked.hits.size, POINTS - 1)
    hits = ranked.hits[at]
    return RocCurve(
        fpr=(0.0, *_rounded((ranked.found[at] - hits) / negatives)), tpr=(0.0, *_rounded(hits / positives))
    )


def _precision_recall(rows: ScoredRows, confidence: float) -> PrecisionRecallCurve | None:
    del confidence
    ranked = ranked_counts(rows)
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


def _fit(rows: ScoredRows, confidence: float) -> PredictedAgainstActual:
    del confidence
    # The same rows for all models: the positions do not depend on the predictions.
    size = rows.labels.size
    chosen = np.sort(np.random.default_rng(_SEED).choice(size, min(size, FIT_POINTS), replace=False))
    return PredictedAgainstActual(
        actual=_numbers(rows.labels[chosen]), predicted=_numbers(rows.predictions[chosen])
    )


def _residuals(rows: ScoredRows, confidence: float) -> Residuals:
    """Returns the histogram; its middle is 0, and its ends are the 99th percentile of the absolute residuals."""
    del confidence
    found = rows.labels.astype(np.float64) - rows.predictions
    end = float(np.quantile(np.abs(found), 0.99)) or 1.0
    edges = np.linspace(-end, end, RESIDUAL_BINS + 1)
    counts, _ = np.histogram(np.clip(found, -end, end), edges, weights=rows.weights)
    kind = int if rows.weights is None else float
    return Residuals(edges=_numbers(edges), rows=tuple(map(kind, counts)))


def _classes(rows: ScoredRows, confidence: float) -> tuple[ClassScores, ...]:
    del confidence
    return tuple(class_scores(rows))


_PLOTS: Mapping[str, Callable[[ScoredRows, float], Any]] = {
    "roc": _roc,
    "precision_recall": _precision_recall,
    "calibration": _calibration,
    "confusion": _confusion,
    "fit": _fit,
    "residuals": _residuals,
    "classes": _classes,
}


def _thinned(size: int, points: int) -> npt.NDArray[np.int64]:
    """Returns at most `points` of `size` indices, evenly spread, including the first and the last."""
    return np.unique(np.linspace(0, size - 1, min(size, points)).round().astype(np.int64))


def _rounded(values: npt.NDArray[Any]) -> tuple[float, ...]:
    return tuple(np.round(values.astype(np.float64), 6).tolist())


def _numbers(values: npt.NDArray[Any]) -> tuple[float, ...]:
    """Returns the values with six significant digits: they have the unit of the label."""
    return tuple(float(f"{value:.6g}") for value in values)
