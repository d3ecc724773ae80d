"""The summary of a run on the terminal: its result, the two models side by side, each threshold, and the files."""

import math
import textwrap
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.text import Text

from components.common.formatting import (
    METRIC_LABELS,
    difference,
    difference_interval,
    named_values,
    number,
    plural,
    rounded_difference,
    signed_bound,
    threshold_subject,
)
from components.common.verdict_record import Threshold
from components.common.verdict_text import better_or_worse, comparison_sentence, first_reasons
from pipeline_def.runs.summary import Intervals, ModelMetrics, Summary
from pipeline_def.terminal.slice_lines import nan_if_undefined, slice_lines

_WIDTH = 78
_STYLES = {
    "pushed": "bold green",
    "partial": "bold green",
    "not_blessed": "bold yellow",
    "data_refused": "bold red",
    "failed": "bold red",
}
_LABEL_WIDTH = 10
Line = tuple[str, str]  # text and rich style


def render(summary: Summary) -> str:
    """Returns the summary as plain text; it fits 80 columns except for paths and messages, which are not wrapped."""
    return styled(summary).plain


def show(summary: Summary, stream: TextIO) -> None:
    """Writes the summary to `stream`, in colour if that is a terminal."""
    if stream.isatty():
        stream.write("\n")  # below the display of the run
        Console(file=stream).print(styled(summary), soft_wrap=True)
    else:
        stream.write(render(summary) + "\n")
        stream.flush()


def styled(summary: Summary) -> Text:
    """Returns the summary with rich's styles; `.plain` is the text without them."""
    blocks = [
        list(_headline(summary)),
        list(_metrics(summary)),
        list(_gap(summary)),
        list(slice_lines(summary.slices)),
        list(_thresholds(summary)),
        list(_log_tail(summary)),
        list(_facts(summary)),
    ]
    text = Text()
    for number_of_block, block in enumerate(block for block in blocks if block):
        if number_of_block:
            text.append("\n\n")
        for number_of_line, (line, style) in enumerate(block):
            text.append("\n" if number_of_line else "").append(line, style=style)
    return text


def _headline(summary: Summary) -> Iterator[Line]:
    style = _STYLES[summary.status]
    first, *more = (*_reason(summary).splitlines(), *_by_hand(summary)) or [""]
    for line in textwrap.wrap(first, _WIDTH, break_long_words=False, break_on_hyphens=False):
        yield line, style
    yield from ((line, "") for line in more)
    if summary.status == "failed" and summary.pushed_path:
        yield f"The model was pushed before that: version {summary.pushed_version} is being served.", "bold"
    elif summary.status != "pushed":
        yield "Nothing was published; what is being served stays as it was.", ""


def _reason(summary: Summary) -> str:
    if summary.status == "pushed":
        return _why_not_pushed(summary) if summary.override else _why_pushed(summary)
    if summary.status == "partial":
        return "Done: the part of the pipeline that was asked for, which does not push."
    if summary.status == "not_blessed":
        return _why_not_pushed(summary)
    error = summary.error or "no reason was recorded"
    if summary.status == "data_refused":
        return f"Data refused: {error}"
    step = next((step.name for step in summary.steps if step.status == "failed"), None)
    return f"Failed in {step}: {error}" if step else f"Failed: {error}"


def _why_pushed(summary: Summary) -> str:
    both = summary.metrics
    candidate = both.candidate.log_loss if both else None
    baseline = both.baseline.log_loss if both and both.baseline else None
    return f"Pushed: {comparison_sentence(candidate, baseline)}"


def _why_not_pushed(summary: Summary) -> str:
    if summary.held_back:
        return f"Not pushed: {summary.held_back}."
    reasons = summary.reasons or tuple(filter(None, [summary.error]))
    return f"Not blessed: {first_reasons(reasons)}."


def _by_hand(summary: Summary) -> Iterator[str]:
    if summary.override:
        override = summary.override
        yield f"Blessed by hand, by {override.by} on {override.at}: {override.reason}"


def _metrics(summary: Summary) -> Iterator[Line]:
    if summary.metrics is None:
        return
    candidate, baseline = summary.metrics.candidate, summary.metrics.baseline
    intervals = summary.intervals if baseline else None
    width = 10 if intervals else 12
    heads = ("candidate", "baseline") if baseline else ("candidate",)
    head = "".join(f"{head:>{width}}" for head in heads) + (f"{'difference':>12}" if baseline else "")
    share = f"{intervals.confidence * 100:g}% interval" if intervals else ""
    yield f"{'On the test split':<18}{head}{share:>21}".rstrip(), "bold"
    for name, label in METRIC_LABELS.items():
        yield _metric_row(name, f"{label:<18}", (candidate, baseline), intervals), ""
    counts = [model.example_count for model in (candidate, baseline) if model]
    cells = "".join(f"{'none' if count is None else f'{count:,}':>{width}}" for count in counts)
    yield f"{'rows':<18}{cells}", ""
    yield from _sampled(summary, "test", "judged on")


