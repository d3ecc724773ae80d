"""Renders the HTML report of a study: its result, the networks, their learning curves and regularization paths."""

import math
import shlex

from components.common.formatting import (
    capitalize_first,
    count,
    html_difference,
    html_number,
    metric_label,
    percent,
    plural,
)
from components.config.regularization import EARLY_STOPPING, REGULARIZATIONS, Regularization
from components.report import data_section, lineage_section
from components.report.blocks import Block, Chart, ChartDots, ChartLine, Section, TableBlock, TextBlock
from components.report.html import render_page
from components.report.regularization_paths import penalty_path
from components.report.run_artifacts import RunArtifacts
from components.report.training_section import thinned
from components.study.study_record import StudyEntry, StudyRecord

STUDY_FILE = "study.html"
SPLITS_USED = (
    "The networks were trained on the training split (train) and are compared on the validation split (eval). "
    "The test split was not read: `regpipe run` needs it for the verdict."
)
GAP_DEFINITION = "The gap is the validation loss minus the training loss."


def render(study: StudyRecord) -> str:
    """Returns the page as HTML; the same study gives the same page."""
    return render_page(f"{study.config.get('name') or 'regpipe'}: study {study.id}", sections(study))


def sections(study: StudyRecord) -> tuple[Section, ...]:
    """Returns all sections in the order of the page."""
    run = RunArtifacts(config=study.config, facts=study.facts, ingest=study.ingest)
    return (
        finding(study),
        family(study),
        learning_curves(study),
        *(penalty_path(study, penalty) for penalty in study.paths),
        Section("data", "Data", (TextBlock(SPLITS_USED), *data_section.row_counts(run))),
        lineage_section.configuration(run),
        lineage_section.lineage(run),
    )


def finding(study: StudyRecord) -> Section:
    """Returns the section on the network with the lowest validation log loss, its gap, and how to train it."""
    best, none = study.best, study.none
    blocks: list[Block] = [TextBlock(result_sentence(study), "good" if best not in (None, none) else "plain")]
    if best is not None:
        if best != none:
            gap, gap_without = html_difference(best.result.gap), html_difference(none.result.gap)
            blocks.append(
                TextBlock(
                    f"{GAP_DEFINITION} It is {gap} for {best.name} and {gap_without} without regularization."
                )
            )
        blocks.append(
            TextBlock(
                f"The lowest of {study.trained + study.known} losses on "
                f"{plural(study.ingest.rows.eval, 'row')} is somewhat optimistic, and small differences may be "
                "chance. `regpipe run` computes its verdict on the test split, which no study reads."
            )
        )
        if study.settings:
            blocks.append(
                TextBlock(
                    f"To train {best.name} in a run, call `regpipe run` with the options of this study and "
                    f"`{best_network_options(study)}`."
                )
            )
    blocks.append(TextBlock(_trained(study), "quiet"))
    return Section("finding", "What the study found", tuple(blocks))


def _trained(study: StudyRecord) -> str:
    if not study.trained:
        return f"All {plural(study.known, 'network')} were trained in earlier studies."
    trained = plural(study.trained, "network was", "networks were")
    return f"{trained} trained in this study, {study.known} in earlier studies."


def result_sentence(study: StudyRecord) -> str:
    """Returns the result of the study in one sentence."""
    best, none, loss = study.best, study.none, metric_label(study.metrics.loss)
    if best is None:
        return f"Every training diverged: no network has a finite validation {loss}."
    lowest = html_number(best.result.validation.loss)
    if best == none:
        return f"No regularized network has a lower validation {loss} than the one without regularization, {lowest}."
    return (
        f"{capitalize_first(best.name)} has the lowest validation {loss} of "
        f"{study.trained + study.known} networks: {lowest}, against "
        f"{html_number(none.result.validation.loss)} without regularization."
    )


def best_network_options(study: StudyRecord) -> str:
    """Returns the command-line options that select the best network; empty if it is the configured one."""
    return " ".join(f"--set {shlex.quote(setting)}" for setting in study.settings)


