"""Lists the published versions of a model, and rolls back to one of them."""

import contextlib
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from components.common.model_files import model_digest
from components.pusher.publication import Destination, PublishedVersion, VersionStore, publish, version_store
from components.saved_model.card_file import read_card
from pipeline_def.runs.summary import Rollback, VersionRecord

if TYPE_CHECKING:
    from pipeline_def.runs.run_store import RunStore


class CannotRollBack(Exception):
    """There is no such version, or a rollback to it would change nothing."""


def list_versions(destination: Destination) -> list[VersionRecord]:
    """Returns the versions at a destination, the newest first, as described by their model cards."""
    published = version_store(destination)
    current = published.current()
    return [
        _record(version, published.path(version), current=version == current)
        for version in reversed(published.versions())
    ]


def _record(version: int, path: str, *, current: bool) -> VersionRecord:
    card = read_card(path)
    metrics = card.get("evaluation", {}).get("metrics", {})
    rollback = card.get("rollback", {})
    return VersionRecord(
        version=version,
        current=current,
        path=path,
        published=card.get("published"),
        run=card.get("run"),
        auc=metrics.get("auc", {}).get("candidate"),
        log_loss=metrics.get("log_loss", {}).get("candidate"),
        digest=card.get("digest"),
        blessed_by=card.get("override", {}).get("by"),
        rollback=Rollback(**{n: rollback[n] for n in Rollback.model_fields}) if rollback else None,
    )


def rollback(root: Path, destination: Destination, version: int, *, by: str, reason: str) -> PublishedVersion:
    """Publishes an old version again as the newest one: it is copied, validated like any model, and gets a new number.

    Who did it, when and why is recorded in its card and in the metadata store, if there is one under the root. From
    then on the pipeline does not publish the model that was replaced, until another model has been published.

    Args:
        root: the folder of the runs.
        destination: the folder or address of the versions.
        version: the version to roll back to.
        by: who does it.
        reason: why, in one line; may be empty.

    Raises:
        CannotRollBack: there is no such version, it is the current one or the same model, or its files have changed.
        BadModel: the model can't be loaded, or fails on its warm-up requests. Nothing was published.
        RootInUse: another process uses the root.
    """
    with _locked_run_store(root) as runs:
        versions = version_store(destination)
        note = Rollback(
            by=by,
            at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            reason=reason,
            from_version=_current(versions, destination),
            to_version=version,
        )
        away_from = _away_from(versions, note)
        facts = note.model_dump()
        record: contextlib.AbstractContextManager[dict[str, str | int]]
        record = runs.record_execution("Rollback", facts) if runs else contextlib.nullcontext({})
        with record as result:
            published = publish(
                versions.path(version), destination, {"rollback": {**facts, "away_from": away_from}}
            )
            result |= {"version": published.version, "path": published.path}
    return published


def _current(versions: VersionStore, destination: Destination) -> int:
    current = versions.current()
    if current is None:
        raise CannotRollBack(f"{destination.directory}: there is no version yet.")
    return current


def _away_from(versions: VersionStore, note: Rollback) -> list[str]:
    """Returns the digests of the models replaced by rollbacks since the last push of the pipeline, the latest first."""
    version, current = note.to_version, note.from_version
    if version == current:
        raise CannotRollBack(f"version {version} is the current one.")
    if version not in versions.versions():
        raise CannotRollBack(f"there is no version {version}; `regpipe versions` lists them.")
    digest, replaced = model_digest(versions.path(version)), model_digest(versions.path(current))
    if digest == replaced:
        raise CannotRollBack(f"version {version} and the current one, {current}, are the same model.")
    if digest != read_card(versions.path(version)).get("digest", digest):
        raise CannotRollBack(f"version {version}: its files have changed since it was published.")
    earlier = read_card(versions.path(current)).get("rollback", {}).get("away_from", [])
    return [replaced, *(other for other in earlier if other not in (replaced, digest))]


@contextlib.contextmanager
def _locked_run_store(root: Path) -> Iterator["RunStore | None"]:
    """Locks the root and yields its metadata store; yields None if there is none, for example on another machine."""
    from pipeline_def.local.runner import lock_root
    from pipeline_def.runs.run_store import NoSuchRun, RunStore

    try:
        runs = RunStore.open(root)
    except NoSuchRun:
        yield None
        return
    with lock_root(root):
        yield runs
