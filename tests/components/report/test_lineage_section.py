"""The sections on the configuration and on the lineage."""

from typing import Any

from components.report import lineage_section
from components.report.blocks import PreformattedBlock, Section, TableBlock, TextBlock


def tables(section: Section) -> dict[str, TableBlock]:
    return {block.caption: block for block in section.blocks if isinstance(block, TableBlock)}


def test_every_key_of_the_configuration(sample: Any) -> None:
    """Keys have their full names; a key that is not set differs from an empty list; other than default is marked."""
    section = lineage_section.configuration(sample.run())
    changed, table = section.blocks
    assert isinstance(changed, TableBlock)
    assert changed.rows == (("name", "churn", "regpipe"), ("data.label", sample.SCRIPT, "(not set)"))
    assert isinstance(table, TableBlock)
    assert table.rows == (
        ("name", "churn", "differs: regpipe"),
        ("data.label", sample.SCRIPT, "differs: (not set)"),
        ("data.ignore", "(none)", ""),
        ("data.schema_file", "(not set)", ""),
        ("training.epochs", "30", ""),
        ("training.early_stopping", "5", ""),
    )
    assert section.summary == "2 keys differ from their defaults"


def test_a_configuration_without_known_defaults(sample: Any) -> None:
    """A run of an earlier version, or a study, does not have them: nothing is marked."""
    section = lineage_section.configuration(sample.run(facts={}))
    (table,) = section.blocks
    assert isinstance(table, TableBlock)
    assert table.rows[0] == ("name", "churn")
    assert section.summary == "6 keys"


def test_lineage(sample: Any) -> None:
    """The run, the duration and state of its steps, artifacts, libraries, code, and the verdict without its curves."""
    section = lineage_section.lineage(sample.run())
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
