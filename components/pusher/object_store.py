"""Versions on an object store (gs://): one small object names the version to serve, and is written last.

A folder there is only what the names of objects begin with, and renaming it copies them one by one. TF Serving takes
any integer that a name below its base path begins with for a version, be there one object of it or all
(`PollFileSystemForServable` in
https://github.com/tensorflow/serving/blob/master/tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc),
so no order of copying hides half a version from a server that polls the folder. But one object appears, and is
replaced, as a whole, and every reader sees it at once (https://cloud.google.com/storage/docs/objects#immutability,
https://cloud.google.com/storage/docs/consistency). So:

1. A version is copied to `versions/<version>/` and checked where it lies. Its card, written last, makes it complete.
2. Then `models.config` is replaced, a ModelServerConfig that names this one version.
3. Then older versions are removed, but never the one named before: a server may not have read the change yet.

Servers are started with `--model_config_file=gs://.../models.config --model_config_file_poll_wait_seconds=30` and look
at the version named there and at no other (`AspireSpecificVersions` in the file above, and
`PollFilesystemAndReloadConfig` in
https://github.com/tensorflow/serving/blob/master/tensorflow_serving/model_servers/server.cc). A server that polls the
folder finds no version there, because `versions` is no integer.

Not guaranteed: what a server sees that is pointed at `versions/` itself; and, as there is no lock, two publications at
once.
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
from components.saved_model.card_file import read_card

CONFIG_FILE = "models.config"


class ObjectStore:
    """A place on an object store with versions in it.

    Args:
        directory: with its scheme.
        model_name: what servers call the model.
    """

    min_kept = 2

    def __init__(self, directory: str, model_name: str) -> None:
        self._root = directory.rstrip("/")
        self._name = model_name

    def versions(self) -> list[int]:
        """The complete ones, in rising order."""
        return [number for number in self._numbers() if read_card(self.path(number)).get("version") == number]

    def current(self) -> int | None:
        """The one that `models.config` names."""
        if not storage.exists(f"{self._root}/{CONFIG_FILE}"):
            return None
        text = storage.read(f"{self._root}/{CONFIG_FILE}").decode()
        (model,) = text_format.Parse(
            text, model_server_config_pb2.ModelServerConfig()
        ).model_config_list.config
        return int(model.model_version_policy.specific.versions[0])

    def path(self, version: int) -> str:
        """The folder of a version."""
        return f"{self._root}/versions/{version}"

    @contextlib.contextmanager
    def publishing(self) -> Iterator[None]:
        """Clears away what a process that was killed has left: what is not complete, or was never named."""
        complete, current = self.versions(), self.current()
        for number in self._numbers():
            if number not in complete or (current is not None and number > current):
                self.discard(number)
        yield

    def next_version(self) -> int:
        """See `numbers.next_version`."""
        return next_version([*self._numbers(), read_last_version(self._root)])

    def staging_path(self, version: int) -> str:
        """Where a version is written: where it stays."""
        return self.path(version)

    def activate(self, version: int) -> None:
        """Points the servers at a version."""
        storage.write(f"{self._root}/{LAST_VERSION_FILE}", f"{version}\n".encode())
        config = model_server_config_pb2.ModelServerConfig()
        model = config.model_config_list.config.add(
            name=self._name, base_path=f"{self._root}/versions", model_platform="tensorflow"
        )
        model.model_version_policy.specific.versions.append(version)
        storage.write(f"{self._root}/{CONFIG_FILE}", text_format.MessageToString(config).encode())

    def discard(self, version: int) -> None:
        """Removes a version that is not complete."""
        fileio.rmtree(self.path(version))

    def remove(self, version: int) -> None:
        """Removes a version; without its card it is not complete, whatever becomes of the rest."""
        fileio.remove(f"{self.path(version)}/{CARD_FILE}")
        self.discard(version)

    def _numbers(self) -> list[int]:
        return parse_versions(storage.list_folder(f"{self._root}/versions"))
