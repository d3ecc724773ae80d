"""Reads the outputs of a run's steps. An output that is missing or can't be read is None; its section states that."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.common import storage
from components.common.calibration_record import CalibrationRecord
from components.common.drift_record import DriftRecord
from components.common.feature_auc_record import FeatureAucRecord
from components.common.file_names import (
    ANOMALIES_FILE,
    HISTORY_FILE,
    STATISTICS_FILE,
    TRIALS_FILE,
    TUNED_FILE,
    WEIGHTS_FILE,
)
from components.common.importance_record import ImportanceRecord
from components.common.ingest_record import IngestRecord
from components.common.scaling_record import ScalingRecord
from components.common.stored_record import StoredRecord
from components.common.tuning_record import Trial, parse_trials
from components.common.verdict_record import Verdict
from components.config.data import SPLITS
from components.tasks.binary import BINARY
from components.tasks.known_tasks import AUTO, loss_of, task_of
from components.tasks.task import Loss

Json = dict[str, Any]
Record = TypeVar("Record", bound=StoredRecord)


@dataclasses.dataclass(frozen=True)
class ArtifactPaths:
    """The URIs of a run's artifacts, and of `facts.json`; `tuner` is empty where there was no Tuner."""

    examples: str
    statistics: str
    anomalies: str
    drift: str
    candidate: str
    baseline: str
    evaluation: str
    tuner: str
    facts: str


@dataclasses.dataclass(frozen=True)
class TrainingArtifacts:
    """The outputs of one training.

    Attributes:
        history: the metrics of each epoch.
        weights: the summary of the weights, see `components.training.weight_report`.
        tuned: the strengths that were taken from the Tuner.
        scaling: how the features are scaled; None if the record is missing.
        calibration: how the network was recalibrated; None if it was not trained with class weights.
    """

    history: list[Json] = dataclasses.field(default_factory=list)
    weights: Json | None = None
    tuned: Json | None = None
    scaling: ScalingRecord | None = None
    calibration: CalibrationRecord | None = None


@dataclasses.dataclass(frozen=True)
class PreviousRun:
    """The last run with a verdict under the same root.

    Attributes:
        run_id: its id.
        started: when it started, ISO 8601; may be empty.
        ingest: its ingest record; None if it is missing.
        verdict: its verdict; None if it is missing.
        config: its configuration; None if it is unknown.
        versions: the versions of its libraries, by name; empty if they are unknown.
        code: the digests of the code of its steps, by step; empty if they are unknown.
    """

    run_id: str
    started: str = ""
    ingest: IngestRecord | None = None
    verdict: Verdict | None = None
    config: Json | None = None
    versions: Json = dataclasses.field(default_factory=dict)
    code: Json = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class RunArtifacts:
    """Everything that the page of a run shows.

    Attributes:
        config: the whole configuration.
        facts: the metadata store's records of the run: `run_id`, `started`, `steps`, `artifacts`, `versions`,
            `code`, `defaults` (the default configuration), `previous` (the last run with a verdict), and `override` if
            someone blessed the model by hand.
        pushed_path: where the model was published; None if it was not.
        not_pushed_because: why a blessed model was not published; None if there is no such reason.
        ingest: the ingest record; None if it is missing.
        verdict: the Evaluator's verdict; None if it is missing.
        importance: the importance of the features; None if it is missing, as in a run of an earlier version.
        drift: the drift record; None if it is missing.
        statistics, anomalies: by split.
        feature_aucs: the AUC of each feature alone; None if the record is missing.
        trials: the Tuner's trials; None without a Tuner.
        previous: the last run with a verdict under the same root; None if there is none.
    """

    config: Json
    facts: Json = dataclasses.field(default_factory=dict)
    pushed_path: str | None = None
    not_pushed_because: str | None = None
    ingest: IngestRecord | None = None
    verdict: Verdict | None = None
    importance: ImportanceRecord | None = None
    drift: DriftRecord | None = None
    candidate: TrainingArtifacts = TrainingArtifacts()
    baseline: TrainingArtifacts = TrainingArtifacts()
    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatistics] = dataclasses.field(
        default_factory=dict
    )
    anomalies: Mapping[str, anomalies_pb2.Anomalies] | None = None
    feature_aucs: FeatureAucRecord | None = None
    trials: tuple[Trial, ...] | None = None
    previous: PreviousRun | None = None

    @property
    def loss(self) -> Loss:
        """The loss that the trainings minimized, without the penalties."""
        task = task_of(self.ingest.task) if self.ingest else BINARY
        name = str(self.config.get("training", {}).get("loss", AUTO))
        return task.losses[0] if name == AUTO else loss_of(name)


