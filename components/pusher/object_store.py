"""Stores published versions on an object store (gs://): one small object, written last, names the version to serve.

A folder on an object store is only a prefix of object names, and renaming it copies the objects one by one. TF Serving
treats each integer-named prefix below its base path as a version, even if only some of its objects exist
(`PollFileSystemForServable` in
https://github.com/tensorflow/serving/blob/master/tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc),
so a server that polls the folder could load an incomplete version, whatever the order of copying. A single object,
however, is written and replaced atomically, and all readers see the change at once (https://cloud.google.com/storage/docs/objects#immutability,
https://cloud.google.com/storage/docs/consistency). So:

1. A version is copied to `versions/<version>/` and checked there. Its card is written last and marks it complete.
2. `models.config`, a ModelServerConfig that names this one version, is replaced.
3. Older versions are removed, except the one named before: a server may not have read the change yet.

Servers are started with `--model_config_file=gs://.../models.config --model_config_file_poll_wait_seconds=30` and load
only the version named there (`AspireSpecificVersions` in the file above, and
`PollFilesystemAndReloadConfig` in
https://github.com/tensorflow/serving/blob/master/tensorflow_serving/model_servers/server.cc). A server that polls the
folder finds no version, because `versions` is not an integer.

Not supported: servers whose base path is `versions/` itself, and two publications at the same time, because there is no
lock.
"""

import contextlib
from collections.abc import Iterator

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2
from tfx.dsl.io import fileio

from components.common import storage
from components.common.file_names import CARD_FILE
from components.pusher.version_numbers import (
    LAST_VERSION_FILE,
    next_version,
    parse_versions,
    read_last_version,
)
from components.saved_model.card_file import DamagedCard, read_card

CONFIG_FILE = "models.config"


class ObjectStore:
    """Implements `components.pusher.publication.VersionStore` for an object store.

    Args:
        directory: the folder, with its scheme.
        model_name: the name of the model in `models.config`.
    """

    min_kept = 2

    def __init__(self, directory: str, model_name: str) -> None:
        self._root = directory.rstrip("/")
        self._name = model_name

    def versions(self) -> list[int]:
        """See `VersionStore`."""
        return [number for number in self._numbers() if self._is_complete(number)]

    def current(self) -> int | None:
        """See `VersionStore`: the version that `models.config` names."""
        if not storage.exists(f"{self._root}/{CONFIG_FILE}"):
            return None
        text = storage.read(f"{self._root}/{CONFIG_FILE}").decode()
        (model,) = text_format.Parse(
            text, model_server_config_pb2.ModelServerConfig()
        ).model_config_list.config
        return int(model.model_version_policy.specific.versions[0])

    def path(self, version: int) -> str:
        """See `VersionStore`."""
        return f"{self._root}/versions/{version}"

    @contextlib.contextmanager
    def publishing(self) -> Iterator[None]:
        """See `VersionStore`. Removes versions that are incomplete or were never named; takes no lock."""
        complete, current = self.versions(), self.current()
        for number in self._numbers():
            if number not in complete or (current is not None and number > current):
                self.discard(number)
        yield

    def next_version(self) -> int:
        """See `VersionStore`."""
        return next_version([*self._numbers(), read_last_version(self._root)])

    def staging_path(self, version: int) -> str:
        """See `VersionStore`: the final folder, because a store can't rename it."""
        return self.path(version)

    def activate(self, version: int) -> None:
        """See `VersionStore`: replaces `models.config`."""
        storage.write(f"{self._root}/{LAST_VERSION_FILE}", f"{version}\n".encode())
        config = model_server_config_pb2.ModelServerConfig()
        model = config.model_config_list.config.add(
            name=self._name, base_path=f"{self._root}/versions", model_platform="tensorflow"
        )
        model.model_version_policy.specific.versions.append(version)
        storage.write(f"{self._root}/{CONFIG_FILE}", text_format.MessageToString(config).encode())

    def discard(self, version: int) -> None:
        """See `VersionStore`."""
        fileio.rmtree(self.path(version))

    def remove(self, version: int) -> None:
        """See `VersionStore`."""
        # The card first: without it, a version that is only partly removed counts as incomplete.
        fileio.remove(f"{self.path(version)}/{CARD_FILE}")
        self.discard(version)

    def _is_complete(self, number: int) -> bool:
        try:
            return bool(read_card(self.path(number)).get("version") == number)
        except DamagedCard:  # A card appears as a whole, so it was complete before it was damaged.
            return True

    def _numbers(self) -> list[int]:
        return parse_versions(storage.list_folder(f"{self._root}/versions"))
