"""Reads, writes and lists files by path, on the local disk or on an object store such as gs://.

`Storage` is the interface, with one class for each kind of storage; the functions choose the class by the path. On
both kinds an operation that fails raises an OSError, and FileNotFoundError if the file does not exist.
"""

import contextlib
import functools
import gzip
from collections.abc import Iterable
from typing import Any, BinaryIO, Protocol, cast

from components.common.local_storage import LocalStorage


class Storage(Protocol):
    """The operations that every kind of storage offers."""

    def open_bytes(self, path: str) -> BinaryIO:
        """Opens a file for reading its bytes as they are stored."""
        ...

    def read(self, path: str) -> bytes:
        """Returns the content of a file."""
        ...

    def write(self, path: str, chunks: Iterable[bytes], *, durable: bool) -> None:
        """Writes a file and creates the folders above it. Readers see either the old or the complete new content.

        Args:
            path: the file.
            chunks: its content, in order. If reading them fails, a disk keeps the old content; a store has no file.
            durable: whether the file is flushed to the disk, so that it survives a power failure. On a store, it
                always survives.
        """
        ...

    def new_file(
        self, path: str, *, durable: bool, scratch: str | None
    ) -> contextlib.AbstractContextManager[BinaryIO]:
        """Opens a file for writing that gets its name when the block ends, and is removed if the block raises.

        Args:
            path: the file's final name; the folders above it are created.
            durable: see `write`.
            scratch: the folder for the unfinished file, on the same disk or store; None means the folder of `path`. A
                process that is killed leaves the unfinished file there.
        """
        ...

    def make_folder(self, path: str) -> None:
        """Creates a folder and those above it if they don't exist."""
        ...

    def remove(self, path: str) -> None:
        """Removes a file if it exists."""
        ...

    def remove_folder(self, path: str) -> None:
        """Removes a folder and everything in it if it exists."""
        ...

    def exists(self, path: str) -> bool:
        """Returns whether a file or folder exists. Raises OSError if a store does not answer."""
        ...

    def is_folder(self, path: str) -> bool:
        """Returns whether the path is an existing folder."""
        ...

    def list_folder(self, folder: str) -> list[str]:
        """Returns the sorted names of the files and folders in a folder; [] if it does not exist."""
        ...

    def list_files(self, folder: str) -> list[str]:
        """Returns the sorted paths, relative to a folder, of all files at any depth in it; [] if it does not exist."""
        ...

    def last_modified(self, folder: str) -> float:
        """Returns the time of the last change in a folder, in seconds since 1970."""
        ...

    def glob(self, pattern: str) -> list[str]:
        """Returns the sorted paths that match; on the local disk, `**` matches any number of folders."""
        ...


_LOCAL = LocalStorage()


def is_remote(path: str) -> bool:
    """Returns whether a path is on an object store such as gs://.

    >>> is_remote("gs://bucket/models"), is_remote("/tmp/models")
    (True, False)
    """
    return "://" in path


def storage_of(path: str) -> Storage:
    """Returns the kind of storage that a path is on."""
    return _remote_storage() if is_remote(path) else _LOCAL


@functools.cache
def _remote_storage() -> Storage:
    from components.common.remote_storage import RemoteStorage  # Imports TensorFlow, which takes seconds.

    return RemoteStorage()


def open_bytes(path: str) -> BinaryIO:
    """See `Storage.open_bytes`."""
    return storage_of(path).open_bytes(path)


def open_text(path: str) -> BinaryIO:
    """Opens a file for reading its bytes after decompression; a name that ends in .gz means gzip."""
    raw = open_bytes(path)
    if not path.endswith(".gz"):
        return raw
    text = gzip.GzipFile(fileobj=raw, mode="rb")
    text.myfileobj = cast(Any, raw)  # Closes the raw file together with this one.
    return cast(BinaryIO, text)


def read(path: str) -> bytes:
    """See `Storage.read`."""
    return storage_of(path).read(path)


def write(path: str, content: bytes, *, durable: bool = False) -> None:
    """Writes a file of one chunk; see `Storage.write`."""
    storage_of(path).write(path, [content], durable=durable)


def write_chunks(path: str, chunks: Iterable[bytes], *, durable: bool = False) -> None:
    """See `Storage.write`."""
    storage_of(path).write(path, chunks, durable=durable)


def new_file(
    path: str, *, durable: bool = False, scratch: str | None = None
) -> contextlib.AbstractContextManager[BinaryIO]:
    """See `Storage.new_file`."""
    return storage_of(path).new_file(path, durable=durable, scratch=scratch)


def make_folder(path: str) -> None:
    """See `Storage.make_folder`."""
    storage_of(path).make_folder(path)


def remove(path: str) -> None:
    """See `Storage.remove`."""
    storage_of(path).remove(path)


def remove_folder(path: str) -> None:
    """See `Storage.remove_folder`."""
    storage_of(path).remove_folder(path)


def exists(path: str) -> bool:
    """See `Storage.exists`."""
    return storage_of(path).exists(path)


def is_folder(path: str) -> bool:
    """See `Storage.is_folder`."""
    return storage_of(path).is_folder(path)


def list_folder(folder: str) -> list[str]:
    """See `Storage.list_folder`."""
    return storage_of(folder).list_folder(folder)


def list_files(folder: str) -> list[str]:
    """See `Storage.list_files`."""
    return storage_of(folder).list_files(folder)


def last_modified(folder: str) -> float:
    """See `Storage.last_modified`."""
    return storage_of(folder).last_modified(folder)


def glob(pattern: str) -> list[str]:
    """See `Storage.glob`."""
    return storage_of(pattern).glob(pattern)
