"""Formats the tables of the verdict for the terminal: metrics, gap, slices and thresholds, in at most 80 columns."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Literal

from components.common.formatting import (
    capitalize_first,
    difference,
    difference_interval,
    metric_label,
    number,
    rounded_difference,
    signed_bound,
)
from components.common.verdict_record import Threshold
from components.common.verdict_text import threshold_subject
from components.tasks.known_tasks import METRICS, task_of
from pipeline_def.runs.summary import Intervals, ModelMetrics, SliceSummary, Summary

_NAME_WIDTH = 28
_MAX_SLICES = 12
# `confidence` is the name of an earlier version.
_WORST_END = ("better", "confidence")
Line = tuple[str, str]
"""A line of text, and its style for rich."""


def metric_lines(summary: Summary) -> Iterator[Line]:
    """Yields the table of both models' metrics on the test split, with the intervals of the differences."""
    if summary.metrics is None:
        return
    candidate, baseline = summary.metrics.candidate, summary.metrics.baseline
    intervals = summary.intervals if baseline else None
    width = 10 if intervals else 12
    headers = ("candidate", "baseline") if baseline else ("candidate",)
    head = "".join(f"{head:>{width}}" for head in headers) + (f"{'difference':>12}" if baseline else "")
    share = f"{intervals.confidence * 100:g}% interval" if intervals else ""
    yield f"{'On the test split':<18}{head}{share:>21}".rstrip(), "bold"
    task = task_of(summary.task)
    for name, label in _measured(candidate):
        row = _metric_row(name, f"{label:<18}", (candidate, baseline), intervals)
        yield f"{row}  {summary.findings.get(name, '')}".rstrip(), ""
    counts = [model.get("example_count") for model in (candidate, baseline) if model]
    cells = "".join(f"{'none' if count is None else f'{count:,}':>{width}}" for count in counts)
    yield f"{'rows':<18}{cells}", ""
    if base_rate := summary.metrics.base_rate:
        values = (f"{metric_label(name)} {number(base_rate.get(name))}" for name in task.no_features_metrics)
        yield f"{task.no_features} alone: {', '.join(values)}", ""
    if summary.seeds:
        yield f"means of {len(summary.seeds)} training seeds; the intervals cover seeds and rows", ""
    yield from _sampled(summary, "test")


def _measured(model: ModelMetrics) -> Iterator[tuple[str, str]]:
    """Yields the name and the label of each metric of a model, in their order."""
    return ((name, metric.label) for name, metric in METRICS.items() if name in model)


def _metric_row(
    name: str,
    label: str,
    models: tuple[ModelMetrics, ModelMetrics | None],
    intervals: Intervals | None,
    contrast: Literal["difference", "served_difference"] = "difference",
) -> str:
    candidate, baseline = models
    width = 10 if intervals else 12
    value = candidate.get(name)
    row = f"{label}{number(value):>{width}}"
    if baseline is None:
        return row
    other = baseline.get(name)
    change = None if value is None or other is None else value - other
    ends = getattr(intervals.of(name), contrast) if intervals else None
    interval = difference_interval(ends) if ends else ""
    column = f"{interval:>21}" if intervals else ""
    return f"{row}{number(other):>{width}}{rounded_difference(change):>12}{column}"


def served_lines(summary: Summary) -> Iterator[Line]:
    """Yields the table of the metrics of candidate and served model, with the intervals of the differences."""
    served = summary.metrics.served if summary.metrics else None
    if summary.metrics is None or served is None or summary.intervals is None:
        return
    share = f"{summary.intervals.confidence * 100:g}% interval"
    yield f"{'The served model':<18}{'candidate':>10}{'served':>10}{'difference':>12}{share:>21}", "bold"
    for name, label in _measured(summary.metrics.candidate):
        models = summary.metrics.candidate, served
        row = _metric_row(name, f"{label:<18}", models, summary.intervals, "served_difference")
        yield f"{row}  {summary.served_findings.get(name, '')}".rstrip(), ""


def contribution_lines(summary: Summary) -> Iterator[Line]:
    """Yields what regularization brought: in all, by early stopping alone, and by the penalties beyond it."""
    found = summary.contributions
    if found is None or found.early_stopping is None or found.penalties is None:
        return
    share = f"{summary.intervals.confidence * 100:g}% interval" if summary.intervals else ""
    loss = metric_label(task_of(summary.task).loss)
    yield f"{'What regularization brought':<38}{loss:>12}{share:>21}".rstrip(), "bold"
    for label, part in (
        ("candidate minus baseline", found.total),
        ("early stopping alone minus baseline", found.early_stopping),
        ("candidate minus early stopping alone", found.penalties),
    ):
        interval = difference_interval(part.interval) if part.interval else ""
        value = rounded_difference(part.value)
        yield f"{label:<38}{value:>12}{interval:>21}  {part.finding or ''}".rstrip(), ""


