"""Reads what the steps left behind. What is not there, or can't be read, is None: its section then says so."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.common import storage
from components.common.file_names import (
    ANOMALIES_FILE,
    HISTORY_FILE,
    INGEST_FILE,
    STATISTICS_FILE,
    TRIALS_FILE,
    TUNED_FILE,
    VERDICT_FILE,
    WEIGHTS_FILE,
)
from components.config.data import SPLITS

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where the artifacts of a run are, as URIs, and the file of facts about the run itself; no Tuner: ""."""

    examples: str
    statistics: str
    anomalies: str
    candidate: str
    baseline: str
    evaluation: str
    tuner: str
    facts: str


@dataclasses.dataclass(frozen=True)
class Training:
    """One trainer's history, epoch by epoch, what became of the weights, and the Tuner's values that it took."""

    history: list[Json] = dataclasses.field(default_factory=list)
    weights: Json | None = None
    tuned: Json | None = None


@dataclasses.dataclass(frozen=True)
class Evidence:
    """All that the page is made from.

    Attributes:
        config: the whole configuration.
        facts: what the metadata store knows of the run: `run_id`, `started`, `steps`, `artifacts`, `versions`,
            `code`, and `override` if someone blessed the model by hand.
        pushed: where the model was published; None if it was not.
        held_back: why a blessed model was not published; None if nothing held it back.
        statistics, anomalies: by split.
        trials: of the Tuner, the best first; None without a Tuner.
    """

    config: Json
    facts: Json = dataclasses.field(default_factory=dict)
    pushed: str | None = None
    held_back: str | None = None
    ingest: Json | None = None
    verdict: Json | None = None
    candidate: Training = Training()
    baseline: Training = Training()
    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatistics] = dataclasses.field(
        default_factory=dict
    )
    anomalies: Mapping[str, anomalies_pb2.Anomalies] | None = None
    trials: list[Json] | None = None


def collect(
    folders: Folders,
    config: Json,
    pushed: str | None,
    held_back: str | None = None,
) -> Evidence:
    """Reads everything that is there.

    Args:
        folders: where.
        config: the whole configuration.
        pushed: where the model was published, None if it was not.
        held_back: why a blessed model was not published, None if nothing held it back.
    """
    return Evidence(
        config=config,
        facts=_object(folders.facts) or {},
        pushed=pushed,
        held_back=held_back,
        ingest=_object(f"{folders.examples}/{INGEST_FILE}"),
        verdict=_object(f"{folders.evaluation}/{VERDICT_FILE}"),
        candidate=_training(folders.candidate),
        baseline=_training(folders.baseline),
        statistics=_statistics(folders.statistics),
        anomalies=_anomalies(folders.anomalies),
        trials=_list(f"{folders.tuner}/{TRIALS_FILE}") if folders.tuner else None,
    )


def _training(folder: str) -> Training:
    return Training(
        history=_list(f"{folder}/{HISTORY_FILE}"),
        weights=_object(f"{folder}/{WEIGHTS_FILE}"),
        tuned=_object(f"{folder}/{TUNED_FILE}"),
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
