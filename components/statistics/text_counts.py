"""Counts the texts of categorical columns."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.examples.text_column import MAX_TEXTS, MISSING

Texts = npt.NDArray[np.object_]


class TextCounts:
    """How often each text of one column occurs. Of more than MAX_TEXTS texts, only MAX_TEXTS + 1 are counted.

    Attributes:
        rows: the number of rows of each text, without missing values.
        weights: the total weight of these rows; their number if the rows have no weights.
        missing: the number of rows without a value.
        missing_weight: the total weight of these rows.
    """

    def __init__(self) -> None:
        self.rows: Counter[bytes] = Counter()
        self.weights: dict[bytes, float] = {}
        self.missing = 0
        self.missing_weight = 0.0

    def add(self, texts: Texts, weights: npt.NDArray[np.float32] | None) -> None:
        """Adds rows: their texts as bytes, [rows], and their weights, [rows], if they have any."""
        encoded: Any = pa.array(texts, pa.binary()).dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        names = encoded.dictionary.to_pylist()
        counts = np.bincount(codes, minlength=len(names)).tolist()
        totals = counts if weights is None else np.bincount(codes, weights, len(names)).tolist()
        self._add(zip(names, counts, totals, strict=True))

    def merge(self, other: "TextCounts") -> None:
        """Adds the rows of other counts. The order affects only the last digits of the weights."""
        self._add((text, rows, other.weights[text]) for text, rows in other.rows.items())
        self.missing += other.missing
        self.missing_weight += other.missing_weight

    def _add(self, counted: Iterable[tuple[bytes, int, float]]) -> None:
        for text, rows, weight in counted:
            if text == MISSING:
                self.missing += rows
                self.missing_weight += weight
                continue
            if text not in self.rows and len(self.rows) > MAX_TEXTS:
                continue
            self.rows[text] += rows
            self.weights[text] = self.weights.get(text, 0.0) + weight

    def most_frequent(self) -> list[bytes]:
        """Returns the texts, the most frequent first; of equally frequent ones the smaller one."""
        return sorted(self.rows, key=lambda text: (-self.rows[text], text))
