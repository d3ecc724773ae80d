"""The section on drift."""

import dataclasses
from typing import Any

from components.common.drift_record import (
    DistributionPair,
    DriftFinding,
    DriftRecord,
    FeatureDrift,
    TableComparison,
)
from components.report import drift_section, run_page
from components.report.blocks import Chart, ChartHistogram, Section, TableBlock, TextBlock

FINDING = DriftFinding(
    feature="age",
    kind="distribution",
    measure="ks",
    value=0.25,
    threshold=0.0625,
    before="median 34 (90%: 21 to 58)",
    now="median 41 (90%: 28 to 66)",
)
STEADY = FeatureDrift(
    feature="a", values="numbers", ks=0.01, psi=0.02, unseen=0.0, missing_before=0, missing_now=0
)
FEW = FeatureDrift(
    feature="kind",
    values="categories",
    l_infinity=0.125,
    jensen_shannon=0.5,
    unseen=0.25,
    missing_before=0,
    missing_now=1,
)
COMPARISON = TableComparison(
    kind="served",
    name="the training data of version 3",
    rows_before=6_000,
    rows_now=600,
    label_before=0.5,
    label_now=0.25,
    checks=9,
    findings=(FINDING,),
    features=(STEADY, FEW),
    distributions=(
        DistributionPair(feature="age", edges=(20.0, 40.0, 60.0), before=(0.7, 0.3), now=(0.4, 0.6)),
    ),
    added=("new",),
)


def section(sample: Any, record: DriftRecord | None) -> Section:
    return drift_section.drift(dataclasses.replace(sample.run(), drift=record))


def test_what_moved(sample: Any) -> None:
    """A sentence, the findings, a chart with both distributions, and the measures of all features, largest first."""
    record = DriftRecord(mode="warn", comparisons=(COMPARISON,), notes=("No span before.",))
    text, added, findings, chart, features, note = section(sample, record).blocks
    assert text == TextBlock(
        "1 column has moved since the training data of version 3. The training splits of both tables were compared: "
        "6,000 and 600 rows, 2 features and the label (label 1 in 50.0%, now 25.0%).",
        "bad",
    )
    assert added == TextBlock("New features: new.", "quiet")
    assert isinstance(findings, TableBlock)
    assert findings.rows == (
        ("age", FINDING.before, FINDING.now, "Kolmogorov-Smirnov distance", "0.2500", "0.0625"),
    )
    assert isinstance(chart, Chart)
    assert chart.bars == (
        ChartHistogram("now", "candidate", (20.0, 40.0, 60.0), (0.4, 0.6)),
        ChartHistogram("before", "baseline", (20.0, 40.0, 60.0), (0.7, 0.3)),
    )
    assert chart.text == "Before: median 34 (90%: 21 to 58); now: median 41 (90%: 28 to 66)."
    assert isinstance(features, TableBlock)
    assert features.rows == (
        ("kind", "categories", "", "", "0.1250", "0.5000", "25.0%", "0.0%", "100.0%"),
        ("a", "numbers", "0.0100", "0.0200", "", "", "0.0%", "0.0%", "0.0%"),
    )
    assert note == TextBlock("No span before.", "quiet")
    page = run_page.render(dataclasses.replace(sample.run(), drift=record))
    assert 'data-chart="drift-served-0"' in page


def test_nothing_moved(sample: Any) -> None:
    steady = COMPARISON.model_copy(update={"findings": (), "distributions": (), "added": ()})
    text, table = section(sample, DriftRecord(mode="refuse", comparisons=(steady,))).blocks
    assert isinstance(text, TextBlock)
    assert text.text.startswith("No drift since the training data of version 3.")
    assert (text.tone, table.kind) == ("good", "table")


def test_off_and_no_record(sample: Any) -> None:
    assert section(sample, DriftRecord(mode="off")).blocks == (
        TextBlock("The data was not compared with earlier tables (data.drift is off).", "quiet"),
    )
    assert section(sample, None).blocks == (TextBlock("DriftGate wrote no drift record.", "quiet"),)
