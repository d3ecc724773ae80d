"""Samples rows of each class uniformly, so that the AUC of each feature can be computed from bounded memory."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

# Per class. The AUC does not depend on the shares of the classes, so the rare class is kept as completely as possible.
# At 21 columns two classes take 0.8 MB, at 2,001 columns, where 499 rows of each are kept, 8 MB. More classes share it.
MAX_ROWS, MAX_VALUES = 5_000, 1_000_000


class ClassSample:
    """The rows with the smallest keys of each class; keys are random numbers.

    Up to MAX_ROWS rows of a class, all are in the sample. Merging samples gives the sample of all their rows.

    Args:
        columns: the number of columns of numbers.
        label: the position of the label, which is the number of a class; None: all rows are of class 0.
        categorical: the number of columns of texts.
        classes: the number of classes, 2 or more.
    """

    def __init__(self, columns: int, label: int | None, categorical: int = 0, classes: int = 2) -> None:
        self._label = label
        self._limit = max(1, 2 * min(MAX_ROWS, MAX_VALUES // (columns + categorical)) // classes)
        self._keys: list[Doubles] = [np.empty(0) for _ in range(classes)]
        self._rows: list[Floats] = [np.empty((columns, 0), np.float32) for _ in range(classes)]
        self._texts: list[Texts] = [np.empty((categorical, 0), np.object_) for _ in range(classes)]

    def add(self, values: Floats, keys: Doubles, texts: Texts | None = None) -> None:
        """Adds rows: numbers, float32 [columns, rows]; a key for each, [rows]; texts, bytes [categorical, rows]."""
        if texts is None:
            texts = np.empty((0, keys.size), np.object_)
        for code, kept in enumerate(self._keys):
            bound = kept.max() if kept.size == self._limit else np.inf
            codes = np.zeros(keys.size) if self._label is None else values[self._label]
            chosen = np.flatnonzero((codes == code) & (keys < bound))
            if chosen.size > self._limit:
                chosen = chosen[self._smallest(keys[chosen])]
            self._append(code, keys[chosen], values[:, chosen], texts[:, chosen])

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self._keys)

    def weights(self, code: int, weight: int | None) -> Doubles:
        """Returns the weights of the rows of a class: the column at this position; None: all are 1."""
        rows = self.rows(code)
        return np.ones(rows.shape[1]) if weight is None else rows[weight].astype(np.float64)

    def present(self, column: int, weight: int | None) -> tuple[list[Floats], list[Doubles]]:
        """Returns for each class the values of a column in the rows that have one, and the weights of these rows."""
        values, weights = [], []
        for code in range(self.classes):
            of_class = self.rows(code)[column]
            has_value = ~np.isnan(of_class)
            values.append(of_class[has_value])
            weights.append(self.weights(code, weight)[has_value])
        return values, weights

    @classmethod
    def merge(cls, parts: Sequence["ClassSample"]) -> "ClassSample":
        """Returns the sample of the rows of at least one sample of the same columns; the parts do not change."""
        first = parts[0]
        merged = cls(len(first.rows(0)), first._label, len(first.texts(0)), first.classes)
        for part in parts:
            for code in range(merged.classes):
                merged._append(code, part._keys[code], part._rows[code], part._texts[code])
        return merged

    def rows(self, code: int) -> Floats:
        """Returns the rows with label `code`, float32 [columns, rows]."""
        return self._rows[code]

    def texts(self, code: int) -> Texts:
        """Returns the texts of the rows with label `code`, bytes [categorical, rows]."""
        return self._texts[code]

    def _append(self, code: int, keys: Doubles, rows: Floats, texts: Texts) -> None:
        keys = np.concatenate([self._keys[code], keys])
        rows = np.concatenate([self._rows[code], rows], axis=1)
        texts = np.concatenate([self._texts[code], texts], axis=1)
        if keys.size > self._limit:
            kept = self._smallest(keys)
            keys, rows, texts = keys[kept], rows[:, kept], texts[:, kept]
        self._keys[code], self._rows[code], self._texts[code] = keys, rows, texts

    def _smallest(self, keys: Doubles) -> npt.NDArray[np.int64]:
        return np.sort(np.argpartition(keys, self._limit - 1)[: self._limit])
