"""Determines the classes of the label and their numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.common.errors import DataRefused
from components.common.label_values import canonical, is_number
from components.config.data import DataConfig
from components.example_gen.cell_parsing import Array, Flags, missing_markers, shorten
from components.example_gen.input_files import quoted
from components.tasks.binary import BINARY
from components.tasks.multiclass import MAX_CLASSES, MULTICLASS
from components.tasks.task import Task

UNKNOWN, MISSING = -1, -2
_KNOWN_PAIR = ("0", "1")  # in canonical spelling, so also false and true
MANY_VALUES = 100  # with so many values in the first rows, a label has not two
_ALSO_CLASSES = frozenset({"-", "none"})


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The values of the label, spelled as in the table.

    Attributes:
        column: the label's name.
        classes: the values, at least two; the number of a value is its code.
        missing: see `cell_parsing.missing_markers`; without the label's values.
        task: what is predicted.
        task_reason: why the task is that.
    """

    column: str
    classes: tuple[str, ...]
    missing: frozenset[str]
    task: Task = BINARY
    task_reason: str = ""

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {canonical(value): code for code, value in enumerate(self.classes)}

    def code(self, text: str | None) -> int:
        """Returns the number of a value, UNKNOWN or MISSING."""
        if text is None or text.strip().lower() in self.missing | {"nan"}:
            return MISSING
        return self._codes.get(canonical(text), UNKNOWN)

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
        """Returns which rows have none of the values; bool [rows]."""
        found: Flags = codes < 0
        return found

    def unknown_class(self, text: str | None) -> str:
        """Returns a value that is none of the classes and not missing; otherwise ''."""
        return text.strip() if text is not None and self.code(text) == UNKNOWN else ""

    def is_missing(self, text: str | None) -> bool:
        """Returns whether a cell has no label."""
        return text is None or self.code(text) == MISSING

    def rejection_reason(self, text: str | None) -> str:
        """Returns why a row is rejected because of its label."""
        if text is None or self.is_missing(text):
            return f"label {self.column!r}: missing"
        found = shorten(text.strip())
        return f"label {self.column!r}: expected one of {quoted(self.classes)}, found {found!r}"


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
    """Returns whether the counts already determine the classes of the label, so that no more rows must be read."""
    seen, positive = {canonical(text) for text in present(counts, settings)}, settings.positive_label
    if positive is not None:
        return canonical(positive) in seen and len(seen) >= 2
    if len(seen) > MANY_VALUES:
        return True
    if settings.task == BINARY.name:
        return seen.issuperset(_KNOWN_PAIR)
    # With more than two values, each of them may be a class, and further ones may follow.
    return seen == {*_KNOWN_PAIR} and settings.task != MULTICLASS.name


def choose_labels(counts: Mapping[str, int], settings: DataConfig) -> Labels:
    """Chooses the two values of the label from the counts of its values.

    Raises:
        DataRefused: there are fewer or more than two values, or data.positive_label is needed and not set.
    """
    merged = merge_spellings(present(counts, settings))
    name, positive = settings.label, settings.positive_label
    common_spellings = [first for first, _ in merged.values()]
    if not merged:
        raise no_value_error(name)
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
        raise one_class_error(name, common_spellings[0])
    if pair is None and len(merged) > 2:
        raise too_many_values_error(name, common_spellings)
    if pair is None:
        first, second = sorted(common_spellings)
        raise DataRefused(
            f"The label {name!r} has the values {first!r} and {second!r}: "
            "set data.positive_label to the one that counts as 1."
        )
    negative, positive = (merged[value][0] for value in pair)
    return Labels(
        column=name,
        classes=(negative, positive),
        missing=missing_markers(settings.missing_values) - {negative.lower(), positive.lower()},
        task_reason=f"the label {name!r} has the values {negative!r} and {positive!r}",
    )


def class_labels(counts: Mapping[str, int], settings: DataConfig, reason: str) -> Labels:
    """Returns all values of the label as classes, in the order of their names: of numbers, in that of the numbers.

    Args:
        counts: how often each value of the label occurred.
        settings: the keys of the label.
        reason: why the task is multiclass classification.

    Raises:
        DataRefused: there are fewer than two values, or more than MAX_CLASSES.
    """
    name, merged = settings.label, merge_spellings(present(counts, settings))
    if not merged:
        raise no_value_error(name)
    if len(merged) == 1:
        raise one_class_error(name, *(spelling for spelling, _ in merged.values()))
    if len(merged) > MAX_CLASSES:
        values = [spelling for spelling, _ in merged.values()]
        raise DataRefused(
            f"The label {name!r}: expected at most {MAX_CLASSES} classes, because the task is {MULTICLASS.name}, found "
            f"at least {len(merged):,} values: {quoted(values)}."
        )
    numbers = {value: float(value) if is_number(value) else math.nan for value in merged}
    order = sorted(merged) if math.isnan(sum(numbers.values())) else sorted(merged, key=numbers.__getitem__)
    values = [merged[value][0] for value in order]
    return Labels(
        column=name,
        classes=tuple(values),
        missing=missing_markers(settings.missing_values) - {value.lower() for value in values},
        task=MULTICLASS,
        task_reason=reason,
    )


def no_value_error(name: str) -> DataRefused:
    """Returns the error for a label without a value."""
    return DataRefused(f"The label {name!r} has no value in any row; expected two different values.")


def one_class_error(name: str, value: str) -> DataRefused:
    """Returns the error for a label with a single value."""
    return DataRefused(f"The label {name!r} has only one class, {value!r}; expected two.")


def unknown_values_error(label: Labels, values: Sequence[str]) -> DataRefused:
    """Returns the error for a label with more values than its classes, in too many rows."""
    if label.task is BINARY:
        return too_many_values_error(label.column, [*label.classes, *values])
    return DataRefused(
        f"The label {label.column!r} has values that are none of its {len(label.classes)} classes: {quoted(values)}; "
        "the first rows have no such value."
    )


def too_many_values_error(name: str, values: Sequence[str]) -> DataRefused:
    """Returns the error for a label with more than two values."""
    return DataRefused(
        f"The label {name!r} has more than two values: {quoted(values)}; expected exactly two, or data.task: "
        f"{MULTICLASS.name} with at most {MAX_CLASSES} classes."
    )
