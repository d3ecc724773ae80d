"""Predicts rows, in order, batch by batch."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from components.common.errors import DataRefused
from components.example_gen.input_files import quoted
from serving.client.exceptions import RequestRejected, ServingError
from serving.client.predictor import Columns, Predictor, Probabilities
from serving.predict.features import FeatureColumns
from serving.predict.output import Scored
from serving.predict.row_batches import RowBatch
from serving.predict.sources import RowSource


class ProgressListener(Protocol):
    """Receives the progress of a prediction."""

    def read(self, rows: int, share: float | None) -> None:
        """`rows` more rows were read; `share` is the fraction of the input read so far, if it is known."""
        ...

    def scored(self, rows: int) -> None:
        """`rows` more rows have their prediction."""
        ...


def check_columns(sources: Sequence[RowSource]) -> None:
    """Compares the columns of all sources before any row is read.

    Raises:
        DataRefused: the columns differ.
    """
    first = sources[0]
    for source in sources:
        missing = [name for name in first.columns if name not in source.columns]
        added = [name for name in source.columns if name not in first.columns]
        if missing or added:
            what = f"but {quoted(missing)} is missing" if missing else f"but found {quoted(added)} as well"
            raise DataRefused(f"{source.name}: expected the columns of {first.name}, {what}.")


def score_rows(
    predictor: Predictor,
    sources: Sequence[RowSource],
    features: FeatureColumns,
    batch_size: int,
    progress: ProgressListener,
    classes: int | None = None,
) -> Iterator[Scored]:
    """Yields the rows with their predictions, in the order of the sources and of the rows in them.

    Args:
        predictor: the model.
        sources: the rows.
        features: the columns that the model uses.
        batch_size: the maximum number of rows in one request.
        progress: called after each request.
        classes: the number of probabilities that the model gives for each row; None: it gives one number.

    Raises:
        DataRefused: a row can't be used.
        ServingError: the model returned no valid response; the message begins with the rows of the request.
    """
    for number, source in enumerate(sources):
        for batch in source.batches():
            share = source.share()
            progress.read(batch.rows, None if share is None else (number + share) / len(sources))
            columns = features.inputs(batch)
            predicted = []
            for start in range(0, batch.rows, batch_size):
                end = min(start + batch_size, batch.rows)
                part = {name: column[start:end] for name, column in columns.items()}
                predicted.append(_predict(predictor, part, batch, start, classes))
                progress.scored(end - start)
            yield batch, np.concatenate(predicted)


def _predict(
    predictor: Predictor, columns: Columns, batch: RowBatch, start: int, classes: int | None
) -> Probabilities:
    try:
        predicted = predictor.predict(columns)
        if predicted.shape[1:] != (() if classes is None else (classes,)):
            expected = "one number" if classes is None else f"{classes} probabilities"
            raise RequestRejected(
                f"expected {expected} for each row, got an array of the shape {list(predicted.shape)}"
            )
        finite = np.isfinite(predicted.reshape(len(predicted), -1)).all(axis=1)
        if not finite.all():
            row = int(finite.argmin())
            raise RequestRejected(
                f"expected finite predictions for each row, got {predicted[row]} for {batch.where(start + row)}."
            )
    except ServingError as error:
        end = start + len(next(iter(columns.values()))) - 1
        rows = batch.where(start) if end == start else f"{batch.where(start)} to {batch.where(end)}"
        raise type(error)(f"{rows}: {error}") from error
    return predicted
