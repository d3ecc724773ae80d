"""Renders the page of all runs under a root: how the last one ended, what is published, trends, and a table."""

import functools
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from components.common.formatting import (
    count,
    date_text,
    html_number,
    html_significant,
    metric_label,
    percent,
    plural,
)
from components.common.index_record import (
    IndexedMetric,
    IndexedRun,
    IndexRecord,
    ManualPublication,
    Publication,
)
from components.report.blocks import (
    Block,
    Cell,
    Chart,
    ChartLine,
    Link,
    Section,
    Series,
    TableBlock,
    TextBlock,
    Tone,
)
from components.report.html import render_page
from components.tasks.known_tasks import MAIN_METRICS, METRICS, TASKS

INDEX_PAGE = "index.html"
MAX_RUNS = 1_000  # only the newest are shown, to limit the size of the page
MAX_EXPANDED_RUNS = 10  # the older ones are in a collapsed table
_MAX_DOTS = 100  # a line through more points has no dots and no intervals, which would cover each other
_DECLINED = " The model served before did worse than when it was published."
_BAD = ("failed", "data_refused", "unfinished")
_MODELS: tuple[Series, ...] = ("candidate", "baseline", "served")


def render(index: IndexRecord, root: str) -> str:
    """Returns the page as HTML; its links are relative to the root, so that a copy of the root works.

    Args:
        index: all runs.
        root: the folder of the runs, or its gs:// address, to show it.
    """
    label = next((run.label for run in index.runs if run.label is not None), None)
    title = "All runs" if label is None else f"All runs, label {label!r}"
    shown = f", the newest {MAX_RUNS:,} of them are shown" if len(index.runs) > MAX_RUNS else ""
    subtitle = f"{plural(len(index.runs), 'run')} under {root}{shown}"
    return render_page(title, tuple(_sections(index)), subtitle)


def _sections(index: IndexRecord) -> Iterator[Section]:
    yield Section("now", "Now", tuple(_now(index)))
    # A run has the same number in the charts and in the table: 1 is the oldest.
    numbered = tuple(zip(range(len(index.runs), 0, -1), index.runs, strict=True))[:MAX_RUNS]
    charts = tuple(_charts(numbered, index.publication))
    if charts:
        yield Section("trends", "Trends", charts)
    if numbered:
        yield Section("runs", "Runs", tuple(_tables(numbered, index.publication)))
    if index.by_hand:
        yield Section("by-hand", "Published by hand", tuple(_by_hand(index.by_hand, numbered)))


def _now(index: IndexRecord) -> Iterator[Block]:
    if not index.runs:
        yield TextBlock("There is no run yet.", "quiet")
    else:
        last = index.runs[0]
        tones: dict[str, Tone] = {"pushed": "good", "partial": "plain"}
        yield TextBlock(
            f"The last run, {date_text(last.started)}: {last.sentence}", tones.get(last.status, "bad")
        )
        if last.drift:
            moved = plural(last.drift, "column of its table has", "columns of its table have")
            yield TextBlock(f"{moved} moved: see its report.", "bad")
        if last.served_declined:
            yield TextBlock(
                "The model that was served before did clearly worse on its rows than when it was published: the "
                "label depends on the features in another way now, or the new rows are wrong. See its report.",
                "bad",
            )
    yield TextBlock(_published(index.publication, index.runs))


def _published(publication: Publication | None, runs: Sequence[IndexedRun]) -> str:
    if publication is None:
        return "No version is published."
    when = f" on {date_text(publication.published)}" if publication.published else ""
    run = next((run for run in runs if run.run_id == publication.run), None)
    of = f", of the run of {date_text(run.started)}" if run else ""
    text = (
        f"Version {publication.version} is published{of}; it was published{when}."
        if when
        else (f"Version {publication.version} is published{of}.")
    )
    if publication.by is None:
        return text
    because = f": {publication.reason}" if publication.reason else ""
    if publication.rolled_back_from is None:
        return f"{text} {publication.by} published it by hand{because}."
    return f"{text} {publication.by} rolled back from version {publication.rolled_back_from}{because}."


Numbered = Sequence[tuple[int, IndexedRun]]


def _by_hand(publications: Sequence[ManualPublication], runs: Numbered) -> Iterator[Block]:
    numbers = {run.run_id: number for number, run in runs}
    rows = tuple(
        (date_text(item.at), item.by, _what(item, numbers.get(item.run or "")), item.reason)
        for item in publications
    )
    tables = ((rows[:MAX_EXPANDED_RUNS], ""), (rows[MAX_EXPANDED_RUNS:], "Older"))
    for part, older in tables:
        if part:
            summary = f"{older}: {count(len(part))}" if older else ""
            headers = ("when", "who", "what", "why")
            yield TableBlock(older or "Newest first", headers, part, summary=summary, text_columns=(1, 2, 3))


def _what(item: ManualPublication, number: int | None) -> str:
    of = "" if number is None else f" of run {number}"
    if item.rolled_back_from is None:
        return f"published version {item.version}{of}, which was not blessed"
    again = f"version {item.rolled_back_to}" if item.rolled_back_to else "an older version"
    return f"rolled back from version {item.rolled_back_from} to {again}{of}, as version {item.version}"


def _charts(runs: Numbered, publication: Publication | None) -> Iterator[Chart]:
    mark = next(
        ((float(number), "published now") for number, run in runs if _is_published(run, publication)), None
    )
    for name in MAIN_METRICS:
        lines = tuple(_metric_lines(runs, name))
        if lines:
            yield _chart(
                f"trend-{name.replace('_', '-')}", f"{metric_label(name)}{METRICS[name].in_unit}", lines, mark
            )
    for name, label, value in _OTHER_TRENDS:
        line = _line("all rows" if name == "rows" else label, "candidate", runs, value)
        if line is not None:
            yield _chart(f"trend-{name}", label, (line,), mark)


