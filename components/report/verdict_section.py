"""The first sections: the verdict in a sentence, the thresholds, and the two models side by side."""

from collections.abc import Iterator, Sequence
from typing import Any

from components.common.formatting import (
    VISIBLE_DIFFERENCE,
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
from components.report.blocks import Block, Section, TableBlock, TextBlock
from components.report.run_artifacts import Json, RunArtifacts

NO_VERDICT = "The Evaluator left no verdict."
LOWER_IS_BETTER = ("log_loss",)
_DIRECTIONS = {">=": "≥", "<=": "≤"}
MOST_REASONS = 4  # in the headline


def verdict(run: RunArtifacts) -> Section:
    """What became of the model and why: a sentence, an override if there was one, the thresholds."""
    blocks: list[Block] = [headline(run)]
    if override := run.facts.get("override"):
        words = (
            f"Blessed by hand by {override['by']}, {override['at']}. The reason given: {override['reason']}"
        )
        blocks.append(TextBlock(words))
    if run.verdict is not None:
        if run.verdict.get("thresholds"):
            blocks.append(thresholds(run.verdict["thresholds"], "Every threshold"))
        else:
            blocks.append(TextBlock("No threshold was set.", "quiet"))
    if run.pushed_path:
        blocks.append(TextBlock(f"The model is in {run.pushed_path}."))
    return Section("verdict", "Verdict", tuple(blocks))


def headline(run: RunArtifacts) -> TextBlock:
    """The verdict in one sentence."""
    judged = run.verdict
    if run.facts.get("override"):
        return TextBlock(_by_hand(judged or {}, run.not_pushed_because))
    if judged is None:
        outcome = "The model was published." if run.pushed_path else "Nothing was published."
        return TextBlock(f"{NO_VERDICT} {outcome}", "quiet")
    if not judged.get("blessed"):
        reasons = _reasons(judged) or "the Evaluator gave no reason"
        return TextBlock(f"Not blessed: {reasons}. Nothing was published.", "bad")
    if run.not_pushed_because and not run.pushed_path:
        return TextBlock(f"Blessed, but not pushed: {run.not_pushed_because}.", "bad")
    # Blessed and not pushed: the run was asked to end before the Pusher, or the Pusher failed.
    word = "Pushed" if run.pushed_path else "Blessed, but not pushed"
    return TextBlock(f"{word}: {_compared(judged.get('metrics', {}).get('log_loss') or {})}", "good")


def _by_hand(judged: Json, not_pushed_because: str | None) -> str:
    if judged.get("blessed"):
        why = f" It was held back: {not_pushed_because}." if not_pushed_because else ""
        return f"Blessed by the Evaluator, published by hand.{why}"
    return f"Not blessed by the Evaluator ({_reasons(judged) or 'it gave no reason'}), but by hand."


def _reasons(judged: Json) -> str:
    """The first few: the table of thresholds has all of them."""
    reasons = judged.get("reasons") or []
    more = len(reasons) - MOST_REASONS
    return "; ".join([*reasons[:MOST_REASONS], *([f"and {more} more"] if more > 0 else [])])


def _compared(log_loss: Json) -> str:
    """Only a lower log loss is called a win: tolerances may let a model through that is a little worse."""
    ours, theirs = log_loss.get("candidate"), log_loss.get("baseline")
    if theirs is None or ours is None:
        return "the model passed every threshold."
    numbers = f"log loss {html_number(ours)} against {html_number(theirs)}"
    if ours < theirs:
        return f"the model beat its unregularized baseline, {numbers}."
    return f"the model passed every threshold, with {numbers} for its unregularized baseline."


def thresholds(rows: Sequence[Json], caption: str) -> TableBlock:
    """A row for each threshold; those that failed are pointed out."""
    cells = tuple(
        (
            capitalize_first(row["sentence"]),
            "passed" if row["passed"] else "FAILED",
            row.get("slice") or "all",
            html_number(row.get("value")) if row["rule"] == "floor" else html_difference(row.get("value")),
            f"{_DIRECTIONS.get(row.get('direction', ''), '')} {html_significant(row['bound'])}".strip(),
            html_interval(row.get("interval"), signed=row["rule"] != "floor"),
            html_number(row.get("candidate")),
            html_number(row.get("baseline")),
            "the interval" if row.get("mode") == "confidence" else "the value",
        )
        for row in rows
    )
    heads = (
        "threshold", "outcome", "rows", "value", "bound", "interval", "candidate", "baseline", "held against the bound"
    )  # fmt: skip
    failed = tuple(index for index, row in enumerate(rows) if not row["passed"])
    return TableBlock(caption, heads, cells, text_columns=(1, 2, 8), bad_rows=failed)


def comparison(run: RunArtifacts) -> Section:
    """Candidate beside baseline: each metric with its difference and the intervals."""
    judged = run.verdict or {}
    metrics: dict[str, Json] = judged.get("metrics") or {}
    title = "Candidate beside baseline"
    if not metrics:
        return Section("comparison", title, (TextBlock(NO_VERDICT, "quiet"),))
    table = TableBlock("Metrics on the test split", *metric_table(metrics), text_columns=(4,))
    return Section("comparison", title, (TextBlock(" ".join(_about(judged, metrics))), table))


def metric_table(metrics: dict[str, Json]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Heads and rows of a table of metrics, as the verdict has them."""
    heads = (
        "metric", "candidate", "baseline", "difference", "candidate is",
        "interval of the candidate", "of the baseline", "of the difference",
    )  # fmt: skip
    rows = []
    for name, metric in metrics.items():
        spans = metric.get("interval") or {}
        rows.append(
            (
                metric_label(name),
                html_number(metric.get("candidate")),
                html_number(metric.get("baseline")),
                html_difference(metric.get("difference")),
                better_or_worse(name, metric.get("difference")),
                html_interval(spans.get("candidate")),
                html_interval(spans.get("baseline")),
                html_interval(spans.get("difference"), signed=True),
            )
        )
    return heads, tuple(rows)


def better_or_worse(name: str, difference: Any) -> str:
    """What a difference means, by the side on which the metric is better."""
    if (
        not isinstance(difference, int | float) or not abs(difference) >= VISIBLE_DIFFERENCE
    ):  # `not`: also for NaN
        return ""
    return "better" if (difference < 0) == (name in LOWER_IS_BETTER) else "worse"


def _about(judged: Json, metrics: dict[str, Json]) -> Iterator[str]:
    rows, positives = judged.get("rows"), judged.get("positives")
    if rows is not None:
        ones = f", {count(positives)} of them positive" if positives is not None else ""
        yield f"Measured on {plural(int(rows), 'row')} of the test split{ones}, through the serving signature."
    if whole := judged.get("sampled_from"):
        yield f"They are an even sample of its {count(whole)} rows (evaluation.max_rows)."
    yield "The difference is the candidate's value minus the baseline's; log loss, in nats, is better when lower."
    bootstrap = judged.get("bootstrap")
    if bootstrap and any(metric.get("interval") for metric in metrics.values()):
        share = percent(bootstrap["confidence"]).replace(".0%", "%")
        yield (
            f"Intervals: {share}, {bootstrap['method']}, {count(bootstrap['resamples'])} resamples, "
            f"seed {bootstrap['seed']}. A difference whose interval includes 0 may be chance."
        )
    if all(metric.get("baseline") is None for metric in metrics.values()):
        yield "There was no baseline to compare with."
