"""Reservoir sampling: a uniform sample of rows that are read once and whose number is not known in advance."""

from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
_SEED = 20_260_101


class ReservoirSample:
    """A uniform sample by random keys: each row gets a random key, and the rows with the smallest keys are the sample.

    (This is bottom-k sampling.) A row's key depends only on its position, so the same rows give the same sample; every
    set of `size` rows is equally likely. At most `2 * size` rows are in memory.

    Args:
        size: the number of rows in the sample; 0: all rows.
        stream: the number of the stream of keys. Samples that are merged need different streams: with the same one,
            rows at the same position in each would have the same key, and would be chosen together.
    """

    def __init__(self, size: int, stream: int = 0) -> None:
        self.seen = 0
        self._size = size
        self._generator = np.random.default_rng([_SEED, stream] if stream else _SEED)
        self._bound = 1.0  # rows with larger keys are not in the sample
        self._keys: Column = np.zeros(0)
        self._parts: list[list[Column]] = []
        self._buffered = 0

    def draw(self, rows: int) -> npt.NDArray[np.intp]:
        """Returns which of the next `rows` rows may be in the sample; call `add` with exactly these."""
        keys = self._generator.random(rows)
        drawn = np.flatnonzero(keys < self._bound)
        self.seen += rows
        self._keys = keys[drawn]
        return drawn

    def add(self, *columns: Column) -> None:
        """Adds the rows that `draw` returned last; each column has one value for each of them."""
        self._append([[self._keys, *columns]], self._keys.size)

    def merge(self, other: "ReservoirSample") -> None:
        """Merges another sample into this one; the rows of `other` come after those of this one."""
        self.seen += other.seen
        # Keys that either sample has dropped can't be among the smallest keys of both.
        self._bound = min(self._bound, other._bound)
        self._append(other._parts, other._buffered)

    def columns(self) -> list[Column]:
        """Returns the columns of the rows in the sample, in the order of the rows; an empty list if there are none."""
        self._shrink()
        return self._parts[0][1:] if self._parts else []

    def _append(self, parts: list[list[Column]], rows: int) -> None:
        self._parts += parts
        self._buffered += rows
        if self._size and self._buffered >= 2 * self._size:
            self._shrink()

    def _shrink(self) -> None:
        joined = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        if self._size and self._buffered > self._size:
            chosen = np.sort(np.argpartition(joined[0], self._size - 1)[: self._size])
            joined = [column[chosen] for column in joined]
            self._bound = joined[0].max()
            self._buffered = self._size
        self._parts = [joined] if joined else []
