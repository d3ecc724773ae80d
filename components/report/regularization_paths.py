"""Creates the sections with the regularization paths of a study: losses, zeros and norms by strength."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

from components.common.formatting import (
    capitalize_first,
    first_of,
    html_difference,
    html_number,
    html_significant,
    metric_label,
    percent,
)
from components.config.regularization import STUDY_PATHS
from components.report.blocks import Block, Chart, ChartLine, Section, Series, TableBlock, TextBlock
from components.study.study_record import StudyEntry, StudyRecord

MAX_NAMES = 50  # of dropped features, in a cell
Measure = Callable[[StudyEntry], float]


def path_title(name: str) -> str:
    """Returns the title of the path of a regularization: "L1, from weak to strong"."""
    return f"{capitalize_first(STUDY_PATHS[name].label)}, from weak to strong"


def penalty_path(study: StudyRecord, penalty: str) -> Section:
    """Returns the section with the losses, scores, zeros and norm by the strength of one regularization."""
    entries = [entry for entry in study.paths[penalty] if entry.strength is not None]
    blocks: list[Block] = [TextBlock(_best_strength(penalty, study, entries))]
    blocks += list(_charts(study, penalty, entries))
    rows = tuple(
        _row(name, entry) for name, entry in (("0", study.none), *((_strength(e), e) for e in entries))
    )
    best_rows = tuple(
        number for number, entry in enumerate(entries, 1) if study.best and entry.result == study.best.result
    )
    caption = f"By the strength of {penalty}; 0 is the network without regularization"
    loss, score = metric_label(study.metrics.loss), metric_label(study.metrics.score)
    headers = (
        "strength", f"training {loss}", f"validation {loss}", "gap", f"validation {score}", "weights at 0",
        "features kept", "L1 norm", "L2 norm",
    )  # fmt: skip
    blocks.append(TableBlock(caption, headers, rows, good_rows=best_rows))
    dropped = tuple(
        (_strength(e), first_of(e.result.dropped, MAX_NAMES)) for e in entries if e.result.dropped
    )
    if dropped:
        caption = "Dropped features: all their weights in the first layer are 0"
        summary = "Dropped features, by strength"
        blocks.append(TableBlock(caption, (penalty, "dropped"), dropped, summary=summary, text_columns=(1,)))
    return Section(f"path-{penalty}", path_title(penalty), tuple(blocks))


def _logarithmic(name: str) -> bool:
    strengths = STUDY_PATHS[name].study_range
    return strengths is not None and strengths.logarithmic


def _strength(entry: StudyEntry) -> str:
    return f"{entry.strength:g}"


def _row(strength: str, entry: StudyEntry) -> tuple[str, ...]:
    found = entry.result
    return (
        strength,
        html_number(found.train.loss),
        html_number(found.validation.loss),
        html_difference(found.gap),
        html_number(found.validation.score),
        percent(found.zero),
        f"{found.kept} of {found.features}",
        html_number(found.l1_norm, 1),
        html_number(found.l2_norm, 2),
    )


def _best_strength(penalty: str, study: StudyRecord, entries: Sequence[StudyEntry]) -> str:
    scored = [entry for entry in entries if not math.isnan(entry.result.validation.loss)]
    if not scored:
        return "Every training diverged."
    best = min(scored, key=lambda entry: entry.result.validation.loss)
    regularized, plain = best.result, study.none.result
    relation = "below" if regularized.validation.loss < plain.validation.loss else "not below"
    zeros = f" {percent(regularized.zero)} of its weights are exactly 0." if regularized.zero else ""
    return (
        f"Used alone, {penalty} gives the lowest validation {metric_label(study.metrics.loss)} at {_strength(best)}: "
        f"{html_number(regularized.validation.loss)}, {relation} the {html_number(plain.validation.loss)} "
        f"without regularization. The gap is {html_difference(regularized.gap)} instead "
        f"of {html_difference(plain.gap)}.{zeros}"
    )


def _charts(study: StudyRecord, penalty: str, entries: Sequence[StudyEntry]) -> Iterator[Chart]:
    strengths = tuple(entry.strength for entry in entries)
    none = study.none.result
    loss, score = metric_label(study.metrics.loss), metric_label(study.metrics.score)

    def line(name: str, series: Series, measure: Measure, *, dash: bool = False) -> ChartLine:
        return ChartLine(name, series, strengths, tuple(map(measure, entries)), dash=dash, dots=True)

    def level(name: str, value: float) -> ChartLine:
        return ChartLine(name, "reference", (strengths[0], strengths[-1]), (value, value), dash=True)

    def chart(kind: str, title: str, label: str, *lines: ChartLine) -> Chart:
        return Chart(
            f"{penalty}-{kind}", title, _description(penalty, lines), penalty, label, lines=lines, small=kind != "loss",
            log_x=_logarithmic(penalty),
        )  # fmt: skip

    losses = chart(
        "loss",
        f"{capitalize_first(loss)} by the strength of {penalty}",
        f"{loss} {study.metrics.unit}",
        line("training", "training", lambda entry: entry.result.train.loss),
        line("validation", "validation", lambda entry: entry.result.validation.loss, dash=True),
        level("validation without regularization", none.validation.loss),
    )
    yield dataclasses.replace(losses, mark=_configured(study, penalty))
    yield chart(
        "score",
        capitalize_first(score),
        score,
        line("training", "training", lambda entry: entry.result.train.score),
        line("validation", "validation", lambda entry: entry.result.validation.score, dash=True),
        level("no regularization", none.validation.score),
    )
    if any(entry.result.zero > 0 for entry in entries):
        yield chart(
            "zeros",
            "Zeros",
            "share",
            line("weights exactly 0", "candidate", lambda entry: entry.result.zero),
            line(
                "features dropped",
                "baseline",
                lambda entry: len(entry.result.dropped) / entry.result.features,
                dash=True,
            ),
        )
    yield chart(
        "norm",
        "Norm of the weights",
        "L2 norm",
        line("L2 norm", "candidate", lambda entry: entry.result.l2_norm),
        level("no regularization", none.l2_norm),
    )


def _description(penalty: str, lines: Sequence[ChartLine]) -> str:
    ends = "; ".join(
        f"{line.name}: from {html_number(line.y[0])} at {html_significant(line.x[0])} "
        f"to {html_number(line.y[-1])} at {html_significant(line.x[-1])}"
        for line in lines
        if line.series != "reference"
    )
    return f"By the strength of {penalty}. {capitalize_first(ends)}."


def _configured(study: StudyRecord, penalty: str) -> tuple[float, str] | None:
    """Returns the configured strength with its label, if it is a single number within the range of the path."""
    value = study.config["model"][penalty]
    on_axis = [entry.strength for entry in study.paths[penalty] if entry.strength is not None]
    if isinstance(value, float) and min(on_axis) <= value <= max(on_axis):
        return value, f"configured: {value:g}"
    return None
