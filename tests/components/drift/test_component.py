"""DriftGate in TFX: what its driver puts into the cache key, and what its executor writes and refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfx.orchestration.portable import data_types
from tfx.types import standard_artifacts

from components.common.drift_record import DriftRecord
from components.common.errors import DataRefused
from components.common.ingest_record import IngestRecord, RowCounts
from components.common.training_statistics import TrainingStatistics
from components.drift.component import DriftReport
from components.drift.drift_settings import DriftReference, DriftSettings, ResolvedSettings
from components.drift.driver import DriftGateDriver
from components.drift.executor import DriftGateExecutor
from components.pusher.publication import Destination
from components.saved_model.card_file import write_card
from components.statistics.columns import Columns
from components.statistics.training_split import training_statistics


def statistics(shift: float = 0.0) -> TrainingStatistics:
    columns = Columns(("a", "y"), "y")
    random = np.random.default_rng(0)
    values = np.stack([random.normal(shift, 1.0, 2_000), random.random(2_000) < 0.5]).astype(np.float32)
    return training_statistics(columns.summary(values), columns)


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    """A served model of another table, with the features a and b."""
    folder = tmp_path / "serving" / "7"
    card = {
        "version": 7,
        "data": {"digest": "yesterday"},
        "label": {"name": "y", "negative": "0", "positive": "1"},
        "inputs": [{"feature": "a"}, {"feature": "b"}],
    }
    write_card(str(folder), card)
    statistics().write(f"{folder}/assets.extra")
    return tmp_path / "serving"


def resolve(tmp_path: Path, settings: DriftSettings) -> tuple[ResolvedSettings, dict[str, str]]:
    """Runs the driver on a table with the feature a; returns the settings that it found, and all properties."""
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    IngestRecord(
        rows=RowCounts(train=6, eval=2, test=2),
        features=("a",),
        label="y",
        negative_label="0",
        positive_label="1",
        digest="today",
    ).write(examples.uri)
    place = Destination(directory=str(tmp_path / "serving"), keep_versions=5, model_name="m")
    output = DriftGateDriver(None).run(
        data_types.ExecutionInfo(
            input_dict={"examples": [examples]},
            exec_properties={
                "settings": settings.model_dump_json(),
                "destination": place.model_dump_json(),
                "code_digest": "c",
            },
        )
    )
    found = {name: value.string_value for name, value in output.exec_properties.items()}
    return ResolvedSettings.model_validate_json(found["settings"]), found


def test_the_driver_finds_the_served_model(tmp_path: Path, serving: Path) -> None:
    """Its training data is the reference; the missing feature is refused; the destination is not in the cache key."""
    resolved, properties = resolve(tmp_path, DriftSettings(mode="warn"))
    (reference,) = resolved.references
    assert (reference.kind, reference.folder) == ("served", str(serving / "7" / "assets.extra"))
    assert len(reference.digest) == 64
    assert "\nb       a feature of numbers  no such column\n" in resolved.refusal
    assert (properties["destination"], properties["code_digest"]) == ("", "c")


def test_a_schema_counts_instead_of_the_served_model(tmp_path: Path, serving: Path) -> None:
    resolved, _ = resolve(tmp_path, DriftSettings(mode="warn", has_schema=True))
    assert resolved.refusal == ""
    assert len(resolved.references) == 1


@pytest.mark.usefixtures("serving")
def test_off_looks_for_no_reference(tmp_path: Path) -> None:
    """The columns are held against the served model all the same."""
    resolved, _ = resolve(tmp_path, DriftSettings(mode="off"))
    assert (resolved.references, resolved.notes) == ((), ())
    assert resolved.refusal


def test_a_destination_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a note of a run that warns, and the executor's error of a run that refuses.

    A driver that raises would leave its execution marked as running.
    """

    def fail(*_: Any) -> None:
        raise OSError("no answer")

    monkeypatch.setattr("components.drift.driver.served_version", fail)
    reason = "Not compared with earlier data: OSError: no answer"
    resolved, _ = resolve(tmp_path, DriftSettings(mode="warn"))
    assert resolved == ResolvedSettings(mode="warn", notes=(reason,))
    assert execute(tmp_path, resolved, statistics()).notes == (reason,)
    resolved, _ = resolve(tmp_path, DriftSettings(mode="refuse"))
    assert resolved == ResolvedSettings(mode="refuse", error=reason)
    with pytest.raises(
        RuntimeError, match=r"^Not compared .*: no answer \(data.drift is refuse; warn goes on"
    ):
        execute(tmp_path, resolved, statistics())


