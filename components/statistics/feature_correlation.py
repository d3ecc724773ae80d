"""Computes the rank correlation of each feature alone with a label that is a number."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.statistics.class_sample import ClassSample, Doubles, Floats, Texts
from components.statistics.feature_auc import MIN_ROWS

_SEED = 0  # of the halves


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

    The means of one half of the rows are compared with the labels of the other half, and the other way round; the
    result is the mean of both. Means of the same rows would give texts that occur once a correlation of 1. A text that
    only one half has gets the mean of all rows of the other one.

    Args:
        sample, label, weight: see `feature_correlations`.
    """
    rows = sample.rows(0)
    half = np.random.default_rng(_SEED).permutation(rows.shape[1]) % 2 == 0
    weights = sample.weights(0, weight)
    return [_text_correlation(texts, rows[label], half, weights) for texts in sample.texts(0)]


def _text_correlation(
    texts: Texts, labels: Floats, half: npt.NDArray[np.bool_], weights: Doubles
) -> float | None:
    distinct, codes = np.unique(texts, return_inverse=True)
    found = []
    for fitted in (half, ~half):
        if not fitted.any():
            return None
        totals = np.bincount(codes[fitted], weights[fitted], distinct.size)
        sums = np.bincount(codes[fitted], weights[fitted] * labels[fitted], distinct.size)
        means = np.full(distinct.size, sums.sum() / totals.sum())
        np.divide(sums, totals, out=means, where=totals > 0)
        others = ~fitted
        found.append(rank_correlation(means[codes[others]], labels[others], weights[others]))
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if len(known) == len(found) else None


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
