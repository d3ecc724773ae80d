"""Which statistics a table is compared with."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common.model_files import model_digest
from components.common.training_statistics import TrainingStatistics
from components.drift.drift_settings import DriftReference
from components.drift.references import served_reference, span_reference
from components.pusher.publication import Destination
from components.saved_model.card_file import DamagedCard, write_card
from components.statistics.columns import Columns
from components.statistics.training_split import training_statistics


def statistics(seed: int) -> TrainingStatistics:
    columns = Columns(("a", "y"), "y")
    values = np.random.default_rng(seed).random((2, 50)).astype(np.float32)
    return training_statistics(columns.summary(values), columns)


@pytest.fixture
def destination(tmp_path: Path) -> Destination:
    return Destination(directory=str(tmp_path / "serving"), keep_versions=5, model_name="m")


def publish(destination: Destination, version: int, data: str | None, seed: int | None = 0) -> None:
    folder = Path(destination.directory) / str(version)
    write_card(str(folder), {"version": version, "data": {"digest": data}})
    if seed is not None:
        statistics(seed).write(f"{folder}/assets.extra")


def named(found: DriftReference | str) -> str:
    assert isinstance(found, DriftReference), found
    assert TrainingStatistics.read(found.folder)
    return found.name


def test_nothing_is_published(destination: Destination) -> None:
    assert (
        served_reference(destination, "today")
        == "Not compared: no model trained on earlier data is published yet."
    )


def test_the_served_version(destination: Destination) -> None:
    """The newest one, whatever published it."""
    publish(destination, 1, "monday")
    publish(destination, 2, "tuesday", seed=2)
    assert named(served_reference(destination, "today")) == "the training data of version 2"


def test_a_repeated_run_has_the_reference_of_the_first_run(destination: Destination) -> None:
    """So it comes from the cache: before the first push as after it, and with two models of one table."""
    first = served_reference(destination, "monday")
    publish(destination, 1, "monday")
    assert served_reference(destination, "monday") == first
    before = served_reference(destination, "tuesday")
    publish(destination, 2, "tuesday", seed=2)
    publish(destination, 3, "tuesday", seed=2)
    assert served_reference(destination, "tuesday") == before
    assert named(before) == "the training data of version 1"


def test_a_model_that_was_rolled_back_from(destination: Destination) -> None:
    """The table of version 1 is read again after a rollback to it, by a person who did not want version 2."""
    for version, data in ((1, "sunday"), (2, "monday"), (3, "tuesday"), (4, "monday")):
        publish(destination, version, data, seed=version)
        (Path(destination.directory) / str(version) / "saved_model.pb").write_text(data)
    assert named(served_reference(destination, "monday")) == "the training data of version 3"
    folders = [str(Path(destination.directory) / str(version)) for version in (3, 4)]
    away, again = map(model_digest, folders)
    assert away != again
    write_card(folders[1], {"version": 4, "data": {"digest": "monday"}, "rollback": {"away_from": [away]}})
    assert named(served_reference(destination, "monday")) == "the training data of version 1"
    assert named(served_reference(destination, "today")) == "the training data of version 4"
    publish(destination, 5, "wednesday", seed=5)
    assert named(served_reference(destination, "wednesday")) == "the training data of version 4"


def test_a_version_without_statistics(destination: Destination) -> None:
    """An earlier version of regpipe published it. An older one is not compared with instead."""
    publish(destination, 1, "monday")
    publish(destination, 2, "tuesday", seed=None)
    found = served_reference(destination, "today")
    assert isinstance(found, str)
    assert "version 2: it has no statistics" in found


def test_a_damaged_card(destination: Destination) -> None:
    publish(destination, 1, "monday")
    (Path(destination.directory) / "1" / "assets.extra" / "model_card.json").write_text("{")
    with pytest.raises(DamagedCard, match=r"model_card.json: expected a model card"):
        served_reference(destination, "today")


@pytest.fixture
def store() -> MetadataStore:
    fake = mlmd.FakeDatabaseConfig()
    return MetadataStore(mlmd.ConnectionConfig(fake_database=fake))


def computed(store: MetadataStore, pipeline: str, span: int, folder: Path, *, readable: bool = True) -> int:
    """Records statistics of a span as the output of a StatisticsGen, and returns the id of the artifact."""
    kind = mlmd.ArtifactType(name="ExampleStatistics", properties={"span": mlmd.INT})
    artifact = mlmd.Artifact(type_id=store.put_artifact_type(kind), uri=str(folder))
    artifact.properties["span"].int_value = span
    (number,) = store.put_artifacts([artifact])
    node = store.put_context_type(mlmd.ContextType(name="node"))
    context = store.get_context_by_type_and_name("node", f"{pipeline}.StatisticsGen")
    context_id = (
        context.id
        if context
        else store.put_contexts([mlmd.Context(type_id=node, name=f"{pipeline}.StatisticsGen")])[0]
    )
    store.put_attributions_and_associations([mlmd.Attribution(artifact_id=number, context_id=context_id)], [])
    if readable:
        statistics(span).write(str(folder))
    return int(number)


def judged(store: MetadataStore, step: str, artifact: int, state: mlmd.Execution.State.ValueType) -> None:
    """Records that a step of the pipeline p read an artifact, and how it ended."""
    kind = store.put_execution_type(mlmd.ExecutionType(name=step))
    (number,) = store.put_executions([mlmd.Execution(type_id=kind, last_known_state=state)])
    store.put_events([mlmd.Event(artifact_id=artifact, execution_id=number, type=mlmd.Event.INPUT)])
    node = store.put_context_type(mlmd.ContextType(name="node"))
    context = store.get_context_by_type_and_name("node", f"p.{step}")
    context_id = (
        context.id if context else store.put_contexts([mlmd.Context(type_id=node, name=f"p.{step}")])[0]
    )
    store.put_attributions_and_associations(
        [], [mlmd.Association(execution_id=number, context_id=context_id)]
    )


def test_the_span_before(store: Any, tmp_path: Path) -> None:
    """The highest one below, whenever it was read; of this pipeline; with statistics that drift is computed from."""
    none = "Not compared with the span before: no run has read one, or all were refused."
    assert span_reference(store, "p", 5) == none
    computed(store, "p", 5, tmp_path / "5")
    assert span_reference(store, "p", 5) == none
    computed(store, "p", 3, tmp_path / "3")
    computed(store, "p", 1, tmp_path / "1")
    computed(store, "p", 4, tmp_path / "4", readable=False)
    computed(store, "other", 4, tmp_path / "other")
    assert named(span_reference(store, "p", 5)) == "span 3"
    assert named(span_reference(store, "p", 3)) == "span 1"


@pytest.mark.parametrize("gate", ["DataGate", "DriftGate"])
def test_a_refused_span_is_no_reference(store: Any, tmp_path: Path, gate: str) -> None:
    """The next usual span would be refused in its turn. Statistics that pass later, by other settings, are one."""
    states = mlmd.Execution
    computed(store, "p", 3, tmp_path / "3")
    refused = computed(store, "p", 4, tmp_path / "4")
    judged(store, "DataGate", refused, states.COMPLETE if gate == "DriftGate" else states.FAILED)
    if gate == "DriftGate":
        judged(store, gate, refused, states.FAILED)
    assert named(span_reference(store, "p", 5)) == "span 3"
    judged(store, "DriftGate", refused, states.COMPLETE)
    assert named(span_reference(store, "p", 5)) == "span 4"
