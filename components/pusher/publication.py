"""Publishes a model: copy, check, activate. The Pusher, `regpipe bless` and `regpipe rollback` use it."""

import contextlib
import dataclasses
import datetime
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from components.common import storage
from components.common.errors import BadModel
from components.common.file_names import WARMUP_FILE
from components.common.model_files import copy_model, model_digest
from components.config.base import Settings
from components.pusher.local_folder import LocalFolder
from components.saved_model.card_file import Card, decision_threshold, read_card, write_card


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


def publish(model: str, destination: Destination, entries: Mapping[str, Any]) -> PublishedVersion:
    """Publishes a SavedModel as the newest version, unless the current version is the same model.

    A model with another decision threshold in its card is another one: its predictions have other decisions.

    Afterwards removes the oldest versions beyond `keep_versions`, but only versions that this function published.

    Args:
        model: the folder of the SavedModel.
        destination: where to publish.
        entries: entries to add to the model's card, besides the version, the digest and the time.

    Raises:
        BadModel: the model does not load or fails its warm-up requests. Nothing was published.
        NotADirectoryError: the directory is a file.
    """
    if not storage.list_files(model):
        raise BadModel(f"{model} was not published. Expected a SavedModel, found no files.")
    store = version_store(destination)
    with store.publishing():
        digest = model_digest(model)
        current = store.current()
        card = {**read_card(model), **entries}
        if current is not None and _is_same(store.path(current), digest, card):
            version, already = current, True
        else:
            version, already = store.next_version(), False
            _stage(model, store, version, {**entries, "digest": digest})
            store.activate(version)
            logging.info("Published version %d in %s.", version, store.path(version))
        _remove_old(store, max(destination.keep_versions, store.min_kept))
    return PublishedVersion(version, store.path(version), digest, already)


def _is_same(published: str, digest: str, card: Card) -> bool:
    # The files are compared, not the digest in the card, because a file may have been removed.
    return model_digest(published) == digest and (
        decision_threshold(read_card(published)) == decision_threshold(card)
    )


def _stage(model: str, store: VersionStore, version: int, entries: Card) -> None:
    from components.saved_model.warmup import replay  # Imports TensorFlow, which takes seconds.

    staged = store.staging_path(version)
    try:
        copy_model(model, staged)
        if model_digest(staged) != entries["digest"]:
            raise BadModel("Its files changed while they were copied.")
        if not replay(staged):
            logging.warning("%s has no %s: only loading was checked.", model, WARMUP_FILE)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        write_card(staged, {**read_card(staged), **entries, "version": version, "published": now})
    except BaseException as error:
        # If this fails, the next push removes the version; the first error is the useful one.
        with contextlib.suppress(Exception):
            store.discard(version)
        if isinstance(error, BadModel):
            raise BadModel(f"{model} was not published. {error}") from error
        raise


def _remove_old(store: VersionStore, keep: int) -> None:
    published = [
        version for version in store.versions() if read_card(store.path(version)).get("version") == version
    ]
    for version in published[:-keep]:
        try:
            store.remove(version)
        except (
            Exception
        ) as error:  # Each file system raises its own errors, and the new version is already published.
            logging.warning("Version %d could not be removed: %s", version, error)