def seed_lines(summary: Summary) -> Iterator[Line]:
    """Yields the losses of each training seed, and their spread."""
    if not summary.seeds:
        return
    title = f"{capitalize_first(metric_label(task_of(summary.task).loss))} by seed"
    yield f"{title:<18}{'candidate':>12}{'baseline':>12}{'early stopping':>16}", "bold"
    for item in summary.seeds:
        yield _seed_row(str(item.seed), item.candidate, item.baseline, item.early_stopped), ""
    columns = [
        [value for value in values if value is not None]
        for values in zip(
            *((item.candidate, item.baseline, item.early_stopped) for item in summary.seeds), strict=True
        )
    ]
    spread = [statistics.stdev(values) if len(values) > 1 else None for values in columns]
    yield _seed_row("standard deviation", *spread), ""


def _seed_row(label: str, *losses: float | None) -> str:
    cells = "".join(
        f"{'' if loss is None else number(loss):>{width}}"
        for loss, width in zip(losses, (12, 12, 16), strict=True)
    )
    return f"{label:<18}{cells}".rstrip()


def gap_lines(summary: Summary) -> Iterator[Line]:
    """Yields the generalization gap of both models."""
    if summary.gap is None:
        return
    models = [("candidate", summary.gap.candidate), ("baseline", summary.gap.baseline)]
    loss = task_of(summary.task).loss
    values = [f"{name} {rounded_difference(model.get(loss))}" for name, model in models if model]
    yield f"{metric_label(loss)}, test minus train: {', '.join(values)}", ""
    yield from _sampled(summary, "train")


def _sampled(summary: Summary, split: str) -> Iterator[Line]:
    if sample := summary.sampled.get(split):
        yield f"measured on {sample.rows:,} of {sample.of:,} {split} rows (evaluation.max_rows)", ""


def slice_lines(slices: Sequence[SliceSummary], loss: str) -> Iterator[Line]:
    """Yields a line for each of the first twelve slices that have rows: the loss of the models that are compared.

    The difference is that between candidate and baseline.
    """
    shown = [part for part in slices if part.rows]
    if not shown:
        return
    has_served = any(part.served for part in shown)
    width, served_width = (_NAME_WIDTH - 8, 12) if has_served else (_NAME_WIDTH, 0)
    head = f"{'Slice':<{width}}{'rows':>8}{metric_label(loss):>12}{'served' if has_served else '':>{served_width}}"
    yield f"{head}{'baseline':>12}{'difference':>12}", "bold"
    for part in shown[:_MAX_SLICES]:
        name = part.name if len(part.name) < width else part.name[: width - 2] + "…"
        row = f"{name:<{width}}{part.rows:>8,}"
        if part.too_small:
            positive = "" if part.positives is None else f" ({part.positives:,} positive)"
            yield f"{row}  too few to compare{positive}", "dim"
            continue
        candidate = part.candidate.get(loss)
        baseline = part.baseline.get(loss) if part.baseline else None
        change = None if baseline is None or candidate is None else candidate - baseline
        served = number(part.served.get(loss)) if part.served else ""
        losses = f"{number(candidate):>12}{served:>{served_width}}{number(baseline):>12}"
        yield f"{row}{losses}{difference(change):>12}", ""
    if len(shown) > _MAX_SLICES:
        yield f"and {len(shown) - _MAX_SLICES} more, in summary.json", ""


def threshold_lines(summary: Summary) -> Iterator[Line]:
    """Yields all thresholds on the whole test split, and of those on slices the failed ones and the number passed."""
    if not summary.thresholds:
        return
    width = 12 if any(item.mode in _WORST_END for item in summary.thresholds) else 0
    worst = "at worst" if width else ""
    yield f"{'Threshold':<30}{'value':>12}{worst:>{width}}{'bound':>12}", "bold"
    for item in summary.thresholds:
        if item.slice is None:
            yield _threshold_row(item, width), "" if item.passed else "bold red"
    on_slices = [item for item in summary.thresholds if item.slice is not None]
    last = None
    for item in on_slices:
        if not item.passed:
            if item.slice != last:
                yield f"where {item.slice}", ""
            last = item.slice
            yield _threshold_row(item, width), "bold red"
    if on_slices:
        passed = sum(item.passed for item in on_slices)
        yield f"on slices: {passed} of {len(on_slices)} passed", ""
    if summary.seeds:
        seed = summary.seeds[0].seed
        yield f"candidate, and test minus train: of seed {seed}, whose network may be published", ""


def _threshold_row(item: Threshold, worst_width: int) -> str:
    """Returns the row; the column for the worse end is empty if another value was compared (width 0: no column)."""
    is_floor = item.rule == "floor"
    show = number if is_floor else difference
    value, compared = show(item.value), show(item.compared)
    bound = f"{item.direction} {f'{item.bound:g}' if is_floor else signed_bound(item.decisive_bound)}"
    worst = compared if item.mode in _WORST_END else ""
    row = f"{threshold_subject(item.rule, item.metric):<30}{value:>12}{worst:>{worst_width}} {bound:>11}"
    clearly = " (clearly worse)" if item.clearly_worse else ""
    return f"{row}  {'passed' if item.passed else 'FAILED'}{clearly}"