def _share_in_percent(run: IndexedRun) -> float | None:
    return None if run.label_rate is None else 100 * run.label_rate


_OTHER_TRENDS: tuple[tuple[str, str, Callable[[IndexedRun], float | None]], ...] = (
    ("rows", "rows", lambda run: run.rows),
    ("label-rate", "positive labels in percent", _share_in_percent),
    ("drift", "columns that have moved", lambda run: run.drift),
)


def _metric_lines(runs: Numbered, name: str) -> Iterator[ChartLine]:
    def metric(run: IndexedRun) -> IndexedMetric:
        found: IndexedMetric | None = getattr(run, name)
        return found or IndexedMetric()

    def value(model: Series, run: IndexedRun) -> float | None:
        found: float | None = getattr(metric(run), model)
        return found

    for model in _MODELS:
        line = _line(model, model, runs, functools.partial(value, model), metric)
        if line is not None:
            yield line


def _line(
    name: str,
    series: Series,
    runs: Numbered,
    value: Callable[[IndexedRun], float | None],
    metric: Callable[[IndexedRun], IndexedMetric] | None = None,
) -> ChartLine | None:
    """Returns the line through the values of the runs that have one, the oldest first; None without any."""
    points = [(number, run, found) for number, run in reversed(runs) if (found := value(run)) is not None]
    if not points:
        return None
    few = len(points) <= _MAX_DOTS
    intervals = [
        metric(run).interval if metric and few and series == "candidate" else None for _, run, _ in points
    ]
    has_intervals = any(intervals)
    return ChartLine(
        name,
        series,
        tuple(float(number) for number, _, _ in points),
        tuple(float(found) for _, _, found in points),
        dash=series == "baseline",
        dots=few,
        low=tuple(found[0] if found else None for found in intervals) if has_intervals else (),
        high=tuple(found[1] if found else None for found in intervals) if has_intervals else (),
    )


def _chart(name: str, label: str, lines: tuple[ChartLine, ...], mark: tuple[float, str] | None) -> Chart:
    texts = (f"{line.name}, last: {html_significant(line.y[-1], 4)}" for line in lines)
    title = f"{label[:1].upper()}{label[1:]} by run"
    return Chart(name, title, f"{'; '.join(texts)}.", "run", label, lines=lines, mark=mark, half=True)


def _is_published(run: IndexedRun, publication: Publication | None) -> bool:
    if publication is None:
        return False
    return run.run_id == publication.run if publication.run else run.version == publication.version


def _tables(runs: Numbered, publication: Publication | None) -> Iterator[Block]:
    newest, older = runs[:MAX_EXPANDED_RUNS], runs[MAX_EXPANDED_RUNS:]
    yield _table("Newest first", newest, publication)
    if older:
        yield _table("Older runs", older, publication, summary=f"Older runs: {count(len(older))}")


def _table(caption: str, runs: Numbered, publication: Publication | None, summary: str = "") -> TableBlock:
    columns: list[tuple[str, list[Cell]]] = [
        ("run", [_name(number, run) for number, run in runs]),
        ("result", [f"{run.sentence}{_DECLINED if run.served_declined else ''}" for _, run in runs]),
        ("version", [_version(run, publication) for _, run in runs]),
        *_metric_columns(runs),
        ("rows", ["" if run.rows is None else count(run.rows) for _, run in runs]),
        ("positive", ["" if run.label_rate is None else percent(run.label_rate) for _, run in runs]),
        ("moved columns", ["" if run.drift is None else count(run.drift) for _, run in runs]),
    ]
    # A column without any value, such as that of the served model before there was one, is left out.
    filled = [(header, cells) for header, cells in columns if any(cells)]
    return TableBlock(
        caption,
        tuple(header for header, _ in filled),
        tuple(zip(*(cells for _, cells in filled), strict=True)),
        summary=summary,
        text_columns=(1, 2) if any(header == "version" for header, _ in filled) else (1,),
        bad_rows=tuple(row for row, (_, run) in enumerate(runs) if run.status in _BAD),
        good_rows=tuple(row for row, (_, run) in enumerate(runs) if _is_published(run, publication)),
    )


def _metric_columns(runs: Numbered) -> Iterator[tuple[str, list[Cell]]]:
    for task in TASKS:
        yield metric_label(task.loss), [_value(run, task.loss, "candidate") for _, run in runs]
        yield "baseline's", [_value(run, task.loss, "baseline") for _, run in runs]
        yield "served model's", [_value(run, task.loss, "served") for _, run in runs]
        yield metric_label(task.score), [_value(run, task.score, "candidate") for _, run in runs]


def _value(run: IndexedRun, metric: str, model: Series) -> str:
    found: IndexedMetric | None = getattr(run, metric)
    value: float | None = getattr(found, model) if found else None
    return "" if value is None else html_number(value)


def _name(number: int, run: IndexedRun) -> Cell:
    text = f"{number}: {date_text(run.started)}"
    return Link(text, quote(run.report)) if run.report else text


def _version(run: IndexedRun, publication: Publication | None) -> str:
    notes = []
    if run.version is not None:
        notes.append(str(run.version))
    if run.blessed_by:
        notes.append(f"blessed by {run.blessed_by}")
    if _is_published(run, publication):
        as_version = (
            "" if publication is None or publication.version == run.version else f" as {publication.version}"
        )
        notes.append(f"published now{as_version}")
    elif publication is not None and run.version is not None and run.version == publication.rolled_back_from:
        notes.append("rolled back from")
    return ", ".join(notes)
