"""Creates the sections on the verdict: the result, the thresholds, and the metrics of all models."""

from collections.abc import Iterator, Mapping, Sequence

from components.common.formatting import (
    capitalize_first,
    count,
    html_difference,
    html_interval,
    html_number,
    html_significant,
    metric_label,
    percent,
    plural,
)
from components.common.served_record import WARNINGS
from components.common.verdict_record import DIFFERENCES, ComparedMetric, MetricIntervals, Threshold, Verdict
from components.common.verdict_text import by_hand_sentence, comparison_sentence, finding_label, first_reasons
from components.report.blocks import Block, Section, TableBlock, TextBlock, Tone
from components.report.difference_charts import difference_charts
from components.report.run_artifacts import RunArtifacts
from components.tasks.known_tasks import task_of
from components.tasks.task import Task, TaskMetric

NO_VERDICT = "The Evaluator wrote no verdict."
_COMPARED = {
    "no_worse": "the value",
    "better": "the worse end of the interval",
    "confidence": "the worse end of the interval",  # the name of `better` in an earlier version
    "point": "the value",
}
_DIRECTIONS = {">=": "≥", "<=": "≤"}


def verdict(run: RunArtifacts) -> Section:
    """Returns the section with the result in a sentence, the served model, and the plots."""
    blocks: list[Block] = [headline(run)]
    if run.verdict is not None and run.verdict.served is not None:
        tone: Tone = "bad" if run.verdict.served.outcome in WARNINGS else "plain"
        blocks.append(TextBlock(run.verdict.served.sentence, tone))
        if run.verdict.served.decline is not None:
            blocks.append(TextBlock(f"Warning: {run.verdict.served.decline}", "bad"))
    if run.verdict is not None:
        blocks += difference_charts(run.verdict)
    if run.pushed_path:
        blocks.append(TextBlock(f"The model is in {run.pushed_path}."))
    return Section("verdict", "Verdict", tuple(blocks))


def threshold_section(run: RunArtifacts) -> Section:
    """Returns the section with every condition for publishing, and whether it is met."""
    title = "Thresholds"
    if run.verdict is None:
        return Section("thresholds", title, (TextBlock(NO_VERDICT, "quiet"),), "none")
    items = run.verdict.thresholds
    passed = sum(item.passed for item in items)
    summary = f"{passed} of {len(items)} passed"
    return Section("thresholds", title, (thresholds(items, "Every threshold"),), summary)


def headline(run: RunArtifacts) -> TextBlock:
    """Returns the result in a sentence, or in two if a person published the model."""
    if override := run.facts.get("override"):
        by_hand = by_hand_sentence(override["by"], override["at"], override["reason"])
        return TextBlock(f"{by_hand}. {_pipeline_verdict(run.verdict, run.not_pushed_because)}")
    if run.verdict is None:
        outcome = "The model was published." if run.pushed_path else "Nothing was published."
        return TextBlock(f"{NO_VERDICT} {outcome}", "quiet")
    if not run.verdict.blessed:
        reasons = first_reasons(run.verdict.reasons)
        return TextBlock(f"Not blessed: {reasons}. Nothing was published.", "bad")
    if run.not_pushed_because and not run.pushed_path:
        return TextBlock(f"Blessed, but not pushed: {run.not_pushed_because}.", "bad")
    # Blessed and not pushed: the run ended before the Pusher, or the Pusher failed.
    result = "Pushed" if run.pushed_path else "Blessed, but not pushed"
    name = task_of(run.verdict.task).loss
    loss = run.verdict.metrics[name]
    sentence = comparison_sentence(name, loss.candidate, loss.baseline, run.verdict.contributions)
    return TextBlock(f"{result}: {sentence}", "good")


def _pipeline_verdict(verdict: Verdict | None, not_pushed_because: str | None) -> str:
    if verdict is None:
        return NO_VERDICT
    if not verdict.blessed:
        return f"Not blessed by the Evaluator: {first_reasons(verdict.reasons)}."
    why = f" Not pushed by the pipeline: {not_pushed_because}." if not_pushed_because else ""
    return f"Blessed by the Evaluator.{why}"


def thresholds(items: Sequence[Threshold], caption: str) -> TableBlock:
    """Returns a table with a row for each threshold; marks the rows of missed thresholds."""
    rows = tuple(
        (
            capitalize_first(item.sentence),
            "passed" if item.passed else "FAILED",
            item.slice or "all",
            html_number(item.value) if item.rule == "floor" else html_difference(item.value),
            f"{_DIRECTIONS[item.direction]} {html_significant(item.decisive_bound)}",
            html_interval(item.interval, signed=item.rule != "floor"),
            html_number(item.candidate),
            html_number(item.baseline),
            _compared(item),
        )
        for item in items
    )
    headers = (
        "threshold", "outcome", "rows", "value", "bound", "interval", "candidate", "other model",
        "compared with the bound",
    )  # fmt: skip
    missed = tuple(index for index, item in enumerate(items) if not item.passed)
    return TableBlock(caption, headers, rows, text_columns=(1, 2, 8), bad_rows=missed)


def _compared(item: Threshold) -> str:
    also = "; must not be clearly worse" if item.mode == "no_worse" and item.rule in DIFFERENCES else ""
    return f"{_COMPARED[item.mode]}{also}"


