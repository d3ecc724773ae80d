"""The sections on training: learning curves, the epoch table, and what became of the weights."""

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

CURVES = (
    ("loss", "Loss, with penalties", "loss in nats"),
    ("log_loss", "Log loss: the loss without penalties", "log loss in nats"),
    ("accuracy", "Accuracy", "share of rows predicted right"),
)
COLUMNS = ("loss", "log_loss", "accuracy", "val_loss", "val_log_loss", "val_accuracy")
MOST_FEATURES = 50  # more are folded away
MOST_EPOCHS = 1_000  # of more, some are shown: the page stays small
T = TypeVar("T")


def learning_curves(run: RunArtifacts) -> Section:
    """Training and validation of both models by epoch, with the epoch whose weights the candidate has."""
    candidate, baseline = run.candidate.history, run.baseline.history
    blocks: list[Block] = []
    if candidate or baseline:
        blocks.append(TextBlock(_stopping(run)))
        best = _best_epoch(run)
        mark = None if best is None else (float(best), f"best epoch, {best}")
        for name, title, label in CURVES:
            lines = tuple(_lines("candidate", candidate, name)) + tuple(_lines("baseline", baseline, name))
            if lines:
                words = _curve_text(name, lines)
                blocks.append(Chart(f"curve-{name}", title, words, "epoch", label, lines=lines, mark=mark))
        blocks += [_epochs("candidate", candidate), _epochs("baseline", baseline)]
    else:
        blocks.append(TextBlock("The trainers left no history.", "quiet"))
    return Section("training", "Learning curves", tuple(blocks))


def _lines(series: Series, history: Sequence[Json], name: str) -> Iterator[ChartLine]:
    for key, what in ((name, "training"), (f"val_{name}", "validation")):
        # The last loss of a training that ran away is no number.
        points = [
            (row["epoch"], row[key]) for row in thinned(history) if math.isfinite(row.get(key, math.nan))
        ]
        if points:
            x, y = zip(*points, strict=True)
            # A line needs two points.
            dash, dots = what == "validation", len(points) == 1
            yield ChartLine(f"{series}, {what}", series, tuple(x), tuple(y), dash=dash, dots=dots)


def _curve_text(name: str, lines: Sequence[ChartLine]) -> str:
    ends = "; ".join(
        f"{line.name}: from {html_number(line.y[0])} in epoch {line.x[0]} "
        f"to {html_number(line.y[-1])} in epoch {line.x[-1]}"
        for line in lines
    )
    return f"The {metric_label(name)} by epoch. {capitalize_first(ends)}. The tables below have the numbers."


def _patience(run: RunArtifacts) -> int:
    return int(run.config.get("training", {}).get("early_stopping") or 0)


def _best_epoch(run: RunArtifacts) -> int | None:
    """With early stopping, the epoch whose weights were kept: the first with the lowest validation log loss."""
    scored = [row for row in run.candidate.history if row.get("val_log_loss") is not None]
    if not _patience(run) or not scored:
        return None
    return int(min(scored, key=lambda row: row["val_log_loss"])["epoch"])


def _stopping(run: RunArtifacts) -> str:
    ours, theirs = len(run.candidate.history), len(run.baseline.history)
    planned = run.config.get("training", {}).get("epochs", ours)
    best = _best_epoch(run)
    if best is None:
        first = f"The candidate was trained for {plural(ours, 'epoch')}, without early stopping."
    elif not math.isfinite(run.candidate.history[-1].get("val_loss", 0.0)):
        first = (
            f"The candidate's training ran away: its loss was no finite number after epoch {ours} of {planned}. It has "
            f"the weights of epoch {best}, in which its validation log loss was lowest."
        )
    elif ours < planned:
        first = (
            f"The candidate stopped early, after epoch {ours} of {planned}, and has the weights of epoch {best}: "
            f"its validation log loss was not lower in the {plural(_patience(run), 'epoch')} after it."
        )
    else:
        first = (
            f"The candidate was trained for all {plural(ours, 'epoch')} and has the weights of epoch {best}, "
            "in which its validation log loss was lowest."
        )
    return f"{first} The baseline was trained for {plural(theirs, 'epoch')} and has the last weights."


def _epochs(series: str, history: Sequence[Json]) -> Block:
    if not history:
        return TextBlock(f"The {series}'s trainer left no history.", "quiet")
    names = [name for name in COLUMNS if name in history[0]]
    heads = ["epoch", *(_column(name) for name in names)]
    rows = [
        (str(row.get("epoch")), *(html_number(row.get(name)) for name in names)) for row in thinned(history)
    ]
    every = _stride(history)
    caption = f"The {series} by epoch" + (f", one in {every} and the last" if every > 1 else "")
    return TableBlock(caption, tuple(heads), tuple(rows), summary=f"{caption}: {plural(len(rows), 'row')}")


