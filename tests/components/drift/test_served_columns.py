"""The columns and the label are held against the served model's card."""

from typing import Any

import pytest

from components.common.ingest_record import IngestRecord, RowCounts
from components.drift.drift_settings import DriftSettings
from components.drift.served_columns import refusal

CARD = {
    "label": {"name": "churned", "negative": "0", "positive": "1"},
    "inputs": [{"feature": "age", "input": "age"}, {"feature": "income", "input": "income"}],
}


def ingest(**changes: Any) -> IngestRecord:
    fields = {
        "rows": RowCounts(train=6, eval=2, test=2),
        "features": ("age", "income", "new"),
        "label": "churned",
        "negative_label": "0",
        "positive_label": "1",
        "digest": "d",
    }
    return IngestRecord.model_validate(fields | changes)


def refused(record: IngestRecord, card: Any = CARD, **settings: Any) -> str:
    return refusal(card, "version 3", record, DriftSettings(mode="warn", **settings))


def test_the_same_columns_and_more() -> None:
    """A new feature is allowed."""
    assert refused(ingest()) == ""


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, "no such column"),
        ({"left_out": ("income",)}, "text, or too few numbers"),
        ({"left_out": ("income",), "empty": ("income",)}, "no value in any row"),
        ({"weight": "income"}, "the weight"),
    ],
)
def test_a_feature_that_is_no_longer_one(changes: Any, found: str) -> None:
    """The message has the column, what it was, what it is, and the ways out."""
    message = refused(ingest(features=("age",), **changes))
    assert message.splitlines()[0] == "The table differs from the one that version 3 was trained on:"
    assert message.splitlines()[2].split("  ")[0] == "income"
    assert message.splitlines()[2].endswith(f"a feature of numbers  {found}")
    for way in ("data.ignore", "regpipe schema freeze", "data.schema_file", "serving.directory"):
        assert way in message


def test_a_feature_that_the_configuration_leaves_out() -> None:
    assert refused(ingest(features=("age",)), ignore=("income",)) == ""
    assert refused(ingest(features=("age",)), features=("age",)) == ""
    assert "income" in refused(ingest(features=("age",)), features=("age", "income"))


def test_another_label() -> None:
    message = refused(ingest(label="left"))
    assert "the label 'churned' (data.label)" in message
    assert "the label 'left'" in message


@pytest.mark.parametrize(
    ("negative", "positive", "same"),
    [
        ("0", "1", True),
        ("0.0", " 1.00", True),
        ("False", "TRUE", True),
        ("1", "0", False),
        ("no", "yes", False),
        ("0", "yes", False),
        ("0", "2", False),
    ],
)
def test_label_values(negative: str, positive: str, same: bool) -> None:
    """Another spelling of the same values is no difference; another value, or exchanged ones, are."""
    message = refused(ingest(negative_label=negative, positive_label=positive))
    assert (message == "") == same
    if not same:
        assert "'0' and '1' (1)" in message
        assert f"{negative!r} and {positive!r} (1)" in message


def test_a_card_without_these_entries() -> None:
    """A model that regpipe did not publish has none; nothing is compared."""
    assert refused(ingest(features=("age",)), card={}) == ""


@pytest.mark.parametrize(
    "card",
    [{}, {"label": "churned", "inputs": ["age"]}, {**CARD, "inputs": ["age"]}, {**CARD, "label": None}],
)
def test_a_card_that_another_program_wrote(card: Any) -> None:
    """Without its columns in the form of our cards, nothing is compared."""
    assert refused(ingest(features=("new",)), card) == ""
