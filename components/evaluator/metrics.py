"""Computes exact metrics of a model from arrays of labels and predictions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


class ScoredRows(NamedTuple):
    """Rows with one model's predictions.

    Attributes:
        labels: 0 or 1, float32 [rows].
        predictions: the probabilities of class 1, float32 [rows].
        sample_of: the number of rows from which these were sampled; None: these are all rows.
    """

    labels: Array
    predictions: Array
    sample_of: int | None = None


def auc(rows: ScoredRows) -> float:
    """Returns the area under the ROC curve: the share of pairs of rows, one of each class, in the right order.

    Ties count one half (Mann and Whitney, 1947; Hanley and McNeil, 1982). NaN if there is no such pair, or if a
    prediction is NaN.

    >>> auc(ScoredRows(np.float32([0, 0, 1, 1]), np.float32([0.1, 0.4, 0.35, 0.8])))
    0.75
    """
    positives = np.count_nonzero(rows.labels)
    negatives = rows.labels.size - positives
    if not positives or not negatives or np.isnan(rows.predictions).any():
        return float("nan")
    _, where, counts = np.unique(rows.predictions, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_ranks[where][rows.labels > 0].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(rows: ScoredRows) -> float:
    """Returns the area under the precision-recall curve as a step function (Davis and Goadrich, 2006).

    NaN if there is no row of class 1, or if a prediction is NaN.
    """
    positives = np.count_nonzero(rows.labels)
    if not positives or np.isnan(rows.predictions).any():
        return float("nan")
    order = np.argsort(-rows.predictions, kind="stable")
    # A threshold lies between two distinct predictions: tied rows are counted together.
    last_of_tie = np.append(np.diff(rows.predictions[order]) != 0, True)
    hits = np.cumsum(rows.labels[order], dtype=np.float64)[last_of_tie]
    precision = hits / (np.flatnonzero(last_of_tie) + 1)
    return float(np.sum(np.diff(hits, prepend=0) * precision) / positives)


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
    return _mean(row_losses(rows.labels, rows.predictions)[0])


def accuracy(rows: ScoredRows) -> float:
    """Returns the share of rows that are classified correctly at 0.5."""
    return _mean(row_losses(rows.labels, rows.predictions)[1])


def precision(rows: ScoredRows) -> float:
    """Returns the share of class 1 among the rows predicted above 0.5; NaN if there are none."""
    return _mean(rows.labels[rows.predictions > 0.5])


def recall(rows: ScoredRows) -> float:
    """Returns the share of rows predicted above 0.5 among those of class 1; NaN if there are none."""
    return _mean(rows.predictions[rows.labels > 0] > 0.5)


def example_count(rows: ScoredRows) -> float:
    """Returns the number of rows in the split, including those that are not in the sample."""
    return float(rows.labels.size if rows.sample_of is None else rows.sample_of)


def _mean(values: npt.NDArray[Any]) -> float:
    return float(np.mean(values, dtype=np.float64)) if values.size else float("nan")


METRIC_FUNCTIONS: dict[str, Callable[[ScoredRows], float]] = {
    "auc": auc,
    "pr_auc": average_precision,
    "log_loss": log_loss,
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "example_count": example_count,
}
