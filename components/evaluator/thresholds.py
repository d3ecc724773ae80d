"""Compares the measured metrics with the configured thresholds."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from components.common.verdict_record import (
    DIFFERENCES,
    ComparedMetric,
    GeneralizationGap,
    Interval,
    MetricIntervals,
    Mode,
    Rule,
    Threshold,
    negligible,
)
from components.common.verdict_text import threshold_sentence
from components.config.evaluation import EvaluationConfig
from components.tasks.known_tasks import METRICS
from components.tasks.task import Task, TaskMetric

Measured = Mapping[str, ComparedMetric]

# The tolerance of the loss, as a share of the loss of the model without features. For the log loss, it is 0.035 nats
# where half of the rows are positive, and 0.0016 where one in 200 is.
LOSS_TOLERANCE = 0.05


class Condition(NamedTuple):
    """A measured value and the bound that it is compared with.

    Attributes:
        metric: the name of the metric.
        rule: see `Threshold`.
        value: the metric, the difference or the gap; None: undefined.
        interval: the interval of the value.
        bound: the lowest value that passes; for a metric that is better when lower, the highest.
        mode: how the value, or an end of its interval, is compared with the bound: see `Threshold`.
        models: the candidate's own metric or gap, and that of the model that it is compared with.
    """

    metric: str
    rule: Rule
    value: float | None
    interval: Interval
    bound: float
    mode: Mode
    models: tuple[float | None, float | None]


def conditions(
    metrics: Measured, own: Measured, settings: EvaluationConfig, task: Task
) -> Iterator[Condition]:
    """Yields the conditions on the metrics of the test split, or of one slice of it.

    Args:
        metrics: by name, all with intervals: the means over the training seeds, which are compared with other models.
        own: the same of the network that may be published, whose own values are limited.
        settings: the bounds.
        task: which metrics have bounds.
    """
    mode: Mode = settings.mode
    for limited in task.metrics:
        bound = getattr(settings, limited.limit) if limited.limit else None
        if bound is not None:
            metric = own[limited.name]
            interval = (metric.interval or MetricIntervals()).candidate
            models = metric.candidate, metric.baseline
            yield Condition(limited.name, "floor", metric.candidate, interval, bound, mode, models)
    compared = [metric for metric in task.metrics if metric.tolerance]
    for item in compared:
        metric = metrics[item.name]
        interval = (metric.interval or MetricIntervals()).difference
        models, bound = (metric.candidate, metric.baseline), _allowed(item, metric, mode, settings)
        yield Condition(item.name, "change", metric.difference, interval, bound, mode, models)
    name, loss = task.loss, metrics[task.loss]
    if settings.served != "off" and loss.served is not None:
        as_mode: Mode = settings.served
        for item in compared:
            metric = metrics[item.name]
            interval = (metric.interval or MetricIntervals()).served_difference
            models, bound = (metric.candidate, metric.served), _allowed(item, metric, as_mode, settings)
            yield Condition(item.name, "served", metric.served_difference, interval, bound, as_mode, models)
    if loss.base_rate is not None:
        value = None if loss.candidate is None else loss.candidate - loss.base_rate
        interval = (loss.interval or MetricIntervals()).base_rate
        bound = _allowed(METRICS[name], loss, mode, settings)
        yield Condition(name, "base_rate", value, interval, bound, mode, (loss.candidate, loss.base_rate))
    if loss.early_stopped is not None:
        # The baseline may be so bad that a candidate with far too strong penalties is better than it.
        value = None if loss.candidate is None else loss.candidate - loss.early_stopped
        interval = (loss.interval or MetricIntervals()).penalties
        bound = _allowed(METRICS[name], loss, "no_worse", settings)
        # The mode better asks for more than the baseline reaches, but not for more than early stopping alone.
        mode = "no_worse" if mode == "better" else mode
        models = loss.candidate, loss.early_stopped
        yield Condition(name, "early_stopping", value, interval, bound, mode, models)


def _allowed(metric: TaskMetric, measured: ComparedMetric, mode: Mode, settings: EvaluationConfig) -> float:
    """Returns the bound on the difference between candidate and another model, signed.

    Without a configured one, only the mode `no_worse` tolerates that the loss rises.
    """
    allowed: float | None = getattr(settings, metric.tolerance or "")
    if allowed is None and mode == "no_worse" and measured.base_rate is not None:
        allowed = float(f"{LOSS_TOLERANCE * measured.base_rate:.3g}")  # three digits, as it is shown
    return (allowed or 0.0) if metric.lower_is_better else -(allowed or 0.0)


def gap_condition(
    metrics: Measured, gap: GeneralizationGap, bound: float, mode: Mode, loss: str
) -> Condition:
    """Returns the condition on the candidate's loss, test minus training.

    Its interval is that of the loss on the test split, minus the loss on the training split, which is taken as exact.
    """
    candidate = gap.candidate[loss]
    intervals = metrics[loss].interval
    interval = None
    if intervals and intervals.candidate and candidate.train is not None:
        low, high = intervals.candidate
        interval = low - candidate.train, high - candidate.train
    baseline = gap.baseline[loss].difference if gap.baseline else None
    models = candidate.difference, baseline
    return Condition(loss, "gap", candidate.difference, interval, bound, mode, models)


def threshold(condition: Condition, slice_name: str | None) -> Threshold:
    """Compares a condition's value, or an end of its interval, with the bound, as the mode says.

    Args:
        condition: the measured value and the bound.
        slice_name: the slice on which it was measured; None: the whole test split.
    """
    at_most = METRICS[condition.metric].lower_is_better
    is_difference = condition.rule in DIFFERENCES
    strict = condition.mode == "better"
    compared, end = condition.value, None
    if strict:
        compared = None if condition.interval is None else condition.interval[at_most]
        end = _nan(compared)
    passed = compared is not None and (
        compared <= condition.bound if at_most else compared >= condition.bound
    )
    if strict and is_difference:
        passed = passed and compared != condition.bound  # two equal models: neither is better
    clearly_worse = condition.mode == "no_worse" and is_difference and _is_clearly_worse(condition)
    bound = condition.bound
    if clearly_worse and passed and condition.interval:
        bound, end = negligible(bound), condition.interval[not at_most]
    text = threshold_sentence(
        condition.rule,
        condition.metric,
        _nan(condition.value),
        passed=passed and not clearly_worse,
        bound=bound,
        end=end,
    )
    return Threshold(
        metric=condition.metric,
        rule=condition.rule,
        direction="<=" if at_most else ">=",
        slice=slice_name,
        mode=condition.mode,
        value=condition.value,
        interval=condition.interval,
        compared=compared,
        clearly_worse=clearly_worse,
        bound=condition.bound,
        candidate=condition.models[0],
        baseline=condition.models[1],
        passed=passed and not clearly_worse,
        sentence=text if slice_name is None else f"where {slice_name}, {text}",
    )


def _is_clearly_worse(condition: Condition) -> bool:
    if condition.interval is None:
        return False
    low, high = condition.interval
    bound = negligible(condition.bound)
    return low > bound if METRICS[condition.metric].lower_is_better else high < bound


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
