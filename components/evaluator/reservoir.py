"""An even sample of rows that pass by once, without knowing how many there will be."""

from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
_SEED = 20_260_101


class Sample:
    """Rows that are drawn by keys: each row has a random number, and those with the smallest are the sample.

    (Bottom-k sampling.) A row's key depends on its place among the rows only, so that the same rows give the same
    sample; every set of `most` rows is as likely as any other. At most twice as many rows are held.

    Args:
        most: rows in the sample; 0: all there are.
    """

    def __init__(self, most: int) -> None:
        self.seen = 0
        self._most = most
        self._generator = np.random.default_rng(_SEED)
        self._bound = 1.0  # keys are below
        self._keys: Column = np.zeros(0)
        self._parts: list[list[Column]] = []
        self._held = 0

    def draw(self, rows: int) -> npt.NDArray[np.intp]:
        """Which of the next `rows` rows may be in the sample; `add` is to be given these, and no others."""
        keys = self._generator.random(rows)
        drawn = np.flatnonzero(keys < self._bound)
        self.seen += rows
        self._keys = keys[drawn]
        return drawn

    def add(self, *columns: Column) -> None:
        """What is to be kept of the rows drawn last: each column has a value for each."""
        self._hold([[self._keys, *columns]], self._keys.size)

    def take_in(self, other: "Sample") -> None:
        """Makes this the sample of its own rows and, behind them, of those that one of the same size has seen."""
        self.seen += other.seen
        # Of what either has left out, nothing could be among the smallest keys of both.
        self._bound = min(self._bound, other._bound)
        self._hold(other._parts, other._held)

    def columns(self) -> list[Column]:
        """The columns as they were added, of the rows in the sample, in the order of the rows; none without a row."""
        self._shrink()
        return self._parts[0][1:] if self._parts else []

    def _hold(self, parts: list[list[Column]], rows: int) -> None:
        self._parts += parts
        self._held += rows
        if self._most and self._held >= 2 * self._most:
            self._shrink()

    def _shrink(self) -> None:
        joined = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        if self._most and self._held > self._most:
            chosen = np.sort(np.argpartition(joined[0], self._most - 1)[: self._most])
            joined = [column[chosen] for column in joined]
            self._bound = joined[0].max()
            self._held = self._most
        self._parts = [joined] if joined else []
