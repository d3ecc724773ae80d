"""Publishes a model: copy, check, activate. The Pusher, `regpipe bless` and `regpipe rollback` use it."""

import contextlib
import dataclasses
import datetime
import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from components.common import storage
from components.common.errors import BadModel
from components.common.file_names import EXTRA_FOLDER, TRAINING_STATISTICS_FILE, WARMUP_FILE
from components.common.model_files import copy_model, model_digest
from components.config.base import Settings
from components.pusher.local_folder import LocalFolder
from components.saved_model.card_file import (
    Card,
    DamagedCard,
    decision_threshold,
    read_card,
    read_intact_card,
    write_card,
)


class Destination(Settings):
    """Where to publish.

    Attributes:
        directory: the folder of the versions, on a disk or an object store.
        keep_versions: how many of the newest versions are kept.
        model_name: the model's name on the servers.
    """

    directory: str
    keep_versions: int
    model_name: str


@dataclasses.dataclass(frozen=True)
class PublishedVersion:
    """The published version of a model.

    Attributes:
        version: its number.
        path: its folder.
        digest: the model's `model_digest`.
        already_published: whether the model already was the current version, so that nothing was copied.
    """

    version: int
    path: str
    digest: str
    already_published: bool


class VersionStore(Protocol):
    """The published versions in one folder. `LocalFolder` and `ObjectStore` implement it.

    Attributes:
        min_kept: the minimum number of versions to keep, even if `keep_versions` is smaller.
    """

    min_kept: int

    def versions(self) -> list[int]:
        """Returns the complete versions, sorted."""
        ...

    def current(self) -> int | None:
        """Returns the version to serve, None if there is none."""
        ...

    def path(self, version: int) -> str:
        """Returns the folder of a version."""
        ...

    def publishing(self) -> contextlib.AbstractContextManager[None]:
        """Removes what killed processes left behind, and protects the folder while a version is published."""
        ...

    def next_version(self) -> int:
        """Returns the number of the next version; see `version_numbers.next_version`."""
        ...

    def staging_path(self, version: int) -> str:
        """Returns the folder that a version is written to before it is activated."""
        ...

    def activate(self, version: int) -> None:
        """Makes a staged version the current one."""
        ...

    def discard(self, version: int) -> None:
        """Removes a staged version."""
        ...

    def remove(self, version: int) -> None:
        """Removes a published version."""
        ...


def version_store(destination: Destination) -> VersionStore:
    """Returns the version store of a destination, which may not exist yet."""
    if not storage.is_remote(destination.directory):
        return LocalFolder(destination.directory)
    from components.pusher.object_store import ObjectStore  # Imports TFX, which takes seconds.

    return ObjectStore(destination.directory, destination.model_name)


class Publisher:
    """Publishes to a folder that no other process publishes to meanwhile; `publishing` creates it.

    Attributes:
        versions: the published versions.
    """

    def __init__(self, versions: VersionStore, keep: int) -> None:
        self.versions = versions
        self._keep = keep

    def rollback_notice(self, digest: str) -> str | None:
        """Returns who rolled back from this model, when and why, if a rollback published the current version.

        The pipeline does not undo a rollback. Only a person does, with `regpipe rollback` or `regpipe bless`.

        Args:
            digest: the `model_digest` of the model.

        Raises:
            DamagedCard: the card of the current version can't be read, so it is unknown.
        """
        current = self.versions.current()
        if current is None:
            return None
        try:
            rollback = read_card(self.versions.path(current)).get("rollback")
        except DamagedCard as error:
            raise DamagedCard(
                f"{error} So it is unknown whether a person rolled back from the new model. `regpipe rollback` and "
                "`regpipe bless` publish a version whose card can be read."
            ) from error
        if not rollback or digest not in rollback.get("away_from", ()):
            return None
        because = f": {rollback['reason']}" if rollback.get("reason") else ""
        return f"{rollback['by']} rolled back from this model on {rollback['at']}{because}"

    def publish(
        self,
        model: str,
        entries: Mapping[str, Any],
        expected_digest: str | None = None,
        statistics: str | None = None,
    ) -> PublishedVersion:
        """Publishes a SavedModel as the newest version, unless the current version is the same model.

        A model with another decision threshold in its card is another one: its predictions have other decisions.

        Args:
            model: the folder of the SavedModel.
            entries: entries to add to the model's card, besides the version, the digest and the time.
            expected_digest: the `model_digest` of the model that was judged; None: it was not judged.
            statistics: the folder with the statistics of its training data, which are stored beside its card, so that
                later tables can be compared with them; None: keep those that the model has, if any.

        Raises:
            BadModel: the model is not the expected one, does not load, or fails its requests. Nothing was published.
        """
        if not storage.list_files(model):
            raise BadModel(f"{model} was not published. Expected a SavedModel, found no files.")
        store, digest = self.versions, model_digest(model)
        if expected_digest is not None and digest != expected_digest:
            raise BadModel(
                f"{model} was not published. Expected the model that was judged, with the digest {expected_digest}, "
                f"found {digest}: its files have changed. `regpipe run --no-cache` trains and judges a model anew."
            )
        current = store.current()
        card = {**read_intact_card(model), **entries}
        if current is not None and _is_same(store.path(current), digest, card):
            version, already = current, True
        else:
            version, already = store.next_version(), False
            staged = _Staged(store.staging_path(version), {**entries, "digest": digest}, statistics)
            _stage(model, store, version, staged)
            store.activate(version)
            logging.info("Published version %d in %s.", version, store.path(version))
        return PublishedVersion(version, store.path(version), digest, already)

    def remove_old(self) -> None:
        """Removes the oldest versions beyond `keep_versions`, but only versions that a `Publisher` published.

        Only the pipeline does: a person who publishes may not have the configuration that says how many to keep.
        """
        _remove_old(self.versions, max(self._keep, self.versions.min_kept))


