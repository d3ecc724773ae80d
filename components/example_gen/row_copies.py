"""Finds the row with the most copies, from the hashes of the rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.example_gen.cell_parsing import Floats
from components.example_gen.split import Hashes

# A row is counted in the batches (a block, or 65,536 rows of Parquet) of which it is more than this share. So at most
# 100 rows of a batch are kept, and a row is counted short by at most 1% of all rows. The result depends on the files
# only, not on the number of workers.
_KEPT_SHARE = 0.01
_SHOWN = 5  # features of the row that are shown


class RowCopies:
    """The most frequent rows: by the hash of a row in hexadecimal, its number and the values of its first columns."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._texts: dict[str, str] = {}

    def add(self, hashes: Hashes, names: Sequence[str], columns: Floats) -> None:
        """Adds a batch of rows.

        Args:
            hashes: of all columns, shape [rows].
            names: the names of the columns of numbers.
            columns: their values, float32 [columns, rows].
        """
        found, first, counts = np.unique(hashes, return_index=True, return_counts=True)
        for index in np.flatnonzero(counts > _KEPT_SHARE * hashes.size):
            values = zip(names[:_SHOWN], columns[:_SHOWN, first[index]], strict=True)
            text = ", ".join(
                f"{name} {'missing' if np.isnan(value) else f'{value:g}'}" for name, value in values
            )
            self._add(f"{found[index]:016x}", int(counts[index]), text)

    def _add(self, key: str, count: int, text: str) -> None:
        self._counts[key] = self._counts.get(key, 0) + count
        self._texts.setdefault(key, text)

    def merge(self, other: "RowCopies") -> None:
        """Adds the counts of other rows."""
        for key, count in other._counts.items():
            self._add(key, count, other._texts[key])

    def most_frequent(self) -> tuple[int, str]:
        """Returns how often the most frequent row was counted, and its values; 0 and '' if no row is frequent."""
        if not self._counts:
            return 0, ""
        key = min(self._counts, key=lambda key: (-self._counts[key], key))
        return self._counts[key], self._texts[key]

    def to_json(self) -> dict[str, Any]:
        """Returns the content for a JSON file."""
        return {key: [count, self._texts[key]] for key, count in self._counts.items()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "RowCopies":
        """Returns what `to_json` was called on."""
        found = cls()
        for key, (count, text) in content.items():
            found._add(key, count, text)
        return found