def _stride(history: Sequence[Any]) -> int:
    return math.ceil(len(history) / MOST_EPOCHS)


def thinned(history: Sequence[T]) -> list[T]:
    """Evenly spaced epochs, with the first and the last."""
    stride, last = _stride(history), len(history) - 1
    return [row for number, row in enumerate(history) if number % stride == 0 or number == last]


def _column(name: str) -> str:
    kind = "validation" if name.startswith("val_") else "training"
    return f"{kind} {metric_label(name.removeprefix('val_'))}"


def weights(run: RunArtifacts) -> Section:
    """Histograms and norms by layer, and the features that are kept and dropped."""
    ours, theirs = run.candidate.weights, run.baseline.weights
    blocks: list[Block] = []
    if ours:
        blocks.append(TextBlock(_sparsity(ours, theirs)))
        blocks.append(_layer_table(ours, theirs))
        blocks += _histograms(ours, theirs)
        blocks += _features(ours, theirs)
    else:
        blocks.append(TextBlock("The trainer left no summary of the weights.", "quiet"))
    return Section("weights", "What regularization did to the weights", tuple(blocks))


def _share(report: Json, key: str) -> float:
    total = sum(layer["weights"] for layer in report["layers"])
    return float(sum(layer[key] * layer["weights"] for layer in report["layers"]) / total) if total else 0.0


def _sparsity(ours: Json, theirs: Json | None) -> str:
    def words(report: Json) -> str:
        zero, small = (percent(_share(report, key)) for key in ("zero", "small"))
        return f"{zero} exactly 0, {small} closer to 0 than 0.001"

    dropped, features = len(ours["dropped"]), len(ours["features"])
    kept = f"{features - dropped} of {plural(features, 'feature')} kept"
    compared = f" Of the baseline's: {words(theirs)}." if theirs else ""
    return f"Of the candidate's weights: {words(ours)}.{compared} {kept}, {dropped} dropped."


def _layer_table(ours: Json, theirs: Json | None) -> TableBlock:
    rows = []
    for model, report in (("candidate", ours), ("baseline", theirs)):
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
    heads = ("layer", "weights", "exactly 0", "closer to 0 than 0.001", "L1 norm", "L2 norm")
    return TableBlock("The weights of each layer, biases left out", heads, tuple(rows))


def _histograms(ours: Json, theirs: Json | None) -> Iterator[Chart]:
    others = {layer["name"]: layer for layer in theirs["layers"]} if theirs else {}
    for number, layer in enumerate(ours["layers"]):
        name = layer["name"]
        bars = [_bars("candidate", layer)]
        words = [_histogram_text("candidate", layer)]
        if name in others:
            bars.append(_bars("baseline", others[name]))
            words.append(_histogram_text("baseline", others[name]))
        heights = [height for each in bars for height in each.heights if height > 0]
        yield Chart(
            f"weights-{number}",
            f"Weights of layer {name}",
            f"Histogram of the weights of layer {name}, on a logarithmic scale. {' '.join(words)}",
            "weight",
            "share of the weights per unit",
            bars=tuple(bars),
            log_y=True,
            floor=min(heights, default=1.0) / 2,
        )


def _bars(series: Series, layer: Json) -> ChartHistogram:
    """The histogram as a density: the bins of the two models differ in width."""
    edges, counts = layer["histogram"]["edges"], layer["histogram"]["counts"]
    total = sum(counts) or 1
    widths = [right - left for left, right in itertools.pairwise(edges)]
    heights = [count / total / width if width else 0.0 for count, width in zip(counts, widths, strict=True)]
    return ChartHistogram(series, series, tuple(edges), tuple(heights))


def _histogram_text(series: str, layer: Json) -> str:
    edges = layer["histogram"]["edges"]
    span = f"from {html_number(edges[0])} to {html_number(edges[-1])}"
    return f"{series.capitalize()}: {span}, {percent(layer['small'])} of them closer to 0 than 0.001."


def _features(ours: Json, theirs: Json | None) -> Iterator[Block]:
    dropped = set(ours["dropped"])
    others = {row["name"]: row["norm"] for row in theirs["features"]} if theirs else {}
    rows = [
        (
            row["name"],
            "dropped" if row["name"] in dropped else "kept",
            html_number(row["norm"]),
            html_number(others.get(row["name"])),
        )
        for row in sorted(ours["features"], key=_largest_first)
    ]
    caption = "Features by the norm of their weights in the first layer"
    heads = ("feature", "kept or dropped", "candidate's norm", "baseline's norm")
    fold = f"{caption}: {plural(len(rows), 'feature')}" if len(rows) > MOST_FEATURES else ""
    yield TableBlock(caption, heads, tuple(rows), summary=fold, text_columns=(1,))


def _largest_first(row: Any) -> tuple[float, str]:
    return (-row["norm"], row["name"])