def _metric_row(
    name: str, label: str, models: tuple[ModelMetrics, ModelMetrics | None], intervals: Intervals | None
) -> str:
    candidate, baseline = models
    width = 10 if intervals else 12
    value: float | None = getattr(candidate, name)
    row = f"{label}{number(nan_if_undefined(value)):>{width}}"
    if baseline is None:
        return row
    other: float | None = getattr(baseline, name)
    change = None if value is None or other is None else value - other
    ends = getattr(intervals, name).difference if hasattr(intervals, name) else None
    interval = difference_interval(ends) if ends else ""
    column = f"{interval:>21}" if intervals else ""
    row += f"{number(nan_if_undefined(other)):>{width}}{rounded_difference(nan_if_undefined(change)):>12}{column}"
    return f"{row}  {better_or_worse(name, change)}".rstrip()


def _gap(summary: Summary) -> Iterator[Line]:
    if summary.gap is None:
        return
    models = [("candidate", summary.gap.candidate), ("baseline", summary.gap.baseline)]
    values = [
        f"{name} {rounded_difference(nan_if_undefined(model.log_loss))}" for name, model in models if model
    ]
    yield f"log loss, test minus train: {', '.join(values)}", ""
    yield from _sampled(summary, "train", "measured on")


def _sampled(summary: Summary, split: str, verb: str) -> Iterator[Line]:
    if sample := summary.sampled.get(split):
        yield f"{verb} {sample.rows:,} of {sample.of:,} {split} rows (evaluation.max_rows)", ""


def _thresholds(summary: Summary) -> Iterator[Line]:
    """Yields all thresholds on the whole test split, the missed ones on slices, and the number of those on slices."""
    if not summary.thresholds:
        return
    worst = "at worst" if summary.thresholds[0].mode == "confidence" else ""
    yield f"{'Threshold':<30}{'value':>12}{worst:>{12 if worst else 0}}{'bound':>12}", "bold"
    for item in summary.thresholds:
        if item.slice is None:
            yield _threshold_row(item), "" if item.passed else "bold red"
    on_slices = [item for item in summary.thresholds if item.slice is not None]
    last = None
    for item in on_slices:
        if not item.passed:
            if item.slice != last:
                yield f"where {item.slice}", ""
            last = item.slice
            yield _threshold_row(item), "bold red"
    if on_slices:
        passed = sum(item.passed for item in on_slices)
        yield f"on slices: {passed} of {len(on_slices)} passed", ""


def _threshold_row(item: Threshold) -> str:
    is_floor = item.rule == "floor"
    show = number if is_floor else difference
    value, compared = (show(nan_if_undefined(found)) for found in (item.value, item.compared))
    bound = f"{item.direction} {f'{item.bound:g}' if is_floor else signed_bound(item.bound)}"
    worst = f"{compared:>12}" if item.mode == "confidence" else ""
    row = f"{threshold_subject(item.rule, item.metric):<30}{value:>12}{worst}{bound:>12}"
    return f"{row}  {'passed' if item.passed else 'FAILED'}"


def _log_tail(summary: Summary) -> Iterator[Line]:
    if summary.log_tail:
        yield "The last lines of its log:", "bold"
        yield from (("  " + line.rstrip(), "dim") for line in summary.log_tail)


def _facts(summary: Summary) -> Iterator[Line]:
    if summary.tuned:
        tuned = summary.tuned
        trials = plural(tuned.trials, "trial")
        yield _fact("Tuned", f"{named_values(tuned.values)} (best of {trials})", wrap=True), ""
    if summary.pushed_path:
        version = "" if summary.pushed_version is None else f"version {summary.pushed_version} in "
        already = " (published already)" if summary.already_published else ""
        yield _fact("Model", f"{version}{summary.pushed_path}{already}"), "bold"
    if summary.report_path:
        yield _fact("Report", summary.report_path), ""
    if summary.rows:
        rows = summary.rows
        yield _fact("Rows", f"{rows.train:,} train, {rows.eval:,} eval, {rows.test:,} test"), ""
    rejected = summary.rows.rejected if summary.rows else 0
    if rejected or summary.rejected_rows:
        count = f"{rejected:,} set aside" if rejected else "set aside"
        yield (
            _fact("Bad rows", f"{count} in {summary.rejected_rows}" if summary.rejected_rows else count),
            "yellow",
        )
    for warning in summary.warnings:
        yield _fact("Warning", warning, wrap=True), "yellow"
    yield _fact("Run", f"{summary.run_id}{_took(summary)}"), ""
    if summary.logs:
        yield _fact("Logs", summary.logs), ""


def _took(summary: Summary) -> str:
    ran = [step for step in summary.steps if step.status != "skipped"]
    if not ran:
        return ""
    cached = sum(step.cached for step in ran)
    total = math.fsum(step.seconds for step in ran)
    cache = ", all from cache" if cached == len(ran) else f", {cached} from cache" if cached else ""
    return f": {plural(len(ran), 'step')} in {total:.1f} s{cache}"


def _fact(label: str, text: str, *, wrap: bool = False) -> str:
    head = f"{label:<{_LABEL_WIDTH}}"
    if not wrap:
        return head + text
    return textwrap.fill(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * _LABEL_WIDTH,
        break_long_words=False,
        break_on_hyphens=False,
    )
