"""The sections on how good the predictions are: the gap, the curves, the confusion matrix, the slices."""

from collections.abc import Iterator
from typing import Any

from components.common.formatting import count, html_difference, html_number, metric_label, plural
from components.report.blocks import Block, Chart, ChartLine, Section, Series, TableBlock, TextBlock
from components.report.run_artifacts import Json, RunArtifacts
from components.report.verdict_section import NO_VERDICT, metric_table, thresholds

MODELS: tuple[Series, ...] = ("candidate", "baseline")


def gap(run: RunArtifacts) -> Section:
    """How much worse both exported models are on rows they have not seen."""
    title = "Generalization gap"
    found: Json = (run.verdict or {}).get("gap") or {}
    rows = []
    for model in MODELS:
        for metric, values in (found.get(model) or {}).items():
            numbers = (html_number(values.get("train")), html_number(values.get("test")))
            rows.append(
                (f"{metric_label(metric)}, {model}", *numbers, html_difference(values.get("difference")))
            )
    if not rows:
        return Section("gap", title, (TextBlock("The gap was not measured.", "quiet"),))
    heads = ("metric and model", "training split", "test split", "test minus training")
    table = TableBlock(
        "Both models as exported, on rows they have and have not learned from", heads, tuple(rows)
    )
    words = [_gap_words(found)]
    if whole := found.get("train_sampled_from"):
        read = count(found["train_rows"])
        words.append(f"Of the training split's {count(whole)} rows, an even sample of {read} was looked at.")
    return Section("gap", title, (TextBlock(" ".join(words)), table))


def _gap_words(found: Json) -> str:
    gaps = [((found.get(model) or {}).get("log_loss") or {}).get("difference") for model in MODELS]
    ours, theirs = (html_difference(value) for value in gaps)
    if gaps[0] is None:
        return "The gap of the candidate's log loss is not defined."
    if gaps[1] is None:
        return f"On unseen rows the candidate's log loss differs by {ours}."
    smaller = "less" if abs(gaps[0]) < abs(gaps[1]) else "not less"
    return (
        f"From training rows to unseen rows, log loss changes by {ours} for the candidate and by {theirs} for the "
        f"baseline: the candidate overfits {smaller}."
    )


def predictions(run: RunArtifacts) -> Section:
    """ROC, precision-recall and calibration curves, and the confusion matrix."""
    curves: Json = (run.verdict or {}).get("curves") or {}
    title = "Predictions on the test split"
    if not any(curves.get(model) for model in MODELS):
        return Section("predictions", title, (TextBlock("No curves were recorded.", "quiet"),))
    blocks: list[Block] = [*_charts(curves, run.verdict or {}), *_confusion(curves)]
    calibrated = _calibration_table(curves)
    return Section("predictions", title, (*blocks, *calibrated))


def _curve(curves: Json, names: tuple[str, str, str]) -> list[ChartLine]:
    curve, horizontal, vertical = names
    lines = []
    for model in MODELS:
        points = (curves.get(model) or {}).get(curve)
        if points:
            few = len(points[horizontal]) <= 10
            x, y = tuple(points[horizontal]), tuple(points[vertical])
            lines.append(ChartLine(model, model, x, y, dash=model == "baseline", dots=few))
    return lines


