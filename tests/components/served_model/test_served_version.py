"""What a destination serves: the version, its digest, its card and who published it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.common.model_files import model_digest
from components.pusher.publication import Destination, PublishedVersion, publish
from components.served_model.served_version import served_version

MakeModel = Callable[..., str]


@pytest.fixture
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Destination:
    """A folder on this disk, or with the parameter "gs" in a bucket."""
    folder = str(tmp_path / "serving")
    if getattr(request, "param", "disk") == "gs":
        request.getfixturevalue("gcs")
        folder = f"gs://bucket/{tmp_path.name}/serving"
    return Destination(directory=folder, keep_versions=5, model_name="churn")


@pytest.fixture
def push(destination: Destination, make_model: MakeModel) -> Callable[..., PublishedVersion]:
    return lambda answer, **entries: publish(make_model(answer), destination, entries)


@pytest.mark.parametrize("destination", ["disk", "gs"], indirect=True)
def test_the_newest_version_is_served(destination: Destination, push: Any, make_model: MakeModel) -> None:
    """With its number, folder, digest and card; before the first one there is none."""
    assert served_version(destination) is None
    push(0.25, run="r1")
    second = push(0.5, run="r2")
    found = served_version(destination)
    assert found is not None
    assert (found.version, found.path) == (second.version, second.path)
    assert found.digest == model_digest(make_model(0.5, "again")) == second.digest
    assert (found.card["run"], found.damage, found.published_by) == ("r2", None, "pipeline")


@pytest.mark.parametrize(
    ("entries", "by"),
    [
        ({"override": {"by": "ann"}}, "override"),
        ({"rollback": {"by": "ann"}}, "rollback"),
        ({"override": {"by": "ann"}, "rollback": {"by": "bob"}}, "rollback"),
    ],
)
def test_a_person_published_it(destination: Destination, push: Any, entries: dict[str, Any], by: str) -> None:
    """A rollback to a version that was blessed by hand is a rollback."""
    push(0.25, **entries)
    found = served_version(destination)
    assert found is not None
    assert found.published_by == by


def test_a_damaged_card(destination: Destination, push: Any) -> None:
    """The damage is described with the path; version and digest are known."""
    published = push(0.25)
    (Path(published.path) / "assets.extra" / "model_card.json").write_text("{")
    found = served_version(destination)
    assert found is not None
    assert (found.version, found.digest, found.card) == (published.version, published.digest, {})
    assert f"{published.path}/assets.extra/model_card.json: expected a model card" in str(found.damage)
    assert found.published_by == "unknown"


def test_a_folder_that_regpipe_did_not_publish(destination: Destination, make_model: MakeModel) -> None:
    """TF Serving serves any folder with a number for a name."""
    target = Path(destination.directory) / "7"
    target.parent.mkdir()
    Path(make_model(0.25)).rename(target)
    found = served_version(destination)
    assert found is not None
    assert (found.version, found.card, found.damage, found.published_by) == (7, {}, None, "unknown")
