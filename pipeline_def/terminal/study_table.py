"""A study on the terminal: what it found in a sentence, and a row for each network."""

import textwrap
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.text import Text

from components.common.formatting import difference, number, percent
from components.report.regularization_paths import TITLES
from components.report.study_page import best_network_options, result_sentence
from components.study.study_record import Entry, Study
from pipeline_def.local.study_runner import Studied

_WIDTH = 98
_NAME = 17
Line = tuple[str, str]  # text and rich style


def show(studied: Studied, stream: TextIO) -> None:
    """Writes the table to `stream`, in colour if that is a terminal."""
    lines = list(_lines(studied))
    if stream.isatty():
        text = Text("\n").join(Text(line, style) for line, style in lines)
        stream.write("\n")  # below the display
        Console(file=stream).print(text, soft_wrap=True)
    else:
        stream.write("\n".join(line for line, _ in lines) + "\n")
        stream.flush()


def _lines(studied: Studied) -> Iterator[Line]:
    study = studied.study
    for line in textwrap.wrap(result_sentence(study), _WIDTH, break_on_hyphens=False):
        yield line, "bold green"
    yield "", ""
    yield _heads(), "bold"
    yield from _rows(study.family, study)
    for penalty, entries in study.paths.items():
        yield "", ""
        yield TITLES[penalty], "bold"
        yield from _rows(entries, study)
    yield "", ""
    for note in study.notes:
        yield from _wrapped("Note", note, "yellow")
    rows = study.ingest.rows
    seen = f"{rows.train:,} rows of train and {rows.eval:,} of eval; test was not looked at"
    yield f"Rows      {seen}", ""
    if study.settings:
        yield from _wrapped("Best", best_network_options(study), "")
    yield f"Page      {studied.page}", ""


def _wrapped(label: str, words: str, style: str) -> Iterator[Line]:
    lines = textwrap.wrap(
        f"{label:<10}{words}",
        _WIDTH,
        subsequent_indent=" " * 10,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return ((line, style) for line in lines)


def _heads() -> str:
    columns = (
        f"{'train':>9}{'eval':>9}{'gap':>9}{'AUC':>9}{'zeros':>8}{'features':>11}{'L2 norm':>9}{'epochs':>8}"
    )
    return f"{'log loss on':<{_NAME}}{columns}"


def _rows(entries: tuple[Entry, ...], study: Study) -> Iterator[Line]:
    for entry in entries:
        best = study.best is not None and entry.result == study.best.result
        yield _row(entry), "bold green" if best else "red" if entry.result.failure else ""


def _row(entry: Entry) -> str:
    found = entry.result
    if found.failure:
        return f"{entry.name:<{_NAME}}  diverged: {found.failure}"
    features = f"{found.kept}/{found.features}"
    return (
        f"{entry.name:<{_NAME}}{number(found.train.log_loss):>9}{number(found.validation.log_loss):>9}"
        f"{difference(found.gap):>9}{number(found.validation.auc):>9}{percent(found.zero):>8}{features:>11}"
        f"{number(found.l2_norm, 2):>9}{found.epochs:>8}"
    )
