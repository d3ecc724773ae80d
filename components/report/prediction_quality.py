"""Creates the sections on the predictions: generalization gap, curves, confusion matrices and slices."""

from collections.abc import Callable, Iterator, Mapping
from itertools import repeat

from components.common.formatting import (
    NONE,
    count,
    html_difference,
    html_interval,
    html_number,
    html_significant,
    metric_label,
    plural,
)
from components.common.verdict_record import GeneralizationGap, ModelCurves, OperatingPoint, Verdict
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
from components.report.class_plots import class_plots
from components.report.run_artifacts import RunArtifacts
from components.report.verdict_section import NO_VERDICT, metric_table, served_table, thresholds
from components.tasks.known_tasks import task_of

Curves = dict[Series, ModelCurves]
Coordinate = Callable[[OperatingPoint], float | None]
Points = tuple[tuple[float, ...], tuple[float, ...]]
_LEAST_ROWS = 20  # in a bin of the calibration curve: the interval of its share is then narrower than 0.42
_DIAGONAL = ((0.0, 1.0), (0.0, 1.0))


def gap(run: RunArtifacts) -> Section:
    """Returns the section with both models' metrics on the training split and on the test split."""
    title = "Generalization gap"
    if run.verdict is None:
        return Section("gap", title, (TextBlock("The gap was not measured.", "quiet"),), "not measured")
    found = run.verdict.gap
    rows = tuple(
        (
            f"{metric_label(metric)}, {name}",
            html_number(values.train),
            html_number(values.test),
            html_difference(values.difference),
        )
        for name, model in (("candidate", found.candidate), ("baseline", found.baseline))
        if model
        for metric, values in model.items()
    )
    headers = ("metric and model", "training split", "test split", "test minus training")
    table = TableBlock("Both exported models on the training split and on the test split", headers, rows)
    loss = task_of(run.verdict.task).loss
    sentences = [_gap_sentence(found, loss)]
    if found.train_sampled_from:
        sentences.append(
            f"The training split has {count(found.train_sampled_from)} rows; "
            f"a uniform sample of {count(found.train_rows)} was measured."
        )
    change = html_difference(found.candidate[loss].difference)
    summary = f"{metric_label(loss)} {change} from training to test rows"
    return Section("gap", title, (TextBlock(" ".join(sentences)), table), summary)


def _gap_sentence(found: GeneralizationGap, loss: str) -> str:
    candidate, label = found.candidate[loss].difference, metric_label(loss)
    baseline = found.baseline[loss].difference if found.baseline else None
    if candidate is None:
        return f"The gap of the candidate's {label} is not defined."
    if baseline is None:
        return f"On unseen rows the candidate's {label} differs by {html_difference(candidate)}."
    comparison = "less" if abs(candidate) < abs(baseline) else "no less"
    return (
        f"From training rows to unseen rows, {label} changes by {html_difference(candidate)} for the candidate and by "
        f"{html_difference(baseline)} for the baseline: the candidate overfits {comparison}."
    )


def predictions(run: RunArtifacts) -> Section:
    """Returns the section with the plots of the task, such as ROC and calibration curves, and their tables."""
    title = "Predictions on the test split"
    if run.verdict is None:
        return Section("predictions", title, (TextBlock("No curves were recorded.", "quiet"),), "no curves")
    curves: Curves = {"candidate": run.verdict.curves.candidate}
    if run.verdict.curves.baseline:
        curves["baseline"] = run.verdict.curves.baseline
    if run.verdict.curves.served:
        curves["served"] = run.verdict.curves.served
    task = task_of(run.verdict.task)
    blocks = [block for name in task.plots for block in _PLOTS[name](curves, run.verdict)]
    summary = f"{metric_label(task.score)} {html_number(run.verdict.metrics[task.score].candidate)}"
    return Section("predictions", title, (*blocks, *_calibration_table(curves, run.verdict)), summary)


def _model_name(series: Series) -> str:
    return "served model" if series == "served" else series


def _roc(curves: Curves, verdict: Verdict) -> Iterator[Block]:
    roc = _lines({name: (model.roc.fpr, model.roc.tpr) for name, model in curves.items() if model.roc})
    if roc:
        guessing = ChartLine("guessing", "reference", *_DIAGONAL, dash=True)
        point = _operating_point(verdict, _false_positive_rate, _recall)
        axes = ("false positive rate", "true positive rate")
        text = f"True positive rate by false positive rate. {_areas(verdict, 'auc')}{_place(point, axes)}"
        yield Chart("roc", "ROC curve", text, *axes, (*roc, guessing, *point), square=True)
    else:
        yield TextBlock(
            "There is no ROC curve: it needs rows of both classes and predictions that are numbers.", "quiet"
        )


