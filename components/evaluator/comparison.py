"""Computes the metrics of all models side by side, and says which differences are clear."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from components.common.verdict_record import (
    BASE_RATE,
    BASELINE,
    CANDIDATE,
    SERVED,
    ComparedMetric,
    Contribution,
    Contributions,
    Interval,
    MetricIntervals,
)
from components.common.verdict_text import difference_finding
from components.config.evaluation import EvaluationConfig
from components.evaluator.bootstrap import intervals
from components.evaluator.metric_functions import METRIC_FUNCTIONS
from components.evaluator.paired_scores import PairedScores

Metrics = dict[str, ComparedMetric]


def with_base_rate(test: PairedScores, train: PairedScores) -> PairedScores:
    """Returns the test rows with one more model, BASE_RATE, that knows no features.

    It predicts for each row the mean of the label in the training split, or in the test split if that has no rows: of
    0 and 1, that is the share of label 1. Of several classes, it predicts the share of each.
    """
    known = train if train.labels.size else test
    if not known.labels.size:
        return test
    targets = known.labels
    shape = next(iter(test.predictions.values())).shape
    if test.task.output.per_class:
        targets = np.eye(shape[1], dtype=np.float32)[known.labels.astype(np.int64)]
    mean = np.average(targets, axis=0, weights=known.row_weights())
    return test.with_model(BASE_RATE, np.broadcast_to(mean.astype(np.float32), shape).copy())


def compare_metrics(rows: PairedScores, settings: EvaluationConfig, names: Iterable[str]) -> Metrics:
    """Computes each metric of all models and, for those that have them, the intervals and the finding."""
    bounds = intervals(rows, settings)
    found = {}
    for name in names:
        values: dict[str, Any] = {
            model: float(np.mean([METRIC_FUNCTIONS[name](scored) for scored in rows.scored_by(model)]))
            for model in rows.predictions
        }
        if BASELINE in values:
            values["difference"] = values[CANDIDATE] - values[BASELINE]
        if SERVED in values:
            values["served_difference"] = values[CANDIDATE] - values[SERVED]
        if name in bounds:
            interval = MetricIntervals.model_validate(bounds[name])
            values |= {
                "interval": interval,
                "finding": difference_finding(name, interval.difference),
                "served_finding": difference_finding(name, interval.served_difference),
            }
        found[name] = ComparedMetric.model_validate(values)
    return found


def contributions(metrics: Metrics, name: str) -> Contributions | None:
    """Returns what early stopping and the penalties brought, as differences of a loss; None without a baseline."""
    loss = metrics[name]
    bounds = loss.interval or MetricIntervals()

    def contribution(first: float | None, second: float | None, interval: Interval) -> Contribution:
        value = None if first is None or second is None else first - second
        return Contribution(value=value, interval=interval, finding=difference_finding(name, interval))

    if loss.baseline is None:
        return None
    total = contribution(loss.candidate, loss.baseline, bounds.difference)
    if loss.early_stopped is None:
        return Contributions(total=total)
    return Contributions(
        total=total,
        early_stopping=contribution(loss.early_stopped, loss.baseline, bounds.early_stopping),
        penalties=contribution(loss.candidate, loss.early_stopped, bounds.penalties),
    )
