"""The data, the configuration, and what was made by what."""
# ruff: noqa: RUF001 (the report writes a real minus sign, which screen readers read out)

from typing import Any

from components.report import data_section, lineage_section
from components.report.blocks import PreformattedBlock, TableBlock, TextBlock


def tables(section: Any) -> dict[str, TableBlock]:
    return {block.caption: block for block in section.blocks if isinstance(block, TableBlock)}


def test_rows_and_what_was_set_aside(made: Any) -> None:
    """A sentence, the splits with their shares, the reasons with their lines, the warnings."""
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
    assert found["Why rows were set aside, the first of them"].rows == (
        ("1", "/data/churn.csv, line 7: expected 3 fields, found 4"),
        ("2", "line 9: <script>alert(1)</script>"),
    )
    assert TextBlock("Warning: The column <script>alert(1)</script> & co", "bad") in section.blocks


def test_statistics_of_each_feature(made: Any) -> None:
    """Missing cells are NaN in the examples: 8 of 608 are 1.3%; 60 zeros of the 600 present are 10%."""
    table = tables(data_section.data(made.run()))["Statistics of the training split, 608 rows"]
    assert table.heads == (
        "feature", "missing", "mean", "std. dev.", "zeros", "min", "median", "max", "mean in eval", "mean in test",
    )  # fmt: skip
    assert table.rows[0] == (
        made.NASTY, "1.3%", "41.5", "9.877", "10.0%", "−3", "40", "1,234,567", "41.5", "41.5"
    )  # fmt: skip
    assert table.rows[1][:2] == ("age", "0.0%")


def test_anomalies(made: Any) -> None:
    """Column, split, severity and what it is; none is said in a sentence."""
    table = tables(data_section.data(made.run()))["Anomalies"]
    assert table.rows == ((made.NASTY, "eval", "error", "Out-of-range values", "Unexpectedly high"),)
    clean = data_section.data(made.run(anomalies={"train": made.anomalies()}))
    assert TextBlock("No anomalies: the data is what the schema expects.", "good") in clean.blocks


def test_every_key_of_the_configuration(made: Any) -> None:
    """With its full name; what is not set and what is empty can be told apart."""
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


def test_what_was_made_by_what(made: Any) -> None:
    """The run, its steps with their time and the cache, artifacts, libraries, code, and the verdict in full."""
    section = lineage_section.lineage(made.run())
    assert section.blocks[0] == TextBlock(
        "Run 20261120T120000.000000Z, started 2026-11-20T12:00:00+00:00: 2 steps before this one, 1 from the cache."
    )
    found = tables(section)
    assert found["The steps before this one"].rows == (
        ("ExampleGen", "cached", "0.2 s"),
        ("Trainer", "done", "2 min 05 s"),
    )
    assert found["The artifacts"].rows == (
        ("Trainer, model", "Model", "7", "/runs/<script>alert(1)</script>/model"),
    )
    assert found["The versions of the libraries"].rows == (("bokeh", "3.9.2"), ("tensorflow", "2.21.0"))
    assert found["The code of the steps"].rows == (("Trainer", "0123abcd"),)
    last = section.blocks[-1]
    assert isinstance(last, PreformattedBlock)
    assert '"blessed": true' in last.text
    assert '"curves"' not in last.text
