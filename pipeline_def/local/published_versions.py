"""The published versions: what each of them is, and going back to one."""

import contextlib
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from components.pusher.publication import Destination, PublishedVersion, VersionStore, publish, version_store
from components.saved_model.card_file import read_card
from components.saved_model.model_files import model_digest
from pipeline_def.runs.summary import Rollback, VersionRecord

if TYPE_CHECKING:
    from pipeline_def.runs.run_store import RunStore


class CannotRollBack(Exception):
    """There is no such version, or going back to it would change nothing."""


def list_versions(destination: Destination) -> list[VersionRecord]:
    """What is published at a destination, the newest first, as the card of each version tells it."""
    place = version_store(destination)
    current = place.current()
    return [
        _record(version, place.path(version), current=version == current)
        for version in reversed(place.versions())
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
    """Publishes an old version again, as the newest: it is copied, checked as any model is, and gets a new number.

    Who did so, when and why is in its card, and, where there is one, in the metadata store under the root. From then
    on the pipeline does not publish the model that was rolled back from, until another one was published.

    Args:
        root: the folder of the runs.
        destination: where the versions are.
        version: the one to go back to.
        by: who does it.
        reason: why, in one line; may be empty.

    Raises:
        CannotRollBack: there is no such version, it is the current one or the same model, or its files have changed.
        BadModel: it does not load, or does not answer its warm-up requests well. Nothing was published.
        RootInUse: a run is under way under this root.
    """
    with _only_process(root) as runs:
        place = version_store(destination)
        note = Rollback(
            by=by,
            at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            reason=reason,
            from_version=_current(place, destination),
            to_version=version,
        )
        away_from = _away_from(place, note)
        facts = note.model_dump()
        record: contextlib.AbstractContextManager[dict[str, str | int]]
        record = runs.recorded("Rollback", facts) if runs else contextlib.nullcontext({})
        with record as result:
            published = publish(
                place.path(version), destination, {"rollback": {**facts, "away_from": away_from}}
            )
            result |= {"version": published.version, "path": published.path}
    return published


def _current(place: VersionStore, destination: Destination) -> int:
    current = place.current()
    if current is None:
        raise CannotRollBack(f"{destination.directory}: there is no version yet.")
    return current


def _away_from(place: VersionStore, note: Rollback) -> list[str]:
    """The digests of the models that people have rolled back from, the last first, since the pipeline published one."""
    version, current = note.to_version, note.from_version
    if version == current:
        raise CannotRollBack(f"version {version} is the current one.")
    if version not in place.versions():
        raise CannotRollBack(f"there is no version {version}; `regpipe versions` lists them.")
    digest, left = model_digest(place.path(version)), model_digest(place.path(current))
    if digest == left:
        raise CannotRollBack(f"version {version} and the current one, {current}, are the same model.")
    if digest != read_card(place.path(version)).get("digest", digest):
        raise CannotRollBack(f"version {version}: its files are not those that were published.")
    earlier = read_card(place.path(current)).get("rollback", {}).get("away_from", [])
    return [left, *(other for other in earlier if other not in (left, digest))]


@contextlib.contextmanager
def _only_process(root: Path) -> Iterator["RunStore | None"]:
    """The metadata store under the root, for this process alone; None where there is none, as on another machine."""
    from pipeline_def.local.runner import only_process
    from pipeline_def.runs.run_store import NoSuchRun, RunStore

    try:
        runs = RunStore.open(root)
    except NoSuchRun:
        yield None
        return
    with only_process(root):
        yield runs
