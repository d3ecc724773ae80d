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
from components.common.verdict_text import LOWER_IS_BETTER, threshold_sentence
from components.config.evaluation import EvaluationConfig

Measured = Mapping[str, ComparedMetric]

# The tolerance of the log loss, as a share of the log loss of the base rate: 0.035 nats where half of the rows are
# positive, and 0.0016 where one in 200 is.
LOG_LOSS_TOLERANCE = 0.05


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


def conditions(metrics: Measured, own: Measured, settings: EvaluationConfig) -> Iterator[Condition]:
    """Yields the conditions on the metrics of the test split, or of one slice of it.

    Args:
        metrics: by name, all with intervals: the means over the training seeds, which are compared with other models.
        own: the same of the network that may be published, whose own values are limited.
        settings: the bounds.
    """
    mode: Mode = settings.mode
    limits = {
        "auc": settings.min_auc,
        "pr_auc": settings.min_pr_auc,
        "brier": settings.max_brier,
        "calibration_error": settings.max_calibration_error,
    }
    for name, bound in limits.items():
        if bound is not None:
            metric = own[name]
            interval = (metric.interval or MetricIntervals()).candidate
            models = metric.candidate, metric.baseline
            yield Condition(name, "floor", metric.candidate, interval, bound, mode, models)
    tolerance = _log_loss_tolerance(metrics, settings)
    rise = _rise(mode, tolerance, settings)
    for name, bound in (("auc", -settings.max_auc_drop), ("log_loss", rise)):
        metric = metrics[name]
        interval = (metric.interval or MetricIntervals()).difference
        models = metric.candidate, metric.baseline
        yield Condition(name, "change", metric.difference, interval, bound, mode, models)
    if settings.served != "off" and metrics["log_loss"].served is not None:
        as_mode: Mode = settings.served
        for name, bound in (
            ("auc", -settings.max_auc_drop),
            ("log_loss", _rise(as_mode, tolerance, settings)),
        ):
            metric = metrics[name]
            interval = (metric.interval or MetricIntervals()).served_difference
            models = metric.candidate, metric.served
            yield Condition(name, "served", metric.served_difference, interval, bound, as_mode, models)
    loss = metrics["log_loss"]
    if loss.base_rate is not None:
        value = None if loss.candidate is None else loss.candidate - loss.base_rate
        interval = (loss.interval or MetricIntervals()).base_rate
        yield Condition(
            "log_loss", "base_rate", value, interval, rise, mode, (loss.candidate, loss.base_rate)
        )
    if loss.early_stopped is not None:
        # The baseline may be so bad that a candidate with far too strong penalties is better than it.
        value = None if loss.candidate is None else loss.candidate - loss.early_stopped
        interval = (loss.interval or MetricIntervals()).penalties
        # The mode better asks for more than the baseline reaches, but not for more than early stopping alone.
        mode = "no_worse" if mode == "better" else mode
        models = loss.candidate, loss.early_stopped
        yield Condition("log_loss", "early_stopping", value, interval, tolerance, mode, models)


def _rise(mode: Mode, tolerance: float, settings: EvaluationConfig) -> float:
    """Returns the bound on the rise of the log loss: only `no_worse`, or a configured one, tolerates a rise."""
    return tolerance if mode == "no_worse" or settings.max_log_loss_rise is not None else 0.0


def _log_loss_tolerance(metrics: Measured, settings: EvaluationConfig) -> float:
    base_rate = metrics["log_loss"].base_rate
    if settings.max_log_loss_rise is not None or base_rate is None:
        return settings.max_log_loss_rise or 0.0
    return float(f"{LOG_LOSS_TOLERANCE * base_rate:.3g}")  # three digits, as it is shown


def gap_condition(metrics: Measured, gap: GeneralizationGap, bound: float, mode: Mode) -> Condition:
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
    models = candidate.difference, baseline
    return Condition("log_loss", "gap", candidate.difference, interval, bound, mode, models)


def threshold(condition: Condition, slice_name: str | None) -> Threshold:
    """Compares a condition's value, or an end of its interval, with the bound, as the mode says.

    Args:
        condition: the measured value and the bound.
        slice_name: the slice on which it was measured; None: the whole test split.
    """
    at_most = condition.metric in LOWER_IS_BETTER
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
    return low > bound if condition.metric in LOWER_IS_BETTER else high < bound


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
