"""Bounds on the differences that chance explains, for any distribution and any number of rows.

With an error probability `alpha`, two samples of one distribution differ by more than the threshold with a probability
of at most `alpha`. Nothing is assumed of the distribution: equal values, outliers and small samples are allowed.
"""

from math import e, exp, lgamma, log, sqrt


def kolmogorov_smirnov_threshold(reference_rows: float, rows: float, alpha: float) -> float:
    """Returns the Kolmogorov-Smirnov distance that two samples of one distribution rarely exceed.

    The two-sample inequality of Dvoretzky, Kiefer and Wolfowitz, `P(D > d) <= C exp(-2 d^2 n m / (n + m))`. C = e
    holds for all equal sizes (Wei and Dudley, "Two-sample Dvoretzky-Kiefer-Wolfowitz inequalities", Statistics and
    Probability Letters 82, 2012, theorem 1); for other sizes they found C <= 2.17 sufficient. For large samples, the
    tail of Kolmogorov's distribution has the same form with C = 2, so the threshold is at most 3% larger than needed.

    Args:
        reference_rows, rows: the sizes of the samples, above 0.
        alpha: the error probability, in (0, 1).
    """
    return sqrt(log(e / alpha) * (1 / reference_rows + 1 / rows) / 2)


def share_p_value(reference: tuple[float, float], sample: tuple[float, float]) -> float:
    """Returns an upper bound of the two-sided p-value of Fisher's exact test of two shares.

    Fisher, "The Logic of Inductive Inference", Journal of the Royal Statistical Society 98, 1935. The tail of the
    hypergeometric distribution is bounded by a geometric series, because the ratio of consecutive probabilities
    falls. The one-sided p-value is doubled.

    Args:
        reference: the number of rows of a kind, and the number of all rows. The first may be a fraction.
        sample: the same of the new sample.
    """
    (count, rows), (new_count, new_rows) = reference, sample
    total = count + new_count
    # The tail of the side that has more than its part.
    if new_count * rows > count * new_rows:
        return min(1.0, 2 * _upper_tail(new_count, new_rows, rows, total))
    return min(1.0, 2 * _upper_tail(count, rows, new_rows, total))


def _upper_tail(count: float, rows: float, others: float, total: float) -> float:
    """Bounds the probability that at least `count` of `total` rows of a kind are among `rows`, not among `others`."""
    rest = others - (total - count)  # rows of the other sample that are not of this kind
    start = (
        _log_binomial(rows, count)
        + _log_binomial(others, total - count)
        - _log_binomial(rows + others, total)
    )
    ratio = max(0.0, rows - count) * max(0.0, total - count) / ((count + 1) * (rest + 1))
    if ratio >= 1:
        return 1.0
    return min(1.0, exp(min(0.0, start)) / (1 - ratio))


def beyond_p_value(reference_rows: float, beyond: float, rows: float) -> float:
    """Returns the probability that so many values of a sample lie above all values of another of the same distribution.

    If all orders of the pooled values are equally probable, the `beyond` largest ones come from the one sample with
    the probability `C(n + m - k, n) / C(n + m, n)`: Wilks, "Statistical prediction with special reference to the
    problem of tolerance limits", Annals of Mathematical Statistics 13, 1942. Equal values make it smaller.

    Args:
        reference_rows: the size n of the sample that has the limit.
        beyond: the number k of values beyond the limit; may be a fraction.
        rows: the size m of the sample that has them.
    """
    if beyond <= 0:
        return 1.0
    total = reference_rows + rows
    logarithm = _log_binomial(total - beyond, reference_rows) - _log_binomial(total, reference_rows)
    return exp(min(0.0, logarithm))


def _log_binomial(of: float, chosen: float) -> float:
    chosen = min(max(chosen, 0.0), of)
    return lgamma(of + 1) - lgamma(chosen + 1) - lgamma(of - chosen + 1)
