"""Describes a verdict in sentences, for the terminal, the report and Kubeflow."""

import math
from collections.abc import Iterator, Mapping, Sequence

from components.common.formatting import (
    VISIBLE_DIFFERENCE,
    capitalize_first,
    date_text,
    difference,
    metric_label,
    number,
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
from components.tasks.known_tasks import METRICS, task_with

DECISION_LABELS: Mapping[str, str] = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "positive_share": "positive decisions",
    "cost": "cost per row",
}
"""The metrics of the decisions at an operating point."""
_CERTAINTY = {"unclear": ", which may be chance", None: ", without an interval"}
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
    loss: str, candidate: float | None, baseline: float | None, contributions: Contributions | None
) -> str:
    """Returns one or two sentences that compare a candidate with its baseline, and say what brought the difference.

    Args:
        loss: the name of the task's loss.
        candidate: the candidate's loss.
        baseline: the baseline's loss; None without a baseline.
        contributions: what early stopping and the penalties brought; None in a verdict of an earlier version.

    Example:
        >>> total = Contribution(value=-0.12, interval=(-0.2, -0.1), finding="better")
        >>> comparison_sentence("log_loss", 0.39, 0.51, Contributions(total=total))
        'better than without regularization: log loss 0.3900 against 0.5100.'
    """
    if candidate is None or baseline is None:
        return "there is no baseline to compare the model with."
    losses = f"{metric_label(loss)} {number(candidate)} against {number(baseline)}"
    total = contributions.total if contributions else Contribution(value=None)
    sentence = {
        "better": f"better than without regularization: {losses}.",
        "worse": f"worse than without regularization: {losses}.",
        "unclear": f"no clear difference from the same network without regularization: {losses}.",
        "equal": f"equal to the same network without regularization: {losses}.",
        None: f"{losses} without regularization.",
    }[total.finding]
    if contributions is None or contributions.early_stopping is None or contributions.penalties is None:
        return sentence
    return f"{sentence} {_shares(loss, total, contributions.early_stopping, contributions.penalties)}"


def _shares(loss: str, total: Contribution, early_stopping: Contribution, penalties: Contribution) -> str:
    """Returns what early stopping and the penalties brought, in a sentence."""
    added = f"the penalties and dropout {_effect(loss, penalties, 'make', 'change')}."
    if total.finding == "better" and total.value and early_stopping.value is not None:
        part = early_stopping.value / total.value
        amount = next(text for least, text in _AMOUNTS if part >= least)
        return f"{amount} of the difference is due to early stopping; {added}"
    return f"Early stopping alone {_effect(loss, early_stopping, 'makes', 'changes')}; {added}"


def _effect(loss: str, part: Contribution, makes: str, changes: str) -> str:
    """Returns what a part does to the loss: "make it 0.0121 worse, which may be chance", "change nothing"."""
    if part.value is None or abs(part.value) < VISIBLE_DIFFERENCE:
        return f"{changes} nothing"
    return f"{makes} it {better_or_worse(loss, part.value)}{_CERTAINTY.get(part.finding, '')}"


def served_sentence(reference: ServedReference, loss: str, losses: ComparedMetric) -> str:
    """Returns the result of the comparison with the served model in one or two sentences, or why there is none.

    Args:
        reference: the served model.
        loss: the name of the task's loss.
        losses: the loss of all models on the test split.

    Example:
        >>> served_sentence(ServedReference(outcome="none"), "log_loss", ComparedMetric(candidate=0.39))
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
    both = f"{metric_label(loss)} {number(losses.candidate)} against {number(losses.served)}"
    begin = {
        "better": f"Better than {name}: {both}",
        "worse": f"Worse than {name}: {both}",
        "unclear": f"No clear difference from {name}: {both}",
        "equal": f"Equal to {name}: {both}",
        None: f"Compared with {name}: {both}",
    }[losses.served_finding]
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
    if low == high == 0:
        return "equal"
    if low <= 0 <= high:
        return "unclear"
    return "better" if (high < 0) == (METRICS[metric].lower_is_better) else "worse"


def finding_label(finding: Finding | None) -> str:
    """Returns what an interval says in words: "better", "worse", "no clear difference", "equal"; empty for None."""
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
        "base_rate": f" minus {task_with(metric).no_features}'s",
        "early_stopping": " minus stopping alone",
        "served": " minus served model's",
        "gap": ", test minus train",
    }
    return metric_label(metric) + ends[rule]


def threshold_sentence(
    rule: str, metric: str, value: float, *, passed: bool, bound: float, end: float | None = None
) -> str:
    """Returns the result of a threshold in a sentence.

    Args:
        rule: floor, change, base_rate, early_stopping, served or gap.
        metric: a key of METRICS.
        value: the value of the metric, the difference or the gap.
        passed: whether the condition is met.
        bound: the bound that decided, signed except for a floor.
        end: the end of the value's interval that was compared with the bound, if the value was not.

    Example:
        >>> threshold_sentence("floor", "auc", 0.9123, passed=True, bound=0.6)
        'the AUC is 0.9123, at least 0.6'
        >>> threshold_sentence("change", "log_loss", 0.365, passed=False, bound=0.0347)
        "the log loss is 0.3650 worse than the baseline's, more than the 0.0347 that is allowed"
    """
    label = f"the {metric_label(metric)}"
    if rule == "floor":
        worst = "" if end is None else f", at worst {number(end)}"
        limit = "at most" if METRICS[metric].lower_is_better else "at least"
        return f"{label} is {number(value)}{worst}, {'' if passed else 'not '}{limit} {bound:g}"
    other = {
        "change": "the baseline's",
        "base_rate": f"that of the {task_with(metric).no_features}",
        "early_stopping": "that of early stopping alone",
        "served": "the served model's",
        "gap": "that on the training split",
    }[rule]
    if rule == "gap":
        label += " on the test split"
    if math.isnan(value):
        return f"{label} can't be compared with {other}"
    relation = f"{better_or_worse(metric, value)} than" if value else "equal to"
    strict = end is not None and not _is_better(metric, end, value)
    limit = _limit(metric, bound, passed=passed, strict=strict)
    return f"{label} is {relation} {other}{_interval_end(metric, value, end)}, {limit}"


def better_or_worse(metric: str, value: float) -> str:
    """Returns a difference from another model, which is not 0, as a size and a word: "0.0112 worse"."""
    return f"{difference(abs(value)).lstrip('+')} {'better' if _is_better(metric, value, 0) else 'worse'}"


def _is_better(metric: str, value: float, than: float) -> bool:
    return value < than if METRICS[metric].lower_is_better else value > than


def _interval_end(metric: str, value: float, end: float | None) -> str:
    if end is None or math.isnan(end):
        return ""
    begin = "at best" if _is_better(metric, end, value) else "at worst"
    return f", {begin} {better_or_worse(metric, end) if end else 'equal'}"


def _limit(metric: str, bound: float, *, passed: bool, strict: bool) -> str:
    allowed = bound if METRICS[metric].lower_is_better else -bound
    if allowed > 0:
        return (
            f"at most {allowed:g} worse is allowed"
            if passed
            else f"more than the {allowed:g} that is allowed"
        )
    asked = f"at least {-allowed:g} better" if allowed < 0 else "better" if strict else "no worse"
    return f"as it must be {asked}" if passed else f"but it must be {asked}"
