"""Determines the two values of the label, and which of them counts as 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.common.errors import DataRefused
from components.common.label_values import canonical
from components.config.data import DataConfig
from components.example_gen.cell_parsing import Array, Flags, missing_markers, shorten
from components.example_gen.input_files import quoted
from components.tasks.binary import BINARY
from components.tasks.task import Task

UNKNOWN, MISSING = -1, -2
_KNOWN_PAIR = ("0", "1")  # in canonical spelling, so also false and true
MANY_VALUES = 100  # with so many values in the first rows, a label has not two
_ALSO_CLASSES = frozenset({"-", "none"})


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The two values of the label, spelled as in the table.

    Attributes:
        column: the label's name.
        negative: the value that counts as 0.
        positive: the value that counts as 1.
        missing: see `cell_parsing.missing_markers`; without the label's values.
    """

    column: str
    negative: str
    positive: str
    missing: frozenset[str]
    task: Task = BINARY

    @property
    def classes(self) -> tuple[str, ...]:
        """The values that count as 0 and as 1."""
        return self.negative, self.positive

    @property
    def task_reason(self) -> str:
        """Why the task is binary classification."""
        return f"the label {self.column!r} has the values {self.negative!r} and {self.positive!r}"

    def code(self, text: str | None) -> int:
        """Returns 0, 1, UNKNOWN or MISSING."""
        if text is None or text.strip().lower() in self.missing | {"nan"}:
            return MISSING
        value = canonical(text)
        return 0 if value == canonical(self.negative) else 1 if value == canonical(self.positive) else UNKNOWN

    def codes(self, cells: Array) -> npt.NDArray[np.int64]:
        """Returns the `code` of every cell of a string array; int64, shape [rows]."""
        encoded: Any = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
        lookup = np.array(
            [self.code(value) for value in encoded.dictionary.to_pylist()] + [MISSING], np.int64
        )
        # A null has no index: it gets the last index, which is that of MISSING.
        indices = encoded.indices.fill_null(len(lookup) - 1).to_numpy(zero_copy_only=False)
        found: npt.NDArray[np.int64] = lookup[indices]
        return found

    @staticmethod
    def unusable(codes: npt.NDArray[Any]) -> Flags:
        """Returns which rows have neither of the two values; bool [rows]."""
        found: Flags = codes < 0
        return found

    def unknown_class(self, text: str | None) -> str:
        """Returns a value that is neither of the two and not missing; otherwise ''."""
        return text.strip() if text is not None and self.code(text) == UNKNOWN else ""

    def is_missing(self, text: str | None) -> bool:
        """Returns whether a cell has no label."""
        return text is None or self.code(text) == MISSING

    def rejection_reason(self, text: str | None) -> str:
        """Returns why a row is rejected because of its label."""
        if text is None or self.is_missing(text):
            return f"label {self.column!r}: missing"
        found = shorten(text.strip())
        return f"label {self.column!r}: expected one of {self.negative!r}, {self.positive!r}, found {found!r}"


def merge_spellings(counts: Mapping[str, int]) -> dict[str, tuple[str, int]]:
    """Merges counts by canonical spelling: returns the spelling that came first and the total count for each."""
    merged: dict[str, tuple[str, int]] = {}
    for text, count in counts.items():
        first, before = merged.get(canonical(text), (text.strip(), 0))
        merged[canonical(text)] = (first, before + count)
    return merged


def present(counts: Mapping[str, int], settings: DataConfig) -> dict[str, int]:
    """Returns the counts without those of missing labels.

    A hyphen and "none" also name classes (+ and -, none and severe), so they are missing only if the label has two
    other values.
    """
    missing = missing_markers(settings.missing_values)
    others = {text: count for text, count in counts.items() if text.strip().lower() not in missing}
    if len(merge_spellings(others)) >= 2:
        return others
    missing -= _ALSO_CLASSES
    return {text: count for text, count in counts.items() if text.strip().lower() not in missing}


def is_decided(counts: Mapping[str, int], settings: DataConfig) -> bool:
    """Returns whether the counts already determine the two values of the label, so that no more rows must be read."""
    seen, positive = {canonical(text) for text in present(counts, settings)}, settings.positive_label
    if positive is not None:
        return canonical(positive) in seen and len(seen) >= 2
    if len(seen) > MANY_VALUES:
        return True
    return seen.issuperset(_KNOWN_PAIR)


def choose_labels(counts: Mapping[str, int], settings: DataConfig) -> Labels:
    """Chooses the two values of the label from the counts of its values.

    Raises:
        DataRefused: there are fewer or more than two values, or data.positive_label is needed and not set.
    """
    merged = merge_spellings(present(counts, settings))
    name, positive = settings.label, settings.positive_label
    common_spellings = [first for first, _ in merged.values()]
    if not merged:
        raise DataRefused(f"The label {name!r} has no value in any row; expected two different values.")
    pair = _KNOWN_PAIR if set(_KNOWN_PAIR) <= set(merged) else None
    if positive is not None:
        if canonical(positive) not in merged:
            raise DataRefused(
                f"data.positive_label is {positive!r}, but the label {name!r} has "
                f"the values {quoted(common_spellings)}."
            )
        others = {key: value for key, value in merged.items() if key != canonical(positive)}
        # The other class is the most frequent other value: a stray '?' must not become a class.
        pair = (max(others, key=lambda key: others[key][1]), canonical(positive)) if others else None
    if pair is None and len(merged) == 1:
        raise DataRefused(f"The label {name!r} has only one class, {common_spellings[0]!r}; expected two.")
    if pair is None and len(merged) > 2:
        raise too_many_values_error(name, common_spellings)
    if pair is None:
        first, second = sorted(common_spellings)
        raise DataRefused(
            f"The label {name!r} has the values {first!r} and {second!r}: "
            "set data.positive_label to the one that counts as 1."
        )
    values = [merged[value][0] for value in pair]
    return Labels(
        column=name,
        negative=values[0],
        positive=values[1],
        missing=missing_markers(settings.missing_values) - {value.lower() for value in values},
    )


def too_many_values_error(name: str, values: Sequence[str]) -> DataRefused:
    """Returns the error for a label with more than two values."""
    return DataRefused(
        f"The label {name!r} has more than two values: {quoted(values)}; expected exactly two."
    )
