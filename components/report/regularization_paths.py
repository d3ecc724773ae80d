"""A section of the study for each penalty: what happens as it grows, beside the network without regularization."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

from components.common.formatting import (
    capitalize_first,
    html_difference,
    html_number,
    html_significant,
    percent,
)
from components.report.blocks import Block, Chart, ChartLine, Section, Series, TableBlock, TextBlock
from components.study.study_record import Entry, Study

TITLES = {
    "l1": "L1, from weak to strong",
    "l2": "L2, from weak to strong",
    "dropout": "Dropout, from little to much",
}
HEADS = (
    "strength", "training log loss", "validation log loss", "gap", "validation AUC", "weights at 0",
    "features kept", "L1 norm", "L2 norm",
)  # fmt: skip
MOST_NAMES = 50
Measure = Callable[[Entry], float]


def path(study: Study, penalty: str) -> Section:
    """Losses, AUC, zeros and norm by the strength of one penalty."""
    entries = [entry for entry in study.paths[penalty] if entry.strength is not None]
    blocks: list[Block] = [TextBlock(_about(study.none, entries))]
    blocks += list(_charts(study, penalty, entries))
    rows = tuple(_row(name, entry) for name, entry in (("0", study.none), *((_typed(e), e) for e in entries)))
    good = tuple(
        number for number, entry in enumerate(entries, 1) if study.best and entry.result == study.best.result
    )
    caption = f"By the strength of {penalty}; 0 is the network without regularization"
    blocks.append(TableBlock(caption, HEADS, rows, good_rows=good))
    dropped = tuple((_typed(e), _names(e.result.dropped)) for e in entries if e.result.dropped)
    if dropped:
        caption = "The features that the network does not look at"
        fold = f"{caption}, by strength"
        blocks.append(TableBlock(caption, (penalty, "dropped"), dropped, summary=fold, text_columns=(1,)))
    return Section(f"path-{penalty}", TITLES[penalty], tuple(blocks))


def _typed(entry: Entry) -> str:
    return f"{entry.strength:g}"


def _row(strength: str, entry: Entry) -> tuple[str, ...]:
    found = entry.result
    return (
        strength,
        html_number(found.train.log_loss),
        html_number(found.validation.log_loss),
        html_difference(found.gap),
        html_number(found.validation.auc),
        percent(found.zero),
        f"{found.kept} of {found.features}",
        html_number(found.l1_norm, 1),
        html_number(found.l2_norm, 2),
    )


def _names(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _about(none: Entry, entries: Sequence[Entry]) -> str:
    scored = [entry for entry in entries if not math.isnan(entry.result.validation.log_loss)]
    if not scored:
        return "Every training diverged."
    best = min(scored, key=lambda entry: entry.result.validation.log_loss)
    ours, theirs = best.result, none.result
    better = "below" if ours.validation.log_loss < theirs.validation.log_loss else "not below"
    zeros = f", {percent(ours.zero)} of its weights exactly 0" if ours.zero else ""
    return (
        f"Alone, it is best at {_typed(best)}: validation log loss {html_number(ours.validation.log_loss)}, {better} "
        f"the {html_number(theirs.validation.log_loss)} without regularization; gap {html_difference(ours.gap)} "
        f"instead of {html_difference(theirs.gap)}{zeros}."
    )


def _charts(study: Study, penalty: str, entries: Sequence[Entry]) -> Iterator[Chart]:
    strengths = tuple(entry.strength for entry in entries)
    none = study.none.result

    def line(name: str, series: Series, measure: Measure, *, dash: bool = False) -> ChartLine:
        return ChartLine(name, series, strengths, tuple(map(measure, entries)), dash=dash, dots=True)

    def level(name: str, value: float) -> ChartLine:
        return ChartLine(name, "reference", (strengths[0], strengths[-1]), (value, value), dash=True)

    def chart(kind: str, title: str, label: str, *lines: ChartLine) -> Chart:
        return Chart(
            f"{penalty}-{kind}", title, _ends(penalty, lines), penalty, label, lines=lines, small=kind != "loss",
            log_x=penalty != "dropout",
        )  # fmt: skip

    losses = chart(
        "loss",
        f"Log loss by the strength of {penalty}",
        "log loss in nats",
        line("training", "training", lambda entry: entry.result.train.log_loss),
        line("validation", "validation", lambda entry: entry.result.validation.log_loss, dash=True),
        level("validation of none", none.validation.log_loss),
    )
    yield dataclasses.replace(losses, mark=_configured(study, penalty))
    yield chart(
        "auc",
        "AUC",
        "AUC",
        line("training", "training", lambda entry: entry.result.train.auc),
        line("validation", "validation", lambda entry: entry.result.validation.auc, dash=True),
        level("none", none.validation.auc),
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
        level("none", none.l2_norm),
    )


def _ends(penalty: str, lines: Sequence[ChartLine]) -> str:
    parts = "; ".join(
        f"{line.name}: from {html_number(line.y[0])} at {html_significant(line.x[0])} "
        f"to {html_number(line.y[-1])} at {html_significant(line.x[-1])}"
        for line in lines
        if line.series != "reference"
    )
    return f"By the strength of {penalty}. {capitalize_first(parts)}."


def _configured(study: Study, penalty: str) -> tuple[float, str] | None:
    """The strength in the configuration, where it is one number and on the path's axis."""
    value = study.config["model"][penalty]
    on_axis = [entry.strength for entry in study.paths[penalty] if entry.strength is not None]
    if isinstance(value, float) and min(on_axis) <= value <= max(on_axis):
        return value, f"configured, {value:g}"
    return None
