"""Collects what is known of whole numbers in the features: whether all values are different, and the largest one.

An id or a row number has only different whole numbers. Whole numbers beyond 2^24 are rounded in float32, in which
examples store them. So both are found before the values are rounded, in float64, which has every whole number up to
2^53: longer ids are seen as large numbers only.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from components.example_gen.cell_parsing import FLOAT32_WHOLE, Doubles, Flags, Floats
from components.example_gen.row_validation import ParsedBlock
from components.example_gen.split import mix

# A feature with fewer values may have only different whole numbers by chance.
MIN_VALUES = 100
# Two equal values have equal hashes, so both are among the smallest hashes or none is. If a share p of the values has
# an equal one elsewhere, a sample of n values shows none with a probability of about (1 - p)^n: 0.7% for p = 0.5%.
SAMPLE = 1_000
# Integers of 64 bits end here. Larger numbers are measured ones: every float64 beyond 2^53 is a whole number.
MAX_INTEGER = 2.0**64
_FIRST = 100  # rows by which most features are judged, which takes less time than all


class WholeNumbers:
    """What is known of the values, without missing ones, of all features.

    Attributes:
        values: how many values each feature has, int64 [features]; only counted while all of them are whole.
        all_whole: whether all values are whole numbers, bool [features]; the other attributes mean nothing if not.
        all_different: whether no two equal values were found, bool [features].
        largest: the largest absolute value, float64 [features]; 0 if there is none.
        hashes: by position of the feature, the smallest hashes of its values, at most SAMPLE; of features whose values
            are all whole and different.
    """

    def __init__(self, features: int) -> None:
        self.values = np.zeros(features, np.int64)
        self.all_whole = np.ones(features, np.bool_)
        self.all_different = np.ones(features, np.bool_)
        self.largest = np.zeros(features)
        self.hashes: dict[int, list[int]] = {}

    @property
    def may_be_ids(self) -> Flags:
        """Which features may be ids, bool [features]: at least MIN_VALUES values, all of them different whole numbers.

        Equal values in one block are always found; in two blocks, only if they are in the sample of the hashes.
        """
        return self.all_whole & self.all_different & (self.values >= MIN_VALUES)

    @property
    def are_rounded(self) -> Flags:
        """Which features have whole numbers beyond 2^24, which float32 can't tell apart; bool [features]."""
        return self.all_whole & (self.largest > FLOAT32_WHOLE) & (self.largest <= MAX_INTEGER)

    def add(self, parsed: ParsedBlock, rows: npt.NDArray[np.int64]) -> None:
        """Adds the values of some rows of a block, given by their indices."""
        features = self.values.size
        first = parsed.numbers[:features, rows[:_FIRST]]
        self.all_whole &= ((first == np.rint(first)) | np.isnan(first)).all(axis=1)
        ordered = np.sort(first, axis=1)
        different = (ordered[:, 1:] != ordered[:, :-1]).all(axis=1)
        batch = WholeNumbers(features)
        for index in np.flatnonzero(self.all_whole).tolist():
            exact = parsed.exact.get(index)
            column = (parsed.numbers[index] if exact is None else exact)[rows]
            may_be_id = bool(self.all_different[index]) and (exact is not None or bool(different[index]))
            batch._add_column(index, column[~np.isnan(column)], may_be_id=may_be_id)
        self.merge(batch)

    def _add_column(self, index: int, present: Floats | Doubles, *, may_be_id: bool) -> None:
        self.all_whole[index] = (present == np.rint(present)).all()
        if not self.all_whole[index] or not present.size:
            return
        self.values[index] = present.size
        self.largest[index] = np.abs(present).max()
        ordered = np.sort(present) if may_be_id else present
        self.all_different[index] = may_be_id and (ordered[1:] != ordered[:-1]).all()
        if self.all_different[index]:
            bits = (present.astype(np.float64) + 0.0).view(np.uint64)  # Adding 0.0 makes -0.0 positive.
            self.hashes[index] = np.sort(mix(bits))[:SAMPLE].tolist()

    def merge(self, other: "WholeNumbers") -> None:
        """Adds what is known of other values of the same features."""
        self.values += other.values
        self.all_whole &= other.all_whole
        self.largest = np.maximum(self.largest, other.largest)
        self.all_different &= other.all_different
        for index, hashes in other.hashes.items():
            merged = sorted(self.hashes.get(index, []) + hashes)
            self.all_different[index] &= len(set(merged)) == len(merged)
            self.hashes[index] = merged[:SAMPLE]
        may_be_ids = self.all_whole & self.all_different
        self.hashes = {index: hashes for index, hashes in self.hashes.items() if may_be_ids[index]}

    def to_json(self) -> dict[str, Any]:
        """Returns the content for a JSON file."""
        return {
            "values": self.values.tolist(),
            "all_whole": self.all_whole.tolist(),
            "all_different": self.all_different.tolist(),
            "largest": self.largest.tolist(),
            "hashes": self.hashes,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "WholeNumbers":
        """Returns what `to_json` was called on."""
        found = cls(len(content["values"]))
        found.values = np.array(content["values"], np.int64)
        found.all_whole = np.array(content["all_whole"], np.bool_)
        found.all_different = np.array(content["all_different"], np.bool_)
        found.largest = np.array(content["largest"], np.float64)
        found.hashes = {int(index): hashes for index, hashes in content["hashes"].items()}
        return found
