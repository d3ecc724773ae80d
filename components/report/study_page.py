"""The page of a study: what it found, the family side by side, its learning curves, and the paths."""

import math
import shlex
from collections.abc import Sequence

from components.common.formatting import count, html_difference, html_number, percent, plural
from components.report import data_section, lineage_section
from components.report.blocks import Block, Chart, ChartDots, ChartLine, Section, TableBlock, TextBlock
from components.report.html import render_page
from components.report.regularization_paths import path
from components.report.run_artifacts import RunArtifacts
from components.report.training_section import thinned
from components.study.study_record import Entry, Study

STUDY_FILE = "study.html"
HEADS = (
    "network", "training log loss", "validation log loss", "gap", "training AUC", "validation AUC",
    "validation accuracy", "weights at 0", "features kept", "L1 norm", "L2 norm", "epochs",
)  # fmt: skip
SPLITS = (
    "The networks learned from the split train and are compared on the split eval, which is the validation split "
    "here. The split test was not looked at: it decides in `regpipe run`."
)
GAP = "The gap is validation minus training log loss."


def render(study: Study) -> str:
    """The page as HTML; the same study gives the same page."""
    return render_page(f"{study.config.get('name') or 'regpipe'}: study {study.id}", sections(study))


def sections(study: Study) -> tuple[Section, ...]:
    """All sections, in the order of the page."""
    run = RunArtifacts(config=study.config, facts=study.facts, ingest=study.ingest)
    return (
        finding(study),
        family(study),
        learning_curves(study),
        *(path(study, penalty) for penalty in study.paths),
        Section("data", "Data", (TextBlock(SPLITS), *data_section.row_counts(run))),
        lineage_section.configuration(run),
        lineage_section.lineage(run),
    )


def finding(study: Study) -> Section:
    """Which network has the lowest validation log loss, and what became of the gap."""
    blocks: list[Block] = [
        TextBlock(sentence(study), "good" if study.best not in (None, study.none) else "plain")
    ]
    if study.best is not None:
        if study.best != study.none:
            ours, theirs = study.best.result.gap, study.none.result.gap
            blocks.append(
                TextBlock(
                    f"{GAP} It is {html_difference(ours)} for {study.best.name} and {html_difference(theirs)} without "
                    "regularization."
                )
            )
        blocks.append(
            TextBlock(
                f"It was chosen as the lowest of {study.trained + study.known} values on "
                f"{plural(study.ingest.rows.eval, 'row')}: it is a little too good, and small differences "
                "may be chance. The split test, which no study touches, decides in `regpipe run`."
            )
        )
        if study.settings:
            what = f"To train {study.best.name} in a run, give `regpipe run` the options of this study and "
            blocks.append(TextBlock(what + options(study)))
    blocks.append(TextBlock(_trained(study), "quiet"))
    return Section("finding", "What the study found", tuple(blocks))


def _trained(study: Study) -> str:
    if not study.trained:
        return f"All {plural(study.known, 'network')} are known from earlier studies."
    trained = plural(study.trained, "network was", "networks were")
    return f"{trained} trained for this study, {study.known} known from earlier ones."


def sentence(study: Study) -> str:
    """What the study found, in one."""
    best, none = study.best, study.none
    if best is None:
        return "No network has a validation log loss that is a number: every training diverged."
    number = html_number(best.result.validation.log_loss)
    if best == none:
        return f"No regularized network has a lower validation log loss than the one without, {number}."
    return (
        f"{best.name} has the lowest validation log loss of {study.trained + study.known} networks: {number}, against "
        f"{html_number(none.result.validation.log_loss)} without regularization."
    )


def options(study: Study) -> str:
    """What to add to a command line for the best network of the study; empty if it is the configured one."""
    return " ".join(f"--set {shlex.quote(setting)}" for setting in study.settings)


def family(study: Study) -> Section:
    """The regularizations side by side."""
    about = (
        "Each network is the configured one with one thing holding it back; 'none' has nothing, and 'all' is as "
        "configured. Only 'early stopping' and 'all' may stop early: elsewhere that would hide what a penalty does by "
        "itself. They take the epoch with the lowest validation loss, which flatters them a little here. L1 by "
        "gradient, as Keras does it, leaves weights near 0; the proximal step makes them exactly 0. Losses have no "
        "penalties in them and are those of the finished network on all rows, without dropout. "
        f"{GAP} Norms and zeros are of all weights but biases."
    )
    blocks: list[Block] = [TextBlock(about), *(TextBlock(note, "quiet") for note in study.notes)]
    blocks += [
        TextBlock(f"{entry.name}: {entry.result.failure}", "bad")
        for entry in study.entries
        if entry.result.failure
    ]
    blocks.append(table("The family on the splits train and validation", study.family, study.best))
    blocks.append(_losses(study.family))
    rows = tuple(
        (
            entry.name,
            _penalty(entry.model.l1),
            _penalty(entry.model.l2),
            _penalty(entry.model.dropout),
            f"{entry.training.weight_decay:g}",
            plural(entry.training.early_stopping, "epoch") if entry.training.early_stopping else "off",
            entry.training.optimizer,
        )
        for entry in study.family
    )
    heads = ("network", "l1", "l2", "dropout", "weight decay", "early stopping after", "optimizer")
    blocks.append(TableBlock("What each network was trained with", heads, rows, text_columns=(6,)))
    return Section("family", "The family", tuple(blocks))


