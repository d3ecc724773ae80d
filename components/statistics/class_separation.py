"""Computes how well each feature alone separates more than two classes."""

import itertools
from collections.abc import Sequence

import numpy as np

from components.statistics.class_sample import ClassSample, Doubles, Floats
from components.statistics.feature_auc import MIN_ROWS, rank_auc
from components.statistics.text_means import other_half_means, random_half


def feature_separations(
    sample: ClassSample, features: Sequence[int], weight: int | None = None
) -> list[float | None]:
    """Returns the `separation` of the classes by each feature on a sample, without rows in which it is missing.

    Args:
        sample: the sample.
        features: the positions of the features among the columns.
        weight: the position of the weight column; None if all rows weigh the same.
    """
    return [separation(*sample.present(feature, weight)) for feature in features]


def text_separations(sample: ClassSample, weight: int | None = None) -> list[float | None]:
    """Returns the `separation` of the classes by each categorical feature on a sample of rows.

    Each row has the class as its value in which its text is most frequent, by the rows of the other half of the sample.
    The share of a text in each class counts, so a rare class counts as much as another one. A missing value is a text.

    Args:
        sample, weight: see `feature_separations`.
    """
    sizes = [sample.rows(code).shape[1] for code in range(sample.classes)]
    codes = np.repeat(np.arange(sample.classes), sizes)
    half = random_half(*sizes)
    weights = np.concatenate([sample.weights(code, weight) for code in range(sample.classes)])
    totals = np.bincount(codes, weights, sample.classes)
    balanced = weights / totals[codes]
    found: list[float | None] = []
    for texts in zip(*(sample.texts(code) for code in range(sample.classes)), strict=True):
        if not 0 < half.sum() < half.size:
            found.append(None)
            continue
        text = np.concatenate(texts)
        shares = [
            other_half_means(text, half, (codes == code).astype(np.float64), balanced)
            for code in range(sample.classes)
        ]
        values = np.argmax(shares, axis=0).astype(np.float32)
        edges = np.cumsum(sizes)[:-1]
        found.append(separation(np.split(values, edges), np.split(weights, edges)))
    return found


def separation(values: Sequence[Floats], weights: Sequence[Doubles]) -> float | None:
    """Returns how well a feature separates each two classes: the AUC of the two that it separates worst.

    The classes are put in the order of their mean ranks, and each is compared with the next one: a feature that
    separates these separates all others. The result is 1 if no values of two classes overlap, and about 0.5 if any two
    classes have the same distribution. Classes with fewer than MIN_ROWS values are left out.

    >>> separation([np.float32([5] * 10), np.float32([1] * 10), np.float32([3] * 10)], [np.ones(10)] * 3)
    1.0

    Args:
        values: of the rows of each class, without NaN, [rows of the class] each.
        weights: their weights, > 0, in the same shapes.

    Returns:
        None if fewer than two classes are left.
    """
    kept = [pair for pair in zip(values, weights, strict=True) if pair[0].size >= MIN_ROWS]
    if len(kept) < 2:
        return None
    distinct = np.unique(np.concatenate([column for column, _ in kept]))
    means = [float(np.average(np.searchsorted(distinct, column), weights=given)) for column, given in kept]
    ordered = [kept[place] for place in np.argsort(means, kind="stable")]
    return min(rank_auc((low[0], high[0]), (low[1], high[1])) for low, high in itertools.pairwise(ordered))
