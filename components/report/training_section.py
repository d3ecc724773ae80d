"""Creates the sections on training: learning curves, the table of epochs, and the trained weights."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from components.common.formatting import capitalize_first, count, html_number, metric_label, percent, plural
from components.report.blocks import (
    Block,
    Chart,
    ChartHistogram,
    ChartLine,
    Section,
    Series,
    TableBlock,
    TextBlock,
)
from components.report.run_artifacts import Json, RunArtifacts

MAX_EXPANDED_ROWS = 50  # a longer table is collapsed
MAX_EPOCHS = 1_000  # only about this many are shown, evenly spaced, to limit the size of the page
SMALL = "below 0.001 in absolute value"  # what `small` in weights.json counts
T = TypeVar("T")


def learning_curves(run: RunArtifacts) -> Section:
    """Returns the section with the training and validation curves of both models; marks the candidate's best epoch."""
    candidate, baseline = run.candidate.history, run.baseline.history
    blocks: list[Block] = []
    if candidate or baseline:
        blocks.append(TextBlock(_stopping(run)))
        best = _best_epoch(run)
        mark = None if best is None else (float(best), f"best epoch: {best}")
        for name, title, label in _curves(run):
            lines = tuple(_lines("candidate", candidate, name)) + tuple(_lines("baseline", baseline, name))
            if lines:
                description = _curve_text(name, lines)
                blocks.append(
                    Chart(f"curve-{name}", title, description, "epoch", label, lines=lines, mark=mark)
                )
        blocks += [_epochs("candidate", candidate), _epochs("baseline", baseline)]
    else:
        blocks.append(TextBlock("The trainers wrote no history.", "quiet"))
    return Section("training", "Learning curves", tuple(blocks), _epochs_trained(run))


def _curves(run: RunArtifacts) -> Iterator[tuple[str, str, str]]:
    """Yields the key in the history, the title and the label of the axis of each chart."""
    loss = run.loss
    name = metric_label(loss.name)
    yield "loss", "Loss, with penalties", f"loss {loss.unit}"
    yield loss.name, f"{capitalize_first(name)}: the loss without penalties", f"{name} {loss.unit}"
    further = metric_label(loss.further_metric)
    yield loss.further_metric, capitalize_first(further), loss.further_unit


def _epochs_trained(run: RunArtifacts) -> str:
    best = _best_epoch(run)
    trained = plural(len(run.candidate.history), "epoch")
    return trained if best is None else f"{trained}, the best is epoch {best}"


def _lines(series: Series, history: Sequence[Json], name: str) -> Iterator[ChartLine]:
    for key, split in ((name, "training"), (f"val_{name}", "validation")):
        # The last loss of a training that diverged is NaN or infinite.
        points = [
            (row["epoch"], row[key]) for row in thinned(history) if math.isfinite(row.get(key, math.nan))
        ]
        if points:
            x, y = zip(*points, strict=True)
            # One point alone would not be visible as a line.
            dash, dots = split == "validation", len(points) == 1
            yield ChartLine(f"{series}, {split}", series, tuple(x), tuple(y), dash=dash, dots=dots)


def _curve_text(name: str, lines: Sequence[ChartLine]) -> str:
    ends = "; ".join(
        f"{line.name}: from {html_number(line.y[0])} in epoch {line.x[0]} "
        f"to {html_number(line.y[-1])} in epoch {line.x[-1]}"
        for line in lines
    )
    title = capitalize_first(metric_label(name))
    return f"{title} by epoch. {capitalize_first(ends)}. The tables below contain the values."


def _patience(run: RunArtifacts) -> int:
    return int(run.config.get("training", {}).get("early_stopping") or 0)


def _best_epoch(run: RunArtifacts) -> int | None:
    """Returns the epoch whose weights early stopping restored: the first with the lowest loss without penalties."""
    key = f"val_{run.loss.name}"
    scored = [row for row in run.candidate.history if row.get(key) is not None]
    if not _patience(run) or not scored:
        return None
    return int(min(scored, key=lambda row: row[key])["epoch"])


def _stopping(run: RunArtifacts) -> str:
    candidate_epochs, baseline_epochs = len(run.candidate.history), len(run.baseline.history)
    planned = run.config.get("training", {}).get("epochs", candidate_epochs)
    best, loss = _best_epoch(run), metric_label(run.loss.name)
    if best is None:
        candidate = (
            f"The candidate was trained for {plural(candidate_epochs, 'epoch')}, without early stopping."
        )
    elif not math.isfinite(run.candidate.history[-1].get("val_loss", 0.0)):
        candidate = (
            f"The candidate's training diverged: its loss was not finite after epoch {candidate_epochs} of {planned}. "
            f"It has the weights of epoch {best}, in which its validation {loss} was lowest."
        )
    elif candidate_epochs < planned:
        candidate = (
            f"The candidate stopped early, after epoch {candidate_epochs} of {planned}, and has the weights of epoch "
            f"{best}: its validation {loss} was not lower in the next {plural(_patience(run), 'epoch')}."
        )
    else:
        candidate = (
            f"The candidate was trained for all {plural(candidate_epochs, 'epoch')} and has the weights of epoch "
            f"{best}, in which its validation {loss} was lowest."
        )
    return f"{candidate} The baseline was trained for {plural(baseline_epochs, 'epoch')} and has the last weights."


