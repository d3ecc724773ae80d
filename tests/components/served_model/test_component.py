"""The step ServedModel: its driver looks the model up, its executor copies it with its record."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.types import standard_artifacts

from components.common.ingest_record import IngestRecord, RowCounts
from components.common.model_files import model_digest
from components.common.served_record import ServedRecord
from components.common.split_record import SplitRecord
from components.pusher.publication import Destination, PublishedVersion, publish
from components.served_model.driver import ServedModelDriver
from components.served_model.executor import ServedModelExecutor, UnreadableDestination
from components.served_model.lookup import Lookup

MakeModel = Callable[..., str]
SPLIT = SplitRecord(train=6, eval=2, test=2, seed=0, hash_version=1, columns="ab", cells="cd")
CARD = {
    "label": {"name": "y", "negative": "0", "positive": "1"},
    "inputs": [{"feature": "x"}],
    "data": {"split": SPLIT.model_dump()},
}


class Step:
    """Runs the driver and the executor as TFX does."""

    def __init__(self, folder: Path, candidate: str, directory: str) -> None:
        self.destination = Destination(directory=directory, keep_versions=5, model_name="churn")
        self._candidate = standard_artifacts.Model()
        self._candidate.uri = str(folder / "candidate")
        shutil.copytree(candidate, folder / "candidate" / "Format-Serving")
        self._examples, self.output = standard_artifacts.Examples(), standard_artifacts.Model()
        self._examples.uri, self.output.uri = str(folder / "examples"), str(folder / "output")
        IngestRecord(
            rows=RowCounts(train=6, eval=2, test=2),
            features=("x",),
            label="y",
            negative_label="0",
            positive_label="1",
            split=SPLIT,
            digest="",
        ).write(self._examples.uri)

    def drive(self) -> dict[str, str]:
        """Returns the execution properties that become a part of the cache's key."""
        given = {"destination": self.destination.model_dump_json(), "code_digest": "c"}
        info = ExecutionInfo(input_dict={"model": [self._candidate]}, exec_properties=given)
        found = ServedModelDriver(None).run(info).exec_properties
        return {name: value.string_value for name, value in found.items()}

    def execute(self, lookup: Lookup) -> ServedRecord:
        properties = {
            "destination": self.destination.model_dump_json(),
            "reference": lookup.model_dump_json(),
        }
        inputs = {"model": [self._candidate], "examples": [self._examples]}
        ServedModelExecutor().Do(inputs, {"served_model": [self.output]}, properties)
        return ServedRecord.read(self.output.uri)

    def publish(self, model: str) -> PublishedVersion:
        return publish(model, self.destination, CARD)


@pytest.fixture
def step(tmp_path: Path, make_model: MakeModel) -> Step:
    return Step(tmp_path, make_model(0.5), str(tmp_path / "serving"))


def lookup_of(published: PublishedVersion) -> Lookup:
    return Lookup(found="version", version=published.version, digest=published.digest)


def test_the_cache_s_key_has_the_version_and_not_the_place(step: Step, make_model: MakeModel) -> None:
    """So the output comes from the cache while the same model is served, also after the folder was moved."""
    before = step.drive()
    assert before["destination"] == ""
    assert before["code_digest"] == "c"
    assert Lookup.model_validate_json(before["reference"]) == Lookup(found="none")
    published = step.publish(make_model(0.25))
    found = step.drive()
    assert Lookup.model_validate_json(found["reference"]) == lookup_of(published)
    moved = Path(step.destination.directory).rename(Path(step.destination.directory).with_name("moved"))
    step.destination = step.destination.model_copy(update={"directory": str(moved)})
    assert step.drive() == found


def test_a_destination_that_cannot_be_read(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver does not raise, which would leave its execution as running; the executor raises the error."""

    def unreadable(destination: Destination) -> None:
        raise PermissionError(f"{destination.directory}: denied")

    monkeypatch.setattr("components.served_model.lookup.version_store", unreadable)
    lookup = Lookup.model_validate_json(step.drive()["reference"])
    assert lookup.found == "error"
    with pytest.raises(
        UnreadableDestination, match=f"{step.destination.directory}: expected the folder.* denied"
    ):
        step.execute(lookup)


def test_the_served_model_is_copied(step: Step, make_model: MakeModel) -> None:
    """The artifact has the same model with its card, and properties for the lineage."""
    published = step.publish(make_model(0.25))
    reference = step.execute(lookup_of(published)).reference
    assert (reference.outcome, reference.version, reference.digest) == (
        "compared", published.version, published.digest,
    )  # fmt: skip
    copy = Path(step.output.uri) / "Format-Serving"
    assert model_digest(str(copy)) == published.digest
    card = "assets.extra/model_card.json"
    assert (copy / card).read_bytes() == (Path(published.path) / card).read_bytes()
    properties = {
        name: step.output.get_string_custom_property(name)
        for name in ("outcome", "version", "digest", "published_by")
    }
    assert properties == {
        "outcome": "compared",
        "version": str(published.version),
        "digest": published.digest,
        "published_by": "pipeline",
    }


def test_no_model_is_served(step: Step) -> None:
    """There is a record, and no model."""
    assert step.execute(Lookup(found="none")).reference.outcome == "none"
    assert [path.name for path in Path(step.output.uri).iterdir()] == ["served.json"]


def test_a_version_that_was_removed(step: Step, make_model: MakeModel) -> None:
    """Such as the one that the candidate replaced, if only one version is kept."""
    step.publish(make_model(0.25))
    reference = step.execute(Lookup(found="version", version=7, digest="ab")).reference
    assert (reference.outcome, reference.version, reference.digest) == ("removed", 7, "ab")


def test_a_version_that_is_removed_while_it_is_copied(
    step: Step, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another process that publishes. An incomplete copy is not left behind."""
    published = step.publish(make_model(0.25))

    def removed(source: str, target: str) -> None:
        shutil.copytree(source, target)
        shutil.rmtree(source)
        raise FileNotFoundError(source)

    monkeypatch.setattr("components.served_model.executor.copy_model", removed)
    assert step.execute(lookup_of(published)).reference.outcome == "removed"
    assert not (Path(step.output.uri) / "Format-Serving").exists()


def test_a_version_that_cannot_be_read_is_an_error(
    step: Step, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be readable at the next attempt: the candidate must not be published without the comparison."""
    published = step.publish(make_model(0.25))

    def unreadable(source: str, target: str) -> None:
        raise PermissionError(source)

    monkeypatch.setattr("components.served_model.executor.copy_model", unreadable)
    with pytest.raises(PermissionError):
        step.execute(lookup_of(published))


def test_a_model_whose_files_changed_after_the_lookup(step: Step, make_model: MakeModel) -> None:
    """It is not compared."""
    published = step.publish(make_model(0.25))
    (Path(published.path) / "saved_model.pb").write_bytes(b"other")
    reference = step.execute(lookup_of(published)).reference
    assert (reference.outcome, reference.problems) == (
        "damaged", ("its files changed while they were copied",),
    )  # fmt: skip


def test_a_damaged_card(step: Step, make_model: MakeModel) -> None:
    """The problem has the path at the destination, not that of the copy."""
    published = step.publish(make_model(0.25))
    card = Path(published.path) / "assets.extra" / "model_card.json"
    card.write_text("{")
    reference = step.execute(lookup_of(published)).reference
    assert reference.outcome == "damaged"
    assert reference.problems[0].startswith(f"{card}: expected a model card")
