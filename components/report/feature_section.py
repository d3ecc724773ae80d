"""Creates the section on the features: their permutation importance, and their weights in the first layer."""

from collections.abc import Iterator, Sequence

from components.common.formatting import (
    count,
    first_of,
    html_difference,
    html_interval,
    html_number,
    metric_label,
    percent,
    plural,
)
from components.common.importance_record import FeatureImportance, ImportanceRecord
from components.report.blocks import Block, Chart, ChartInterval, Section, TableBlock, TextBlock
from components.report.run_artifacts import Json, RunArtifacts
from components.tasks.known_tasks import METRICS

MAX_EXPANDED_ROWS = 50  # a longer table is collapsed
_MAX_NAME = 18  # characters of a name in the chart
MAX_NAMES = 50  # of dropped categories, in a cell
MAX_DRAWN = 20  # the most important features, to limit the height of the chart


def features(run: RunArtifacts) -> Section:
    """Returns the section; what is missing of importance and weights is left out."""
    blocks: list[Block] = []
    importance = run.importance
    if importance is not None and importance.features:
        blocks += [TextBlock(_method(importance)), _chart(importance)]
    else:
        blocks.append(TextBlock("The importance of the features was not measured.", "quiet"))
    blocks.extend(_table(importance, run.candidate.weights, run.baseline.weights))
    return Section("features", "Features", tuple(blocks), _most_important(importance, run.candidate.weights))


def _most_important(importance: ImportanceRecord | None, weights: Json | None) -> str:
    if importance is not None and importance.features:
        first = importance.features[0]
        change = f"{html_difference(first.value)} {metric_label(importance.loss)}"
        return f"the most important is {first.feature}, {change} without it"
    return plural(len(weights["features"]), "feature") if weights else "not measured"


def _method(record: ImportanceRecord) -> str:
    rows = f"the {plural(record.rows, 'row')} of the test split"
    if record.sampled_from:
        rows = f"a uniform sample of {count(record.rows)} of the {count(record.sampled_from)} rows of the test split"
    left_out = (
        f" The {plural(record.left_out, 'feature')} with the smallest weights in the first layer were not measured."
        if record.left_out
        else ""
    )
    drawn = "rows" if record.groups is None else f"{plural(record.groups, 'group')} of the rows"
    loss = METRICS[record.loss]
    unit = f",{loss.in_unit}," if loss.unit else ""
    return (
        "Permutation importance (Breiman, Random Forests, 2001): by how much the candidate's "
        f"{loss.label} rises{unit} if the values of a feature are exchanged at random between the rows, together with "
        "its missing indicator. "
        f"Measured on {rows} with the exported model, as the mean over {record.permutations} permutations; the "
        f"intervals ({percent(record.confidence, 0)}) are those of the paired bootstrap over the {drawn}. Two features "
        f"that say the same each look less important than both are together.{left_out}"
    )


def _chart(record: ImportanceRecord) -> Chart:
    drawn, loss = record.features[:MAX_DRAWN], METRICS[record.loss]
    more = len(record.features) - len(drawn)
    first = ", ".join(f"{item.feature} {html_difference(item.value)}" for item in drawn[:5])
    return Chart(
        "importance",
        "Permutation importance" + (f" of the first {MAX_DRAWN} features" if more > 0 else ""),
        f"The most important: {first}. The table below contains all values.",
        f"rise of {loss.label}{loss.in_unit} without the feature",
        "",
        intervals=tuple(
            ChartInterval(
                item.value,
                low=item.interval[0] if item.interval else None,
                high=item.interval[1] if item.interval else None,
                finding="candidate",
            )
            for item in drawn
        ),
        levels=tuple(_short_names([item.feature for item in drawn])),
        mark=(0.0, "no importance"),
        half=True,
    )


def _short_names(names: Sequence[str]) -> Iterator[str]:
    """Yields the names, long ones cut and numbered: on a phone they would leave no room for the chart."""
    for number, name in enumerate(names, start=1):
        yield name if len(name) <= _MAX_NAME else f"{number} {name[: _MAX_NAME - 4]}…"


def _table(
    importance: ImportanceRecord | None, candidate: Json | None, baseline: Json | None
) -> Iterator[Block]:
    measured = {item.feature: item for item in importance.features} if importance else {}
    if candidate is None:
        return
    dropped = set(candidate["dropped"])
    baseline_norms = {row["name"]: row["norm"] for row in baseline["features"]} if baseline else {}

    def most_important_first(row: Json) -> tuple[float, float, str]:
        found = measured.get(row["name"])
        value = found.value if found and found.value is not None else float("-inf")
        return -value, -row["norm"], row["name"]

    rows = [
        (
            row["name"],
            *_importance(measured.get(row["name"])),
            "dropped" if row["name"] in dropped else _kept(row),
            html_number(row["norm"]),
            html_number(baseline_norms.get(row["name"])),
            _lost(row["norm"], baseline_norms.get(row["name"])),
        )
        for row in sorted(candidate["features"], key=most_important_first)
    ]
    caption = "Features by importance, and the norm of their weights in the first layer"
    headers = (
        "feature", "importance", "interval", "kept or dropped", "candidate's norm", "baseline's norm", "lost",
    )  # fmt: skip
    summary = f"{caption}: {plural(len(rows), 'feature')}" if len(rows) > MAX_EXPANDED_ROWS else ""
    yield TableBlock(caption, headers, tuple(rows), summary=summary, text_columns=(3,))
    unused = tuple(
        (row["name"], str(row["columns"]), first_of(row["dropped_columns"], MAX_NAMES))
        for row in candidate["features"]
        if row.get("dropped_columns") and row["name"] not in dropped
    )
    if unused:
        caption = "Dropped categories of features that are kept: all their weights in the first layer are 0"
        summary = f"Dropped categories: of {plural(len(unused), 'feature')}"
        yield TableBlock(
            caption, ("feature", "categories", "dropped"), unused, summary=summary, text_columns=(2,)
        )


def _kept(row: Json) -> str:
    """Returns "kept", for a categorical feature with the number of its categories that are."""
    unused = row.get("dropped_columns")
    return (
        f"kept, {row['columns'] - len(unused)} of {plural(row['columns'], 'category', 'categories')}"
        if unused
        else "kept"
    )


def _importance(found: FeatureImportance | None) -> tuple[str, str]:
    # A missing indicator is measured together with its feature.
    if found is None:
        return "", ""
    return html_difference(found.value), html_interval(found.interval, signed=True)


def _lost(norm: float, of: float | None) -> str:
    """Returns the share of the baseline's norm that the candidate lacks: "63%"; "-" without one, or if it has more."""
    return percent(1 - norm / of, 0) if of and norm <= of else "-"