@pytest.mark.usefixtures("serving")
def test_the_columns_are_judged_although_no_reference_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feature that vanished is refused, also if the statistics to compare with can't be looked up."""

    def fail(*_: Any) -> None:
        raise OSError("no answer")

    monkeypatch.setattr("components.drift.driver.served_reference", fail)
    resolved, _ = resolve(tmp_path, DriftSettings(mode="warn"))
    assert "\nb       a feature of numbers  no such column\n" in resolved.refusal
    assert resolved.notes == ("Not compared with earlier data: OSError: no answer",)


def execute(tmp_path: Path, settings: ResolvedSettings, now: TrainingStatistics) -> DriftRecord:
    new, output = standard_artifacts.ExampleStatistics(), DriftReport()
    new.uri, output.uri = str(tmp_path / "new"), str(tmp_path / "drift")
    now.write(new.uri)
    properties: dict[str, Any] = {
        "settings": settings.model_dump_json(),
        "destination": "",
        "code_digest": "c",
    }
    DriftGateExecutor().Do({"statistics": [new]}, {"drift": [output]}, properties)
    return DriftRecord.read(output.uri)


@pytest.fixture
def reference(tmp_path: Path) -> DriftReference:
    statistics().write(str(tmp_path / "old"))
    return DriftReference(kind="served", name="version 7", folder=str(tmp_path / "old"), digest="d")


def test_warn(tmp_path: Path, reference: DriftReference) -> None:
    """The record has what moved; the run goes on."""
    settings = ResolvedSettings(mode="warn", references=(reference,), notes=("a note",))
    record = execute(tmp_path, settings, statistics(1.0))
    (comparison,) = record.comparisons
    assert (comparison.name, record.notes) == ("version 7", ("a note",))
    assert {finding.feature for finding in comparison.findings} == {"a"}


def test_refuse(tmp_path: Path, reference: DriftReference) -> None:
    """The message has the feature, both distributions, the measure and its limit; the error has the record."""
    settings = ResolvedSettings(mode="refuse", references=(reference,))
    assert execute(tmp_path, settings, statistics()).comparisons[0].findings == ()
    with pytest.raises(DataRefused) as raised:
        execute(tmp_path, settings, statistics(0.5))
    message = str(raised.value)
    for part in (
        "Since version 7:",
        "\na ",
        "median ",
        "Kolmogorov-Smirnov distance",
        "--set data.drift=warn",
    ):
        assert part in message
    assert raised.value.drift is not None
    assert raised.value.drift.has_findings


def test_other_columns_are_refused_in_every_mode(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="no such column"):
        execute(tmp_path, ResolvedSettings(mode="off", refusal="b: no such column"), statistics())


def test_damaged_statistics(tmp_path: Path, reference: DriftReference) -> None:
    """A run that warns goes on with a note; one that refuses fails: a damaged file must not switch that off."""
    (tmp_path / "old" / "training_statistics.json").write_text("{")
    record = execute(tmp_path, ResolvedSettings(mode="warn", references=(reference,)), statistics())
    (note,) = record.notes
    assert note.startswith("Not compared with version 7: ")
    assert "training_statistics.json: expected the statistics of a training split" in note
    with pytest.raises(
        RuntimeError, match=r"^Not compared with version 7: .*data.drift is refuse; warn goes on"
    ):
        execute(tmp_path, ResolvedSettings(mode="refuse", references=(reference,)), statistics())


def test_a_damaged_card(tmp_path: Path, serving: Path) -> None:
    """As damaged statistics; nobody can know what the served model was trained on."""
    (serving / "7" / "assets.extra" / "model_card.json").write_text("{")
    resolved, _ = resolve(tmp_path, DriftSettings(mode="warn", has_schema=True))
    (note,) = resolved.notes
    assert note.startswith("Not compared with the served model: ")
    resolved, _ = resolve(tmp_path, DriftSettings(mode="refuse", has_schema=True))
    assert resolved.error.endswith(note.partition("model: ")[2])