def family(study: StudyRecord) -> Section:
    """Returns the section that compares the networks of the family, each with one kind of regularization."""
    about = (
        "Each network is the configured one with a single kind of regularization; 'none' has no regularization, and "
        "'all' is as configured. Only 'early stopping' and 'all' may stop early; in the other networks that would hide "
        "the effect of a penalty. Early stopping restores the epoch with the lowest validation loss, which makes these "
        "two look slightly better here. L1 by gradient, as in Keras, leaves weights near 0; the proximal "
        "step makes them exactly 0. The losses contain no penalties and are those of the trained network on all "
        f"rows, without dropout. {GAP_DEFINITION} Norms and zeros are of all weights except biases."
    )
    blocks: list[Block] = [TextBlock(about), *(TextBlock(note, "quiet") for note in study.notes)]
    blocks += [
        TextBlock(f"{entry.name}: {entry.result.failure}", "bad")
        for entry in study.entries
        if entry.result.failure
    ]
    blocks.append(_family_table(study))
    blocks.append(_losses(study))
    rows = tuple(
        (
            entry.name,
            *(_setting(entry, item) for item in REGULARIZATIONS),
            entry.training.with_optimizer(entry.model.hidden_units).optimizer,
        )
        for entry in study.family
    )
    headers = ("network", *(item.label for item in REGULARIZATIONS), "optimizer")
    blocks.append(TableBlock("Settings of each network", headers, rows, text_columns=(len(headers) - 1,)))
    return Section("family", "The family", tuple(blocks))


def _setting(entry: StudyEntry, item: Regularization) -> str:
    value = getattr(entry.model if item.group == "model" else entry.training, item.name)
    if item is EARLY_STOPPING:
        return plural(value, "epoch") if value else "off"
    return ", ".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"


def _family_table(study: StudyRecord) -> TableBlock:
    loss, score, further = map(metric_label, (study.metrics.loss, study.metrics.score, study.metrics.further))
    headers = (
        "network", f"training {loss}", f"validation {loss}", "gap", f"training {score}", f"validation {score}",
        f"validation {further}", "weights at 0", "features kept", "L1 norm", "L2 norm", "epochs",
    )  # fmt: skip
    rows = tuple(_row(entry) for entry in study.family)
    best_rows = tuple(
        number
        for number, entry in enumerate(study.family)
        if study.best and entry.result == study.best.result
    )
    return TableBlock("The family on the training and validation splits", headers, rows, good_rows=best_rows)


def _row(entry: StudyEntry) -> tuple[str, ...]:
    found = entry.result
    return (
        entry.name,
        html_number(found.train.loss),
        html_number(found.validation.loss),
        html_difference(found.gap),
        html_number(found.train.score),
        html_number(found.validation.score),
        html_number(found.validation.further),
        percent(found.zero),
        f"{found.kept} of {found.features}",
        html_number(found.l1_norm, 1),
        html_number(found.l2_norm, 2),
        count(found.epochs),
    )


def _losses(study: StudyRecord) -> Chart:
    entries, loss = study.family, metric_label(study.metrics.loss)
    widest = max(entries, key=lambda entry: -math.inf if math.isnan(entry.result.gap) else entry.result.gap)
    return Chart(
        "losses",
        f"Training and validation {loss}, and the gap between them",
        f"For each network, a line from its training to its validation {loss}; its length is the gap. The largest "
        f"gap is that of {widest.name}, {html_difference(widest.result.gap)}. The table above contains the values.",
        _axis(study),
        "",
        dots=(
            ChartDots(
                "training", "training", tuple(entry.result.train.loss for entry in entries), hollow=True
            ),
            ChartDots("validation", "validation", tuple(entry.result.validation.loss for entry in entries)),
        ),
        levels=tuple(entry.name for entry in entries),
    )


def _axis(study: StudyRecord) -> str:
    return f"{metric_label(study.metrics.loss)} {study.metrics.unit}"


def learning_curves(study: StudyRecord) -> Section:
    """Returns the section with a learning curve for each network of the family, all with the same axes."""
    drawn = [entry for entry in study.family if entry.result.epochs]
    if not drawn:
        return Section("curves", "Learning curves", (TextBlock("No training completed an epoch.", "quiet"),))
    values = [
        v for e in drawn for v in (*e.result.training_curve, *e.result.validation_curve) if math.isfinite(v)
    ]
    epochs = max(entry.result.epochs for entry in drawn)
    ranges = ((0.0, epochs + 1.0), (0.0, max(values, default=1.0) * 1.02))
    about = (
        "All charts have the same axes. The training loss is the mean over the epoch, measured during training and "
        "with dropout, if there is any. With dropout it can therefore be above the validation loss."
    )
    charts = (_curve(number, entry, ranges, _axis(study)) for number, entry in enumerate(drawn))
    return Section("curves", "Learning curves", (TextBlock(about), *charts))


def _curve(
    number: int, entry: StudyEntry, ranges: tuple[tuple[float, float], tuple[float, float]], axis: str
) -> Chart:
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
        f"{html_number(lowest)}, in epoch {at}{', whose weights were restored' if best else ''}.",
        "epoch",
        axis,
        lines=lines,
        mark=None if best is None else (float(best), f"epoch {best}"),
        small=True,
        x_range=ranges[0],
        y_range=ranges[1],
    )
