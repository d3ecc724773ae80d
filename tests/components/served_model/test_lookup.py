"""Which model a candidate is compared with: the served one, or if it is that itself, the one that it replaced."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.pusher.publication import Destination, PublishedVersion, publish
from components.served_model.lookup import Lookup, look_up

MakeModel = Callable[..., str]


@pytest.fixture
def destination(tmp_path: Path) -> Destination:
    return Destination(directory=str(tmp_path / "serving"), keep_versions=5, model_name="churn")


@pytest.fixture
def push(destination: Destination, make_model: MakeModel) -> Callable[..., PublishedVersion]:
    """Publishes a model with a constant prediction; `served` is what its verdict recorded of the served model."""

    def push(answer: float, served: Any = None, **entries: Any) -> PublishedVersion:
        return publish(make_model(answer), destination, {"evaluation": {"served": served}, **entries})

    return push


def test_nothing_is_served(destination: Destination) -> None:
    assert look_up(destination, "ab") == Lookup(found="none")


def test_another_model_is_served(destination: Destination, push: Any) -> None:
    """It is the reference, whoever published it."""
    for answer, entries in (
        (0.25, {}),
        (0.5, {"override": {"by": "ann"}}),
        (0.75, {"rollback": {"by": "bob"}}),
    ):
        served = push(answer, **entries)
        found = look_up(destination, "ab")
        assert found == Lookup(found="version", version=served.version, digest=served.digest)


def test_the_candidate_itself_is_served(destination: Destination, push: Any) -> None:
    """The reference is the one of the run that published it, so that its verdict comes from the cache."""
    first = push(0.25, {"outcome": "none", "version": None, "digest": None})
    assert look_up(destination, first.digest) == Lookup(found="none")
    second = push(0.5, {"outcome": "compared", "version": first.version, "digest": first.digest})
    replaced = Lookup(found="version", version=first.version, digest=first.digest)
    assert look_up(destination, second.digest) == replaced


def test_a_replaced_version_that_was_removed_is_still_the_reference(
    destination: Destination, push: Any
) -> None:
    """Its copy may be in the cache; the executor says so if it is not."""
    served = push(0.5, {"outcome": "compared", "version": 7, "digest": "cd"})
    assert look_up(destination, served.digest) == Lookup(found="version", version=7, digest="cd")


def test_the_card_does_not_say_what_the_candidate_replaced(destination: Destination, push: Any) -> None:
    """As after evaluation.served: off, or in a card of an earlier version, or in a damaged one."""
    served = push(0.5)
    assert look_up(destination, served.digest) == Lookup(found="unrecorded")
    (Path(served.path) / "assets.extra" / "model_card.json").write_text("{")
    assert look_up(destination, served.digest) == Lookup(found="unrecorded")


def test_a_candidate_that_was_published_without_a_known_reference(
    destination: Destination, push: Any
) -> None:
    """The next run finds the same as the run that published it."""
    served = push(0.5, {"outcome": "unrecorded", "version": None, "digest": None})
    assert look_up(destination, served.digest) == Lookup(found="unrecorded")
