"""Describes a verdict in sentences, for the terminal, the report and Kubeflow."""

import math
from collections.abc import Iterator, Mapping, Sequence

from components.common.formatting import (
    METRIC_LABELS,
    VISIBLE_DIFFERENCE,
    capitalize_first,
    date_text,
    difference,
    number,
    rounded_difference,
    signed_bound,
)
from components.common.served_record import ServedReference
from components.common.verdict_record import (
    ComparedMetric,
    Contribution,
    Contributions,
    Finding,
    Interval,
    OperatingPoint,
)

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error"})
"""The metrics that are better when they are lower; all others are better when they are higher."""
DECISION_LABELS: Mapping[str, str] = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "positive_share": "positive decisions",
    "cost": "cost per row",
}
"""The metrics of the decisions at an operating point."""
_CERTAINTY = {
    "better": "makes it better",
    "worse": "makes it worse",
    "unclear": "may be chance",
    None: "has no interval",
}
# By the least share of early stopping in the difference between candidate and baseline.
_AMOUNTS = (
    (1.0, "All"),
    (0.9, "Almost all"),
    (0.6, "Most"),
    (0.4, "About half"),
    (0.1, "A part"),
    (-math.inf, "Almost none"),
)
NO_REASON = "the Evaluator gave no reason"
MAX_REASONS = 4


def comparison_sentence(
    candidate: float | None, baseline: float | None, contributions: Contributions | None
) -> str:
    """Returns one or two sentences that compare a candidate with its baseline, and say what brought the difference.

    Args:
        candidate: the candidate's log loss, in nats.
        baseline: the baseline's log loss; None without a baseline.
        contributions: what early stopping and the penalties brought; None in a verdict of an earlier version.

    Example:
        >>> total = Contribution(value=-0.12, interval=(-0.2, -0.1), finding="better")
        >>> comparison_sentence(0.39, 0.51, Contributions(total=total))
        'better than without regularization: log loss 0.3900 against 0.5100.'
    """
    if candidate is None or baseline is None:
        return "there is no baseline to compare the model with."
    losses = f"log loss {number(candidate)} against {number(baseline)}"
    total = contributions.total if contributions else Contribution(value=None)
    sentence = {
        "better": f"better than without regularization: {losses}.",
        "worse": f"worse than without regularization: {losses}.",
        "unclear": f"no clear difference from the same network without regularization: {losses}.",
        None: f"{losses} without regularization.",
    }[total.finding]
    if contributions is None or contributions.early_stopping is None or contributions.penalties is None:
        return sentence
    return f"{sentence} {_shares(total, contributions.early_stopping, contributions.penalties)}"


def _shares(total: Contribution, early_stopping: Contribution, penalties: Contribution) -> str:
    """Returns what early stopping and the penalties brought, in a sentence."""
    added = rounded_difference(penalties.value)
    share = f"what the penalties and dropout add, {added}, {_CERTAINTY[penalties.finding]}."
    if penalties.value is not None and abs(penalties.value) < VISIBLE_DIFFERENCE:
        share = "the penalties and dropout changed nothing."
    if total.finding == "better" and total.value and early_stopping.value is not None:
        part = early_stopping.value / total.value
        amount = next(text for least, text in _AMOUNTS if part >= least)
        return f"{amount} of the difference is due to early stopping; {share}"
    return f"Early stopping alone changes it by {rounded_difference(early_stopping.value)}; {share}"


def served_sentence(reference: ServedReference, log_loss: ComparedMetric) -> str:
    """Returns the result of the comparison with the served model in one or two sentences, or why there is none.

    Args:
        reference: the served model.
        log_loss: the log loss of all models on the test split, in nats.

    Example:
        >>> served_sentence(ServedReference(outcome="none"), ComparedMetric(candidate=0.39))
        'No model was served before this one, so it is compared with none.'
    """
    if reference.outcome == "none":
        return "No model was served before this one, so it is compared with none."
    if reference.outcome == "unrecorded":
        return (
            "This model is served already, and its card does not say which model it replaced, so it is compared with "
            "none."
        )
    if reference.outcome == "removed":
        return (
            f"The model that was served before this one (version {reference.version}) is no longer at the destination, "
            "so it is not compared with this one."
        )
    name = f"the served model (version {reference.version}{_published_by(reference)})"
    problems = "; ".join(reference.problems)
    if not reference.is_scored:
        return f"{capitalize_first(name)} is not compared with this one, and does not decide: {problems}."
    losses = f"log loss {number(log_loss.candidate)} against {number(log_loss.served)}"
    begin = {
        "better": f"Better than {name}: {losses}",
        "worse": f"Worse than {name}: {losses}",
        "unclear": f"No clear difference from {name}: {losses}",
        None: f"Compared with {name}: {losses}",
    }[log_loss.served_finding]
    if reference.outcome == "other_split":
        return f"{begin}. This does not decide, because test rows may be among its training rows: {problems}."
    return f"{begin}. No test row was one of its training rows."


