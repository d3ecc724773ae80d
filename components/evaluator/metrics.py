"""What is measured of a model: exact values from all labels and predictions of a split, whole arrays at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


class Rows(NamedTuple):
    """The labels (0 or 1) and predicted probabilities of the same rows, both [rows].

    `sample_of`: how many rows there were, where these are a sample of them.
    """

    labels: Array
    predictions: Array
    sample_of: int | None = None


def auc(rows: Rows) -> float:
    """The area under the ROC curve: the share of pairs of rows, one of each class, in the right order.

    Ties count one half (Mann and Whitney, 1947; Hanley and McNeil, 1982). NaN where there is no such pair, or where a
    prediction is NaN.
    """
    positives = np.count_nonzero(rows.labels)
    negatives = rows.labels.size - positives
    if not positives or not negatives or np.isnan(rows.predictions).any():
        return float("nan")
    _, where, counts = np.unique(rows.predictions, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_ranks[where][rows.labels > 0].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(rows: Rows) -> float:
    """The area under the precision-recall curve as a step function, without interpolation (Davis and Goadrich, 2006).

    NaN where there is no row of class 1, or where a prediction is NaN.
    """
    positives = np.count_nonzero(rows.labels)
    if not positives or np.isnan(rows.predictions).any():
        return float("nan")
    order = np.argsort(-rows.predictions, kind="stable")
    # A threshold lies between two different predictions only: tied rows enter together.
    last_of_tie = np.append(np.diff(rows.predictions[order]) != 0, True)
    hits = np.cumsum(rows.labels[order], dtype=np.float64)[last_of_tie]
    precision = hits / (np.flatnonzero(last_of_tie) + 1)
    return float(np.sum(np.diff(hits, prepend=0) * precision) / positives)


def row_losses(labels: Array, predictions: Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For each row, -log(p) of the class that is true, in nats, and 1 where the row is on the right side of one half.

    p is kept 1e-7 away from 0 and 1, as Keras does it. log_loss and accuracy are the means.
    """
    probability = np.clip(predictions.astype(np.float64), 1e-7, 1 - 1e-7)
    losses = -np.log(np.where(labels > 0, probability, 1 - probability))
    return losses, ((predictions > 0.5) == (labels > 0)).astype(np.float64)


def log_loss(rows: Rows) -> float:
    """The mean of -log(p) of the class that is true, in nats."""
    return _mean(row_losses(rows.labels, rows.predictions)[0])


def accuracy(rows: Rows) -> float:
    """The share of rows on the right side of one half."""
    return _mean(row_losses(rows.labels, rows.predictions)[1])


def precision(rows: Rows) -> float:
    """Of the rows predicted above one half, the share of class 1; NaN where there is none."""
    return _mean(rows.labels[rows.predictions > 0.5])


def recall(rows: Rows) -> float:
    """Of the rows of class 1, the share predicted above one half; NaN where there is none."""
    return _mean(rows.predictions[rows.labels > 0] > 0.5)


def example_count(rows: Rows) -> float:
    """How many rows there are."""
    return float(rows.labels.size if rows.sample_of is None else rows.sample_of)


def _mean(values: npt.NDArray[Any]) -> float:
    return float(np.mean(values, dtype=np.float64)) if values.size else float("nan")


FUNCTIONS: dict[str, Callable[[Rows], float]] = {
    "auc": auc,
    "pr_auc": average_precision,
    "log_loss": log_loss,
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "example_count": example_count,
}
