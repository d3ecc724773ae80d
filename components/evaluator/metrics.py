"""Computes exact metrics of a model from arrays of labels and predictions."""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
CALIBRATION_BINS = 10


def row_weights(labels: Array, weights: Array | None) -> Floats:
    """Returns the weight of each row, float64 [rows]; 1 for each of these labels if there are no weights."""
    return np.ones(labels.size) if weights is None else weights.astype(np.float64)


def undefined_rows(predictions: Array) -> int:
    """Returns the number of rows for which a prediction is NaN, of predictions [rows] or [rows, classes].

    >>> undefined_rows(np.float32([[0.5, 0.5], [np.nan, np.nan]])), undefined_rows(np.empty(0, np.float32))
    (1, 0)
    """
    undefined = np.isnan(predictions)
    return int(np.count_nonzero(undefined.any(axis=1) if undefined.ndim > 1 else undefined))


class ScoredRows(NamedTuple):
    """Rows with one model's predictions.

    Attributes:
        labels: the number of a class; with a regression, any number; float32 [rows].
        predictions: the probabilities of class 1, or the predictions of a regression, float32 [rows]; or the
            probabilities of all classes, float32 [rows, classes].
        sample_of: the number of rows from which these were sampled; None: these are all rows.
        weights: how many rows each row counts for, float32 [rows]; None: each counts for one.
        classes: the names of the classes; empty if the label is a number, or if they are not known.
    """

    labels: Array
    predictions: Array
    sample_of: int | None = None
    weights: Array | None = None
    classes: tuple[str, ...] = ()

    def row_weights(self) -> Floats:
        """Returns the weights, float64 [rows]; 1 for each row if there are none."""
        return row_weights(self.labels, self.weights)


class RankedRows:
    """Computes the AUC and the average precision of one model for any weights of its rows; sorts the rows only once.

    Args:
        labels: 0 or 1, float32 [rows].
        predictions: the probabilities of class 1, float32 [rows].
    """

    def __init__(self, labels: Array, predictions: Array) -> None:
        order = np.argsort(predictions, kind="stable")
        self._undefined = bool(np.isnan(predictions).any())
        self._positives, self._negatives = order[labels[order] > 0], order[labels[order] <= 0]
        positive, negative = predictions[self._positives], predictions[self._negatives]
        # For each positive, the number of negatives below it, and of those below or equal to it.
        self._below = np.searchsorted(negative, positive, "left")
        self._not_above = np.searchsorted(negative, positive, "right")
        self._tied = bool((self._below != self._not_above).any())
        # For each positive, the first one with the same prediction: tied rows are counted together.
        self._first_of_tie = np.searchsorted(positive, positive, "left")

    def auc(self, weights: Floats) -> float:
        """Returns the AUC if row i counts `weights[i]` times, [rows]."""
        return math.nan if self._undefined else self._auc(*self._ranked(weights))

    def auc_and_average_precision(self, weights: Floats) -> tuple[float, float]:
        """Returns both metrics, as in `auc` and `average_precision`, if row i counts `weights[i]` times, [rows]."""
        positives, negatives, below = self._ranked(weights)
        total, of_negatives = positives.sum(), negatives[-1]
        if self._undefined or not total:
            return math.nan, math.nan
        # The rows that are predicted at least as high as each positive; the sums begin with the highest prediction.
        hits = np.cumsum(positives[::-1])[::-1][self._first_of_tie]
        found = hits + (of_negatives - below)
        precision = np.divide(hits, found, out=np.zeros_like(hits), where=found > 0)
        return self._auc(positives, negatives, below), float(dot(positives, precision) / total)

    def _ranked(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Returns the weights of the positives, the sums of the negatives before each rank, and below each positive."""
        negatives = np.concatenate(([0.0], np.cumsum(weights[self._negatives])))
        return weights[self._positives], negatives, negatives[self._below]

    def _auc(self, positives: Floats, negatives: Floats, below: Floats) -> float:
        total, of_negatives = positives.sum(), negatives[-1]
        if not total or not of_negatives:
            return math.nan
        ordered = dot(positives, below)
        if self._tied:
            ordered = (ordered + dot(positives, negatives[self._not_above])) / 2
        return float(ordered / (total * of_negatives))


def auc(rows: ScoredRows) -> float:
    """Returns the area under the ROC curve: the share of pairs of rows, one of each class, in the right order.

    Ties count one half (Mann and Whitney, 1947; Hanley and McNeil, 1982). NaN if there is no such pair, or if a
    prediction is NaN.

    >>> auc(ScoredRows(np.float32([0, 0, 1, 1]), np.float32([0.1, 0.4, 0.35, 0.8])))
    0.75
    """
    return RankedRows(rows.labels, rows.predictions).auc_and_average_precision(rows.row_weights())[0]


def average_precision(rows: ScoredRows) -> float:
    """Returns the area under the precision-recall curve as a step function (Davis and Goadrich, 2006).

    NaN if there is no row of class 1, or if a prediction is NaN.
    """
    return RankedRows(rows.labels, rows.predictions).auc_and_average_precision(rows.row_weights())[1]


def brier_score(rows: ScoredRows) -> float:
    """Returns the mean squared difference between probability and label (Brier, 1950).

    >>> brier_score(ScoredRows(np.float32([0, 1]), np.float32([0.5, 1.0])))
    0.125
    """
    return _mean(squared_errors(rows.labels, rows.predictions), rows.weights)


def calibration_error(rows: ScoredRows) -> float:
    """Returns the expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015).

    The predictions are put into CALIBRATION_BINS bins of equal width. The error is the mean over the rows of |mean
    prediction - share of class 1| of their bin. NaN if there is no row, or if a prediction is NaN.

    >>> round(calibration_error(ScoredRows(np.float32([0, 1, 1]), np.float32([0.25, 0.25, 0.75]))), 4)
    0.25
    """
    if not rows.labels.size or np.isnan(rows.predictions).any():
        return float("nan")
    weights = rows.row_weights()
    excess = (rows.predictions.astype(np.float64) - rows.labels) * weights
    return float(np.abs(bin_sums(calibration_bins(rows.predictions), excess)).sum() / weights.sum())


def calibration_bins(predictions: Array) -> npt.NDArray[np.intp]:
    """Returns the bin of each prediction, which is not NaN: 0 to CALIBRATION_BINS - 1; [rows]."""
    return np.minimum((predictions * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)


def bin_sums(bins: npt.NDArray[np.intp], values: npt.NDArray[Any]) -> Floats:
    """Returns the sum of the values [rows] in each bin, float64 [CALIBRATION_BINS]."""
    return np.bincount(bins, values, CALIBRATION_BINS).astype(np.float64)


def squared_errors(labels: Array, predictions: Array) -> Floats:
    """Returns for each row the squared difference between prediction and label."""
    return np.square(predictions.astype(np.float64) - labels)


def row_losses(labels: Array, predictions: Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns for each row -log(p) of its true class, in nats, and 1 if it is classified correctly at 0.5, else 0.

    p is clipped to [1e-7, 1 - 1e-7], as in Keras. log_loss and accuracy are the means.
    """
    probability = np.clip(predictions.astype(np.float64), 1e-7, 1 - 1e-7)
    losses = -np.log(np.where(labels > 0, probability, 1 - probability))
    return losses, ((predictions > 0.5) == (labels > 0)).astype(np.float64)


