"""The files of a SavedModel, on a disk or behind any scheme that TFX knows: found, copied, written, digested."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from components.common import storage

# Not part of what the model computes: a number drawn anew at each export, and what is said about the model.
_NOT_THE_MODEL = ("fingerprint.pb", "assets.extra/")
_CHUNK = 1 << 20  # bytes


def files(folder: str) -> list[str]:
    """The files below a folder, sorted, as paths relative to it with slashes; none where there is no such folder."""
    if not storage.is_remote(folder):
        root = Path(folder)
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    from tfx.dsl.io import fileio

    prefix = folder.rstrip("/") + "/"
    # Without onerror, folders that can't be listed are left out.
    found = fileio.walk(folder, onerror=_give_up) if storage.exists(folder) else ()
    return sorted(
        f"{above.rstrip('/')}/{name}".removeprefix(prefix) for above, _, inside in found for name in inside
    )


def _give_up(error: Exception) -> None:
    raise error


def write(path: str, chunks: Iterator[bytes]) -> None:
    """Writes a file, making the folders above it; on a disk, what was written is on it when this returns."""
    if storage.is_remote(path):
        from tfx.dsl.io import fileio

        fileio.makedirs(path.rpartition("/")[0])
        with fileio.open(path, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as local:
        for chunk in chunks:
            local.write(chunk)
        local.flush()
        os.fsync(local.fileno())


def copy(source: str, target: str) -> None:
    """Copies all files below one folder to below another."""
    for name in files(source):
        write(f"{target}/{name}", _chunks(f"{source}/{name}"))


def model_digest(folder: str) -> str:
    """SHA-256, in hexadecimal, over the names and the bytes of all files that make up what the model computes.

    The same data, settings, seed, code and libraries give the same bytes on the same machine, and so the same digest.
    Where they don't, the same model may have two digests; two models never have the same one.
    """
    digest = hashlib.sha256()
    for name in files(folder):
        if not name.startswith(_NOT_THE_MODEL):
            content = hashlib.sha256()
            for chunk in _chunks(f"{folder}/{name}"):
                content.update(chunk)
            digest.update(content.digest() + name.encode() + b"\0")
    return digest.hexdigest()


def _chunks(path: str) -> Iterator[bytes]:
    with closing(storage.open_bytes(path)) as file:
        while chunk := file.read(_CHUNK):
            yield chunk
