"""Measures of the difference between two distributions: functions of NumPy arrays, each with its reference."""

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[np.floating]

BINS = 10
# The smallest share in the population stability index: an empty bin would make it infinite.
_MIN_SHARE = 1e-4


def kolmogorov_smirnov(reference: Values, sample: Values) -> float:
    """Returns the largest difference of the two empirical distribution functions, in [0, 1].

    Smirnov, "Table for Estimating the Goodness of Fit of Empirical Distributions", Annals of Mathematical Statistics
    19, 1948. Equal values are allowed in any number. It depends on the order of the values only, so one extreme value
    counts as one value.

    Args:
        reference, sample: sorted values of equal weight, at least one each; the numbers may differ.
    """
    values = np.concatenate([reference, sample])
    below = [np.searchsorted(own, values, side="right") / own.size for own in (reference, sample)]
    return float(np.max(np.abs(below[0] - below[1])))


def quantile_edges(reference: Values, bins: int = BINS) -> Values:
    """Returns the distinct inner edges of bins that hold equal shares of the reference, at most `bins - 1`.

    A value that makes up more than one bin gives one edge. So a feature with 90% zeros has fewer bins.

    Args:
        reference: sorted values of equal weight, at least one.
        bins: how many bins there are if no value repeats.
    """
    return np.unique(reference[np.arange(1, bins) * reference.size // bins])


def shares_between(values: Values, edges: Values) -> Doubles:
    """Returns the share of the values in each bin, [edges + 1]; a value on an edge belongs to the bin below it.

    Args:
        values: at least one.
        edges: the inner edges, ascending; the first and the last bin have no outer edge.
    """
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=edges.size + 1)
    return counts / values.size


def shares_of(values: Values, categories: Values) -> Doubles:
    """Returns the share of the values that equal each category, [categories].

    Args:
        values: sorted, at least one.
        categories: ascending and distinct.
    """
    first, last = (np.searchsorted(values, categories, side=side) for side in ("left", "right"))
    shares: Doubles = (last - first) / values.size
    return shares


def population_stability_index(reference: Doubles, sample: Doubles) -> float:
    """Returns `sum((q - p) ln(q / p))`: 0 for equal shares, unbounded above.

    It is the sum of both Kullback-Leibler divergences (Jeffreys, "An Invariant Form for the Prior Probability in
    Estimation Problems", Proceedings of the Royal Society A 186, 1946). In credit scoring 0.1 counts as a moderate
    change and 0.25 as a large one (Siddiqi, "Credit Risk Scorecards", 2006). A share below 0.0001 counts as 0.0001.

    Args:
        reference, sample: the shares p and q in the same bins.
    """
    p, q = (np.maximum(shares, _MIN_SHARE) for shares in (reference, sample))
    return float(np.sum((q - p) * np.log(q / p)))


def jensen_shannon(reference: Doubles, sample: Doubles) -> float:
    """Returns the Jensen-Shannon distance with base 2, in [0, 1]: the root of the divergence.

    Endres and Schindelin, "A New Metric for Probability Distributions", IEEE Transactions on Information Theory 49,
    2003. A category that only one side has is allowed.

    Args:
        reference, sample: the shares of the same categories.
    """
    middle = (reference + sample) / 2
    divergence = 0.0
    for shares in (reference, sample):
        some = shares > 0
        divergence += float(np.sum(shares[some] * np.log2(shares[some] / middle[some]))) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def l_infinity(reference: Doubles, sample: Doubles) -> float:
    """Returns the largest difference of two shares of one category, in [0, 1].

    TensorFlow Data Validation compares categorical features with it (`skew_comparator.infinity_norm`).
    """
    return float(np.max(np.abs(reference - sample), initial=0.0))
