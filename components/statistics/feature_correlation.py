"""Computes the rank correlation of each feature alone with a label that is a number."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.statistics.class_sample import ClassSample, Doubles, Floats
from components.statistics.feature_auc import MIN_ROWS
from components.statistics.text_means import other_half_means, random_half


def feature_correlations(
    sample: ClassSample, features: Sequence[int], label: int, weight: int | None = None
) -> list[float | None]:
    """Returns the rank correlation of each feature on a sample of rows, without rows in which the feature is missing.

    It is None if fewer than MIN_ROWS rows have a value, or if all have the same value.

    Args:
        sample: the sample, of one class.
        features: the positions of the features among the columns.
        label: the position of the label.
        weight: the position of the weight column; None if all rows weigh the same.
    """
    rows = sample.rows(0)
    weights = sample.weights(0, weight)
    found = []
    for feature in features:
        present = ~np.isnan(rows[feature])
        found.append(rank_correlation(rows[feature, present], rows[label, present], weights[present]))
    return found


def text_correlations(sample: ClassSample, label: int, weight: int | None = None) -> list[float | None]:
    """Returns the rank correlation of the label with its mean in the rows with the same text, for each categorical one.

    The means of one half of the rows are compared with the labels of the other half, and the other way round (see
    `other_half_means`); the result is the mean of both.

    Args:
        sample, label, weight: see `feature_correlations`.
    """
    labels = sample.rows(0)[label]
    weights = sample.weights(0, weight)
    half = random_half(labels.size)
    if not 0 < half.sum() < half.size:
        return [None] * len(sample.texts(0))
    found: list[float | None] = []
    for texts in sample.texts(0):
        means = other_half_means(texts, half, labels.astype(np.float64), weights)
        known = [
            value
            for scored in (half, ~half)
            if (value := rank_correlation(means[scored], labels[scored], weights[scored])) is not None
        ]
        found.append(float(np.mean(known)) if len(known) == 2 else None)
    return found


def rank_correlation(values: npt.NDArray[np.floating], labels: Floats, weights: Doubles) -> float | None:
    """Returns Spearman's rank correlation: that of Pearson of the ranks, in which equal values share their mean rank.

    Spearman, "The proof and measurement of association between two things", American Journal of Psychology 1904. A row
    with an integer weight counts as that many equal rows.

    >>> rank_correlation(np.float32([1, 2, 9] * 4), np.float32([5, 7, 8] * 4), np.ones(12))
    1.0

    Args:
        values: without NaN, [rows].
        labels: [rows].
        weights: > 0, [rows].

    Returns:
        None with fewer than MIN_ROWS rows, or if all values or all labels are equal.
    """
    if values.size < MIN_ROWS:
        return None
    ranks = [_ranks(column, weights) for column in (values, labels)]
    centered = [column - np.average(column, weights=weights) for column in ranks]
    squares = [float(weights @ np.square(column)) for column in centered]
    if not all(squares):
        return None
    return float(weights @ (centered[0] * centered[1]) / np.sqrt(squares[0] * squares[1]))


def _ranks(values: npt.NDArray[np.floating], weights: Doubles) -> Doubles:
    places: npt.NDArray[np.int64]
    _, places = np.unique(values, return_inverse=True)
    totals = np.bincount(places, weights)
    ranks: Doubles = (np.cumsum(totals) - totals / 2)[places]
    return ranks