def read_run_artifacts(
    paths: ArtifactPaths,
    config: Json,
    pushed_path: str | None,
    not_pushed_because: str | None = None,
) -> RunArtifacts:
    """Reads all artifacts that exist.

    Args:
        paths: where the artifacts are.
        config: the whole configuration.
        pushed_path: where the model was published; None if it was not.
        not_pushed_because: why a blessed model was not published; None if there is no such reason.
    """
    facts = _object(paths.facts) or {}
    return RunArtifacts(
        config=config,
        facts=facts,
        pushed_path=pushed_path,
        not_pushed_because=not_pushed_because,
        ingest=_record(IngestRecord, paths.examples),
        verdict=_record(Verdict, paths.evaluation),
        importance=_record(ImportanceRecord, paths.evaluation),
        drift=_record(DriftRecord, paths.drift),
        candidate=_training(paths.candidate),
        baseline=_training(paths.baseline),
        statistics=_statistics(paths.statistics),
        anomalies=_anomalies(paths.anomalies),
        feature_aucs=_record(FeatureAucRecord, f"{paths.statistics}/Split-{SPLITS[0]}"),
        trials=_trials(f"{paths.tuner}/{TRIALS_FILE}") if paths.tuner else None,
        previous=_previous(facts["previous"]) if facts.get("previous") else None,
    )


def _previous(facts: Json) -> PreviousRun:
    return PreviousRun(
        run_id=facts["run_id"],
        started=facts["started"],
        ingest=_record(IngestRecord, facts["examples"]),
        verdict=_record(Verdict, facts["evaluation"]),
        config=facts["config"],
        versions=facts["versions"],
        code=facts["code"],
    )


def _record(kind: type[Record], folder: str) -> Record | None:
    try:
        return kind.read(folder)
    except (OSError, ValueError):
        return None


def _training(folder: str) -> TrainingArtifacts:
    return TrainingArtifacts(
        history=_list(f"{folder}/{HISTORY_FILE}"),
        weights=_object(f"{folder}/{WEIGHTS_FILE}"),
        tuned=_object(f"{folder}/{TUNED_FILE}"),
        scaling=_record(ScalingRecord, folder),
        calibration=_record(CalibrationRecord, folder),
    )


def _statistics(folder: str) -> dict[str, statistics_pb2.DatasetFeatureStatistics]:
    found = {}
    for split in SPLITS:
        content = _bytes(f"{folder}/Split-{split}/{STATISTICS_FILE}")
        if content is not None:
            found[split] = statistics_pb2.DatasetFeatureStatisticsList.FromString(content).datasets[0]
    return found


def _anomalies(folder: str) -> dict[str, anomalies_pb2.Anomalies] | None:
    found = {}
    for split in SPLITS:
        content = _bytes(f"{folder}/Split-{split}/{ANOMALIES_FILE}")
        if content is not None:
            found[split] = anomalies_pb2.Anomalies.FromString(content)
    return found or None


def _trials(path: str) -> tuple[Trial, ...]:
    try:
        return tuple(parse_trials((_bytes(path) or b"[]").decode()))
    except ValueError:
        return ()


def _object(path: str) -> Json | None:
    value = _json(path)
    return value if isinstance(value, dict) else None


def _list(path: str) -> list[Json]:
    value = _json(path)
    return value if isinstance(value, list) else []


def _json(path: str) -> Any:
    content = _bytes(path)
    try:
        return None if content is None else json.loads(content)
    except ValueError:
        return None


def _bytes(path: str) -> bytes | None:
    try:
        return storage.read(path)
    except OSError:
        return None