@contextlib.contextmanager
def publishing(destination: Destination) -> Iterator[Publisher]:
    """Waits until no other process publishes to a folder on a disk, and keeps others waiting within the context.

    So what is decided by the current version, such as not to undo a rollback, holds until the model is published.

    Raises:
        NotADirectoryError: the directory is a file.
    """
    store = version_store(destination)
    with store.publishing():
        yield Publisher(store, destination.keep_versions)


def publish(model: str, destination: Destination, entries: Mapping[str, Any]) -> PublishedVersion:
    """Publishes one SavedModel and removes old versions, as the pipeline does; see `Publisher`."""
    with publishing(destination) as publisher:
        published = publisher.publish(model, entries)
        publisher.remove_old()
    return published


def _is_same(published: str, digest: str, card: Card) -> bool:
    # The files are compared, not the digest in the card, because a file may have been removed.
    try:
        return model_digest(published) == digest and (
            decision_threshold(read_card(published)) == decision_threshold(card)
        )
    except DamagedCard:  # A version with an intact card takes its place.
        return False


class _Staged(NamedTuple):
    """A version that is being written: its folder, the entries of its card, and the folder with the statistics."""

    folder: str
    entries: Card
    statistics: str | None


def _stage(model: str, store: VersionStore, version: int, staged: _Staged) -> None:
    from components.saved_model.warmup import replay  # Imports TensorFlow, which takes seconds.

    folder = staged.folder
    try:
        copy_model(model, folder)
        if model_digest(folder) != staged.entries["digest"]:
            raise BadModel("Its files changed while they were copied.")
        if not replay(folder):
            logging.warning(
                "%s has no %s: its signatures were run with a row of zeros only.", model, WARMUP_FILE
            )
        _copy_statistics(staged)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        write_card(folder, {**read_card(folder), **staged.entries, "version": version, "published": now})
    except BaseException as error:
        # If this fails, the next push removes the version; the first error is the useful one.
        with contextlib.suppress(Exception):
            store.discard(version)
        if isinstance(error, BadModel | DamagedCard):
            raise BadModel(f"{model} was not published. {error}") from error
        raise


def _copy_statistics(staged: _Staged) -> None:
    source = f"{staged.statistics}/{TRAINING_STATISTICS_FILE}"
    # An earlier version of regpipe wrote none.
    if staged.statistics is not None and storage.exists(source):
        target = f"{staged.folder}/{EXTRA_FOLDER}/{TRAINING_STATISTICS_FILE}"
        storage.write(target, storage.read(source), durable=True)


def _remove_old(store: VersionStore, keep: int) -> None:
    published = [
        version
        for version in store.versions()
        if read_intact_card(store.path(version)).get("version") == version
    ]
    for version in published[:-keep]:
        try:
            store.remove(version)
        except (
            Exception
        ) as error:  # Each file system raises its own errors, and the new version is already published.
            logging.warning("Version %d could not be removed: %s", version, error)
