"""Draws the differences between the candidate and the other models, with their intervals: a forest plot by metric."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from components.common.formatting import (
    capitalize_first,
    html_difference,
    html_interval,
    metric_label,
)
from components.common.verdict_record import (
    ComparedMetric,
    Finding,
    Interval,
    MetricIntervals,
    Rule,
    Verdict,
)
from components.common.verdict_text import difference_finding, finding_label
from components.report.blocks import Chart, ChartInterval
from components.report.blocks import Finding as Colour
from components.tasks.known_tasks import METRICS, task_of

_FAR = 3  # times the largest value or end of an interval
_COLOURS: Mapping[Finding | None, Colour] = {
    "better": "good",
    "worse": "bad",
    "unclear": "reference",
    "equal": "reference",
    None: "reference",
}


class _Difference(NamedTuple):
    """The candidate minus another model, and the rule whose threshold limits it."""

    name: str
    rule: Rule
    value: float
    interval: Interval


def difference_charts(verdict: Verdict) -> Iterator[Chart]:
    """Yields a chart for the loss and one for the score: candidate minus each other model, its interval and limit."""
    task = task_of(verdict.task)
    for name in (task.loss, task.score):
        differences = (
            tuple(_differences(verdict.metrics[name], task.no_features)) if name in verdict.metrics else ()
        )
        if differences:
            yield _chart(verdict, name, differences)


def _differences(metric: ComparedMetric, no_features: str) -> Iterator[_Difference]:
    candidate, intervals = metric.candidate, metric.interval or MetricIntervals()
    if candidate is None:
        return
    if metric.baseline is not None:
        value = candidate - metric.baseline
        yield _Difference("without regularization", "change", value, intervals.difference)
    if metric.early_stopped is not None:
        value = candidate - metric.early_stopped
        yield _Difference("early stopping alone", "early_stopping", value, intervals.penalties)
    if metric.served_difference is not None:
        yield _Difference("served model", "served", metric.served_difference, intervals.served_difference)
    if metric.base_rate is not None:
        value = candidate - metric.base_rate
        yield _Difference(no_features, "base_rate", value, _over_base_rate(metric, intervals))


def _over_base_rate(metric: ComparedMetric, intervals: MetricIntervals) -> Interval:
    """Returns the interval of candidate minus base rate.

    The AUC of a constant prediction is 0.5 on any rows, so the difference has the candidate's interval, moved by 0.5.
    """
    if intervals.base_rate is None and metric.base_rate == 0.5 and intervals.candidate is not None:
        low, high = intervals.candidate
        return low - 0.5, high - 0.5
    return intervals.base_rate


def _chart(verdict: Verdict, metric: str, differences: tuple[_Difference, ...]) -> Chart:
    limits = {
        item.rule: item.bound for item in verdict.thresholds if item.metric == metric and item.slice is None
    }
    intervals = tuple(
        ChartInterval(
            item.value,
            low=item.interval[0] if item.interval else None,
            high=item.interval[1] if item.interval else None,
            limit=limits.get(item.rule),
            finding=_COLOURS[difference_finding(metric, item.interval)],
        )
        for item in differences
    )
    label, better = metric_label(metric), "lower" if METRICS[metric].lower_is_better else "higher"
    sentences = (
        f"{capitalize_first(item.name)}: {_describe(metric, item, drawn)}."
        for item, drawn in zip(differences, intervals, strict=True)
    )
    return Chart(
        f"difference-{metric.replace('_', '-')}",
        f"{capitalize_first(label)}: candidate minus another model ({better} is better)",
        " ".join(sentences),
        f"difference of {label}{METRICS[metric].in_unit}",
        "",
        intervals=intervals,
        levels=tuple(item.name for item in differences),
        mark=(0.0, "0: the same value"),
        half=True,
        x_range=_range(intervals),
    )


def _range(intervals: tuple[ChartInterval, ...]) -> tuple[float, float]:
    """Returns a range that has all values and intervals, and 0, with a margin.

    It also has the limits, except those that are so far away that nothing else could be seen.
    """
    drawn = (part for item in intervals for part in (item.value, item.low, item.high))
    values = [0.0, *(value for value in drawn if value is not None and math.isfinite(value))]
    far = _FAR * max(map(abs, values))
    values += [item.limit for item in intervals if item.limit is not None and abs(item.limit) <= far]
    margin = 0.06 * (max(values) - min(values)) or 1.0
    return min(values) - margin, max(values) + margin


def _describe(metric: str, item: _Difference, drawn: ChartInterval) -> str:
    """Returns the numbers of a level: "-0.0026, -0.0190 to +0.0107, no clear difference, limit +0.0347"."""
    parts = [html_difference(item.value)]
    if item.interval is not None:
        parts += [
            html_interval(item.interval, signed=True),
            finding_label(difference_finding(metric, item.interval)),
        ]
    if drawn.limit is not None and math.isfinite(drawn.limit):
        parts.append(f"limit {html_difference(drawn.limit)}")
    return ", ".join(parts)
