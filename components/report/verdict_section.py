"""Creates the first sections of a run's page: the verdict, the thresholds, and the metrics of both models."""

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
from components.common.verdict_record import ComparedMetric, MetricIntervals, Threshold, Verdict
from components.common.verdict_text import better_or_worse, comparison_sentence, first_reasons
from components.report.blocks import Block, Section, TableBlock, TextBlock
from components.report.run_artifacts import RunArtifacts

NO_VERDICT = "The Evaluator wrote no verdict."
_DIRECTIONS = {">=": "≥", "<=": "≤"}


def verdict(run: RunArtifacts) -> Section:
    """Returns the section with the result in a sentence, who blessed the model by hand (if anyone), the thresholds."""
    blocks: list[Block] = [headline(run)]
    if override := run.facts.get("override"):
        blocks.append(
            TextBlock(f"Blessed by hand by {override['by']}, {override['at']}. Reason: {override['reason']}")
        )
    if run.verdict is not None:
        blocks.append(thresholds(run.verdict.thresholds, "Every threshold"))
    if run.pushed_path:
        blocks.append(TextBlock(f"The model is in {run.pushed_path}."))
    return Section("verdict", "Verdict", tuple(blocks))


def headline(run: RunArtifacts) -> TextBlock:
    """Returns the result in one sentence."""
    if run.verdict is None:
        if run.facts.get("override"):
            return TextBlock("Blessed by hand, without a verdict of the Evaluator.")
        outcome = "The model was published." if run.pushed_path else "Nothing was published."
        return TextBlock(f"{NO_VERDICT} {outcome}", "quiet")
    if run.facts.get("override"):
        return TextBlock(_by_hand(run.verdict, run.not_pushed_because))
    if not run.verdict.blessed:
        reasons = first_reasons(run.verdict.reasons)
        return TextBlock(f"Not blessed: {reasons}. Nothing was published.", "bad")
    if run.not_pushed_because and not run.pushed_path:
        return TextBlock(f"Blessed, but not pushed: {run.not_pushed_because}.", "bad")
    # Blessed and not pushed: the run ended before the Pusher, or the Pusher failed.
    result = "Pushed" if run.pushed_path else "Blessed, but not pushed"
    log_loss = run.verdict.metrics["log_loss"]
    return TextBlock(f"{result}: {comparison_sentence(log_loss.candidate, log_loss.baseline)}", "good")


def _by_hand(verdict: Verdict, not_pushed_because: str | None) -> str:
    if verdict.blessed:
        why = f" The pipeline did not push it: {not_pushed_because}." if not_pushed_because else ""
        return f"Blessed by the Evaluator, published by hand.{why}"
    return f"Not blessed by the Evaluator ({first_reasons(verdict.reasons)}), but by hand."


def thresholds(items: Sequence[Threshold], caption: str) -> TableBlock:
    """Returns a table with a row for each threshold; marks the rows of missed thresholds."""
    rows = tuple(
        (
            capitalize_first(item.sentence),
            "passed" if item.passed else "FAILED",
            item.slice or "all",
            html_number(item.value) if item.rule == "floor" else html_difference(item.value),
            f"{_DIRECTIONS[item.direction]} {html_significant(item.bound)}",
            html_interval(item.interval, signed=item.rule != "floor"),
            html_number(item.candidate),
            html_number(item.baseline),
            "the interval" if item.mode == "confidence" else "the value",
        )
        for item in items
    )
    headers = (
        "threshold", "outcome", "rows", "value", "bound", "interval", "candidate", "baseline",
        "compared with the bound",
    )  # fmt: skip
    missed = tuple(index for index, item in enumerate(items) if not item.passed)
    return TableBlock(caption, headers, rows, text_columns=(1, 2, 8), bad_rows=missed)


def comparison(run: RunArtifacts) -> Section:
    """Returns the section with each metric of the candidate and the baseline, their difference and the intervals."""
    title = "Candidate and baseline"
    if run.verdict is None:
        return Section("comparison", title, (TextBlock(NO_VERDICT, "quiet"),))
    table = TableBlock("Metrics on the test split", *metric_table(run.verdict.metrics), text_columns=(4,))
    return Section("comparison", title, (TextBlock(" ".join(_method(run.verdict))), table))


def metric_table(
    metrics: Mapping[str, ComparedMetric],
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Returns the headers and the rows of a table of metrics, with a row for each metric."""
    headers = (
        "metric", "candidate", "baseline", "difference", "candidate is",
        "interval of the candidate", "of the baseline", "of the difference",
    )  # fmt: skip
    rows = []
    for name, metric in metrics.items():
        intervals = metric.interval or MetricIntervals()
        rows.append(
            (
                metric_label(name),
                html_number(metric.candidate),
                html_number(metric.baseline),
                html_difference(metric.difference),
                better_or_worse(name, metric.difference),
                html_interval(intervals.candidate),
                html_interval(intervals.baseline),
                html_interval(intervals.difference, signed=True),
            )
        )
    return headers, tuple(rows)


def _method(verdict: Verdict) -> Iterator[str]:
    yield (
        f"Measured on {plural(verdict.rows, 'row')} of the test split, {count(verdict.positives)} of them positive, "
        "through the serving signature."
    )
    if verdict.sampled_from:
        yield f"They are a uniform sample of its {count(verdict.sampled_from)} rows (evaluation.max_rows)."
    yield "The difference is the candidate's value minus the baseline's; log loss, in nats, is better when lower."
    bootstrap = verdict.bootstrap
    if any(metric.interval for metric in verdict.metrics.values()):
        confidence = percent(bootstrap.confidence).replace(".0%", "%")
        yield (
            f"Intervals: {confidence}, {bootstrap.method}, {count(bootstrap.resamples)} resamples, "
            f"seed {bootstrap.seed}. A difference whose interval includes 0 may be chance."
        )
    if all(metric.baseline is None for metric in verdict.metrics.values()):
        yield "There was no baseline to compare with."