def _epochs(series: str, history: Sequence[Json]) -> Block:
    if not history:
        return TextBlock(f"The trainer of the {series} wrote no history.", "quiet")
    names = [name for name in history[0] if name != "epoch"]
    headers = ["epoch", *(_column(name) for name in names)]
    rows = [
        (str(row.get("epoch")), *(html_number(row.get(name)) for name in names)) for row in thinned(history)
    ]
    every = _stride(history)
    caption = f"The {series} by epoch" + (f", one epoch in {every} and the last" if every > 1 else "")
    return TableBlock(caption, tuple(headers), tuple(rows), summary=f"{caption}: {plural(len(rows), 'row')}")


def _stride(history: Sequence[Any]) -> int:
    return math.ceil(len(history) / MAX_EPOCHS)


def thinned(history: Sequence[T]) -> list[T]:
    """Returns evenly spaced epochs, at most about MAX_EPOCHS, always with the first and the last."""
    stride, last = _stride(history), len(history) - 1
    return [row for number, row in enumerate(history) if number % stride == 0 or number == last]


def _column(name: str) -> str:
    kind = "validation" if name.startswith("val_") else "training"
    return f"{kind} {metric_label(name.removeprefix('val_'))}"


def weights(run: RunArtifacts) -> Section:
    """Returns the section on the weights: zeros, norms and histograms by layer."""
    candidate, baseline = run.candidate.weights, run.baseline.weights
    blocks: list[Block] = []
    if candidate:
        blocks.append(TextBlock(_sparsity(candidate, baseline)))
        blocks.append(_layer_table(candidate, baseline))
        blocks += _histograms(candidate, baseline)
    else:
        blocks.append(TextBlock("The trainer wrote no summary of the weights.", "quiet"))
    return Section("weights", "What regularization did to the weights", tuple(blocks), _zeros(candidate))


def _zeros(candidate: Json | None) -> str:
    return f"{percent(_share(candidate, 'zero'))} exactly 0" if candidate else "no summary"


def _share(report: Json, key: str) -> float:
    total = sum(layer["weights"] for layer in report["layers"])
    return float(sum(layer[key] * layer["weights"] for layer in report["layers"]) / total) if total else 0.0


def _sparsity(candidate: Json, baseline: Json | None) -> str:
    def shares(model: str, report: Json) -> str:
        zero, small = (percent(_share(report, key)) for key in ("zero", "small"))
        return f"Of the {model}'s weights, {zero} are exactly 0 and {small} are {SMALL}."

    dropped, features = len(candidate["dropped"]), len(candidate["features"])
    compared = f" {shares('baseline', baseline)}" if baseline else ""
    kept = f"The candidate uses {features - dropped} of {plural(features, 'feature')} and drops {dropped}."
    return f"{shares('candidate', candidate)}{compared} {kept}"


def _layer_table(candidate: Json, baseline: Json | None) -> TableBlock:
    rows = []
    for model, report in (("candidate", candidate), ("baseline", baseline)):
        for layer in report["layers"] if report else ():
            rows.append(
                (
                    f"{layer['name']}, {model}",
                    count(layer["weights"]),
                    percent(layer["zero"]),
                    percent(layer["small"]),
                    html_number(layer["l1_norm"], 2),
                    html_number(layer["l2_norm"], 2),
                )
            )
    headers = ("layer", "weights", "exactly 0", SMALL, "L1 norm", "L2 norm")
    return TableBlock("Weights by layer, without biases", headers, tuple(rows))


def _histograms(candidate: Json, baseline: Json | None) -> Iterator[Chart]:
    baseline_layers = {layer["name"]: layer for layer in baseline["layers"]} if baseline else {}
    for number, layer in enumerate(candidate["layers"]):
        name = layer["name"]
        bars = [_bars("candidate", layer)]
        texts = [_histogram_text("candidate", layer)]
        if name in baseline_layers:
            bars.append(_bars("baseline", baseline_layers[name]))
            texts.append(_histogram_text("baseline", baseline_layers[name]))
        heights = [height for each in bars for height in each.heights if height > 0]
        yield Chart(
            f"weights-{number}",
            f"Weights of layer {name}",
            f"Histogram of the weights of layer {name}, on a logarithmic scale. {' '.join(texts)}",
            "weight",
            "density of the weights",
            bars=tuple(bars),
            log_y=True,
            floor=min(heights, default=1.0) / 2,
        )


def _bars(series: Series, layer: Json) -> ChartHistogram:
    """Returns the histogram as a density, because the two models' bins have different widths."""
    edges, counts = layer["histogram"]["edges"], layer["histogram"]["counts"]
    total = sum(counts) or 1
    widths = [right - left for left, right in itertools.pairwise(edges)]
    heights = [rows / total / width if width else 0.0 for rows, width in zip(counts, widths, strict=True)]
    return ChartHistogram(series, series, tuple(edges), tuple(heights))


def _histogram_text(series: str, layer: Json) -> str:
    edges = layer["histogram"]["edges"]
    span = f"from {html_number(edges[0])} to {html_number(edges[-1])}"
    return f"{series.capitalize()}: {span}, {percent(layer['small'])} of them {SMALL}."
