"""Stores published versions in a folder on a disk: each appears and disappears by one rename.

A rename within a folder is atomic (POSIX, rename()), so a folder with an integer for a name is always complete. A
version that is being written or removed has another name, which TF Serving skips (`IndexChildrenByVersion` in
https://github.com/tensorflow/serving/blob/master/tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc).
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from components.common import storage
from components.common.local_storage import UNFINISHED, sync_folder
from components.pusher.version_numbers import (
    LAST_VERSION_FILE,
    next_version,
    parse_versions,
    read_last_version,
)

_INCOMING, _REMOVED = "incoming-", "removed-"


class LocalFolder:
    """Implements `components.pusher.publication.VersionStore` for a folder on a disk.

    Args:
        directory: the folder that TF Serving polls; it may not exist yet.
    """

    min_kept = 1

    def __init__(self, directory: str) -> None:
        self._root = Path(directory)

    def versions(self) -> list[int]:
        """See `VersionStore`."""
        return parse_versions(storage.list_folder(str(self._root)))

    def current(self) -> int | None:
        """See `VersionStore`: the highest version, which TF Serving loads."""
        return max(self.versions(), default=None)

    def path(self, version: int) -> str:
        """See `VersionStore`."""
        return str(self._root / str(version))

    @contextlib.contextmanager
    def publishing(self) -> Iterator[None]:
        """See `VersionStore`. Waits while another process publishes to the folder.

        Raises:
            NotADirectoryError: the path is a file.
        """
        if self._root.exists() and not self._root.is_dir():
            raise NotADirectoryError(f"{self._root}: expected a folder to publish to, found a file.")
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for path in self._root.iterdir():
                if path.name.startswith((_INCOMING, _REMOVED)) or path.name.endswith(UNFINISHED):
                    _remove(path)
            yield

    def next_version(self) -> int:
        """See `VersionStore`."""
        return next_version([*self.versions(), read_last_version(str(self._root))])

    def staging_path(self, version: int) -> str:
        """See `VersionStore`."""
        return str(self._root / f"{_INCOMING}{version}")

    def activate(self, version: int) -> None:
        """See `VersionStore`."""
        # The number is recorded first, so that it is never used twice, even if this process is killed.
        storage.write(str(self._root / LAST_VERSION_FILE), f"{version}\n".encode(), durable=True)
        staged = self.staging_path(version)
        for folder, _, _ in os.walk(staged):
            sync_folder(folder)
        Path(staged).rename(self.path(version))
        sync_folder(self._root)
        sync_folder(self._root.parent)  # The root itself may be new.

    def discard(self, version: int) -> None:
        """See `VersionStore`."""
        _remove(Path(self.staging_path(version)))

    def remove(self, version: int) -> None:
        """See `VersionStore`."""
        renamed = self._root / f"{_REMOVED}{version}"
        Path(self.path(version)).rename(renamed)
        _remove(renamed)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
