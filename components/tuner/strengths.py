"""The strengths that are tried, how they depend on the number of rows, and which of them are chosen."""

import itertools
import math

import numpy as np
import numpy.typing as npt

from components.config.model import ModelConfig
from components.config.regularization import DROPOUT
from components.config.tuning import REFERENCE_ROWS, TuningConfig

Strengths = dict[str, float]
_SIGNIFICANT_DIGITS = 3


def combinations(model: ModelConfig, tuning: TuningConfig, rows: int) -> list[Strengths]:
    """Returns all combinations of the strengths to choose, by name, for a training on `rows` rows.

    Args:
        model: the network; its strengths that are auto are chosen.
        tuning: the values to try.
        rows: the rows of the training that tries them.
    """
    names = [item.name for item in model.to_choose()]
    found = []
    for values in itertools.product(*(getattr(tuning, name) for name in names)):
        found.append(_scale_penalties(dict(zip(names, values, strict=True)), REFERENCE_ROWS / rows))
    return found


def for_all_rows(strengths: Strengths, tried_on: int, rows: int) -> Strengths:
    """Returns the strengths for `rows` rows that correspond to those that were tried on a sample of them.

    A penalty is a prior on the weights. The sum of the losses grows with the rows and the prior does not, so beside the
    mean of the losses the penalty is divided by the rows. Dropout acts as an L2 penalty of the strength
    rate / (1 - rate) (Wager, Wang and Liang, "Dropout training as adaptive regularization", NeurIPS 2013), which is
    divided likewise.
    """
    if tried_on == rows:
        return dict(strengths)
    share = tried_on / rows
    found = _scale_penalties(strengths, share)
    if DROPOUT.name in strengths:
        rate = strengths[DROPOUT.name]
        odds = rate / (1 - rate) * share
        found[DROPOUT.name] = _rounded(odds / (1 + odds))
    return found


def choose(
    losses: npt.NDArray[np.floating],
    zero_share: npt.NDArray[np.float64],
    tolerance: float,
    row_weights: npt.NDArray[np.float64] | None = None,
) -> int:
    """Returns the index of the strengths to use: the sparsest network that is about as good as the best one.

    "About as good" is the one-standard-error rule (Breiman et al., "Classification and regression trees", 1984, section
    3.4.3; Hastie, Tibshirani and Friedman, "The elements of statistical learning", 2009, section 7.10): its mean loss
    exceeds the lowest one by at most the standard error of this difference. The difference is computed row by row,
    because the losses of two networks on the same row are correlated. It may not exceed the share `tolerance` of the
    lowest loss either, because few rows have a large standard error. If no such network has a weight of exactly 0, the
    best one is chosen.

    Args:
        losses: the loss of each network on each row of the validation split; infinite for a network whose training
            diverged, finite for at least one; [networks, rows].
        zero_share: the fraction of the weights that is exactly 0; [networks].
        tolerance: a fraction of the lowest mean loss.
        row_weights: the weight of each row in the mean; [rows]; None: all weigh the same.
    """
    losses = losses.astype(np.float64)
    mean = np.average(losses, axis=1, weights=row_weights)
    finite = np.isfinite(mean)
    best = int(np.argmin(np.where(finite, mean, math.inf)))
    close = finite.copy()
    difference = losses[finite] - losses[best]
    limit = np.minimum(standard_error(difference, row_weights), tolerance * mean[best])
    close[finite] = np.average(difference, axis=1, weights=row_weights) <= limit
    sparsity = np.where(close, zero_share, -1.0)
    if sparsity.max() <= 0:
        return best
    # Of several that are equally sparse, the one with the lowest loss.
    sparsest = np.flatnonzero(sparsity == sparsity.max())
    return int(sparsest[np.argmin(mean[sparsest])])


def standard_error(
    values: npt.NDArray[np.float64], row_weights: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64]:
    """Returns the standard error of the weighted mean of each line of values; 0 for a single row.

    The weighted mean m = sum(w * x) / sum(w) is a ratio of two sums, so its variance is n / (n - 1) * sum((w * (x -
    m)) ** 2) / sum(w) ** 2 (Cochran, "Sampling techniques", 1977, section 2.11, by linearization). Without weights this
    is the standard deviation, divided by the root of n. The scale of the weights does not matter. A row counts as one
    observation whatever its weight: n equal rows say less than n independent ones.

    Args:
        values: [lines, rows].
        row_weights: [rows]; None: all weigh the same.
    """
    rows = values.shape[1]
    if rows == 1:
        return np.zeros(len(values))
    if row_weights is None:
        unweighted: npt.NDArray[np.float64] = values.std(axis=1, ddof=1) / math.sqrt(rows)
        return unweighted
    residuals = values - np.average(values, axis=1, weights=row_weights)[:, None]
    squares = np.square(row_weights * residuals).sum(axis=1)
    error: npt.NDArray[np.float64] = np.sqrt(squares * rows / (rows - 1)) / row_weights.sum()
    return error


def _scale_penalties(strengths: Strengths, factor: float) -> Strengths:
    """Returns the strengths with all but dropout multiplied by a factor."""
    return {
        name: value if name == DROPOUT.name else _rounded(value * factor) for name, value in strengths.items()
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
