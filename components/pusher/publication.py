"""Publication: copy, check, reveal. The Pusher, `regpipe bless` and `regpipe rollback` all publish in this way."""

import contextlib
import dataclasses
import datetime
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from components.common import storage
from components.common.errors import BadModel
from components.common.file_names import WARMUP_FILE
from components.config.base import Settings
from components.pusher.local_folder import LocalFolder
from components.saved_model.card_file import Card, read_card, write_card
from components.saved_model.model_files import copy_model, model_digest


class Destination(Settings):
    """Where versions go, how many of them stay, and what servers call the model."""

    directory: str
    keep_versions: int
    model_name: str


@dataclasses.dataclass(frozen=True)
class PublishedVersion:
    """The version that holds a model, and its folder; `already`: it was there, and is what is served."""

    version: int
    path: str
    digest: str
    already: bool


class VersionStore(Protocol):
    """A place with versions in it, on a disk or on an object store."""

    min_kept: int

    def versions(self) -> list[int]: ...  # noqa: D102 (all of them: see LocalFolder)

    def current(self) -> int | None: ...  # noqa: D102

    def path(self, version: int) -> str: ...  # noqa: D102

    def publishing(self) -> contextlib.AbstractContextManager[None]: ...  # noqa: D102

    def next_version(self) -> int: ...  # noqa: D102

    def staging_path(self, version: int) -> str: ...  # noqa: D102

    def activate(self, version: int) -> None: ...  # noqa: D102

    def discard(self, version: int) -> None: ...  # noqa: D102

    def remove(self, version: int) -> None: ...  # noqa: D102


def version_store(destination: Destination) -> VersionStore:
    """The versions at a destination; whether there are any yet or not."""
    if not storage.is_remote(destination.directory):
        return LocalFolder(destination.directory)
    from components.pusher.object_store import ObjectStore  # TFX: seconds, and a disk does without.

    return ObjectStore(destination.directory, destination.model_name)


def publish(model: str, destination: Destination, entries: Mapping[str, Any]) -> PublishedVersion:
    """Publishes a SavedModel as the newest version, unless the current version is this very model.

    Older versions beyond `keep_versions` are removed afterwards; of them, only those that were published here.

    Args:
        model: its folder.
        destination: where to.
        entries: what to write into its card, besides what is there, the version, the digest and the time.

    Raises:
        BadModel: it does not load, or does not answer its warm-up requests well. Nothing was published.
        NotADirectoryError: there is a file in the place of the folder.
    """
    if not storage.list_files(model):
        raise BadModel(f"{model} was not published. Expected a SavedModel, found no files.")
    place = version_store(destination)
    with place.publishing():
        digest = model_digest(model)
        current = place.current()
        # What is there counts, not what is written about it: someone may have removed a file.
        if current is not None and model_digest(place.path(current)) == digest:
            version, already = current, True
        else:
            version, already = place.next_version(), False
            _stage(model, place, version, {**entries, "digest": digest})
            place.activate(version)
            logging.info("Published version %d in %s.", version, place.path(version))
        _remove_old(place, max(destination.keep_versions, place.min_kept))
    return PublishedVersion(version, place.path(version), digest, already)


def _stage(model: str, place: VersionStore, version: int, entries: Card) -> None:
    from components.saved_model.warmup import replay  # TensorFlow: seconds, and the rest does without.

    staged = place.staging_path(version)
    try:
        copy_model(model, staged)
        if model_digest(staged) != entries["digest"]:
            raise BadModel("Its files changed while they were copied.")
        if not replay(staged):
            logging.warning("%s has no %s: it loads, and that is all that is known.", model, WARMUP_FILE)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        write_card(staged, {**read_card(staged), **entries, "version": version, "published": now})
    except BaseException as error:
        with contextlib.suppress(Exception):  # else the next push removes it; this error says more
            place.discard(version)
        if isinstance(error, BadModel):
            raise BadModel(f"{model} was not published. {error}") from error
        raise


def _remove_old(place: VersionStore, keep: int) -> None:
    ours = [
        version for version in place.versions() if read_card(place.path(version)).get("version") == version
    ]
    for version in ours[:-keep]:
        try:
            place.remove(version)
        except Exception as error:  # each file system has an error of its own; the new version is in place
            logging.warning("Version %d could not be removed: %s", version, error)
