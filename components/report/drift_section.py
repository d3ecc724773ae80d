"""Creates the section on drift: what moved since earlier tables, with both distributions of each feature that moved."""

from collections.abc import Iterator

from components.common.drift_record import DistributionPair, FeatureDrift, TableComparison
from components.common.drift_text import FINDING_HEADERS, finding_cells, summary_sentence
from components.common.formatting import capitalize_first, count, html_number, percent, plural
from components.report.blocks import Block, Chart, ChartHistogram, Section, TableBlock, TextBlock
from components.report.run_artifacts import RunArtifacts

MAX_CHARTS = 12  # for each reference; the table has the others


def drift(run: RunArtifacts) -> Section:
    """Returns the section: a sentence, what moved and charts for each reference, and all measures."""
    blocks: list[Block] = []
    if run.drift is None:
        blocks.append(TextBlock("DriftGate wrote no drift record.", "quiet"))
    else:
        if run.drift.mode == "off":
            blocks.append(
                TextBlock("The data was not compared with earlier tables (data.drift is off).", "quiet")
            )
        for comparison in run.drift.comparisons:
            blocks += _comparison(comparison)
        blocks += [TextBlock(note, "quiet") for note in run.drift.notes]
    return Section("drift", "Drift", tuple(blocks), _summary(run))


def _summary(run: RunArtifacts) -> str:
    """Returns the line under which the section is collapsed."""
    comparisons = run.drift.comparisons if run.drift else ()
    sentences = [summary_sentence(comparison.name, len(comparison.moved)) for comparison in comparisons]
    return "; ".join(sentences) or "not compared with earlier tables"


def _comparison(comparison: TableComparison) -> Iterator[Block]:
    sentence = capitalize_first(summary_sentence(comparison.name, len(comparison.moved)))
    compared = plural(len(comparison.features), "feature")
    before, now = comparison.label_before, comparison.label_now
    shares = "" if before is None else f" (label 1 in {percent(before)}, now {percent(now or 0.0)})"
    text = (
        f"{sentence}. The training splits of both tables were compared: {count(comparison.rows_before)} and "
        f"{count(comparison.rows_now)} rows, {compared} and the label{shares}."
    )
    yield TextBlock(text, "bad" if comparison.findings else "good")
    for names, what in ((comparison.added, "New features"), (comparison.gone, "Features that are gone")):
        if names:
            yield TextBlock(f"{what}: {', '.join(names)}.", "quiet")
    if comparison.findings:
        cells = tuple(map(finding_cells, comparison.findings))
        yield TableBlock(
            f"What moved since {comparison.name}", FINDING_HEADERS, cells, text_columns=(1, 2, 3)
        )
    for number, pair in enumerate(comparison.distributions[:MAX_CHARTS]):
        yield _chart(comparison, pair, number)
    if comparison.features:
        yield _table(comparison)


def _chart(comparison: TableComparison, pair: DistributionPair, number: int) -> Chart:
    moved = [finding for finding in comparison.findings if finding.feature == pair.feature]
    return Chart(
        f"drift-{comparison.kind}-{number}",
        f"{pair.feature} since {comparison.name}",
        " ".join(f"Before: {finding.before}; now: {finding.now}." for finding in moved),
        pair.feature,
        "share of the values",
        bars=(
            ChartHistogram("now", "candidate", pair.edges, pair.now),
            ChartHistogram("before", "baseline", pair.edges, pair.before),
        ),
        small=True,
    )


def _table(comparison: TableComparison) -> TableBlock:
    measured = [*comparison.features, *([] if comparison.label is None else [comparison.label])]
    ordered = sorted(measured, key=lambda feature: -(feature.ks or feature.l_infinity or 0.0))
    headers = (
        "feature", "compared as", "KS", "PSI", "L-infinity", "Jensen-Shannon", "unseen", "missing before",
        "missing now",
    )  # fmt: skip
    return TableBlock(
        f"All measures since {comparison.name}",
        headers,
        tuple(map(_cells, ordered)),
        summary=f"All measures since {comparison.name}: {plural(len(comparison.features), 'feature')}",
        text_columns=(1,),
    )


def _cells(feature: FeatureDrift) -> tuple[str, ...]:
    measures = (feature.ks, feature.psi, feature.l_infinity, feature.jensen_shannon)
    return (
        feature.feature,
        feature.values,
        *("" if value is None else html_number(value) for value in measures),
        "" if feature.unseen is None else percent(feature.unseen),
        percent(feature.missing_before),
        percent(feature.missing_now),
    )
