"""Describes a verdict in sentences, for the terminal, the report and Kubeflow."""

from collections.abc import Sequence

from components.common.formatting import METRIC_LABELS, VISIBLE_DIFFERENCE, difference, number, signed_bound

LOWER_IS_BETTER = frozenset({"log_loss"})
"""The metrics that are better when they are lower; all others are better when they are higher."""
NO_REASON = "the Evaluator gave no reason"
MAX_REASONS = 4


def better_or_worse(metric: str, change: float | None) -> str:
    """Returns whether the candidate is "better" or "worse"; empty if undefined or 0 in four decimals.

    Args:
        metric: the name of the metric.
        change: the candidate's value minus the baseline's.

    Example:
        >>> better_or_worse("log_loss", -0.1)
        'better'
    """
    if change is None or not abs(change) >= VISIBLE_DIFFERENCE:  # `not`: also for NaN
        return ""
    return "better" if (change < 0) == (metric in LOWER_IS_BETTER) else "worse"


def comparison_sentence(candidate: float | None, baseline: float | None) -> str:
    """Returns a sentence that compares a blessed candidate with its baseline.

    Only with a lower log loss the model "beat" the baseline: a tolerance may let a slightly worse model pass.

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
    more = len(reasons) - MAX_REASONS
    shown = [*reasons[:MAX_REASONS], *([f"and {more} more"] if more > 0 else [])]
    return "; ".join(shown) or NO_REASON


def threshold_subject(rule: str, metric: str) -> str:
    """Returns a short name of what a threshold limits: "AUC minus baseline's"."""
    ends = {"floor": ", candidate", "change": " minus baseline's", "gap": ", test minus train"}
    return METRIC_LABELS[metric] + ends[rule]


def threshold_sentence(
    rule: str, metric: str, value: float, *, relation: str, bound: float, worst: float | None = None
) -> str:
    """Returns the result of a threshold in a sentence.

    Args:
        rule: floor, change or gap.
        metric: a key of METRIC_LABELS.
        value: the value of the metric, the difference or the gap.
        relation: how the value relates to the bound, such as `at least` or `not at most`.
        bound: the bound, signed except for a floor.
        worst: the worse end of the value's interval, if that was compared with the bound instead of the value.

    Example:
        >>> threshold_sentence("floor", "auc", 0.9123, relation="at least", bound=0.6)
        'the AUC is 0.9123, at least 0.6'
    """
    show = number if rule == "floor" else difference
    begins = {
        "floor": f"the {METRIC_LABELS[metric]} is {show(value)}",
        "change": f"the {METRIC_LABELS[metric]} differs from the baseline's by {show(value)}",
        "gap": f"the {METRIC_LABELS[metric]} on the test split differs from that on the training split by "
        f"{show(value)}",
    }
    end = "" if worst is None else f", at worst {show(worst)}"
    limit = f"{bound:g}" if rule == "floor" else signed_bound(bound)
    return f"{begins[rule]}{end}, {relation} {limit}"
