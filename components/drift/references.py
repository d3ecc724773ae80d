"""Finds the statistics that a table is compared with: of the served model's training data, and of the span before."""

import hashlib

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common import storage
from components.common.drift_record import ReferenceKind
from components.common.file_names import EXTRA_FOLDER, TRAINING_STATISTICS_FILE
from components.drift.drift_settings import DriftReference
from components.pusher.publication import Destination, version_store
from components.saved_model.card_file import DamagedCard
from components.served_model.served_version import read_version

_STATISTICS_TYPE, _STATISTICS_STEP = "ExampleStatistics", "StatisticsGen"
_GATES = ("DataGate", "DriftGate")
_PASSED = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)


def served_reference(destination: Destination, data_digest: str) -> DriftReference | str:
    """Returns the training data of the newest published version that was trained on another table.

    That is the served version, unless it was trained on this very table. Then it is the version before it: so a
    repeated run has the same reference as the first run on that table, and comes from the cache. A model that a person
    rolled back from is no reference while the rollback is served.

    Args:
        destination: where the run publishes.
        data_digest: the digest of the files of this run's table.

    Returns:
        The reference, or a sentence that says why there is none.

    Raises:
        DamagedCard: the model card of a version is damaged.
    """
    store = version_store(destination)
    current = store.current()
    rolled_back = frozenset[str]()  # the digests of models
    for number in reversed(store.versions()):
        if current is None or number > current:
            continue
        version = read_version(store, number)
        if version.damage is not None:
            raise DamagedCard(version.damage)
        if number == current:
            rolled_back = frozenset(version.card.get("rollback", {}).get("away_from", ()))
        if version.card.get("data", {}).get("digest") == data_digest:
            continue
        if rolled_back and version.digest in rolled_back:
            continue
        found = _read(f"{version.path}/{EXTRA_FOLDER}", "served", f"the training data of version {number}")
        return found or (
            f"Not compared with version {number}: it has no statistics of its training data, because regpipe did not "
            "publish it, or an earlier version of regpipe did."
        )
    return "Not compared: no model trained on earlier data is published yet."


def span_reference(store: MetadataStore, pipeline: str, span: int) -> DriftReference | str:
    """Returns the newest statistics of an earlier span that a run of the pipeline has computed and not refused.

    A span that was refused is no reference: the next one, if it is as usual, would be refused because it differs.

    Args:
        store: the metadata store.
        pipeline: the name of the pipeline.
        span: the newest span of this run's table.

    Returns:
        The reference, or a sentence that says why there is none.
    """
    context = store.get_context_by_type_and_name("node", f"{pipeline}.{_STATISTICS_STEP}")
    artifacts = [] if context is None else store.get_artifacts_by_context(context.id)
    refused = _refused(store, pipeline)
    earlier = [
        (artifact.properties["span"].int_value, artifact.id, artifact.uri)
        for artifact in artifacts
        # Without {SPAN} in data.input, the artifact has no span.
        if artifact.type == _STATISTICS_TYPE
        and "span" in artifact.properties
        and artifact.properties["span"].int_value < span
        and artifact.id not in refused
    ]
    for number, _, folder in sorted(earlier, reverse=True):
        if found := _read(folder, "span", f"span {number}"):
            return found
    return "Not compared with the span before: no run has read one, or all were refused."


def _refused(store: MetadataStore, pipeline: str) -> set[int]:
    """Returns the ids of the artifacts that a gate of the pipeline refused, and that DriftGate never let pass."""
    failed, passed = set[int](), set[int]()
    for step in _GATES:
        context = store.get_context_by_type_and_name("node", f"{pipeline}.{step}")
        executions = [] if context is None else store.get_executions_by_context(context.id)
        states = {execution.id: execution.last_known_state for execution in executions}
        for event in store.get_events_by_execution_ids(list(states)) if states else ():
            if states[event.execution_id] == mlmd.Execution.FAILED:
                failed.add(event.artifact_id)
            elif step == _GATES[-1] and states[event.execution_id] in _PASSED:
                passed.add(event.artifact_id)
    return failed - passed


def _read(folder: str, kind: ReferenceKind, name: str) -> DriftReference | None:
    path = f"{folder}/{TRAINING_STATISTICS_FILE}"
    if not storage.exists(path):
        return None
    digest = hashlib.sha256(storage.read(path)).hexdigest()
    return DriftReference(kind=kind, name=name, folder=folder, digest=digest)
