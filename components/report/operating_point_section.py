"""Creates the section on the operating point: the decision threshold, and what its decisions are worth."""

from collections.abc import Iterator

from components.common.formatting import (
    capitalize_first,
    count,
    html_interval,
    html_number,
    html_significant,
    plural,
)
from components.common.verdict_record import OperatingPoint
from components.common.verdict_text import DECISION_LABELS, missed_demands, operating_rule
from components.report.blocks import Block, Section, TableBlock, TextBlock
from components.report.run_artifacts import RunArtifacts


def operating_point(run: RunArtifacts) -> Iterator[Section]:
    """Yields the section with the metrics of the decisions; yields nothing without an operating point."""
    point = run.verdict.operating_point if run.verdict else None
    if point is not None:
        missed = [TextBlock(sentence, "bad") for sentence in missed_demands(point)]
        blocks: list[Block] = [TextBlock(" ".join(_text(point))), *missed, _metrics(point), _confusion(point)]
        yield Section(
            "operating-point",
            "Operating point",
            tuple(blocks),
            f"probability ≥ {html_number(point.threshold)}",
        )


def _text(point: OperatingPoint) -> Iterator[str]:
    yield (
        f"The decision on a row is positive if its probability is at least {html_number(point.threshold)}. "
        f"This threshold gives {operating_rule(point)} on the validation split "
        f"({plural(point.validation_rows, 'row')})."
    )
    if point.validation_sampled_from:
        yield (
            f"They are a uniform sample of its {count(point.validation_sampled_from)} rows (evaluation.max_rows)."
        )
    yield (
        "The values there are those of the best threshold, and therefore optimistic. The intervals are those of the "
        "test split, with the threshold fixed."
    )


def _metrics(point: OperatingPoint) -> TableBlock:
    rows = tuple(
        (
            capitalize_first(DECISION_LABELS[name]),
            html_number(metric.validation),
            html_number(metric.test),
            html_interval(metric.interval),
            "" if metric.demanded is None else f"≥ {html_significant(metric.demanded)}",
        )
        for name, metric in point.metrics.items()
    )
    missed = tuple(row for row, metric in enumerate(point.metrics.values()) if metric.below_demanded)
    headers = ("metric", "validation split", "test split", "interval on the test split", "demanded")
    return TableBlock("Decisions of the candidate", headers, rows, bad_rows=missed)


def _confusion(point: OperatingPoint) -> TableBlock:
    rows = tuple(
        (
            name.replace("_", " ").capitalize(),
            html_significant(getattr(point.confusion, name)),
            " to ".join(map(html_significant, getattr(point.confusion_intervals, name) or ())),
        )
        for name in type(point.confusion).model_fields
    )
    headers = ("decision", "rows of the test split", "interval")
    return TableBlock("Confusion matrix at the operating point", headers, rows)
