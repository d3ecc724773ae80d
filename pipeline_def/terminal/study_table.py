"""Prints a study on the terminal: a sentence with its result, and a table with a row for each network."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text

from components.common.formatting import difference, metric_label, number, percent
from components.report.regularization_paths import path_title
from components.report.study_page import best_network_options, result_sentence
from components.study.study_record import StudyEntry, StudyMetrics, StudyRecord
from pipeline_def.terminal.control_characters import escape_controls, unescaped

_WIDTH = 98
_NAME_WIDTH = 17
Line = tuple[str, str]  # text and rich style


def show(study: StudyRecord, page: Path, stream: TextIO) -> None:
    """Writes the table to `stream`, in colour if `stream` is a terminal."""
    lines = list(_lines(study, page))
    if stream.isatty():
        text = Text("\n").join(Text(escape_controls(line), style) for line, style in lines)
        stream.write("\n")  # separates it from the progress display above
        Console(file=unescaped(stream)).print(text, soft_wrap=True)
    else:
        stream.write("\n".join(line for line, _ in lines) + "\n")
        stream.flush()


def _lines(study: StudyRecord, page: Path) -> Iterator[Line]:
    for line in textwrap.wrap(result_sentence(study), _WIDTH, break_on_hyphens=False):
        yield line, "bold green"
    yield "", ""
    yield _header_line(study.metrics), "bold"
    yield from _rows(study.family, study)
    for penalty, entries in study.paths.items():
        yield "", ""
        yield path_title(penalty), "bold"
        yield from _rows(entries, study)
    yield "", ""
    for note in study.notes:
        yield from _wrapped("Note", note, "yellow")
    rows = study.ingest.rows
    yield f"Rows      {rows.train:,} train, {rows.eval:,} eval; the test split was not read", ""
    if study.settings:
        yield from _wrapped("Best", best_network_options(study), "")
    yield f"Page      {page}", ""


def _wrapped(label: str, text: str, style: str) -> Iterator[Line]:
    lines = textwrap.wrap(
        f"{label:<10}{text}",
        _WIDTH,
        subsequent_indent=" " * 10,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return ((line, style) for line in lines)


def _header_line(metrics: StudyMetrics) -> str:
    columns = (
        f"{'train':>9}{'eval':>9}{'gap':>9}{metric_label(metrics.score):>11}{'zeros':>8}{'features':>11}"
        f"{'L2 norm':>9}{'epochs':>8}"
    )
    return f"{metric_label(metrics.loss) + ' on':<{_NAME_WIDTH}}{columns}"


def _rows(entries: tuple[StudyEntry, ...], study: StudyRecord) -> Iterator[Line]:
    for entry in entries:
        best = study.best is not None and entry.result == study.best.result
        yield _row(entry), "bold green" if best else "red" if entry.result.failure else ""


def _row(entry: StudyEntry) -> str:
    result = entry.result
    if result.failure:
        return f"{entry.name:<{_NAME_WIDTH}}  diverged: {result.failure}"
    features = f"{result.kept}/{result.features}"
    return (
        f"{entry.name:<{_NAME_WIDTH}}{number(result.train.loss):>9}{number(result.validation.loss):>9}"
        f"{difference(result.gap):>9}{number(result.validation.score):>11}{percent(result.zero):>8}{features:>11}"
        f"{number(result.l2_norm, 2):>9}{result.epochs:>8}"
    )
