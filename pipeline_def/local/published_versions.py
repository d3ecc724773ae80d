"""Lists the published versions of a model, and rolls back to one of them."""

import contextlib
import datetime
from typing import TYPE_CHECKING

from components.common.model_files import model_digest
from components.pusher.publication import (
    Destination,
    PublishedVersion,
    VersionStore,
    publishing,
    version_store,
)
from components.saved_model.card_file import DamagedCard, read_card, read_intact_card
from components.tasks.known_tasks import MAIN_METRICS
from pipeline_def.runs.summary import Rollback, VersionRecord

if TYPE_CHECKING:
    from pipeline_def.runs.runs_root import RunsRoot


class CannotRollBack(Exception):
    """There is no such version, or a rollback to it would change nothing."""


class NoSuchVersion(CannotRollBack):
    """There is no such version, or none at all."""


def list_versions(destination: Destination) -> list[VersionRecord]:
    """Returns the versions at a destination, the newest first, as described by their model cards."""
    published = version_store(destination)
    current = published.current()
    return [
        _record(version, published.path(version), current=version == current)
        for version in reversed(published.versions())
    ]


def _record(version: int, path: str, *, current: bool) -> VersionRecord:
    card = read_intact_card(path)
    metrics = card.get("evaluation", {}).get("metrics", {})
    rollback = card.get("rollback", {})
    return VersionRecord(
        version=version,
        current=current,
        path=path,
        published=card.get("published"),
        run=card.get("run"),
        **{name: metrics.get(name, {}).get("candidate") for name in MAIN_METRICS},
        digest=card.get("digest"),
        blessed_by=card.get("override", {}).get("by"),
        rollback=Rollback(**{n: rollback[n] for n in Rollback.model_fields}) if rollback else None,
    )


def rollback(
    root: "RunsRoot | None", destination: Destination, version: int, *, by: str, reason: str
) -> PublishedVersion:
    """Publishes an old version again as the newest one: it is copied, validated like any model, and gets a new number.

    Who did it, when and why is recorded in its card and in the metadata store, if there is one. From
    then on the pipeline does not publish the model that was replaced, until another model has been published.

    Args:
        root: the root of the runs; None: there is no metadata store, for example on another machine.
        destination: the folder or address of the versions.
        version: the version to roll back to.
        by: who does it.
        reason: why, in one line; may be empty.

    Raises:
        NoSuchVersion: there is no such version.
        CannotRollBack: it is the current one or the same model, its files have changed, or
            its card does not have the digest by which that is checked.
        BadModel: the model can't be loaded, or fails on its warm-up requests. Nothing was published.
        RootInUse: another process uses the root.
    """
    with contextlib.ExitStack() as locks:
        if root is not None:
            from pipeline_def.local.runner import locked

            locks.enter_context(locked(root))
        _current(version_store(destination), destination)  # Before the folder is created.
        publisher = locks.enter_context(publishing(destination))
        versions = publisher.versions
        note = Rollback(
            by=by,
            at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            reason=reason,
            from_version=_current(versions, destination),
            to_version=version,
        )
        digest = _intact_digest(versions, version, note.from_version)
        away_from = _away_from(versions, note.from_version, digest)
        facts = note.model_dump()
        record: contextlib.AbstractContextManager[dict[str, str | int]]
        record = root.runs.record_execution("Rollback", facts) if root else contextlib.nullcontext({})
        with record as result:
            published = publisher.publish(
                versions.path(version), {"rollback": {**facts, "away_from": away_from}}, digest
            )
            result |= {"version": published.version, "path": published.path}
        if root is not None:
            from pipeline_def.runs.run_index import try_update_index

            try_update_index(root.path, destination=destination)
    return published


def _current(versions: VersionStore, destination: Destination) -> int:
    current = versions.current()
    if current is None:
        raise NoSuchVersion(f"{destination.directory}: there is no version yet.")
    return current


def _intact_digest(versions: VersionStore, version: int, current: int) -> str:
    """Returns the digest of the version to roll back to, after comparing its files with the digest in its card."""
    if version == current:
        raise CannotRollBack(f"version {version} is the current one.")
    if version not in versions.versions():
        raise NoSuchVersion(f"there is no version {version}; `regpipe versions` lists them.")
    digest = model_digest(versions.path(version))
    if digest == model_digest(versions.path(current)):
        raise CannotRollBack(f"version {version} and the current one, {current}, are the same model.")
    try:
        expected = read_card(versions.path(version)).get("digest")
    except DamagedCard as error:
        raise CannotRollBack(f"version {version}: {error}") from None
    if expected is None:
        raise CannotRollBack(
            f"version {version}: expected a model card with the digest of its files, found none, so that it can't be "
            "checked; only versions that regpipe published have one."
        )
    if digest != expected:
        raise CannotRollBack(f"version {version}: its files have changed since it was published.")
    return digest


def _away_from(versions: VersionStore, current: int, digest: str) -> list[str]:
    """Returns the digests of the models replaced by rollbacks since the last push of the pipeline, the latest first."""
    path = versions.path(current)
    replaced = model_digest(path)
    # A damaged card of the version that is replaced must not prevent its replacement.
    earlier = read_intact_card(path).get("rollback", {}).get("away_from", [])
    return [replaced, *(other for other in earlier if other not in (replaced, digest))]
