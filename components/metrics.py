"""The Evaluator's metrics, whole batches at a time.

TFMA's own metrics are fed row by row, in Python, once for each metric and model. These are metrics of TFMA too (its
documented way of adding some), but they keep the labels and predictions as arrays, 8 bytes for each row of the test
split and model, and compute exact values from them at the end.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types

Array = npt.NDArray[np.float32]


class Rows(NamedTuple):
    """The labels (0 or 1) and predicted probabilities of the same rows, both [rows]."""

    labels: Array
    predictions: Array


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
    return _mean(row_losses(*rows)[0])


def accuracy(rows: Rows) -> float:
    """The share of rows on the right side of one half."""
    return _mean(row_losses(*rows)[1])


def precision(rows: Rows) -> float:
    """Of the rows predicted above one half, the share of class 1; NaN where there is none."""
    return _mean(rows.labels[rows.predictions > 0.5])


def recall(rows: Rows) -> float:
    """Of the rows of class 1, the share predicted above one half; NaN where there is none."""
    return _mean(rows.predictions[rows.labels > 0] > 0.5)


def example_count(rows: Rows) -> float:
    """How many rows there are."""
    return float(rows.labels.size)


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


class BinaryMetric(tfma.metrics.Metric):  # type: ignore[misc]
    """One of FUNCTIONS, by its name.

    Args:
        name: a key of FUNCTIONS.
    """

    def __init__(self, name: str) -> None:
        super().__init__(partial(_computations, FUNCTIONS[name]), name=name)


def _computations(
    function: Callable[[Rows], float],
    name: str,
    model_names: list[str] | None = None,
) -> list[Any]:
    computations: list[Any] = []
    for model in model_names or [""]:
        # TFMA runs equal computations once: all metrics share the collected rows. The underscore keeps them private.
        rows = metric_types.MetricKey(name="_rows", model_name=model)
        key = metric_types.MetricKey(name=name, model_name=model)
        computations += [
            metric_types.MetricComputation([rows], None, _Collect(rows)),
            metric_types.DerivedMetricComputation([key], partial(_derive, function, rows, key)),
        ]
    return computations


def _derive(
    function: Callable[[Rows], float], rows: Any, key: Any, metrics: dict[Any, Any]
) -> dict[Any, float]:
    return {key: function(metrics[rows])}


class _Collect(beam.CombineFn):  # type: ignore[misc]
    """All labels and predictions of one model, in the order in which they come."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def create_accumulator(self) -> list[Rows]:
        return []

    def add_input(self, accumulator: list[Rows], element: Any) -> list[Rows]:
        labels, predictions = (
            np.asarray(values, np.float32).reshape(-1)
            for values in (
                element.get_labels(self._key.model_name),
                element.get_predictions(self._key.model_name),
            )
        )
        accumulator.append(Rows(labels, predictions))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Rows]]) -> list[Rows]:
        return [rows for accumulator in accumulators for rows in accumulator]

    def extract_output(self, accumulator: list[Rows]) -> dict[Any, Rows]:
        empty = Rows(np.zeros(0, np.float32), np.zeros(0, np.float32))
        return {self._key: Rows(*(np.concatenate(parts) for parts in zip(empty, *accumulator, strict=True)))}
