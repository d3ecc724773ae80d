"""Sentences about drift, for the terminal, the report and error messages."""

from collections.abc import Mapping

from components.common.drift_record import DriftFinding, DriftMeasure, DriftRecord, TableComparison
from components.common.formatting import aligned_columns, number, plural

MEASURE_LABELS: Mapping[DriftMeasure, str] = {
    "ks": "Kolmogorov-Smirnov distance",
    "psi": "population stability index",
    "l_infinity": "L-infinity distance",
    "share": "share",
    "odds_ratio": "odds ratio",
}
FINDING_HEADERS = ("column", "before", "now", "measure", "value", "limit")


def summary_sentence(name: str, moved: int) -> str:
    """Returns one sentence.

    >>> summary_sentence("span 20240130", 2)
    '2 columns have moved since span 20240130'

    Args:
        name: the reference in words.
        moved: how many columns have moved.
    """
    return (
        f"{plural(moved, 'column has', 'columns have')} moved since {name}"
        if moved
        else f"no drift since {name}"
    )


def finding_sentence(finding: DriftFinding) -> str:
    """Returns one finding in a line: "age: median 34 (90%: 21 to 58), now median 41 (90%: 28 to 66)"."""
    return f"{finding.feature}: {finding.before}, now {finding.now}"


def finding_cells(finding: DriftFinding) -> tuple[str, ...]:
    """Returns the cells of a finding below FINDING_HEADERS."""
    return (
        finding.feature,
        finding.before,
        finding.now,
        MEASURE_LABELS[finding.measure],
        number(finding.value),
        number(finding.threshold),
    )


def refusal_text(record: DriftRecord) -> str:
    """Returns why the data is refused: what moved, by which measures and limits, and what to do."""
    return "\n".join(
        [
            "The data has moved (data.drift is refuse).",
            *(_table(comparison) for comparison in record.comparisons if comparison.findings),
            "If the new data is right, run it with --set data.drift=warn: later tables are compared with the model "
            "that is then published.",
        ]
    )


def _table(comparison: TableComparison) -> str:
    rows = [FINDING_HEADERS, *map(finding_cells, comparison.findings)]
    return f"Since {comparison.name}:\n{aligned_columns(rows)}"