def log_loss(rows: ScoredRows) -> float:
    """Returns the mean of -log(p) of the true class, in nats.

    >>> round(log_loss(ScoredRows(np.float32([0, 1]), np.float32([0.5, 0.5]))), 4)
    0.6931
    """
    return _mean(row_losses(rows.labels, rows.predictions)[0], rows.weights)


def accuracy(rows: ScoredRows) -> float:
    """Returns the share of rows that are classified correctly: at 0.5, or as the class with the highest probability."""
    if rows.predictions.ndim > 1:
        return _mean(rows.predictions.argmax(axis=1) == rows.labels, rows.weights)
    return _mean(row_losses(rows.labels, rows.predictions)[1], rows.weights)


def precision(rows: ScoredRows) -> float:
    """Returns the share of class 1 among the rows predicted above 0.5; NaN if there are none."""
    chosen = rows.predictions > 0.5
    return _mean(rows.labels[chosen], None if rows.weights is None else rows.weights[chosen])


def recall(rows: ScoredRows) -> float:
    """Returns the share of rows predicted above 0.5 among those of class 1; NaN if there are none."""
    positive = rows.labels > 0
    return _mean(rows.predictions[positive] > 0.5, None if rows.weights is None else rows.weights[positive])


def rmse(rows: ScoredRows) -> float:
    """Returns the root of the mean squared difference between prediction and label, in the unit of the label.

    >>> rmse(ScoredRows(np.float32([0, 0]), np.float32([1, 7])))
    5.0
    """
    return math.sqrt(_mean(squared_errors(rows.labels, rows.predictions), rows.weights))


def mae(rows: ScoredRows) -> float:
    """Returns the mean absolute difference between prediction and label, in the unit of the label."""
    return _mean(np.abs(rows.predictions.astype(np.float64) - rows.labels), rows.weights)


def r2(rows: ScoredRows) -> float:
    """Returns the coefficient of determination: the share of the variance of the label that is explained.

    1 minus the sum of squared errors, divided by that of the distances of the labels from their mean. NaN if all labels
    are equal.

    >>> round(r2(ScoredRows(np.float32([1, 2, 3]), np.float32([1, 2, 4]))), 4)
    0.5
    """
    if not rows.labels.size or rows.labels.min() == rows.labels.max():
        return math.nan
    mean = np.average(rows.labels, weights=rows.row_weights())
    explained = _mean(np.square(rows.labels - mean), rows.weights)
    return 1 - _mean(squared_errors(rows.labels, rows.predictions), rows.weights) / explained


def example_count(rows: ScoredRows) -> float:
    """Returns the number of rows in the split, including those that are not in the sample."""
    return float(rows.labels.size if rows.sample_of is None else rows.sample_of)


def dot(rows: Floats, weights: Floats) -> Floats:
    """Returns the sum over the rows of value times weight, [...], of `rows` [..., rows] and `weights` [rows]."""
    # Not `@`: here, the threads of BLAS cost more than they save, and the order of their sums depends on the machine.
    product: Floats = np.einsum("...i,i->...", rows, weights)
    return product


def _mean(values: npt.NDArray[Any], weights: Array | None) -> float:
    if not values.size:
        return float("nan")
    if weights is None:
        return float(np.mean(values, dtype=np.float64))
    return float(np.average(values, weights=weights.astype(np.float64)))
