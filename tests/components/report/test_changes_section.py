"""The section on what changed since the last run with a verdict."""
# ruff: noqa: RUF001 (the report writes a real minus sign, which screen readers read out)

import dataclasses
from typing import Any

from components.common.drift_record import DriftRecord
from components.report.blocks import Section, TableBlock, TextBlock
from components.report.changes_section import changes


def tables(section: Section) -> dict[str, tuple[Any, ...]]:
    return {block.caption: block.rows for block in section.blocks if isinstance(block, TableBlock)}


def texts(section: Section) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, TextBlock)]


def test_what_changed(sample: Any) -> None:
    """Only what is not the same: data, keys, libraries, code; and the metrics of both runs."""
    found = changes(sample.run())
    assert texts(found) == [
        "The last run with a verdict under this root is 20261119T120000.000000Z of 2026-11-19 12:00 UTC; "
        "it was blessed.",
        "Code: that of Trainer is not the same.",
    ]
    assert tables(found) == {
        "Data": (
            ("bytes of the files (digest)", "4567", "0123"),
            ("rows", "900", "1,000"),
            ("rows set aside", "0", "2"),
            ("share of positive labels", "50.00%", "60.00%"),
            ("features that only one of them has", "plan", sample.SCRIPT),
        ),
        "Configuration": (
            ("data.label", "(not set)", sample.SCRIPT),
            ("data.ignore", "(not set)", "(none)"),
            ("training.epochs", "20", "30"),
        ),
        "Libraries": (("tensorflow", "2.20.0", "2.21.0"),),
        "Metrics of the candidate on the test split; the test rows are not the same": (
            ("log loss", "0.4019", "0.3919", "−0.0100"),
        ),
    }


def test_nothing_changed(sample: Any) -> None:
    """It is said of data and configuration; the metrics are still compared, now on the same rows."""
    run = sample.run()
    same = sample.previous(ingest=run.ingest, config=run.config, versions={}, code={})
    found = changes(dataclasses.replace(run, previous=same))
    assert texts(found)[1:] == ["Data: the same 1,000 rows.", "Configuration: the same."]
    assert list(tables(found)) == ["Metrics of the candidate on the test split"]


def test_a_last_run_that_was_not_blessed(sample: Any) -> None:
    """With its reasons."""
    verdict = sample.verdict(blessed=False, reasons=["the AUC is 0.5, not at least 0.6"])
    found = changes(sample.run(previous=sample.previous(verdict=verdict)))
    assert texts(found)[0].endswith("; it was not blessed: the AUC is 0.5, not at least 0.6.")


def test_columns_that_have_moved(sample: Any) -> None:
    """They are named before the rest, by the table since which they have moved."""
    finding = {
        "kind": "distribution",
        "measure": "ks",
        "value": 0.4,
        "threshold": 0.1,
        "before": "",
        "now": "",
    }
    comparison = {
        "kind": "served", "name": "the training data of version 3", "rows_before": 500, "rows_now": 608,
        "label_before": 0.5, "label_now": 0.5, "checks": 9,
        "findings": [{"feature": "plan", **finding}, {"feature": "age", **finding}],
    }  # fmt: skip
    drift = DriftRecord.model_validate({"mode": "warn", "comparisons": [comparison]})
    expected = TextBlock("2 columns have moved since the training data of version 3: age, plan.", "bad")
    assert changes(sample.run(drift=drift)).blocks[1] == expected
    assert changes(sample.run(drift=drift, previous=None)).blocks[1] == expected


def test_the_first_run(sample: Any) -> None:
    """It has nothing to be compared with."""
    found = changes(sample.run(previous=None))
    assert texts(found) == ["There is no earlier run with a verdict under this root."]


def test_a_last_run_whose_artifacts_were_removed(sample: Any) -> None:
    """The section says what is unknown."""
    gone = sample.previous(ingest=None, verdict=None, config=None)
    assert texts(changes(sample.run(previous=gone)))[1:] == [
        "Data: the record of one of the runs is missing.",
        "Configuration: that of the last run is unknown.",
        "Code: that of Trainer is not the same.",
    ]
