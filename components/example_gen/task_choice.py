"""Chooses the task from data.task and the values of the label, and what the label then is."""

from collections.abc import Mapping

import pyarrow as pa

from components.common.errors import DataRefused
from components.common.formatting import first_of, percent
from components.config.data import DataConfig
from components.example_gen import cell_parsing, labels
from components.example_gen.cell_parsing import CellFormat
from components.example_gen.labels import Labels
from components.example_gen.numeric_label import NumericLabel
from components.tasks.binary import BINARY
from components.tasks.regression import REGRESSION

AUTO = "auto"
# A label of a few whole numbers may be the names of classes.
MAX_CLASSES = 20
MIN_SHARE = 0.8  # of numbers, as for features
_SHOWN = 3

Label = Labels | NumericLabel


def choose_label(counts: Mapping[str, int], settings: DataConfig, cells: CellFormat) -> Label:
    """Returns the label of the task: with `auto`, numbers of more than two values are predicted as numbers.

    Args:
        counts: how often each value of the label occurred in the rows that were read.
        settings: data.task, and the keys of the label.
        cells: how the numbers of the table are written.

    Raises:
        DataRefused: the label does not fit the task; or with `auto`, it has a few whole numbers, which may be classes.
    """
    if settings.task == BINARY.name or settings.positive_label is not None:
        return labels.choose_labels(counts, settings)
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
    if numbers < MIN_SHARE * total:
        wrong = [text for text, is_wrong in zip(spellings, invalid, strict=True) if is_wrong]
        if settings.task == AUTO:
            raise labels.too_many_values_error(name, spellings)
        raise DataRefused(
            f"The label {name!r}: expected numbers, because data.task is {REGRESSION.name}, found other values in "
            f"{percent(1 - numbers / total)} of the rows, such as {first_of([*map(repr, wrong)], _SHOWN)}."
        )
    shown = f"such as {first_of(spellings, _SHOWN)}"
    if settings.task != AUTO:
        return NumericLabel(column=name, cells=cells, task_reason=f"data.task is {REGRESSION.name}")
    has_fractions = bool((values[~invalid] % 1 != 0).any())
    if not has_fractions and len(spellings) <= MAX_CLASSES:
        raise DataRefused(
            f"The label {name!r} has more than two values, {len(spellings)} whole numbers, {shown}: set data.task to "
            f"{REGRESSION.name} to predict the number. More than two classes are not supported."
        )
    what = "numbers with fractions" if has_fractions else f"more than {MAX_CLASSES} whole numbers"
    return NumericLabel(
        column=name, cells=cells, task_reason=f"the label {name!r} has {what}, {shown} (data.task)"
    )
