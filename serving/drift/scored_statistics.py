"""Computes the statistics of scoring data in the form in which the training data has them, in bounded memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from components.common.errors import DataRefused
from components.common.formatting import count
from components.common.training_statistics import TrainingStatistics
from components.example_gen import parquet
from components.example_gen.cell_parsing import Floats, weight_rejection_reason
from components.example_gen.input_files import quoted
from components.example_gen.no_rows_error import NoRows
from components.example_gen.task_choice import Label
from components.statistics.column_summary import ColumnSummary
from components.statistics.columns import Columns, several
from components.statistics.text_counts import TextCounts
from components.statistics.training_split import training_statistics
from serving.client.predictor import Columns as Inputs
from serving.predict.add_probabilities import ProgressListener
from serving.predict.features import FeatureColumns
from serving.predict.row_batches import RowBatch
from serving.predict.sources import RowSource

_NO_LABEL = ""
_WEIGHT = "weight"


@dataclass(frozen=True, kw_only=True)
class ComparedColumns:
    """The columns of scoring data that are compared.

    Attributes:
        inputs: the columns of the model's inputs, and how cells are written.
        names: the feature of each input that takes numbers.
        texts: the feature of each input that takes texts.
        labels: the label, if the table has a column for it; None otherwise.
        weight: the column with the weights, if the model was trained with it and the table has it; None otherwise.
    """

    inputs: FeatureColumns
    names: Mapping[str, str]
    texts: Mapping[str, str] = field(default_factory=dict)
    labels: Label | None = None
    weight: str | None = None


def scored_statistics(
    sources: Sequence[RowSource], columns: ComparedColumns, progress: ProgressListener
) -> tuple[TrainingStatistics, str]:
    """Reads all rows once.

    Args:
        sources: the rows.
        columns: what is read of them.
        progress: called after each batch.

    Returns:
        The statistics, without the label unless every row has one, and a sentence about rows without a label; "" if
        there are none, or if the table has no label.

    Raises:
        DataRefused: a row can't be used.
        NoRows: there is no row.
    """
    label = _NO_LABEL if columns.labels is None else columns.labels.column
    weight = [] if columns.weight is None else [columns.weight]
    names = (*columns.names.values(), *weight, label)
    classes = () if columns.labels is None else columns.labels.classes
    texts = tuple(columns.texts.values())
    roles = Columns(
        names,
        label,
        columns.weight,
        number=columns.labels is not None and not classes,
        classes=several(classes),
        categorical=texts,
    )
    counts = {name: TextCounts() for name in columns.texts}
    unlabelled = 0

    def summaries() -> Iterator[ColumnSummary]:
        nonlocal unlabelled
        for number, source in enumerate(sources):
            for batch in source.batches():
                share = source.share()
                progress.read(batch.rows, None if share is None else (number + share) / len(sources))
                inputs = columns.inputs.inputs(batch)
                values = _values(batch, columns, inputs)
                for name, counted in counts.items():
                    counted.add(inputs[name], roles.weights(values))
                unlabelled += int(np.isnan(values[-1]).sum())
                yield roles.summary(values)
                progress.scored(batch.rows)

    summary = ColumnSummary.merge_stream(summaries())
    if summary is None:
        raise NoRows(sources[0].name, f"{sources[0].name}: expected rows, found none.")
    statistics = training_statistics(summary, roles, list(counts.values()))
    if not unlabelled:
        return statistics, ""
    note = f"The label is not compared: {count(unlabelled)} of {count(summary.rows)} rows have no value of {label!r}."
    without = {"label": _NO_LABEL, "positive_share": 0.0, "label_numbers": None, "label_classes": None}
    return statistics.model_copy(update=without), note


def _values(batch: RowBatch, columns: ComparedColumns, inputs: Inputs) -> Floats:
    """Returns the features with numbers, the weight if there is one, and the label, float32 [columns, rows]."""
    rows = [inputs[name] for name in columns.names]
    if columns.weight is not None:
        rows.append(_weights(batch, columns.weight, columns.inputs))
    rows.append(_codes(batch, columns.labels))
    return np.stack(rows)


def _weights(batch: RowBatch, column: str, inputs: FeatureColumns) -> Floats:
    cells = inputs.cells
    weights: Floats = FeatureColumns(columns={_WEIGHT: column}, cells=cells).inputs(batch)[_WEIGHT]
    is_bad = ~(weights > 0)
    if is_bad.any():
        row = int(is_bad.argmax())
        cell = batch.column(column)[row].as_py()
        raise DataRefused(f"{batch.where(row)}: {weight_rejection_reason(column, cell, cells)}.")
    return weights


def _codes(batch: RowBatch, labels: Label | None) -> Floats:
    """Returns the number or the class of each row, NaN for one without a label; 0 for a table without labels."""
    if labels is None:
        return np.zeros(batch.rows, np.float32)
    cells = batch.column(labels.column)
    if parquet.kind_of(cells.type) not in (parquet.NUMBER, parquet.TEXT, parquet.EMPTY):
        expected = f"one of {quoted(labels.classes)}" if labels.classes else "numbers"
        raise DataRefused(
            f"{batch.where(0)}: label {labels.column!r}: expected {expected}, found {parquet.kind_of(cells.type)}."
        )
    texts = parquet.as_text(cells)
    codes = labels.codes(texts)
    unusable = labels.unusable(codes)
    for row in np.flatnonzero(unusable).tolist():
        text = texts[row].as_py()
        if not labels.is_missing(text):
            raise DataRefused(f"{batch.where(row)}: {labels.rejection_reason(text)}.")
    return np.where(unusable, np.nan, codes).astype(np.float32)
