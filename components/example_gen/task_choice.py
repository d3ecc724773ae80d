"""Chooses the task from data.task and the values of the label, and what the label then is."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.common.errors import DataRefused
from components.common.formatting import first_of, percent
from components.config.data import DataConfig
from components.example_gen import cell_parsing, labels
from components.example_gen.cell_parsing import CellFormat
from components.example_gen.labels import Labels
from components.example_gen.numeric_label import NumericLabel
from components.tasks.binary import BINARY
from components.tasks.multiclass import MAX_CLASSES, MULTICLASS
from components.tasks.regression import REGRESSION

AUTO = "auto"
# A label of a few whole numbers may be the names of classes.
MAX_CODES = 20
MIN_SHARE = 0.8  # of numbers, as for features
MIN_ROWS = 2  # of a class, on average, as for categorical features
_SHOWN = 3

Label = Labels | NumericLabel


def choose_label(counts: Mapping[str, int], settings: DataConfig, cells: CellFormat) -> Label:
    """Returns the label of the task; with `auto`, the task follows from the values of the label.

    Args:
        counts: how often each value of the label occurred in the rows that were read.
        settings: data.task, and the keys of the label.
        cells: how the numbers of the table are written.

    Raises:
        DataRefused: the label does not fit the task; or with `auto`, it has a few whole numbers that are not numbered
            as classes are.
    """
    if settings.task == BINARY.name or settings.positive_label is not None:
        return labels.choose_labels(counts, settings)
    if settings.task == MULTICLASS.name:
        return labels.class_labels(counts, settings, f"data.task is {MULTICLASS.name}")
    merged = labels.merge_spellings(labels.present(counts, settings))
    by_count = sorted(merged.values(), key=lambda value: -value[1])
    total = sum(count for _, count in by_count)
    others = sum(count for _, count in by_count[2:])
    if settings.task == AUTO and others <= settings.max_bad_fraction * total:
        return labels.choose_labels(counts, settings)
    spellings = [first for first, _ in by_count]
    values, invalid = cell_parsing.to_floats(pa.array(spellings, pa.string()), cells)
    numbers = sum(count for (_, count), wrong in zip(by_count, invalid, strict=True) if not wrong)
    name = settings.label
    shown = f"such as {first_of(spellings, _SHOWN)}"
    if numbers < MIN_SHARE * total:
        wrong = [text for text, is_wrong in zip(spellings, invalid, strict=True) if is_wrong]
        if settings.task == AUTO and len(merged) <= MAX_CLASSES and total >= MIN_ROWS * len(merged):
            reason = f"the label {name!r} has {len(merged)} texts, {shown} (data.task)"
            return labels.class_labels(counts, settings, reason)
        if settings.task == AUTO:
            raise labels.too_many_values_error(name, spellings)
        raise DataRefused(
            f"The label {name!r}: expected numbers, because data.task is {REGRESSION.name}, found other values in "
            f"{percent(1 - numbers / total)} of the rows, such as {first_of([*map(repr, wrong)], _SHOWN)}."
        )
    if settings.task != AUTO:
        return NumericLabel(column=name, cells=cells, task_reason=f"data.task is {REGRESSION.name}")
    has_fractions = bool((values[~invalid] % 1 != 0).any())
    if not has_fractions and len(spellings) <= MAX_CODES:
        if invalid.any() or not _are_codes(values):
            raise DataRefused(
                f"The label {name!r} has more than two values, {len(spellings)} whole numbers, {shown}: set data.task "
                f"to {REGRESSION.name} to predict the number, or to {MULTICLASS.name} if they are the names of classes."
            )
        reason = f"the label {name!r} has the numbers {values.min():.0f} to {values.max():.0f} (data.task)"
        return labels.class_labels(counts, settings, reason)
    what = "numbers with fractions" if has_fractions else f"more than {MAX_CODES} whole numbers"
    return NumericLabel(
        column=name, cells=cells, task_reason=f"the label {name!r} has {what}, {shown} (data.task)"
    )


def _are_codes(values: npt.NDArray[np.float32]) -> bool:
    """Returns whether different whole numbers are 0, 1, 2, ... or 1, 2, 3, ..., as the codes of classes are."""
    first = values.min()
    return first in (0, 1) and values.max() - first == values.size - 1