def _published_by(reference: ServedReference) -> str:
    """Returns who published the served model if it was a person: ", blessed by hand by ann on ...: reason"."""
    how = {"override": "blessed by hand by", "rollback": "from a rollback by"}.get(reference.published_by)
    if how is None:
        return ""
    why = f": {reference.reason}" if reference.reason else ""
    return f", {how} {reference.by} on {reference.at}{why}"


def by_hand_sentence(by: str, at: str, why: str) -> str:
    """Returns who published a model by hand, when and why, without a full stop.

    >>> by_hand_sentence("ann", "2026-11-20T12:03:59+00:00", "recall matters more")
    'Published by hand by ann on 2026-11-20 12:03 UTC: recall matters more'
    """
    return f"Published by hand by {by} on {date_text(at)}: {why.removesuffix('.')}"


def difference_finding(metric: str, interval: Interval) -> Finding | None:
    """Returns what the interval of a difference says of the first model; None without an interval."""
    if interval is None:
        return None
    low, high = interval
    if low <= 0 <= high:
        return "unclear"
    return "better" if (high < 0) == (metric in LOWER_IS_BETTER) else "worse"


def finding_label(finding: Finding | None) -> str:
    """Returns what an interval says in words: "better", "worse", "no clear difference"; empty for None."""
    return "no clear difference" if finding == "unclear" else finding or ""


def operating_rule(point: OperatingPoint) -> str:
    """Returns how the threshold of an operating point was chosen: "the highest F1"."""
    demands = [
        f"a {name} of at least {metric.demanded:g}"
        for name, metric in point.metrics.items()
        if metric.demanded is not None
    ]
    if point.rule == "cost":
        return (
            f"the lowest cost (false positive {point.false_positive_cost:g}, "
            f"false negative {point.false_negative_cost:g})"
        )
    return " with ".join((f"the highest {DECISION_LABELS[point.rule]}", *demands))


def missed_demands(point: OperatingPoint) -> Iterator[str]:
    """Yields a sentence for each metric whose whole interval on the test split is below the demanded value."""
    for name, metric in point.metrics.items():
        if metric.demanded is not None and metric.below_demanded:
            yield (
                f"The interval of the {DECISION_LABELS[name]} on the test split is below the demanded "
                f"{metric.demanded:g}."
            )


def first_reasons(reasons: Sequence[str]) -> str:
    """Returns the first four reasons and the number of the others; the table of thresholds shows all of them."""
    more = len(reasons) - MAX_REASONS
    shown = [*reasons[:MAX_REASONS], *([f"and {more} more"] if more > 0 else [])]
    return "; ".join(shown) or NO_REASON


def threshold_subject(rule: str, metric: str) -> str:
    """Returns a short name of what a threshold limits: "AUC minus baseline's"."""
    ends = {
        "floor": ", candidate",
        "change": " minus baseline's",
        "base_rate": " minus base rate's",
        "early_stopping": " minus stopping alone",
        "served": " minus served model's",
        "gap": ", test minus train",
    }
    return METRIC_LABELS[metric] + ends[rule]


def threshold_sentence(
    rule: str, metric: str, value: float, *, relation: str, bound: float, worst: float | None = None
) -> str:
    """Returns the result of a threshold in a sentence.

    Args:
        rule: floor, change, base_rate, early_stopping, served or gap.
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
        "base_rate": f"the {METRIC_LABELS[metric]} differs from that of the base rate by {show(value)}",
        "early_stopping": f"the {METRIC_LABELS[metric]} differs from that of early stopping alone by {show(value)}",
        "served": f"the {METRIC_LABELS[metric]} differs from the served model's by {show(value)}",
        "gap": f"the {METRIC_LABELS[metric]} on the test split differs from that on the training split by "
        f"{show(value)}",
    }
    end = "" if worst is None else f", at worst {show(worst)}"
    limit = f"{bound:g}" if rule == "floor" else signed_bound(bound)
    return f"{begins[rule]}{end}, {relation} {limit}"
