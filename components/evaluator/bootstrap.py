"""How much the metrics would vary with other rows: paired percentile intervals."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.config.evaluation import EvaluationConfig
from components.evaluator.metrics import Array, row_losses

METRICS = ("auc", "log_loss", "accuracy")
Interval = tuple[float, float]
Floats = npt.NDArray[np.float64]


class Scored(NamedTuple):
    """The same rows seen by several models.

    Attributes:
        labels: 0 or 1, float32 [rows].
        predictions: by model, the probability of 1, float32 [rows], in the order of the labels.
        split_rows: how many rows there are in the split that these are a sample of; None: these are all.
    """

    labels: Array
    predictions: Mapping[str, Array]
    split_rows: int | None = None

    @property
    def is_sample(self) -> bool:
        """Whether the split has more rows than these."""
        return self.split_rows is not None and self.split_rows > self.labels.size


class RankedAuc:
    """The area under one model's ROC curve over any number of resamples: the rows are sorted once.

    It is the share of pairs of rows, one of each class, in the right order, as in `metrics.auc`; in a resample each row
    counts as often as it was drawn.
    """

    def __init__(self, labels: Array, predictions: Array) -> None:
        order = np.argsort(predictions, kind="stable")
        self._positives, self._negatives = order[labels[order] > 0], order[labels[order] <= 0]
        ours, theirs = predictions[self._positives], predictions[self._negatives]
        # How many negatives lie below each positive, and how many below or beside it: ties count one half.
        self._below = np.searchsorted(theirs, ours, "left")
        self._beside = np.searchsorted(theirs, ours, "right")
        self._tied = bool((self._below != self._beside).any())

    def of(self, counts: Floats) -> float:
        """The AUC where row i stands `counts[i]` times; NaN where one class is not there."""
        ours = counts[self._positives]
        theirs = np.concatenate(([0.0], np.cumsum(counts[self._negatives])))
        pairs = ours.sum() * theirs[-1]
        if not pairs:
            return float("nan")
        won = _dot(ours, theirs[self._below])
        if self._tied:
            won = (won + _dot(ours, theirs[self._beside])) / 2
        return float(won / pairs)


def _dot(rows: Floats, counts: Floats) -> Floats:
    # Not `@`: the threads of BLAS cost more than they bring here, and add up in another order on another machine.
    product: Floats = np.einsum("...i,i->...", rows, counts)
    return product


def resampled(rows: Scored, resamples: int, seed: int) -> dict[str, dict[str, Floats]]:
    """The metrics of every model on samples of the rows, drawn with replacement and as many as there are.

    Paired: a sample holds the same rows for every model (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
    chapters 6 and 8). Exact also for large tables: each resample takes time proportional to the rows, some 0.8 ms for
    40,000, and memory for one resample at a time.

    Returns:
        By metric and model, [resamples].
    """
    generator = np.random.default_rng(seed)
    size = rows.labels.size
    models = list(rows.predictions)
    # In the order of one model's predictions its AUC reads memory from end to end, and the other's, which is alike,
    # nearly so: for a million rows, whose counts are larger than a processor's cache, a resample takes 0.7 of the time.
    order = np.argsort(rows.predictions[models[0]], kind="stable")
    rows = Scored(rows.labels[order], {model: values[order] for model, values in rows.predictions.items()})
    ranked = [RankedAuc(rows.labels, rows.predictions[model]) for model in models]
    per_row = np.stack(
        [part for model in models for part in row_losses(rows.labels, rows.predictions[model])]
    )
    drawn = np.empty((resamples, len(METRICS), len(models)))
    for values in drawn:
        counts = np.bincount(generator.integers(size, size=size), minlength=size).astype(np.float64)
        values[0] = [auc.of(counts) for auc in ranked]
        values[1:] = (_dot(per_row, counts) / size).reshape(len(models), 2).T
    return {
        metric: {model: drawn[:, number, column] for column, model in enumerate(models)}
        for number, metric in enumerate(METRICS)
    }


def intervals(rows: Scored, settings: EvaluationConfig) -> dict[str, dict[str, Interval]]:
    """Percentile intervals of METRICS (Efron and Tibshirani, 1993, chapter 13).

    Args:
        rows: both models' predictions; `difference` is the first model's metric minus the second's.
        settings: resamples, confidence, seed.

    Returns:
        By metric, and by model or `difference`: the low and the high end. NaN where the metric is not defined on the
        rows as they are, or on half of the resamples or more; a few resamples without one of the classes are left out.
    """
    drawn = resampled(rows, settings.resamples, settings.seed) if rows.labels.size else {}
    found: dict[str, dict[str, Interval]] = {metric: {} for metric in METRICS}
    undefined = [model for model, values in rows.predictions.items() if np.isnan(values).any()]
    for metric, by_model in drawn.items():
        models = list(by_model)
        for model, values in by_model.items():
            found[metric][model] = _percentiles(values, settings.confidence, valid=model not in undefined)
        if len(models) == 2:
            difference = by_model[models[0]] - by_model[models[1]]
            found[metric]["difference"] = _percentiles(difference, settings.confidence, valid=not undefined)
    return found


def _percentiles(values: Floats, confidence: float, *, valid: bool) -> Interval:
    defined = values[~np.isnan(values)]
    if not valid or 2 * defined.size <= values.size:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
