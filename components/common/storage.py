"""Files and folders by their names, on this machine's disk or on a store such as gs://: the same operations on both.

The disk is asked directly, and a store through TFX, which takes seconds to import. On both, what goes wrong is an
OSError, and what is not there a FileNotFoundError.
"""

import contextlib
import errno
import glob as local_glob
import gzip
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, cast


def is_remote(path: str) -> bool:
    """Whether the path names a store such as gs:// rather than the local disk."""
    return "://" in path


def open_bytes(path: str) -> BinaryIO:
    """Opens a file for reading bytes, as they are stored."""
    if not is_remote(path):
        return open(path, "rb")
    from tfx.dsl.io import fileio  # Takes seconds, and local paths don't need it.

    return cast(BinaryIO, fileio.open(path, "rb"))


def open_text(path: str) -> BinaryIO:
    """Opens a file for reading its bytes after decompression (names that end in .gz are gzip)."""
    raw = open_bytes(path)
    if not path.endswith(".gz"):
        return raw
    text = gzip.GzipFile(fileobj=raw, mode="rb")
    text.myfileobj = cast(Any, raw)  # Closed together.
    return cast(BinaryIO, text)


def read(path: str) -> bytes:
    """All of a file."""
    with _errors_of(path), closing(open_bytes(path)) as file:
        return file.read()


def write(path: str, content: bytes, *, durable: bool = False) -> None:
    """Writes a file, and makes the folders above it. Whoever reads it finds all of this, or what was there before.

    Args:
        path: of the file.
        content: all of it.
        durable: that holds through a power failure, too, once this has returned; on a store it always does.
    """
    if not is_remote(path):
        with creating(path, durable=durable) as file:
            file.write(content)
        return
    from tfx.dsl.io import fileio

    with _errors_of(path), fileio.open(path, "wb") as remote:
        remote.write(content)  # A store has an object as a whole, or not: it needs no other name before.


@contextlib.contextmanager
def creating(path: str, *, durable: bool = False, scratch: str | None = None) -> Iterator[BinaryIO]:
    """Gives a file to write, which gets its name when the block has ended well, and is removed where it has not.

    Args:
        path: its name then; the folders above it are made.
        durable: as in `write`.
        scratch: the folder that it lies in until then, on the same disk or store; none: that of the path. Whoever is
            killed in the middle leaves it there.
    """
    above, name = os.path.split(path)  # a store's name is no Path
    unfinished = os.path.join(above if scratch is None else scratch, f"{name}.{uuid.uuid4().hex}.unfinished")
    if is_remote(path):
        from tfx.dsl.io import fileio

        with _errors_of(path):
            with fileio.open(unfinished, "wb") as remote:
                remote.write(b"")  # TensorFlow's files come into being with the first write.
                yield remote
            fileio.rename(unfinished, path, overwrite=True)
        return
    for each in (path, unfinished):
        Path(each).parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(unfinished, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    if durable:
        _flush_folder(Path(path).parent)


def remove(path: str) -> None:
    """Removes a file, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        if not is_remote(path):
            Path(path).unlink()
            return
        from tfx.dsl.io import fileio

        with _errors_of(path):
            fileio.remove(path)


def remove_folder(path: str) -> None:
    """Removes a folder with all that is in it, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        if not is_remote(path):
            shutil.rmtree(path)
            return
        from tfx.dsl.io import fileio

        with _errors_of(path):
            fileio.rmtree(path)


def is_folder(path: str) -> bool:
    """Whether there is a folder of that name."""
    if not is_remote(path):
        return Path(path).is_dir()
    from tfx.dsl.io import fileio

    return bool(fileio.isdir(path))


def exists(path: str) -> bool:
    """Whether there is a file or folder of that name; a store that can't tell raises."""
    if not is_remote(path):
        return Path(path).exists()
    from tfx.dsl.io import fileio

    with _errors_of(path):
        return bool(fileio.exists(path))


def names_in(folder: str) -> list[str]:
    """The names in a folder, sorted; none where there is no such folder."""
    if not is_remote(folder):
        return sorted(path.name for path in Path(folder).iterdir()) if Path(folder).is_dir() else []
    from tfx.dsl.io import fileio

    with _errors_of(folder):
        return sorted(str(name).rstrip("/") for name in fileio.listdir(folder)) if exists(folder) else []


def last_change(folder: str) -> float:
    """When something in a folder was last written, in seconds since 1970."""
    if not is_remote(folder):
        return Path(folder).stat().st_mtime
    from tfx.dsl.io import fileio

    # A store has no folders: there is only what the files below that name tell.
    with _errors_of(folder):
        times = [fileio.stat(f"{folder}/{name}").mtime_nsec / 1e9 for name in names_in(folder)]
    return max(times, default=0.0)


def matches(pattern: str) -> list[str]:
    """The paths that match a glob, sorted; `**` stands for any number of folders on the local disk."""
    if not is_remote(pattern):
        return sorted(local_glob.glob(pattern, recursive=True))  # noqa: PTH207 - pathlib takes no absolute pattern.
    from tfx.dsl.io import fileio

    with _errors_of(pattern):
        return sorted(str(path) for path in fileio.glob(pattern))


@contextlib.contextmanager
def _errors_of(path: str) -> Iterator[None]:
    """Turns the errors that TensorFlow and TFX have for a store into those of a disk, which have the path in them."""
    if not is_remote(path):
        yield
        return
    import tensorflow as tf
    from tfx.dsl.io import fileio

    try:
        yield
    except (tf.errors.NotFoundError, fileio.NotFoundError) as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, error.message, path) from error


def _flush_folder(folder: Path) -> None:
    """Makes the rename itself outlast a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
