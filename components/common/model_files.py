"""Copies the files of a SavedModel and computes its digest."""

import hashlib
from collections.abc import Iterator
from contextlib import closing

from components.common import storage

# Files that don't change what the model computes: the fingerprint, which is random, and the model's description.
_NOT_THE_MODEL = ("fingerprint.pb", "assets.extra/")
_CHUNK = 1 << 20  # bytes


def copy_model(source: str, target: str) -> None:
    """Copies all files in a folder to another folder; on a disk, the copies are flushed."""
    names = storage.list_files(source)
    # Some stores list a file only if its folder was created.
    for folder in sorted({f"{target}/{name}".rpartition("/")[0] for name in names}):
        storage.make_folder(folder)
    for name in names:
        storage.write_chunks(f"{target}/{name}", _chunks(f"{source}/{name}"), durable=True)


def model_digest(folder: str) -> str:
    """Returns the SHA-256 (hexadecimal) of the names and contents of all files that determine what a model computes.

    The same data, settings, seed, code and library versions give the same bytes on the same machine, and so the same
    digest. On another machine the digest may differ. Different models always have different digests.
    """
    digest = hashlib.sha256()
    for name in storage.list_files(folder):
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
