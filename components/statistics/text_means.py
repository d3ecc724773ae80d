"""Computes the mean of a value over the rows with the same text, for each row from the other half of the rows."""

import numpy as np
import numpy.typing as npt

from components.statistics.class_sample import Doubles, Texts

_SEED = 0


def random_half(*rows: int) -> npt.NDArray[np.bool_]:
    """Returns which rows are in the first half, always the same ones: a half of the rows of each class.

    Halves of all rows together could leave one half without a row of a rare class.
    """
    random = np.random.default_rng(_SEED)
    return np.concatenate([random.permutation(count) % 2 == 0 for count in rows])


def other_half_means(texts: Texts, half: npt.NDArray[np.bool_], values: Doubles, weights: Doubles) -> Doubles:
    """Returns for each row the mean value of the rows with its text in the half that it is not in.

    Means of the same rows would be the value itself for a text that occurs once. A text that only one half has gets the
    mean of all rows of the other one.

    Args:
        texts: the text of each row, [rows].
        half: whether a row is in the first half, [rows]; each half has a row.
        values: what the mean is taken of, [rows].
        weights: how many rows each row counts for, [rows].
    """
    distinct, codes = np.unique(texts, return_inverse=True)
    found = np.empty(texts.size)
    for fitted in (half, ~half):
        totals = np.bincount(codes[fitted], weights[fitted], distinct.size)
        sums = np.bincount(codes[fitted], weights[fitted] * values[fitted], distinct.size)
        means = np.full(distinct.size, sums.sum() / totals.sum())
        np.divide(sums, totals, out=means, where=totals > 0)
        found[~fitted] = means[codes[~fitted]]
    return found
