"""Wraps the metrics of `components.evaluator.metrics` as TFMA metrics that process whole batches.

TFMA's own metrics are called in Python for each row, metric and model. These custom metrics (as TFMA documents them)
collect labels, predictions and weights as arrays, 24 bytes or more for each row and model, and compute exact values at
the end.
"""

import zlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.metric_functions import METRIC_FUNCTIONS
from components.evaluator.metrics import ScoredRows
from components.evaluator.reservoir import ReservoirSample


class ArrayMetric(tfma.metrics.Metric):  # type: ignore[misc]
    """One of METRIC_FUNCTIONS, by name.

    Args:
        name: a key of METRIC_FUNCTIONS.
        max_rows: a split with more rows is sampled down to this number; 0: all rows.
    """

    def __init__(self, name: str, max_rows: int = 0) -> None:
        super().__init__(partial(_computations, METRIC_FUNCTIONS[name]), name=name, max_rows=max_rows)


def _computations(
    function: Callable[[ScoredRows], float],
    name: str,
    max_rows: int,
    model_names: list[str] | None = None,
    example_weighted: bool | None = None,
) -> list[Any]:
    computations: list[Any] = []
    for model in model_names or [""]:
        # TFMA runs equal computations once, so all metrics share the collected rows. The underscore hides them.
        rows = metric_types.MetricKey(name="_rows", model_name=model)
        weighted = bool(example_weighted)
        key = metric_types.MetricKey(name=name, model_name=model, example_weighted=weighted)
        computations += [
            metric_types.MetricComputation(
                [rows], None, _Collect(rows, max_rows, tuple(model_names or [""]))
            ),
            metric_types.DerivedMetricComputation([key], partial(_derive, function, rows, key)),
        ]
    return computations


def _derive(
    function: Callable[[ScoredRows], float], rows: Any, key: Any, metrics: dict[Any, Any]
) -> dict[Any, float]:
    return {key: function(metrics[rows])}


class _Collect(beam.CombineFn):  # type: ignore[misc]
    """Collects the labels and predictions of one model, in the order in which they arrive.

    The collections for all models sample the same rows.

    Args:
        key: the key of the collected rows, with the name of the model.
        max_rows: a split with more rows is sampled down to this number; 0: all rows.
        model_names: the names of all models.
    """

    def __init__(self, key: Any, max_rows: int, model_names: tuple[str, ...]) -> None:
        self._key = key
        self._max_rows = max_rows
        self._model_names = model_names

    def create_accumulator(self) -> ReservoirSample:
        return ReservoirSample(self._max_rows)

    def add_input(self, accumulator: ReservoirSample, element: Any) -> ReservoirSample:
        labels = np.asarray(element.get_labels(self._key.model_name), np.float32).reshape(-1)
        outputs = np.asarray(element.get_predictions(self._key.model_name), np.float32)
        several = outputs.ndim > 1 and outputs.shape[1] > 1
        columns = [labels, outputs if several else outputs.reshape(-1)]
        weights = element.get_example_weights(self._key.model_name)
        columns.append(np.ones_like(columns[0]) if weights is None else np.float32(weights).reshape(-1))
        if not accumulator.seen:
            accumulator = ReservoirSample(self._max_rows, self._stream(element))
        drawn = accumulator.draw(columns[0].size)
        accumulator.add(*(column[drawn] for column in columns))
        return accumulator

    def _stream(self, element: Any) -> int:
        """Returns the stream of keys of a part of the split, from its first rows: Beam does not number the parts."""
        first = [element.get_labels(name) for name in self._model_names[:1]]
        first += [element.get_predictions(name) for name in self._model_names]
        return zlib.crc32(b"".join(np.asarray(values, np.float32).tobytes() for values in first))

    def merge_accumulators(self, accumulators: Iterable[ReservoirSample]) -> ReservoirSample:
        first, *others = accumulators
        for other in others:
            first.merge(other)
        return first

    def extract_output(self, accumulator: ReservoirSample) -> dict[Any, ScoredRows]:
        labels, predictions, weights = accumulator.columns() or [np.zeros(0, np.float32)] * 3
        return {self._key: ScoredRows(labels, predictions, accumulator.seen, weights)}
