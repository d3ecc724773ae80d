"""The message about a run: a CloudEvent in JSON's structured mode, with what a reader of the message needs to know."""

import datetime
import json
import re
from typing import Any

import pytest
from cloudevents.http import from_json

from components.common.verdict_record import ServedComparison
from pipeline_def.notification.run_event import RunEvent, event_of
from pipeline_def.runs.summary import BothMetrics, ModelMetrics, Summary

NOON = datetime.datetime(2026, 11, 26, 13, 0, 0, 250_000, datetime.timezone(datetime.timedelta(hours=1)))
PUSHED = Summary(
    run_id="r1",
    status="pushed",
    exit_code=0,
    metrics=BothMetrics(
        candidate=ModelMetrics(auc=0.91, log_loss=0.3, accuracy=0.9),
        baseline=ModelMetrics(auc=0.9, log_loss=0.7, accuracy=0.8),
    ),
    pushed_version=7,
    pushed_path="/models/7",
    report_path="/runs/report.html",
    warnings=("The column 'a' is constant.",),
)


def test_the_envelope_follows_the_specification() -> None:
    """CloudEvents 1.0, spec.md: required attributes, names and types; the project's own package reads it."""
    envelope = event_of(PUSHED, "churn").envelope(NOON)
    assert envelope.keys() - {"data"} <= {
        "specversion", "id", "source", "type", "subject", "time", "datacontenttype",
    }  # fmt: skip
    for name, value in envelope.items():
        assert re.fullmatch(r"[a-z0-9]{1,20}", name)
        if name != "data":
            assert isinstance(value, str)
            assert value
            assert not re.search(r"[\x00-\x1f\x7f-\x9f]", value)
    read = from_json(json.dumps(envelope))
    attributes = read.get_attributes()
    assert (attributes["specversion"], attributes["source"]) == ("1.0", "/regpipe/churn")
    assert (attributes["type"], attributes["subject"]) == ("regpipe.run.pushed", "r1")
    assert attributes["datacontenttype"] == "application/json"
    # RFC 3339, in UTC.
    assert attributes["time"] == "2026-11-26T12:00:00.250000Z"
    assert read.get_data() == envelope["data"]


def test_an_event_that_ends_again_has_another_id() -> None:
    """Receivers may take two events of one source and id for duplicates (spec.md, `id`)."""
    event = event_of(PUSHED, "churn")
    first, second = (event.envelope(NOON + datetime.timedelta(seconds=n)) for n in (0, 1))
    assert first["id"] != second["id"]
    assert first["id"].startswith("r1/")


def test_the_data_of_a_pushed_run() -> None:
    """The verdict's sentence, the metrics in short, the version, the report and the warnings."""
    assert event_of(PUSHED, "churn").model_dump(mode="json") == {
        "format_version": 1,
        "run_id": "r1",
        "pipeline": "churn",
        "status": "pushed",
        "exit_code": 0,
        "message": "Pushed: log loss 0.3000 against 0.7000 without regularization.",
        "reasons": [],
        "metrics": {"candidate": {"auc": 0.91, "log_loss": 0.3}, "baseline": {"auc": 0.9, "log_loss": 0.7}},
        "pushed_version": 7,
        "pushed_path": "/models/7",
        "already_published": False,
        "report_path": "/runs/report.html",
        "warnings": ["The column 'a' is constant."],
        "drift": None,
        "served_decline": None,
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"status": "not_blessed", "reasons": ("AUC is 0.5", "AUC fell")},
            "Not blessed: AUC is 0.5; AUC fell.",
        ),
        ({"status": "data_refused", "error": "no rows.\nNone."}, "Data refused: no rows. None."),
        ({"status": "failed", "error": "MemoryError"}, "Failed: MemoryError"),
    ],
)
def test_the_message_is_the_sentence_of_the_verdict(changed: dict[str, Any], message: str) -> None:
    """As on the terminal, in one line."""
    event = event_of(PUSHED.model_copy(update=changed), "churn")
    assert (event.message, event.is_problem) == (message, True)


def test_a_served_model_that_declined() -> None:
    """Its sentence is in the event, and makes the run one that somebody should look at."""
    served = ServedComparison(outcome="compared", sentence="Better.", decline="It is worse.")
    event = event_of(PUSHED.model_copy(update={"served": served}), "churn")
    assert (event.served_decline, event.is_problem) == ("It is worse.", True)


@pytest.mark.parametrize(
    ("status", "drift", "problem"),
    [
        ("pushed", None, False),
        ("partial", None, False),
        ("succeeded", None, False),
        ("interrupted", None, True),
        ("pushed", {"moved": 1}, True),
        ("pushed", {"moved": 0}, False),
    ],
)
def test_what_is_a_problem(status: str, drift: Any, problem: bool) -> None:
    """A run that did not end as it should, and drift."""
    assert RunEvent(run_id="r1", pipeline="p", status=status, message="", drift=drift).is_problem is problem


def test_an_event_has_less_than_64_kib() -> None:
    """No intermediary must forward more (spec.md, "Size Limits"): long lists and long texts are shortened."""
    texts = tuple("x" * 10_000 for _ in range(2_000))
    summary = PUSHED.model_copy(
        update={"status": "failed", "warnings": texts, "reasons": texts, "error": texts[0]}
    )
    event = event_of(summary, "churn")
    assert event.warnings[-1] == "and 1980 more"
    assert len(json.dumps(event.envelope(NOON))) < 65_536


def test_an_error_outside_a_run_has_no_subject() -> None:
    """An attribute must not be empty."""
    envelope = RunEvent(run_id=None, pipeline="p", status="failed", message="x").envelope(NOON)
    assert "subject" not in envelope
    assert envelope["id"] == "no-run/2026-11-26T12:00:00.250000Z"
