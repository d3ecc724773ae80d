"""Whether a served model can be compared on the examples of a run, by its card."""

from typing import Any

import pytest

from components.common.ingest_record import IngestRecord, RowCounts
from components.common.served_record import ServedReference
from components.common.split_record import SplitRecord
from components.served_model.comparability import reference
from components.served_model.served_version import ServedVersion

DIGEST = "ef"
SPLIT = SplitRecord(train=6, eval=2, test=2, seed=0, hash_version=1, columns="ab", cells="cd")
INGEST = IngestRecord(
    rows=RowCounts(train=6, eval=2, test=2),
    features=("a", "b", "c"),
    label="y",
    negative_label="no",
    positive_label="yes",
    split=SPLIT,
    digest="0123",
)
CARD: dict[str, Any] = {
    "task": "binary",
    "label": {"name": "y", "negative": "no", "positive": "yes"},
    "inputs": [{"feature": "a"}, {"feature": "b"}],
    "data": {"split": SPLIT.model_dump()},
    "digest": "ef",
    "version": 7,
}


def served(damage: str | None = None, /, **entries: Any) -> ServedVersion:
    """A version whose card has these entries; None removes one."""
    card = {name: value for name, value in {**CARD, **entries}.items() if value is not None}
    return ServedVersion(7, "/serving/7", {} if damage else card, damage)


def test_it_is_compared() -> None:
    """It may have fewer features than the examples, and a card of an earlier version has no task."""
    expected = ServedReference(outcome="compared", version=7, digest="ef", published_by="pipeline")
    assert reference(served(), DIGEST, INGEST) == reference(served(task=None), DIGEST, INGEST) == expected


@pytest.mark.parametrize("how", ["override", "rollback"])
def test_a_person_published_it(how: str) -> None:
    """It is the reference like any other, with who, when and why."""
    note = {"by": "ann", "at": "2026-11-20T12:00:00+00:00", "reason": "complaints", "from_version": 6}
    found = reference(served(**{how: note}), DIGEST, INGEST)
    assert found.outcome == "compared"
    assert (found.published_by, found.by, found.at, found.reason) == (
        how, "ann", "2026-11-20T12:00:00+00:00", "complaints",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "problems"),
    [
        ({"task": "regression"}, ["its task is 'regression', not 'binary'"]),
        ({"label": {**CARD["label"], "name": "churned"}}, ["its label is 'churned', not 'y'"]),
        (
            {"label": {"name": "y", "negative": "yes", "positive": "no"}},
            ["its positive label value is 'no', not 'yes'", "its negative label value is 'yes', not 'no'"],
        ),
        ({"inputs": [{"feature": "a"}, {"feature": "z"}]}, ["the examples lack its features 'z'"]),
        (
            {"inputs": [{"feature": "a", "dtype": "string"}, {"feature": "b", "dtype": "float32"}]},
            ["its features 'a' are categorical, those of the examples are not"],
        ),
        (
            {"inputs": [{"feature": name} for name in "abstuvwx"]},
            ["the examples lack its features 's', 't', 'u', 'v', 'w' and 1 more"],
        ),
    ],
)
def test_another_task_label_or_feature(entries: dict[str, Any], problems: list[str]) -> None:
    """It is not compared, and each difference is named."""
    found = reference(served(**entries), DIGEST, INGEST)
    assert (found.outcome, list(found.problems)) == ("incompatible", problems)


def test_label_values_may_be_spelled_otherwise() -> None:
    """A table may have 1 in a CSV file and 1.0 in another one."""
    ingest = INGEST.model_copy(
        update={"positive_label": "1.0", "negative_label": "0", "classes": ("0", "1.0")}
    )
    for negative, positive in (("0.0", "1"), ("False", "True"), ("false", "01")):
        label = {"name": "y", "negative": negative, "positive": positive}
        assert reference(served(label=label), DIGEST, ingest).outcome == "compared"


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        (
            served("/serving/7/model_card.json: expected a card."),
            "/serving/7/model_card.json: expected a card",
        ),
        (served(inputs=None), "it has no model card with its features and its label"),
        (served(inputs=["a", "b"]), "it has no model card with its features and its label"),
        (served(label="y"), "it has no model card with its features and its label"),
        (
            served(label={"name": "y", "positive": "yes"}),
            "it has no model card with its features and its label",
        ),
        (served(digest="99"), "its files are not those that were published"),
    ],
)
def test_a_damaged_card_or_model(version: ServedVersion, problem: str) -> None:
    """It is not compared; the problem has the path where there is one."""
    found = reference(version, DIGEST, INGEST)
    assert (found.outcome, len(found.problems)) == ("damaged", 1)
    assert found.problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("split", "problems"),
    [
        (
            {**SPLIT.model_dump(), "train": 8, "seed": 3},
            [
                "the rows that it was trained on were split otherwise: the shares (8:2:2, not 6:2:2)",
                "the rows that it was trained on were split otherwise: the seed (3, not 0)",
            ],
        ),
        (
            {**SPLIT.model_dump(), "hash_version": 2},
            ["the rows that it was trained on were split otherwise: the version of the hash (2, not 1)"],
        ),
        (None, ["its card does not say how the rows that it was trained on were split"]),
        ({"train": 6}, ["its card does not say how the rows that it was trained on were split"]),
    ],
)
def test_its_rows_were_split_otherwise(split: Any, problems: list[str]) -> None:
    """Test rows may be among its training rows: it is compared, but does not decide."""
    found = reference(served(data={"split": split}), DIGEST, INGEST)
    assert (found.outcome, list(found.problems)) == ("other_split", problems)


def test_the_loss_in_its_card() -> None:
    """With its interval, if the Evaluator measured one; a card without a verdict has none."""
    interval = {"candidate": [0.4, 0.5]}
    evaluation = {"metrics": {"log_loss": {"candidate": 0.45, "interval": interval}}}
    found = reference(served(evaluation=evaluation), DIGEST, INGEST)
    assert (found.loss, found.loss_interval) == (0.45, (0.4, 0.5))
    for broken in (None, {}, {"metrics": {"log_loss": {"candidate": 0.45}}}, {"metrics": {"log_loss": 3}}):
        assert reference(served(evaluation=broken), DIGEST, INGEST).loss_interval is None
