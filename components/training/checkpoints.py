"""Writes and reads checkpoints, from which the next run of a training resumes if the process was killed.

Each checkpoint is one file: a digest, then a NumPy archive. A file is either complete or absent, on a disk (flushed)
and on an object store such as gs://. The previous checkpoint is kept in case the disk loses the newest one. There is no
index: the newest file with a correct digest is the latest checkpoint.

If the settings change after a training was killed, no training resumes from its checkpoints. The next training that
ends removes such folders by age, because on a cluster other trainings may be running; their folders are as recent as
their last checkpoint. If a training resumes from an old folder while another one removes it, it has either read the
checkpoint already, or starts from the beginning.
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

# Writing takes some milliseconds, which would slow down small tables with hundreds of epochs a second.
SECONDS_BETWEEN = 2.0
KEPT = 2
DAYS_KEPT = 7
_DIGEST_SIZE = 32
_NAME_SIZE = 16
_RECORD = "record"

Array = npt.NDArray[Any]


class Checkpoint(NamedTuple):
    """The state of a training: arrays in the caller's order, and a record of JSON data."""

    arrays: list[Array]
    record: dict[str, Any]


class Checkpoints:
    """The last checkpoints of one training, in its own folder. The folders of other trainings may be next to it.

    Args:
        folder: created when needed; its name is a `training_digest`. It may be on an object store such as gs://.
        read_only: whether another process of the same training writes them.
    """

    def __init__(self, folder: Path | str, *, read_only: bool = False) -> None:
        self.folder = str(folder)
        self._read_only = read_only
        self._throttle = Throttle(SECONDS_BETWEEN)

    def due(self) -> bool:
        """Returns whether the next checkpoint is due."""
        return not self._read_only and self._throttle.due()

    def save(self, epoch: int, checkpoint: Checkpoint) -> None:
        """Writes the checkpoint of the state after `epoch`. If the process is killed, the previous ones remain."""
        buffer = io.BytesIO()
        record = np.frombuffer(json.dumps(checkpoint.record).encode(), np.uint8)
        numbered = {f"{index:06d}": array for index, array in enumerate(checkpoint.arrays)}
        np.savez(buffer, **{_RECORD: record}, **numbered)  # type: ignore[arg-type]
        content = buffer.getvalue()
        with self._throttle.timed():
            # Another run of the same training, possibly on another machine, clears the folder when it ends.
            with contextlib.suppress(FileNotFoundError):
                path = f"{self.folder}/epoch-{epoch:08d}.ckpt"
                storage.write(path, _digest(content) + content, durable=True)
            for old in self._complete()[KEPT:]:
                storage.remove(old)

    def latest(self) -> Checkpoint | None:
        """Returns the newest checkpoint with a correct digest; None if there is none."""
        return next((found for path in self._complete() if (found := _read(path))), None)

    def clear(self) -> None:
        """Removes the folder, and the folders of other trainings without a change for DAYS_KEPT days."""
        _remove(self.folder)
        parent = self.folder.rpartition("/")[0]
        for name in fnmatch.filter(storage.list_folder(parent), "[0-9a-f]" * 2 * _NAME_SIZE):
            other = f"{parent}/{name}"
            with contextlib.suppress(FileNotFoundError):  # another training has removed it
                if time.time() - storage.last_modified(other) >= DAYS_KEPT * 86_400:
                    _remove(other)

    def _complete(self) -> list[str]:
        names = fnmatch.filter(storage.list_folder(self.folder), "epoch-*.ckpt")
        return [f"{self.folder}/{name}" for name in sorted(names, reverse=True)]


def training_digest(settings: str, arrays: Iterable[Array]) -> str:
    """Returns a digest of a training's settings (as text) and data, which is the name of its folder."""
    digest = hashlib.blake2b(settings.encode(), digest_size=_NAME_SIZE)
    for array in arrays:
        digest.update(f"\0{array.dtype}{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _remove(folder: str) -> None:
    """Removes a folder. On an error it stays for the next training: this one has succeeded."""
    with contextlib.suppress(OSError):
        storage.remove_folder(folder)


def _read(path: str) -> Checkpoint | None:
    try:
        data = storage.read(path)
    except OSError:  # removed since it was listed, or unreadable
        return None
    digest, content = data[:_DIGEST_SIZE], data[_DIGEST_SIZE:]
    if digest != _digest(content):
        return None
    with np.load(io.BytesIO(content)) as archive:
        names = sorted(name for name in archive.files if name != _RECORD)
        return Checkpoint([archive[name] for name in names], json.loads(archive[_RECORD].tobytes()))


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_SIZE).digest()