def _penalty(value: float | tuple[float, ...]) -> str:
    return ", ".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"


def table(caption: str, entries: Sequence[Entry], best: Entry | None) -> TableBlock:
    """A row for each, with the best of the study pointed out."""
    rows = tuple(_row(entry) for entry in entries)
    good = tuple(number for number, entry in enumerate(entries) if best and entry.result == best.result)
    return TableBlock(caption, HEADS, rows, good_rows=good)


def _row(entry: Entry) -> tuple[str, ...]:
    found = entry.result
    return (
        entry.name,
        html_number(found.train.log_loss),
        html_number(found.validation.log_loss),
        html_difference(found.gap),
        html_number(found.train.auc),
        html_number(found.validation.auc),
        html_number(found.validation.accuracy),
        percent(found.zero),
        f"{found.kept} of {found.features}",
        html_number(found.l1_norm, 1),
        html_number(found.l2_norm, 2),
        count(found.epochs),
    )


def _losses(entries: Sequence[Entry]) -> Chart:
    widest = max(entries, key=lambda entry: -math.inf if math.isnan(entry.result.gap) else entry.result.gap)
    return Chart(
        "losses",
        "Training and validation log loss, and the gap between them",
        f"A line from the training to the validation log loss of each network: its length is the gap. The longest is "
        f"that of {widest.name}, {html_difference(widest.result.gap)}. The table above has the numbers.",
        "log loss in nats",
        "",
        dots=(
            ChartDots(
                "training", "training", tuple(entry.result.train.log_loss for entry in entries), hollow=True
            ),
            ChartDots(
                "validation", "validation", tuple(entry.result.validation.log_loss for entry in entries)
            ),
        ),
        levels=tuple(entry.name for entry in entries),
    )


def learning_curves(study: Study) -> Section:
    """Training and validation log loss by epoch, a chart for each of the family, all on the same axes."""
    drawn = [entry for entry in study.family if entry.result.epochs]
    if not drawn:
        return Section(
            "curves", "Learning curves", (TextBlock("No training got through an epoch.", "quiet"),)
        )
    values = [
        v for e in drawn for v in (*e.result.training_curve, *e.result.validation_curve) if math.isfinite(v)
    ]
    epochs = max(entry.result.epochs for entry in drawn)
    ranges = ((0.0, epochs + 1.0), (0.0, max(values, default=1.0) * 1.02))
    about = (
        "All charts have the same axes. The training log loss is a mean over the epoch, while the network trains, and "
        "with dropout where there is any: there it can lie above that of validation."
    )
    charts = (_curve(number, entry, ranges) for number, entry in enumerate(drawn))
    return Section("curves", "Learning curves", (TextBlock(about), *charts))


def _curve(number: int, entry: Entry, ranges: tuple[tuple[float, float], tuple[float, float]]) -> Chart:
    training, validation = entry.result.training_curve, entry.result.validation_curve
    lowest = min(validation)
    at = validation.index(lowest) + 1
    best = entry.best_epoch
    shown = thinned(range(1, len(validation) + 1))
    x, dots = tuple(shown), len(shown) == 1
    lines = (
        ChartLine("training", "training", x, tuple(training[epoch - 1] for epoch in x), dots=dots),
        ChartLine(
            "validation", "validation", x, tuple(validation[epoch - 1] for epoch in x), dash=True, dots=dots
        ),
    )
    return Chart(
        f"curve-{number}",
        entry.name,
        f"Training ends at {html_number(training[-1])}, validation at {html_number(validation[-1])}; its lowest is "
        f"{html_number(lowest)}, in epoch {at}{', whose weights were kept' if best else ''}.",
        "epoch",
        "log loss in nats",
        lines=lines,
        mark=None if best is None else (float(best), f"epoch {best}"),
        small=True,
        x_range=ranges[0],
        y_range=ranges[1],
    )