def comparison(run: RunArtifacts) -> Section:
    """Returns the section with each metric of the models, the differences from the candidate and the intervals."""
    title = "The models compared"
    if run.verdict is None:
        return Section("comparison", title, (TextBlock(NO_VERDICT, "quiet"),), "no metrics")
    task = task_of(run.verdict.task)
    table = TableBlock(
        "Metrics on the test split", *metric_table(run.verdict.metrics, task), text_columns=(7,)
    )
    served = served_table("Candidate and served model on the test split", run.verdict.metrics)
    blocks = (TextBlock(" ".join(_method(run.verdict))), table, *served, *_contributions(run.verdict))
    summary = _main_metrics(run.verdict.metrics, task)
    return Section("comparison", title, (*blocks, *_seeds(run.verdict)), summary)


def _main_metrics(metrics: Mapping[str, ComparedMetric], task: Task) -> str:
    return ", ".join(
        f"{metric_label(name)} {html_number(metrics[name].candidate)} against {html_number(metrics[name].baseline)}"
        for name in (task.loss, task.score)
        if name in metrics
    )


def _contributions(verdict: Verdict) -> Iterator[Block]:
    found = verdict.contributions
    if found is None or found.early_stopping is None or found.penalties is None:
        return
    rows = tuple(
        (
            label,
            html_difference(part.value),
            html_interval(part.interval, signed=True),
            finding_label(part.finding),
        )
        for label, part in (
            ("Candidate minus baseline: everything", found.total),
            ("Early stopping alone minus baseline", found.early_stopping),
            ("Candidate minus early stopping alone: penalties and dropout", found.penalties),
        )
    )
    loss = metric_label(task_of(verdict.task).loss)
    headers = (f"difference of {loss}", "value", "interval", "the first one is")
    yield TableBlock("What regularization brought", headers, rows, text_columns=(3,))


def _seeds(verdict: Verdict) -> Iterator[Block]:
    if verdict.seeds:
        rows = tuple(
            (str(item.seed), *map(html_number, (item.candidate, item.baseline, item.early_stopped)))
            for item in verdict.seeds
        )
        headers = ("training seed", "candidate", "baseline", "early stopping alone")
        loss = capitalize_first(metric_label(task_of(verdict.task).loss))
        yield TableBlock(f"{loss} by training seed", headers, rows)


def metric_table(
    metrics: Mapping[str, ComparedMetric], task: Task
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Returns the headers and the rows of a table of metrics, with a row for each metric."""
    headers = (
        "metric", "candidate", "baseline", "early stopping alone", task.no_features, "difference",
        "interval of the difference", "candidate is", "interval of the candidate", "of the baseline",
    )  # fmt: skip
    rows = []
    for name, metric in metrics.items():
        intervals = metric.interval or MetricIntervals()
        rows.append(
            (
                metric_label(name),
                html_number(metric.candidate),
                html_number(metric.baseline),
                html_number(metric.early_stopped),
                html_number(metric.base_rate),
                html_difference(metric.difference),
                html_interval(intervals.difference, signed=True),
                finding_label(metric.finding),
                html_interval(intervals.candidate),
                html_interval(intervals.baseline),
            )
        )
    return headers, tuple(rows)


def served_table(caption: str, metrics: Mapping[str, ComparedMetric]) -> Iterator[TableBlock]:
    """Yields a table of the metrics of candidate and served model, if the served model was scored."""
    rows = tuple(
        (
            metric_label(name),
            html_number(metric.candidate),
            html_number(metric.served),
            html_difference(metric.served_difference),
            html_interval(intervals.served_difference, signed=True),
            finding_label(metric.served_finding),
            html_interval(intervals.served),
        )
        for name, metric in metrics.items()
        if metric.served is not None
        for intervals in [metric.interval or MetricIntervals()]
    )
    headers = (
        "metric", "candidate", "served model", "difference", "interval of the difference", "candidate is",
        "interval of the served model",
    )  # fmt: skip
    if rows:
        yield TableBlock(caption, headers, rows, text_columns=(5,))


def _with_unit(metric: TaskMetric) -> str:
    return f"{metric.label} ({metric.in_unit.strip()})" if metric.unit else metric.label


def _method(verdict: Verdict) -> Iterator[str]:
    task = task_of(verdict.task)
    positive = "" if verdict.positives is None else f", {count(verdict.positives)} of them positive"
    yield f"Measured on {plural(verdict.rows, 'row')} of the test split{positive}, through the serving signature."
    if verdict.sampled_from:
        yield f"They are a uniform sample of its {count(verdict.sampled_from)} rows (evaluation.max_rows)."
    *others, last = (_with_unit(metric) for metric in task.metrics if metric.lower_is_better)
    yield (
        f"The difference is the candidate's value minus the baseline's; {', '.join(others)} and {last} are better when "
        "lower. Early stopping alone: the baseline with the weights of its best epoch. "
        f"{capitalize_first(task.no_features)}: {task.no_features_means}."
    )
    if verdict.seeds:
        yield (
            f"The values are means over {len(verdict.seeds)} training seeds; the intervals cover seeds and rows. The "
            f"limits of the candidate alone and the gap hold for the network of seed {verdict.seeds[0].seed}, which "
            "may be published."
        )
    bootstrap = verdict.bootstrap
    if any(metric.interval for metric in verdict.metrics.values()):
        confidence = percent(bootstrap.confidence).replace(".0%", "%")
        yield (
            f"Intervals: {confidence}, {bootstrap.method}, {count(bootstrap.resamples)} resamples, "
            f"seed {bootstrap.seed}. If the interval of a difference includes 0, there is no clear difference."
        )
    if all(metric.baseline is None for metric in verdict.metrics.values()):
        yield "There was no baseline to compare with."
