"""The groups of the rows of the test split: files of 64-bit ids beside the examples, one for each of their shards.

They are not in the examples, because no step but the Evaluator reads them, and no model must.
"""

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.common import storage

Ids = npt.NDArray[np.int64]
GROUPED_SPLIT = "test"
_FOLDER = "Groups-test"
_ID = np.dtype("<i8")


def path_of_ids(shard: str) -> str:
    """Returns the path of the ids of a shard's rows, from the path of the shard."""
    folder, name = os.path.split(shard)
    return os.path.join(os.path.dirname(folder), _FOLDER, name)  # noqa: PTH120 (may be on gs://)


def to_bytes(ids: Ids) -> bytes:
    """Returns the content of a file, or a part of it."""
    return ids.astype(_ID).tobytes()


class GroupIds:
    """Reads the ids of all rows of a split, in the order of its shards.

    Args:
        shards: the paths of the shards, as they are read.
    """

    def __init__(self, shards: Sequence[str]) -> None:
        self._paths = [path for path in map(path_of_ids, shards) if storage.exists(path)]
        self._rest = np.zeros(0, np.int64)

    def take(self, rows: int) -> Ids:
        """Returns the ids of the next rows, int64 [rows]; fewer at the end."""
        while self._rest.size < rows and self._paths:
            read = np.frombuffer(storage.read(self._paths.pop(0)), _ID).astype(np.int64)
            self._rest = np.concatenate([self._rest, read])
        taken, self._rest = self._rest[:rows], self._rest[rows:]
        return taken
