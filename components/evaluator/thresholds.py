"""Compares the measured metrics with the configured thresholds."""

import math
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from components.common.verdict_record import (
    ComparedMetric,
    GeneralizationGap,
    Interval,
    MetricIntervals,
    Threshold,
)
from components.common.verdict_text import LOWER_IS_BETTER, threshold_sentence
from components.config.evaluation import EvaluationConfig

Measured = Mapping[str, ComparedMetric]


class Condition(NamedTuple):
    """A measured value and the bound that it is compared with.

    Attributes:
        metric: the name of the metric.
        rule: floor (the candidate's metric), change (candidate minus baseline) or gap (test minus training).
        value: the metric, the difference or the gap; None: undefined.
        interval: the interval of the value.
        bound: the lowest value that passes; for a metric that is better when lower, the highest.
        models: the candidate's own metric or gap, and the baseline's.
    """

    metric: str
    rule: Literal["floor", "change", "gap"]
    value: float | None
    interval: Interval
    bound: float
    models: tuple[float | None, float | None]


def conditions(metrics: Measured, settings: EvaluationConfig) -> Iterator[Condition]:
    """Yields the conditions on the metrics of the test split, or of one slice of it.

    Args:
        metrics: by name; at least auc and log_loss.
        settings: the bounds.
    """
    auc, loss = metrics["auc"], metrics["log_loss"]
    auc_models, loss_models = (auc.candidate, auc.baseline), (loss.candidate, loss.baseline)
    of_auc, of_loss = auc.interval or MetricIntervals(), loss.interval or MetricIntervals()
    yield Condition("auc", "floor", auc.candidate, of_auc.candidate, settings.min_auc, auc_models)
    yield Condition("auc", "change", auc.difference, of_auc.difference, -settings.max_auc_drop, auc_models)
    rise = settings.max_log_loss_rise
    yield Condition("log_loss", "change", loss.difference, of_loss.difference, rise, loss_models)


def gap_condition(metrics: Measured, gap: GeneralizationGap, bound: float) -> Condition:
    """Returns the condition on the candidate's log loss, test minus training.

    Its interval is that of the log loss on the test split, minus the log loss on the training split, which is taken as
    exact.
    """
    candidate = gap.candidate.log_loss
    intervals = metrics["log_loss"].interval
    interval = None
    if intervals and intervals.candidate and candidate.train is not None:
        low, high = intervals.candidate
        interval = low - candidate.train, high - candidate.train
    baseline = gap.baseline.log_loss.difference if gap.baseline else None
    return Condition(
        "log_loss", "gap", candidate.difference, interval, bound, (candidate.difference, baseline)
    )


def threshold(condition: Condition, settings: EvaluationConfig, slice_name: str | None) -> Threshold:
    """Compares a condition's value, or the worse end of its interval, with the bound.

    Args:
        condition: the measured value and the bound.
        settings: mode.
        slice_name: the slice on which it was measured; None: the whole test split.
    """
    at_most = condition.metric in LOWER_IS_BETTER
    compared, worst = condition.value, None
    if settings.mode == "confidence":
        compared = None if condition.interval is None else condition.interval[at_most]
        worst = _nan(compared)
    passed = compared is not None and (
        compared <= condition.bound if at_most else compared >= condition.bound
    )
    text = threshold_sentence(
        condition.rule,
        condition.metric,
        _nan(condition.value),
        relation=("" if passed else "not ") + ("at most" if at_most else "at least"),
        bound=condition.bound,
        worst=worst,
    )
    return Threshold(
        metric=condition.metric,
        rule=condition.rule,
        direction="<=" if at_most else ">=",
        slice=slice_name,
        mode=settings.mode,
        value=condition.value,
        interval=condition.interval,
        compared=compared,
        bound=condition.bound,
        candidate=condition.models[0],
        baseline=condition.models[1],
        passed=passed,
        sentence=text if slice_name is None else f"where {slice_name}, {text}",
    )


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