def _precision_recall(curves: Curves, verdict: Verdict) -> Iterator[Block]:
    precision_recall = _lines(
        {
            name: (model.precision_recall.recall, model.precision_recall.precision)
            for name, model in curves.items()
            if model.precision_recall
        }
    )
    if precision_recall:
        point = _operating_point(verdict, _recall, _precision)
        axes = ("recall", "precision")
        text = f"Precision by recall. {_areas(verdict, 'pr_auc')}{_place(point, axes)}"
        lines = (*precision_recall, *point)
        yield Chart("precision-recall", "Precision and recall", text, *axes, lines, square=True)


def _calibration(curves: Curves, verdict: Verdict) -> Iterator[Block]:
    del verdict
    calibration = _lines(
        {
            name: (model.calibration.predicted, model.calibration.observed)
            for name, model in curves.items()
            if model.calibration
        }
    )
    if calibration:
        ideal = ChartLine("ideal", "reference", *_DIAGONAL, dash=True)
        text = f"Share of positives by mean predicted probability. {_distances(curves)}"
        axes = ("mean predicted probability", "share of positives")
        yield Chart("calibration", "Calibration", text, *axes, (*calibration, ideal), square=True)


def _lines(points: dict[Series, Points]) -> tuple[ChartLine, ...]:
    return tuple(
        ChartLine(_model_name(name), name, x, y, dash=name == "baseline", dots=len(x) <= 10)
        for name, (x, y) in points.items()
    )


def _operating_point(verdict: Verdict, x: Coordinate, y: Coordinate) -> tuple[ChartLine, ...]:
    """Returns a dot at the candidate's operating point on the test split; empty if there is none."""
    if verdict.operating_point is None:
        return ()
    at = x(verdict.operating_point), y(verdict.operating_point)
    if None in at:
        return ()
    return (ChartLine("operating point", "candidate", (at[0],), (at[1],), dots=True),)


def _false_positive_rate(point: OperatingPoint) -> float | None:
    cells = point.confusion
    negatives = cells.false_positive + cells.true_negative
    return cells.false_positive / negatives if negatives else None


def _recall(point: OperatingPoint) -> float | None:
    return point.metrics["recall"].test


def _precision(point: OperatingPoint) -> float | None:
    return point.metrics["precision"].test


def _place(points: tuple[ChartLine, ...], axes: tuple[str, str]) -> str:
    """Returns the place of the operating point, for people who can't see the chart."""
    return "".join(
        f" Operating point: {axes[0]} {html_number(point.x[0], 2)}, {axes[1]} {html_number(point.y[0], 2)}."
        for point in points
    )


def _areas(verdict: Verdict, metric: str) -> str:
    area = verdict.metrics[metric]
    served = "" if area.served is None else f", served model {html_number(area.served)}"
    return f"Area below it: candidate {html_number(area.candidate)}, baseline {html_number(area.baseline)}{served}."


def _distances(curves: Curves) -> str:
    """Returns the largest distance of each curve from the diagonal, for people who can't see the chart.

    A bin of few rows is far from the diagonal by chance, so it does not count.
    """
    parts = []
    for name, model in curves.items():
        if bins := model.calibration:
            distances = [
                abs(observed - predicted)
                for predicted, observed, rows in zip(bins.predicted, bins.observed, bins.rows, strict=True)
                if rows >= _LEAST_ROWS
            ]
            parts.append(f"{_model_name(name)} {html_number(max(distances), 2) if distances else NONE}")
    return f"Largest distance from the diagonal, of the bins with at least {_LEAST_ROWS} rows: {', '.join(parts)}."


def _confusion(curves: Curves, verdict: Verdict) -> Iterator[TableBlock]:
    del verdict
    for name, model in curves.items():
        cells = model.confusion
        if cells is None:
            continue
        rows = (
            (
                "actual positive",
                html_significant(cells.true_positive),
                html_significant(cells.false_negative),
            ),
            (
                "actual negative",
                html_significant(cells.false_positive),
                html_significant(cells.true_negative),
            ),
        )
        headers = ("rows", "predicted positive", "predicted negative")
        yield TableBlock(
            f"Confusion matrix of the {_model_name(name)}, at a probability of 0.5", headers, rows
        )


