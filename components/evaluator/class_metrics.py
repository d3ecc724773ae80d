"""Computes the metrics of models that predict a probability for each of several classes."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from components.common.verdict_record import ClassScores
from components.evaluator.metrics import Array, Floats, RankedRows, ScoredRows, dot
from components.evaluator.paired_scores import PairedScores


def cross_entropies(labels: Array, predictions: Array) -> Floats:
    """Returns for each row -log(p) of its class, in nats; p is clipped to [1e-7, 1 - 1e-7], as in Keras.

    Args:
        labels: the numbers of the classes, float32 [rows].
        predictions: the probabilities, float32 [rows, classes].
    """
    of_class = predictions[np.arange(labels.size), labels.astype(np.int64)].astype(np.float64)
    losses: Floats = -np.log(np.clip(of_class, 1e-7, 1 - 1e-7))
    return losses


def cross_entropy(rows: ScoredRows) -> float:
    """Returns the mean of `cross_entropies`."""
    if not rows.labels.size:
        return math.nan
    return float(np.average(cross_entropies(rows.labels, rows.predictions), weights=rows.row_weights()))


class Confusion:
    """Counts the rows of each class that are predicted as each class, for any weights of the rows.

    A row is predicted as the class with the highest probability; of equal ones, as the first.

    Args:
        labels: the numbers of the classes, float32 [rows].
        predictions: the probabilities, float32 [rows, classes].
    """

    def __init__(self, labels: Array, predictions: Array) -> None:
        self._classes = predictions.shape[1]
        self._cells = labels.astype(np.int64) * self._classes + predictions.argmax(axis=1)

    def counts(self, weights: Floats) -> Floats:
        """Returns the sums of the weights [rows] by class and predicted class, float64 [classes, classes]."""
        size = self._classes**2
        counts: Floats = np.bincount(self._cells, weights, size).astype(np.float64)
        return counts.reshape(self._classes, -1)


def confusion(rows: ScoredRows) -> Floats:
    """Returns the counts of `Confusion` with the weights of the rows."""
    return Confusion(rows.labels, rows.predictions).counts(rows.row_weights())


def f1_scores(counts: Floats) -> Floats:
    """Returns the harmonic mean of precision and recall of each class, [classes]; NaN if no row is or is said to be it.

    Args:
        counts: the rows by class and predicted class, [classes, classes].
    """
    both = counts.sum(axis=0) + counts.sum(axis=1)
    return _divided(2 * counts.diagonal(), both)


def macro_f1(rows: ScoredRows) -> float:
    """Returns the mean of the F1 scores of the classes, without those that no row has and that none is predicted as.

    >>> macro_f1(ScoredRows(np.float32([0, 1]), np.float32([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]])))
    0.3333333333333333
    """
    return _mean(f1_scores(confusion(rows))) if rows.labels.size else math.nan


class RankedClasses:
    """Computes the AUC of each class against all others, for any weights of the rows; sorts the rows only once.

    Args:
        labels: the numbers of the classes, float32 [rows].
        predictions: the probabilities, float32 [rows, classes].
    """

    def __init__(self, labels: Array, predictions: Array) -> None:
        self._ranked = [
            RankedRows((labels == number).astype(np.float32), column)
            for number, column in enumerate(np.ascontiguousarray(predictions.T))
        ]

    def aucs(self, weights: Floats) -> Floats:
        """Returns the AUC of each class, [classes]; NaN if no row, or each row, has it. Row i counts `weights[i]`."""
        return np.array([ranked.auc(weights) for ranked in self._ranked])


def macro_auc(rows: ScoredRows) -> float:
    """Returns the mean over the classes of the AUC of one class against all others (Provost and Domingos, 2003).

    Without the classes that no row has. NaN if a prediction is NaN.
    """
    if not rows.labels.size:
        return math.nan
    return _mean(RankedClasses(rows.labels, rows.predictions).aucs(rows.row_weights()))


def class_scores(rows: ScoredRows) -> Iterator[ClassScores]:
    """Yields for each class, in their order, how well a model finds its rows, and as what it predicts them."""
    counts = confusion(rows)
    found, predicted = counts.sum(axis=1), counts.sum(axis=0)
    hits = counts.diagonal()
    aucs = RankedClasses(rows.labels, rows.predictions).aucs(rows.row_weights())
    names = rows.classes or tuple(map(str, range(len(counts))))
    kind = int if rows.weights is None else float
    values = zip(_divided(hits, predicted), _divided(hits, found), f1_scores(counts), aucs, strict=True)
    for number, (precision, recall, f1, auc) in enumerate(values):
        yield ClassScores(
            name=names[number],
            rows=kind(found[number]),
            predicted=tuple(map(kind, counts[number])),
            precision=precision,
            recall=recall,
            f1=f1,
            auc=auc,
        )


class ResampledClasses:
    """Computes cross-entropy, accuracy and macro F1 of one model on any number of resamples."""

    def __init__(self, rows: PairedScores, predictions: Array) -> None:
        self._losses = cross_entropies(rows.labels, predictions)
        self._confusion = Confusion(rows.labels, predictions)

    def values(self, weights: Floats, total: float) -> Iterable[float]:
        """Returns the metrics; row i counts `weights[i]` times, `total` in all."""
        counts = self._confusion.counts(weights)
        hits = float(counts.diagonal().sum())
        return float(dot(self._losses, weights)) / total, hits / total, _mean(f1_scores(counts))


class ResampledClassRanking:
    """Computes the macro AUC of one model on any number of resamples."""

    def __init__(self, rows: PairedScores, predictions: Array) -> None:
        self._ranked = RankedClasses(rows.labels, predictions)

    def values(self, weights: Floats, total: float) -> Iterable[float]:
        """Returns the metric; row i counts `weights[i]` times."""
        del total
        return (_mean(self._ranked.aucs(weights)),)


def _divided(values: Floats, by: Floats) -> Floats:
    found: Floats = np.divide(values, by, out=np.full(values.shape, np.nan), where=by > 0)
    return found


def _mean(values: Any) -> float:
    """Returns the mean of the values that are not NaN; NaN if all are."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else math.nan
