"""The sentences about a verdict, for the terminal, the report and Kubeflow."""

from collections.abc import Sequence

from components.common.formatting import VISIBLE_DIFFERENCE, number

LOWER_IS_BETTER = frozenset({"log_loss"})
"""The metrics that are better when they are lower; all others are better when they are higher."""
NO_REASON = "the Evaluator gave no reason"
MOST_REASONS = 4


def better_or_worse(metric: str, difference: float | None) -> str:
    """Returns whether the candidate is "better" or "worse"; empty if undefined or 0 in four decimals.

    Args:
        metric: the name of the metric.
        difference: the candidate's value minus the baseline's.

    Example:
        >>> better_or_worse("log_loss", -0.1)
        'better'
    """
    if difference is None or not abs(difference) >= VISIBLE_DIFFERENCE:  # `not`: also for NaN
        return ""
    return "better" if (difference < 0) == (metric in LOWER_IS_BETTER) else "worse"


def comparison_sentence(candidate: float | None, baseline: float | None) -> str:
    """Returns how a blessed candidate compares with its baseline.

    Only a lower log loss is called a win: a tolerance may let a model pass that is slightly worse.

    Args:
        candidate: the candidate's log loss, in nats.
        baseline: the baseline's log loss; None without a baseline.

    Example:
        >>> comparison_sentence(0.39, 0.51)
        'the model beat its unregularized baseline, log loss 0.3900 against 0.5100.'
    """
    if candidate is None or baseline is None:
        return "the model passed every threshold."
    losses = f"log loss {number(candidate)} against {number(baseline)}"
    if candidate < baseline:
        return f"the model beat its unregularized baseline, {losses}."
    return f"the model passed every threshold, with {losses} for its unregularized baseline."


def first_reasons(reasons: Sequence[str]) -> str:
    """Returns the first four reasons and the number of the others; the table of thresholds shows all of them."""
    more = len(reasons) - MOST_REASONS
    shown = [*reasons[:MOST_REASONS], *([f"and {more} more"] if more > 0 else [])]
    return "; ".join(shown) or NO_REASON