def _charts(curves: Json, judged: Json) -> Iterator[Block]:
    diagonal = ((0.0, 1.0), (0.0, 1.0))
    lines = _curve(curves, ("roc", "fpr", "tpr"))
    if lines:
        guess = ChartLine("guessing", "reference", *diagonal, dash=True)
        words = f"True positive rate by false positive rate. {_areas(judged, 'auc')}"
        yield Chart(
            "roc",
            "ROC curve",
            words,
            "false positive rate",
            "true positive rate",
            (*lines, guess),
            square=True,
        )
    lines = _curve(curves, ("precision_recall", "recall", "precision"))
    if lines:
        words = f"Precision by recall. {_areas(judged, 'pr_auc')}"
        yield Chart(
            "precision-recall",
            "Precision and recall",
            words,
            "recall",
            "precision",
            tuple(lines),
            square=True,
        )
    lines = _curve(curves, ("calibration", "predicted", "observed"))
    if lines:
        ideal = ChartLine("ideal", "reference", *diagonal, dash=True)
        words = f"Share of positives by mean predicted probability. {_distances(lines)}"
        yield Chart(
            "calibration", "Calibration", words, "mean predicted probability", "share of positives", (*lines, ideal),
            square=True,
        )  # fmt: skip
    if all((curves.get(model) or {}).get("roc") is None for model in MODELS):
        yield TextBlock(
            "There is no ROC curve: it needs rows of both classes and predictions that are numbers.", "quiet"
        )


def _areas(judged: Json, metric: str) -> str:
    values = (judged.get("metrics") or {}).get(metric) or {}
    return f"Area below it: candidate {html_number(values.get('candidate'))}, baseline {_baseline(values)}."


def _baseline(values: Json) -> str:
    return html_number(values.get("baseline"))


def _distances(lines: list[ChartLine]) -> str:
    """The largest distance from the diagonal, for those who can't see it."""
    parts = []
    for line in lines:
        distances = [
            abs(y - x) for x, y in zip(line.x, line.y, strict=True) if x is not None and y is not None
        ]
        if distances:
            parts.append(f"{line.name} {html_number(max(distances), 2)}")
    return f"Largest distance from the diagonal: {', '.join(parts)}."


def _confusion(curves: Json) -> Iterator[TableBlock]:
    for model in MODELS:
        cells = (curves.get(model) or {}).get("confusion")
        if cells:
            rows = (
                ("really positive", count(cells["true_positive"]), count(cells["false_negative"])),
                ("really negative", count(cells["false_positive"]), count(cells["true_negative"])),
            )
            heads = ("rows", "predicted positive", "predicted negative")
            yield TableBlock(f"Confusion matrix of the {model}, at a probability of 0.5", heads, rows)


def _calibration_table(curves: Json) -> Iterator[TableBlock]:
    rows: list[tuple[str, ...]] = []
    for model in MODELS:
        bins: Any = (curves.get(model) or {}).get("calibration") or {
            "predicted": [],
            "observed": [],
            "rows": [],
        }
        for number, values in enumerate(
            zip(bins["predicted"], bins["observed"], bins["rows"], strict=True), 1
        ):
            predicted, observed, size = values
            rows.append((f"{model}, {number}", html_number(predicted), html_number(observed), count(size)))
    if rows:
        heads = ("model and bin", "mean predicted probability", "share of positives", "rows")
        caption = "Calibration, bin by bin"
        yield TableBlock(caption, heads, tuple(rows), summary=f"{caption}: {plural(len(rows), 'row')}")


def slices(run: RunArtifacts) -> Section:
    """The metrics on parts of the test split, with the thresholds that were asked for there."""
    found: list[Json] = (run.verdict or {}).get("slices") or []
    if run.verdict is None:
        return Section("slices", "Slices", (TextBlock(NO_VERDICT, "quiet"),))
    if not found:
        words = "None were asked for; evaluation.slices divides the test split by ranges of a feature."
        return Section("slices", "Slices", (TextBlock(words, "quiet"),))
    blocks: list[Block] = []
    for part in found:
        caption = f"{part['name']}: {plural(int(part['rows']), 'row')}, {count(part['positives'])} positive"
        if part.get("too_small"):
            caption += "; too few to be judged"
        blocks.append(TableBlock(caption, *metric_table(part["metrics"]), text_columns=(4,)))
    names = {part["name"] for part in found}
    judged = [row for row in run.verdict.get("thresholds", []) if row.get("slice") in names]
    if judged:
        blocks.append(thresholds(judged, "Each threshold on a slice"))
    return Section("slices", "Slices", tuple(blocks))
