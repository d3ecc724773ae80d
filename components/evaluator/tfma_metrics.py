"""The Evaluator's metrics, whole batches at a time.

TFMA's own metrics are fed row by row, in Python, once for each metric and model. These are metrics of TFMA too (its
documented way of adding some), but they keep the labels and predictions as arrays, 16 bytes for each row of the test
split or of a sample of it, and model, and compute exact values from them at the end.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.metrics import FUNCTIONS, Rows
from components.evaluator.reservoir import Sample


class BinaryMetric(tfma.metrics.Metric):  # type: ignore[misc]
    """One of FUNCTIONS, by its name.

    Args:
        name: a key of FUNCTIONS.
        max_rows: of a split with more rows an even sample of so many is measured; 0: all rows.
    """

    def __init__(self, name: str, max_rows: int = 0) -> None:
        super().__init__(partial(_computations, FUNCTIONS[name]), name=name, max_rows=max_rows)


def _computations(
    function: Callable[[Rows], float],
    name: str,
    max_rows: int,
    model_names: list[str] | None = None,
) -> list[Any]:
    computations: list[Any] = []
    for model in model_names or [""]:
        # TFMA runs equal computations once: all metrics share the collected rows. The underscore keeps them private.
        rows = metric_types.MetricKey(name="_rows", model_name=model)
        key = metric_types.MetricKey(name=name, model_name=model)
        computations += [
            metric_types.MetricComputation([rows], None, _Collect(rows, max_rows)),
            metric_types.DerivedMetricComputation([key], partial(_derive, function, rows, key)),
        ]
    return computations


def _derive(
    function: Callable[[Rows], float], rows: Any, key: Any, metrics: dict[Any, Any]
) -> dict[Any, float]:
    return {key: function(metrics[rows])}


class _Collect(beam.CombineFn):  # type: ignore[misc]
    """Labels and predictions of one model, in the order in which they come."""

    def __init__(self, key: Any, max_rows: int) -> None:
        self._key = key
        self._max_rows = max_rows

    def create_accumulator(self) -> Sample:
        return Sample(self._max_rows)

    def add_input(self, accumulator: Sample, element: Any) -> Sample:
        columns = [
            np.asarray(values, np.float32).reshape(-1)
            for values in (
                element.get_labels(self._key.model_name),
                element.get_predictions(self._key.model_name),
            )
        ]
        drawn = accumulator.draw(columns[0].size)
        accumulator.add(*(column[drawn] for column in columns))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Sample]) -> Sample:
        first, *others = accumulators
        for other in others:
            first.take_in(other)
        return first

    def extract_output(self, accumulator: Sample) -> dict[Any, Rows]:
        labels, predictions = accumulator.columns() or [np.zeros(0, np.float32)] * 2
        return {self._key: Rows(labels, predictions, accumulator.seen)}
