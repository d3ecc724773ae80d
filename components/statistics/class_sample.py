"""Samples rows of each class uniformly, so that the AUC of each feature can be computed from bounded memory."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

# Per class. The AUC does not depend on the shares of the classes, so the rare class is kept as completely as possible.
# At 21 columns both classes take 0.8 MB, at 2,001 columns, where 499 rows of each are kept, 8 MB.
MAX_ROWS, MAX_VALUES = 5_000, 1_000_000


class ClassSample:
    """The rows with the smallest keys of each class; keys are random numbers.

    Up to MAX_ROWS rows of a class, all are in the sample. Merging samples gives the sample of all their rows.

    Args:
        columns: the number of columns.
        label: the position of the label, which is 0 or 1.
    """

    def __init__(self, columns: int, label: int) -> None:
        self._label = label
        self._limit = max(1, min(MAX_ROWS, MAX_VALUES // columns))
        self._keys: list[Doubles] = [np.empty(0) for _ in range(2)]
        self._rows: list[Floats] = [np.empty((columns, 0), np.float32) for _ in range(2)]

    def add(self, values: Floats, keys: Doubles) -> None:
        """Adds rows, float32 [columns, rows], with a key for each, [rows]."""
        for code, kept in enumerate(self._keys):
            bound = kept.max() if kept.size == self._limit else np.inf
            chosen = np.flatnonzero((values[self._label] == code) & (keys < bound))
            if chosen.size > self._limit:
                chosen = chosen[self._smallest(keys[chosen])]
            self._append(code, keys[chosen], values[:, chosen])

    @classmethod
    def merge(cls, parts: Sequence["ClassSample"]) -> "ClassSample":
        """Returns the sample of the rows of at least one sample of the same columns; the parts do not change."""
        merged = cls(len(parts[0].rows(0)), parts[0]._label)
        for part in parts:
            for code in range(2):
                merged._append(code, part._keys[code], part._rows[code])
        return merged

    def rows(self, code: int) -> Floats:
        """Returns the rows with label `code`, float32 [columns, rows]."""
        return self._rows[code]

    def _append(self, code: int, keys: Doubles, rows: Floats) -> None:
        keys = np.concatenate([self._keys[code], keys])
        rows = np.concatenate([self._rows[code], rows], axis=1)
        if keys.size > self._limit:
            kept = self._smallest(keys)
            keys, rows = keys[kept], rows[:, kept]
        self._keys[code], self._rows[code] = keys, rows

    def _smallest(self, keys: Doubles) -> npt.NDArray[np.int64]:
        return np.sort(np.argpartition(keys, self._limit - 1)[: self._limit])