def _calibration_table(curves: Curves, verdict: Verdict) -> Iterator[TableBlock]:
    rows = tuple(
        (
            f"{_model_name(name)}, {number}",
            html_number(predicted),
            html_number(observed),
            html_interval(bounds),
            count(size),
        )
        for name, model in curves.items()
        if (bins := model.calibration)
        for number, (predicted, observed, bounds, size) in enumerate(
            zip(bins.predicted, bins.observed, bins.intervals or repeat(None), bins.rows, strict=False), 1
        )
    )
    if rows:
        interval = f"{verdict.bootstrap.confidence:.0%} interval of the share"
        headers = ("model and bin", "mean predicted probability", "share of positives", interval, "rows")
        caption = "Calibration, bin by bin"
        yield TableBlock(caption, headers, rows, summary=f"{caption}: {plural(len(rows), 'row')}")


def _fit(curves: Curves, verdict: Verdict) -> Iterator[Block]:
    fits = {name: model.fit for name, model in curves.items() if model.fit}
    if not fits:
        yield TextBlock(
            "There is no plot of the predictions: it needs rows and predictions that are numbers.", "quiet"
        )
        return
    dots = tuple(
        ChartLine(_model_name(name), name, fit.actual, fit.predicted, dots=True, joined=False)
        for name, fit in fits.items()
    )
    values = [value for fit in fits.values() for value in (*fit.actual, *fit.predicted)]
    ends = min(values), max(values)
    rows = plural(len(next(iter(fits.values())).actual), "row")
    text = f"Prediction by label, of {rows} of the test split. {_scores(verdict)}"
    ideal = ChartLine("exact", "reference", ends, ends, dash=True)
    # The first model is drawn last, above the others.
    yield Chart("fit", "Prediction and label", text, "label", "prediction", (ideal, *reversed(dots)))


def _scores(verdict: Verdict) -> str:
    score = task_of(verdict.task).score
    found = verdict.metrics[score]
    values = {"candidate": found.candidate, "baseline": found.baseline, "served model": found.served}
    shown = ", ".join(f"{name} {html_number(value)}" for name, value in values.items() if value is not None)
    return f"{metric_label(score)}: {shown}."


def _residuals(curves: Curves, verdict: Verdict) -> Iterator[Block]:
    del verdict
    found = {name: model.residuals for name, model in curves.items() if model.residuals}
    bars = tuple(
        ChartHistogram(_model_name(name), name, residuals.edges, tuple(map(float, residuals.rows)))
        for name, residuals in found.items()
    )
    if bars:
        ends = ", ".join(
            f"{_model_name(name)} {html_significant(item.edges[-1], 3)}" for name, item in found.items()
        )
        text = (
            "Rows by label minus prediction. 99 of 100 rows are within this distance of 0; the others are in the first "
            f"and the last bar: {ends}."
        )
        mark = (0.0, "0: exact")
        yield Chart("residuals", "Residuals", text, "label minus prediction", "rows", bars=bars, mark=mark)


def _classes(curves: Curves, verdict: Verdict) -> Iterator[Block]:
    del verdict
    yield from class_plots(
        {_model_name(name): model.classes for name, model in curves.items() if model.classes}
    )


_PLOTS: Mapping[str, Callable[[Curves, Verdict], Iterator[Block]]] = {
    "roc": _roc,
    "precision_recall": _precision_recall,
    "calibration": _calibration,
    "confusion": _confusion,
    "fit": _fit,
    "residuals": _residuals,
    "classes": _classes,
}


def slices(run: RunArtifacts) -> Section:
    """Returns the section with the metrics on each slice of the test split, and the thresholds on slices."""
    if run.verdict is None:
        return Section("slices", "Slices", (TextBlock(NO_VERDICT, "quiet"),), "none")
    if not run.verdict.slices:
        text = "There are none; evaluation.slices divides the test split by the values of a feature."
        return Section("slices", "Slices", (TextBlock(text, "quiet"),), "none")
    blocks: list[Block] = []
    task = task_of(run.verdict.task)
    for part in run.verdict.slices:
        positive = "" if part.positives is None else f", {count(part.positives)} positive"
        caption = f"{part.name}: {plural(part.rows, 'row')}{positive}"
        if part.too_small:
            caption += "; too few to compare"
        blocks.append(TableBlock(caption, *metric_table(part.metrics, task), text_columns=(7,)))
        blocks += served_table(f"{part.name}: candidate and served model", part.metrics)
    on_slices = [item for item in run.verdict.thresholds if item.slice is not None]
    if on_slices:
        blocks.append(thresholds(on_slices, "Each threshold on a slice"))
    return Section("slices", "Slices", tuple(blocks), plural(len(run.verdict.slices), "slice"))
