"""The comparison of scoring data with the served model's training data, as text: what `regpipe drift` prints."""

from collections.abc import Sequence

from components.common.drift_record import FeatureDrift, TableComparison
from components.common.drift_text import FINDING_HEADERS, MEASURE_LABELS, finding_cells, summary_sentence
from components.common.formatting import aligned_columns, capitalize_first, count, number, percent, plural

_HEADERS = ("column", "measure", "value", "limit", "missing before", "missing now", "moved")
_MAX_FEATURES = 50  # that have not moved


def drift_text(comparison: TableComparison, notes: Sequence[str]) -> str:
    """Returns all features with their measures, and what moved in detail.

    Those that moved are first; the others follow by how near they are to their limit.

    Args:
        comparison: of the rows with the training data.
        notes: sentences that are printed below it.
    """
    moved = comparison.moved
    features = sorted(
        comparison.features, key=lambda feature: (feature.feature not in moved, -_distance(feature))
    )
    shown = features[: len([each for each in features if each.feature in moved]) + _MAX_FEATURES]
    rows = [*shown, *([] if comparison.label is None else [comparison.label])]
    lines = [
        f"{count(comparison.rows_now)} rows, compared with {comparison.name} ({count(comparison.rows_before)} rows)",
        "",
        aligned_columns([_HEADERS, *(_row(feature, feature.feature in moved) for feature in rows)]),
    ]
    if len(shown) < len(features):
        lines.append(
            f"and {plural(len(features) - len(shown), 'feature')} more that have not moved; --json prints all"
        )
    if comparison.label_before is not None and comparison.label_now is not None:
        before, now = percent(comparison.label_before), percent(comparison.label_now)
        lines += ["", f"The label is 1 in {now} of the rows, and was in {before}."]
    lines += ["", f"{capitalize_first(summary_sentence(comparison.name, len(moved)))}."]
    if comparison.findings:
        lines.append(aligned_columns([FINDING_HEADERS, *map(finding_cells, comparison.findings)]))
    return "\n".join([*lines, *notes])


def _distance(feature: FeatureDrift) -> float:
    """Returns the measure as a multiple of its limit; -1 without one."""
    value = feature.ks if feature.values == "numbers" else feature.l_infinity
    return -1.0 if value is None or not feature.limit else value / feature.limit


def _row(feature: FeatureDrift, moved: bool) -> tuple[str, ...]:
    measure, value = ("ks", feature.ks) if feature.values == "numbers" else ("l_infinity", feature.l_infinity)
    cells = ("no values", "", "")
    if value is not None:
        cells = (
            MEASURE_LABELS["ks" if measure == "ks" else "l_infinity"],
            number(value),
            number(feature.limit),
        )
    missing = percent(feature.missing_before), percent(feature.missing_now)
    return (feature.feature, *cells, *missing, "yes" if moved else "no")
