"""Counts the right and the wrong decisions at each threshold of the probability, and computes metrics from them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.evaluator.metrics import Array, Floats, ScoredRows


class DecisionCounts(NamedTuple):
    """The numbers of rows by decision and label, or sums of their weights; float64, all of one shape [...].

    A positive decision on a row with label 1 is a true positive, one on a row with label 0 a false positive.
    """

    true_positive: Floats
    false_positive: Floats
    true_negative: Floats
    false_negative: Floats

    def metrics(self, costs: tuple[float, float] | None = None) -> dict[str, Floats]:
        """Returns the metrics of the decisions by name, float64 [...]; NaN where one is undefined.

        With the counts TP, FP, TN and FN, and n = TP + FP + TN + FN (van Rijsbergen, Information Retrieval, 1979,
        chapter 7; Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001):

            precision       TP / (TP + FP)
            recall          TP / (TP + FN)
            f1              2 TP / (2 TP + FP + FN)
            positive_share  (TP + FP) / n
            cost            (FP * costs[0] + FN * costs[1]) / n; only with costs

        Args:
            costs: of a false positive and of a false negative.
        """
        true_positive, false_positive, true_negative, false_negative = self
        positive = true_positive + false_positive
        rows = positive + true_negative + false_negative
        found = {
            "precision": _ratio(true_positive, positive),
            "recall": _ratio(true_positive, true_positive + false_negative),
            "f1": _ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative),
            "positive_share": _ratio(positive, rows),
        }
        if costs is not None:
            found["cost"] = _ratio(false_positive * costs[0] + false_negative * costs[1], rows)
        return found


class RankedCounts(NamedTuple):
    """The rows with at least a certain prediction, for each distinct prediction, the highest first.

    Attributes:
        predictions: the distinct predictions, float32 [distinct].
        hits: the rows of class 1 among those predicted at least as high, or the sum of their weights, [distinct].
        found: all rows predicted at least as high, or the sum of their weights, [distinct].
    """

    predictions: Array
    hits: Floats
    found: Floats

    def decisions(self) -> DecisionCounts:
        """Returns the counts if each of the predictions is the threshold, [distinct]."""
        false_positive = self.found - self.hits
        return DecisionCounts(
            true_positive=self.hits,
            false_positive=false_positive,
            true_negative=false_positive[-1] - false_positive,
            false_negative=self.hits[-1] - self.hits,
        )


def ranked_counts(rows: ScoredRows) -> RankedCounts:
    """Counts the rows above each distinct prediction. A threshold can't divide tied rows: they are counted together.

    Args:
        rows: at least one; no prediction is NaN.
    """
    order = np.argsort(-rows.predictions, kind="stable")
    weights = rows.row_weights()[order]
    last_of_tie = np.flatnonzero(np.append(np.diff(rows.predictions[order]) != 0, True))
    hits, found = np.cumsum((rows.labels[order] > 0) * weights), np.cumsum(weights)
    return RankedCounts(rows.predictions[order][last_of_tie], hits[last_of_tie], found[last_of_tie])


def decided_positive(predictions: Array, threshold: float) -> npt.NDArray[np.bool_]:
    """Returns whether each probability, float32 [rows], is at least the threshold, compared as float32."""
    positive: npt.NDArray[np.bool_] = predictions >= np.float32(threshold)
    return positive


def decision_cells(labels: Array, positive: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Returns the cell of each row in the confusion matrix, for `count_decisions`, [rows].

    Args:
        labels: 0 or 1, float32 [rows].
        positive: the decisions, [rows].
    """
    return np.asarray(2 * positive + (labels > 0), np.intp)


def count_decisions(cells: npt.NDArray[np.intp], weights: Floats) -> DecisionCounts:
    """Counts decisions at one threshold; the counts have the shape [].

    Args:
        cells: see `decision_cells`, [rows].
        weights: how often each row counts, [rows].
    """
    true_negative, false_negative, false_positive, true_positive = np.bincount(cells, weights, 4)
    return DecisionCounts(true_positive, false_positive, true_negative, false_negative)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Returns part / whole, NaN where whole is 0."""
    nan = np.full(np.shape(whole), np.nan)
    quotient: Floats = np.divide(part, whole, out=nan, where=np.asarray(whole) > 0)
    return quotient
