"""Reads, writes and lists files on an object store such as gs://, through TFX's fileio and TensorFlow.

Importing this module takes seconds; `components.common.storage` imports it for the first remote path.
"""

import contextlib
import errno
import os
import uuid
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

import tensorflow as tf
from tfx.dsl.io import fileio

from components.common.local_storage import UNFINISHED


class RemoteStorage:
    """Implements `components.common.storage.Storage` for object stores."""

    def open_bytes(self, path: str) -> BinaryIO:
        """See `Storage`."""
        return cast(BinaryIO, fileio.open(path, "rb"))

    def read(self, path: str) -> bytes:
        """See `Storage`."""
        with _as_os_errors(path), contextlib.closing(self.open_bytes(path)) as file:
            return file.read()

    def write(self, path: str, chunks: Iterable[bytes], *, durable: bool) -> None:  # noqa: ARG002 - always is
        """See `Storage`."""
        failed: list[BaseException] = []

        def noting_failure() -> Iterator[bytes]:
            try:
                yield from chunks
            except BaseException as error:
                failed.append(error)
                raise

        # An object appears as a whole when the file is closed, so it needs no temporary name.
        try:
            with _as_os_errors(path), fileio.open(path, "wb") as file:
                file.write(b"")  # TensorFlow creates a file with the first write.
                for chunk in noting_failure():
                    file.write(chunk)
        except BaseException:
            if failed:  # Closing the file has stored the chunks before the failure.
                _remove_quietly(path)
            raise

    @contextlib.contextmanager
    def new_file(self, path: str, *, durable: bool, scratch: str | None) -> Iterator[BinaryIO]:  # noqa: ARG002
        """See `Storage`."""
        above, _, name = path.rpartition("/")
        unfinished = f"{scratch or above}/.{name}.{uuid.uuid4().hex}{UNFINISHED}"
        try:
            with _as_os_errors(path):
                with fileio.open(unfinished, "wb") as file:
                    file.write(b"")  # TensorFlow creates a file with the first write.
                    yield file
                fileio.rename(unfinished, path, overwrite=True)
        except BaseException:
            _remove_quietly(unfinished)
            raise

    def make_folder(self, path: str) -> None:
        """See `Storage`."""
        with _as_os_errors(path):
            fileio.makedirs(path)

    def remove(self, path: str) -> None:
        """See `Storage`."""
        with contextlib.suppress(FileNotFoundError), _as_os_errors(path):
            fileio.remove(path)

    def remove_folder(self, path: str) -> None:
        """See `Storage`."""
        with contextlib.suppress(FileNotFoundError), _as_os_errors(path):
            fileio.rmtree(path)

    def exists(self, path: str) -> bool:
        """See `Storage`."""
        with _as_os_errors(path):
            return bool(fileio.exists(path))

    def is_folder(self, path: str) -> bool:
        """See `Storage`."""
        return bool(fileio.isdir(path))

    def list_folder(self, folder: str) -> list[str]:
        """See `Storage`."""
        with _as_os_errors(folder):
            names = fileio.listdir(folder) if self.exists(folder) else []
        return sorted(str(name).rstrip("/") for name in names)

    def list_files(self, folder: str) -> list[str]:
        """See `Storage`."""
        prefix = folder.rstrip("/") + "/"
        with _as_os_errors(folder):
            # Without onerror, walk() leaves out folders that can't be listed.
            found = list(fileio.walk(folder, onerror=_reraise)) if self.exists(folder) else []
        return sorted(
            f"{above.rstrip('/')}/{name}".removeprefix(prefix)
            for above, _, inside in found
            for name in inside
        )

    def last_modified(self, folder: str) -> float:
        """See `Storage`."""
        # A store has no folders: only the objects whose names begin with the folder's name have a time.
        with _as_os_errors(folder):
            times = [fileio.stat(f"{folder}/{name}").mtime_nsec / 1e9 for name in self.list_folder(folder)]
        return max(times, default=0.0)

    def glob(self, pattern: str) -> list[str]:
        """See `Storage`."""
        with _as_os_errors(pattern):
            return sorted(str(path) for path in fileio.glob(pattern))


def _remove_quietly(path: str) -> None:
    """Removes a file after an error, which is more important than that the file can't be removed."""
    with contextlib.suppress(Exception):
        fileio.remove(path)


def _reraise(error: Exception) -> None:
    raise error


@contextlib.contextmanager
def _as_os_errors(path: str) -> Iterator[None]:
    """Turns errors of TensorFlow and TFX into the OSErrors that a local disk raises, with the path in them."""
    try:
        yield
    except (tf.errors.NotFoundError, fileio.NotFoundError) as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, error.message, path) from error
