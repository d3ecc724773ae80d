"""Creates the section on what changed since the last run with a verdict: data, configuration, code and metrics."""

from collections.abc import Iterator, Mapping

from components.common.drift_text import summary_sentence
from components.common.formatting import (
    capitalize_first,
    count,
    date_text,
    first_of,
    html_difference,
    html_number,
    metric_label,
    percent,
    plural,
)
from components.common.ingest_record import IngestRecord
from components.common.verdict_record import Verdict
from components.common.verdict_text import first_reasons
from components.report.blocks import Block, Section, TableBlock, TextBlock
from components.report.lineage_section import changed_keys
from components.report.run_artifacts import PreviousRun, RunArtifacts
from components.tasks.known_tasks import task_of

_SHORT = 12  # digits of a digest
_MAX_NAMES = 20  # of columns in a sentence or a cell
_HEADERS = ("", "last run", "this run")


def changes(run: RunArtifacts) -> Section:
    """Returns the section; without an earlier run it has one sentence, and the columns that have moved."""
    title, previous = "What changed since the last run", run.previous
    if previous is None:
        text = "There is no earlier run with a verdict under this root."
        return Section("changes", title, (TextBlock(text, "quiet"), *_moved(run)))
    blocks = [
        TextBlock(_which(previous)),
        *_moved(run),
        *_data(previous.ingest, run.ingest),
        *_configuration(previous, run),
        *_metrics(previous.verdict, run.verdict, same_data=_same_data(previous.ingest, run.ingest)),
    ]
    return Section("changes", title, tuple(blocks))


def _moved(run: RunArtifacts) -> Iterator[TextBlock]:
    """Yields a sentence for each earlier table since which columns have moved."""
    for comparison in run.drift.comparisons if run.drift else ():
        if comparison.moved:
            sentence = capitalize_first(summary_sentence(comparison.name, len(comparison.moved)))
            yield TextBlock(f"{sentence}: {first_of(sorted(comparison.moved), _MAX_NAMES)}.", "bad")


def _which(previous: PreviousRun) -> str:
    when = f" of {date_text(previous.started)}" if previous.started else ""
    outcome = "its verdict can't be read any more"
    if previous.verdict is not None:
        outcome = "it was blessed"
        if not previous.verdict.blessed:
            outcome = f"it was not blessed: {first_reasons(previous.verdict.reasons)}"
    return f"The last run with a verdict under this root is {previous.run_id}{when}; {outcome}."


def _same_data(before: IngestRecord | None, now: IngestRecord | None) -> bool:
    return before is not None and now is not None and before.digest == now.digest


def _data(before: IngestRecord | None, now: IngestRecord | None) -> Iterator[Block]:
    if before is None or now is None:
        yield TextBlock("Data: the record of one of the runs is missing.", "quiet")
        return
    lines = {
        "bytes of the files (digest)": (before.digest[:_SHORT], now.digest[:_SHORT]),
        "span": (_span(before), _span(now)),
        "rows": (count(before.rows.accepted), count(now.rows.accepted)),
        "rows set aside": (count(before.rows.rejected), count(now.rows.rejected)),
        "label": (before.label, now.label),
        "share of positive labels": (_label_rate(before), _label_rate(now)),
        "classes": (_class_shares(before), _class_shares(now)),
        "features": (count(len(before.features)), count(len(now.features))),
        "features that only one of them has": (
            _only(before.features, now.features),
            _only(now.features, before.features),
        ),
    }
    rows = tuple((name, *values) for name, values in lines.items() if values[0] != values[1])
    if rows:
        yield TableBlock("Data", _HEADERS, rows, text_columns=(1, 2))
    else:
        yield TextBlock(f"Data: the same {plural(now.rows.accepted, 'row')}.")


def _span(ingest: IngestRecord) -> str:
    return "none" if ingest.span is None else str(ingest.span)


def _label_rate(ingest: IngestRecord) -> str:
    return percent(ingest.label_rate, 2)


def _class_shares(ingest: IngestRecord) -> str:
    """Returns the most frequent classes with their shares, if there are more than two classes."""
    if ingest.class_rows is None:
        return "none"
    totals = [sum(counts) for counts in zip(*ingest.class_rows.values(), strict=True)]
    order = sorted(range(len(totals)), key=lambda place: -totals[place])
    shares = [f"{ingest.classes[place]} {percent(totals[place] / max(1, sum(totals)))}" for place in order]
    return first_of(shares, _MAX_NAMES)


def _only(names: tuple[str, ...], others: tuple[str, ...]) -> str:
    return first_of([name for name in names if name not in set(others)], _MAX_NAMES) or "none"


def _configuration(previous: PreviousRun, run: RunArtifacts) -> Iterator[Block]:
    if previous.config is None:
        yield TextBlock("Configuration: that of the last run is unknown.", "quiet")
    elif rows := tuple(changed_keys(previous.config, run.config)):
        yield TableBlock("Configuration", ("key", *_HEADERS[1:]), rows, text_columns=(1, 2))
    else:
        yield TextBlock("Configuration: the same.")
    libraries = tuple(_different(previous.versions, run.facts.get("versions", {})))
    if libraries:
        yield TableBlock("Libraries", ("library", *_HEADERS[1:]), libraries, text_columns=(1, 2))
    code = [name for name, *_ in _different(previous.code, run.facts.get("code", {}))]
    if code:
        yield TextBlock(f"Code: that of {', '.join(code)} is not the same.")


def _different(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yields the names that both have with different values."""
    for name in sorted({*before} & {*now}):
        if before[name] != now[name]:
            yield name, before[name], now[name]


def _metrics(before: Verdict | None, now: Verdict | None, *, same_data: bool) -> Iterator[Block]:
    if before is None or now is None:
        return
    task = task_of(now.task)
    rows = tuple(
        (
            metric_label(name),
            html_number(old),
            html_number(new),
            html_difference(None if old is None or new is None else new - old),
        )
        for name in (task.loss, *(other for other in task.interval_metrics if other != task.loss))
        if name in before.metrics and name in now.metrics
        for old, new in [(before.metrics[name].candidate, now.metrics[name].candidate)]
    )
    caption = "Metrics of the candidate on the test split" + (
        "" if same_data else "; the test rows are not the same"
    )
    yield TableBlock(caption, ("metric", *_HEADERS[1:], "difference"), rows)
