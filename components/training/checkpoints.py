"""Checkpoints of a training that a killed process leaves behind whole, for the next run of the same training.

One file per checkpoint: a digest of the rest, then a NumPy archive. It appears as a whole, on a disk (flushed) and on a
store such as gs://, under a name of its own; the one before is kept, in case the disk lost what it was given. No other
file has to point at it: the newest with the right digest counts.

A training that was killed and whose settings then changed never takes its checkpoints up again. The next training that
ends removes them by their age, not by whose they are: on a cluster others may be under way beside it, whose folders are
as young as their last checkpoint. One that is taken up after all, while it is removed, has been read by then, or starts
anew.
"""

import contextlib
import fnmatch
import hashlib
import io
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from components.common import storage
from components.training.throttle import Throttle

# Writing costs some milliseconds: small tables, with hundreds of epochs a second, shall not notice it.
SECONDS_BETWEEN = 2.0
KEPT = 2
DAYS_KEPT = 7
_DIGEST_SIZE = 32
_NAME_SIZE = 16
_RECORD = "record"

Array = npt.NDArray[Any]


class Checkpoint(NamedTuple):
    """What the rest of a training depends on: arrays in an order of the caller's, and a record that JSON can hold."""

    arrays: list[Array]
    record: dict[str, Any]


class Checkpoints:
    """The last checkpoints of one training, in a folder of its own, beside which may lie those of other trainings.

    Args:
        folder: made when it is needed; its name is a `training_digest`. It may lie on a store such as gs://.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = str(folder)
        self._throttle = Throttle(SECONDS_BETWEEN)

    def due(self) -> bool:
        """Whether the last one, or the start, is long enough ago for another."""
        return self._throttle.due()

    def save(self, epoch: int, checkpoint: Checkpoint) -> None:
        """Writes the checkpoint of the state after `epoch`; a process killed on the way leaves the earlier ones."""
        buffer = io.BytesIO()
        record = np.frombuffer(json.dumps(checkpoint.record).encode(), np.uint8)
        numbered = {f"{index:06d}": array for index, array in enumerate(checkpoint.arrays)}
        np.savez(buffer, **{_RECORD: record}, **numbered)  # type: ignore[arg-type]
        content = buffer.getvalue()
        with self._throttle.timed():
            # Another run of the same training, on another machine it may be, clears the folder when it ends.
            with contextlib.suppress(FileNotFoundError):
                path = f"{self.folder}/epoch-{epoch:08d}.ckpt"
                storage.write(path, _digest(content) + content, durable=True)
            for old in self._complete()[KEPT:]:
                storage.remove(old)

    def latest(self) -> Checkpoint | None:
        """The newest one that is as it was written; None if there is none."""
        return next((found for path in self._complete() if (found := _read(path))), None)

    def clear(self) -> None:
        """Removes them all, and their folder; and what other trainings left beside it DAYS_KEPT days ago or earlier."""
        _remove(self.folder)
        beside = self.folder.rpartition("/")[0]
        for name in fnmatch.filter(storage.list_folder(beside), "[0-9a-f]" * 2 * _NAME_SIZE):
            other = f"{beside}/{name}"
            with contextlib.suppress(FileNotFoundError):  # another training was quicker
                if time.time() - storage.last_modified(other) >= DAYS_KEPT * 86_400:
                    _remove(other)

    def _complete(self) -> list[str]:
        names = fnmatch.filter(storage.list_folder(self.folder), "epoch-*.ckpt")
        return [f"{self.folder}/{name}" for name in sorted(names, reverse=True)]


def training_digest(settings: str, arrays: Iterable[Array]) -> str:
    """A name for a training: the same settings, as text, and the same data, and no other, have the same."""
    digest = hashlib.blake2b(settings.encode(), digest_size=_NAME_SIZE)
    for array in arrays:
        digest.update(f"\0{array.dtype}{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _remove(folder: str) -> None:
    """What can't be removed is left to the next training that ends: this one has what it was started for."""
    with contextlib.suppress(OSError):
        storage.remove_folder(folder)


def _read(path: str) -> Checkpoint | None:
    try:
        data = storage.read(path)
    except OSError:  # gone since it was listed, or unreadable: as good as none
        return None
    digest, content = data[:_DIGEST_SIZE], data[_DIGEST_SIZE:]
    if digest != _digest(content):
        return None
    with np.load(io.BytesIO(content)) as archive:
        names = sorted(name for name in archive.files if name != _RECORD)
        return Checkpoint([archive[name] for name in names], json.loads(archive[_RECORD].tobytes()))


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_SIZE).digest()
