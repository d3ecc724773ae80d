"""Formats the operating point for the terminal: the decision threshold, and what its decisions are worth."""

from collections.abc import Iterator

from components.common.formatting import interval, number
from components.common.verdict_record import DecisionMetric
from components.common.verdict_text import DECISION_LABELS, missed_demands, operating_rule
from pipeline_def.runs.summary import Summary
from pipeline_def.terminal.verdict_tables import Line


def operating_point_lines(summary: Summary) -> Iterator[Line]:
    """Yields the threshold, the metrics of the decisions on both splits, and the confusion matrix."""
    point = summary.operating_point
    if point is None:
        return
    yield f"Operating point: positive if the probability is at least {number(point.threshold)}", "bold"
    yield f"{operating_rule(point)} on the validation split", ""
    if point.validation_sampled_from:
        yield (
            f"({point.validation_rows:,} of {point.validation_sampled_from:,} rows; evaluation.max_rows)",
            "",
        )
    share = f"{summary.intervals.confidence * 100:g}% interval" if summary.intervals else ""
    yield f"{'Decisions':<19}{'validation':>11}{'test':>9}{share:>20}".rstrip(), "bold"
    for name, metric in point.metrics.items():
        yield _row(DECISION_LABELS[name], metric), ""
    cells = point.confusion
    yield (
        f"on test: {_count(cells.true_positive)} true and {_count(cells.false_positive)} false positives, "
        f"{_count(cells.true_negative)} true and {_count(cells.false_negative)} false negatives",
        "",
    )
    if isinstance(cells.true_positive, float):
        yield "(sums of the weights of the rows)", ""
    yield from ((sentence, "bold yellow") for sentence in missed_demands(point))


def _row(label: str, metric: DecisionMetric) -> str:
    on_validation, on_test = number(metric.validation), number(metric.test)
    bounds = interval(metric.interval) if metric.interval else ""
    demanded = "" if metric.demanded is None else f"  demanded {metric.demanded:g}"
    return f"{label:<19}{on_validation:>11}{on_test:>9}{bounds:>20}{demanded}".rstrip()


def _count(rows: float) -> str:
    return f"{rows:,}" if isinstance(rows, int) else f"{rows:,.1f}"
