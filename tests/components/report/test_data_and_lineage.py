"""The sections on the data, the configuration and the lineage."""
# ruff: noqa: RUF001 (pages contain the minus sign U+2212)

from typing import Any

from components.report import data_section, lineage_section
from components.report.blocks import PreformattedBlock, TableBlock, TextBlock


def tables(section: Any) -> dict[str, TableBlock]:
    return {block.caption: block for block in section.blocks if isinstance(block, TableBlock)}


def test_row_counts_and_reasons(made: Any) -> None:
    """A sentence, the share of each split, the reasons with their lines, and the warnings are shown."""
    section = data_section.data(made.run())
    assert section.blocks[0] == TextBlock(
        "1,000 rows from /data/churn.csv, 2 features, the label 'churned' ('yes' is positive); 2 rows were set aside."
    )
    found = tables(section)
    assert found["Rows by split"].rows == (
        ("train", "608", "60.7%"),
        ("eval", "189", "18.9%"),
        ("test", "203", "20.3%"),
        ("rejected", "2", "0.2%"),
    )
    assert found["Why rows were set aside: the first reasons"].rows == (
        ("1", "/data/churn.csv, line 7: expected 3 fields, found 4"),
        ("2", "line 9: <script>alert(1)</script>"),
    )
    assert TextBlock("Warning: The column <script>alert(1)</script> & co", "bad") in section.blocks


def test_statistics_of_each_feature(made: Any) -> None:
    """Missing cells are NaN in the examples: 8 of 608 are 1.3%; 60 zeros among the 600 present values are 10%."""
    table = tables(data_section.data(made.run()))["Statistics of the training split, 608 rows"]
    assert table.heads == (
        "feature", "missing", "mean", "std. dev.", "zeros", "min", "median", "max", "mean in eval", "mean in test",
    )  # fmt: skip
    assert table.rows[0] == (
        made.NASTY, "1.3%", "41.5", "9.877", "10.0%", "−3", "40", "1,234,567", "41.5", "41.5"
    )  # fmt: skip
    assert table.rows[1][:2] == ("age", "0.0%")


def test_anomalies(made: Any) -> None:
    """Each anomaly has a row; without anomalies a sentence states that."""
    table = tables(data_section.data(made.run()))["Anomalies"]
    assert table.rows == ((made.NASTY, "eval", "error", "Out-of-range values", "Unexpectedly high"),)
    clean = data_section.data(made.run(anomalies={"train": made.anomalies()}))
    assert TextBlock("No anomalies: the data matches the schema.", "good") in clean.blocks


def test_every_key_of_the_configuration(made: Any) -> None:
    """Keys have their full names; a key that is not set differs from an empty list."""
    (table,) = lineage_section.configuration(made.run()).blocks
    assert isinstance(table, TableBlock)
    assert table.rows == (
        ("name", "churn"),
        ("data.label", made.NASTY),
        ("data.ignore", "(none)"),
        ("data.schema_file", "(not set)"),
        ("training.epochs", "30"),
        ("training.early_stopping", "5"),
    )


def test_lineage(made: Any) -> None:
    """The run, the duration and state of its steps, artifacts, libraries, code, and the verdict without its curves."""
    section = lineage_section.lineage(made.run())
    assert section.blocks[0] == TextBlock(
        "Run 20261120T120000.000000Z, started 2026-11-20T12:00:00+00:00: 2 steps before this one, 1 from the cache."
    )
    found = tables(section)
    assert found["Steps before this one"].rows == (
        ("ExampleGen", "cached", "0.2 s"),
        ("Trainer", "done", "2 min 05 s"),
    )
    assert found["Artifacts"].rows == (
        ("Trainer, model", "Model", "7", "/runs/<script>alert(1)</script>/model"),
    )
    assert found["Library versions"].rows == (("bokeh", "3.9.2"), ("tensorflow", "2.21.0"))
    assert found["Code of the steps"].rows == (("Trainer", "0123abcd"),)
    last = section.blocks[-1]
    assert isinstance(last, PreformattedBlock)
    assert '"blessed": true' in last.text
    assert '"curves"' not in last.text
