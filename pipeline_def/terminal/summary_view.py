"""Formats the summary of a run for the terminal: its result in a sentence, the tables of the verdict, and the files."""

import math
import textwrap
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.text import Text

from components.common.drift_text import finding_sentence, summary_sentence
from components.common.formatting import duration, named_values, plural
from components.common.served_record import WARNINGS
from components.tasks.known_tasks import task_of
from pipeline_def.runs.result_sentence import result_sentence
from pipeline_def.runs.summary import DriftSummary, Summary
from pipeline_def.terminal.control_characters import escape_controls, unescaped
from pipeline_def.terminal.operating_point_table import operating_point_lines
from pipeline_def.terminal.verdict_tables import (
    Line,
    contribution_lines,
    gap_lines,
    metric_lines,
    seed_lines,
    served_lines,
    slice_lines,
    threshold_lines,
)

_WIDTH = 78
_STYLES = {
    "pushed": "bold green",
    "partial": "bold green",
    "not_blessed": "bold yellow",
    "data_refused": "bold red",
    "failed": "bold red",
}
_LABEL_WIDTH = 10
_UNBROKEN = "\0"  # textwrap breaks no line at it, and no command contains it
_MOVED = 5  # findings of drift that are listed


def render(summary: Summary) -> str:
    """Returns the summary as plain text; its lines have at most 80 columns, except paths and messages."""
    return styled(summary).plain


def show(summary: Summary, stream: TextIO) -> None:
    """Writes the summary to `stream`, in colour if that is a terminal."""
    if stream.isatty():
        stream.write("\n")  # below the display of the run
        Console(file=unescaped(stream)).print(styled(summary), soft_wrap=True)
    else:
        stream.write(render(summary) + "\n")
        stream.flush()


def styled(summary: Summary) -> Text:
    """Returns the summary with rich's styles; `.plain` is the text without them."""
    blocks = [
        list(_headline(summary)),
        list(metric_lines(summary)),
        list(served_lines(summary)),
        list(contribution_lines(summary)),
        list(seed_lines(summary)),
        list(gap_lines(summary)),
        list(slice_lines(summary.slices, task_of(summary.task).loss)),
        list(threshold_lines(summary)),
        list(operating_point_lines(summary)),
        list(_log_tail(summary)),
        list(_facts(summary)),
        list(_next_steps(summary)),
    ]
    text = Text()
    for number_of_block, block in enumerate(block for block in blocks if block):
        if number_of_block:
            text.append("\n\n")
        for number_of_line, (line, style) in enumerate(block):
            text.append("\n" if number_of_line else "").append(escape_controls(line), style=style)
    return text


def _headline(summary: Summary) -> Iterator[Line]:
    style = _STYLES[summary.status]
    first, *more = result_sentence(summary).splitlines() or [""]
    for line in textwrap.wrap(first, _WIDTH, break_long_words=False, break_on_hyphens=False):
        yield line, style
    yield from ((line, "") for line in more)
    if summary.served and summary.served.outcome not in WARNINGS:
        yield from (
            (line, "") for line in textwrap.wrap(summary.served.sentence, _WIDTH, break_long_words=False)
        )
    if summary.status == "failed" and summary.pushed_path:
        yield f"The model was pushed before that: version {summary.pushed_version} is being served.", "bold"
    elif summary.status != "pushed":
        yield "Nothing was published; any served model is unchanged.", ""


def _log_tail(summary: Summary) -> Iterator[Line]:
    if summary.log_tail:
        yield "The last lines of its log:", "bold"
        yield from (("  " + line.rstrip(), "dim") for line in summary.log_tail)


def _facts(summary: Summary) -> Iterator[Line]:
    if summary.tuned:
        tuned = summary.tuned
        trials = plural(tuned.trials, "combination")
        yield _fact("Chosen", f"{named_values(tuned.values)} (of {trials})", wrap=True), ""
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
    yield from _drift(summary.drift)
    for warning in summary.warnings:
        yield _fact("Warning", warning, wrap=True), "yellow"
    yield _fact("Run", f"{summary.run_id}{_steps_and_duration(summary)}"), ""
    if summary.logs:
        yield _fact("Logs", summary.logs), ""


def _drift(drift: DriftSummary | None) -> Iterator[Line]:
    if drift is None:
        return
    label = "Drift"
    if drift.mode == "off":
        yield _fact(label, "not compared (data.drift is off)"), ""
    for comparison in drift.comparisons:
        style = "yellow" if comparison.findings else ""
        yield _fact(label, summary_sentence(comparison.name, comparison.moved), wrap=True), style
        indent = " " * _LABEL_WIDTH
        for finding in comparison.findings[:_MOVED]:
            yield _wrapped(finding_sentence(finding), indent), style
        if len(comparison.findings) > _MOVED:
            yield f"{indent}and more: see the report", style
    for note in drift.notes:
        yield _fact(label, note, wrap=True), ""


def _next_steps(summary: Summary) -> Iterator[Line]:
    if summary.next_steps:
        yield "What you can do next:", "bold"
        yield from ((_with_whole_commands(step), "") for step in summary.next_steps)


def _with_whole_commands(step: str) -> str:
    """Returns a step in lines, without a line break within a command, which then can be copied."""
    parts = step.split("`")
    parts[1::2] = [command.replace(" ", _UNBROKEN) for command in parts[1::2]]
    return _wrapped("`".join(parts), "- ").replace(_UNBROKEN, " ")


def _steps_and_duration(summary: Summary) -> str:
    ran = [step for step in summary.steps if step.status != "skipped"]
    if not ran:
        return ""
    cached = sum(step.cached for step in ran)
    total = math.fsum(step.seconds for step in ran)
    cache = ", all from cache" if cached == len(ran) else f", {cached} from cache" if cached else ""
    return f": {plural(len(ran), 'step')} in {duration(total)}{cache}"


def _fact(label: str, text: str, *, wrap: bool = False) -> str:
    head = f"{label:<{_LABEL_WIDTH}}"
    return _wrapped(" ".join(text.split()), head) if wrap else head + text


def _wrapped(text: str, head: str) -> str:
    """Returns the text after `head`, its further lines indented by the width of `head`."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
