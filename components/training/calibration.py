"""Recalibrates a network that was trained with class weights, so that its outputs are probabilities again.

Class weights train the network for a table in which both classes are equally frequent, so it predicts the rarer class
too often: a logit is too high by log(positive_weight / negative_weight), if the network fits its training rows. The
recalibration logit -> slope * logit + shift (Platt, "Probabilistic outputs for support vector machines", 1999) is
fitted on the validation split. It becomes part of the weights of the output layer, so that the graph and the signatures
of the exported model are those of any other network.
"""

import math
from itertools import islice
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from components.common.calibration_record import CalibrationBin, CalibrationRecord, CalibrationScores
from components.common.formatting import number, plural
from components.common.stored_record import finite_or_none
from components.config.training import BALANCED, TrainingConfig
from components.training.class_weights import ClassWeights, balanced_class_weights
from components.training.dataset import Dataset, InMemoryDataset, row_weights
from components.training.epoch_runner import scoring_batch_size
from components.training.network import Array, affine_output
from components.training.proximal_newton import Penalty, iterations
from components.training.train import Trained

MAX_ITERATIONS = 100
BISECTIONS = 100
# In simulations with 8 to 30 positive rows, fitted slopes above 1 cost up to 0.07 nats on fresh rows.
FEW_ROWS = 50
BINS = 10

Floats = npt.NDArray[np.float64]


class Recalibration(NamedTuple):
    """The function logit -> slope * logit + shift; `reason` says why the slope is not fitted, if it is not."""

    slope: float
    shift: float
    reason: str | None = None

    def apply(self, logits: Floats) -> Floats:
        """Returns the recalibrated logits."""
        return self.slope * logits + self.shift

    def folded_into(self, weights: list[Array]) -> list[Array]:
        """Returns the weights of a network with this function after the logit: see `network.affine_output`."""
        return affine_output(weights, self.slope, self.shift)


def recalibrate(
    trained: Trained, training: TrainingConfig, train: Dataset, validation: Dataset
) -> tuple[Trained, CalibrationRecord | None]:
    """Recalibrates a network that was trained with class weights, in place, and the weights of its best epoch.

    Args:
        trained: the result of `train_network` with these settings and these rows.
        training: the training settings.
        train: the training split, from which the class weights are computed.
        validation: the validation split, on which slope and shift are fitted: with the weights of the rows, but without
            the class weights.

    Returns:
        The recalibrated result, and the record for the network. Without class weights the result as it is, and None.
    """
    if training.class_weight != BALANCED:
        return trained, None
    class_weights = balanced_class_weights(train)
    network, last = trained.network, trained.network.get_weights()

    def fitted(weights: list[Array]) -> tuple[Recalibration, InMemoryDataset]:
        network.set_weights(weights)
        scored = _logits(network, validation)
        return fit_recalibration(scored, class_weights), scored

    best, _ = fitted(trained.best_weights)
    found, scored = fitted(last)
    network.set_weights(found.folded_into(last))
    record = _record(found, scored, class_weights)
    return trained._replace(best_weights=best.folded_into(trained.best_weights)), record


def recalibration_line(record: CalibrationRecord) -> str:
    """Returns "recalibrated on 200 validation rows: log loss 0.5103 -> 0.1622, mean prediction 0.3402 -> 0.0512"."""
    before, after = record.before, record.after
    because = f" by a shift alone, because {record.reason}" if record.reason else ""
    return (
        f"recalibrated on {plural(record.rows, 'validation row')}{because}: log loss {number(before.log_loss)} -> "
        f"{number(after.log_loss)}, mean prediction {number(before.mean)} -> {number(after.mean)}"
    )


def fit_recalibration(scored: InMemoryDataset, class_weights: ClassWeights) -> Recalibration:
    """Fits slope and shift by maximum likelihood, which is a logistic regression on the logit.

    There is no maximum if a threshold on the logit separates the classes. A slope of 0 or below would reverse the order
    of the predictions. A slope above 1 makes them more extreme, and is not reliable with fewer than FEW_ROWS rows of
    the rarer class. In these cases the slope is 1, and only the shift is fitted: the mean prediction is then the
    share of positive rows. If that is not possible either, because there is only one class, the shift is
    log(negative_weight / positive_weight): class weights multiply the odds, and the shift divides them again (Elkan,
    "The foundations of cost-sensitive learning", IJCAI 2001, theorem 2).

    Args:
        scored: the logits of the rows as their only feature, with labels and weights.
        class_weights: those of the training.
    """
    logits, positive = scored.features[:, 0].astype(np.float64), scored.labels[:, 0] > 0.5
    reversed_weights = math.log(class_weights.negative / class_weights.positive)
    if not np.isfinite(logits).all():
        return Recalibration(1.0, reversed_weights, "a logit is not finite")
    rarer = int(min(np.count_nonzero(positive), np.count_nonzero(~positive)))
    if not rarer:
        return Recalibration(1.0, reversed_weights, "the validation split has rows of only one class")
    reason = _not_fitted_because(logits, positive)
    if not reason:
        points = iterations(scored, np.zeros(1), np.array([1.0, 0.0]), Penalty(0.0, 0.0))
        *_, point = islice(points, MAX_ITERATIONS)
        slope, shift = map(float, point.coefficients)
        reason = _refused_because(slope, rarer)
        if not reason:
            return Recalibration(slope, shift)
    return Recalibration(1.0, _fit_shift(logits, scored), reason)


def _refused_because(slope: float, rarer: int) -> str | None:
    if not slope > 0:  # `not`: also for NaN
        return f"the fitted slope is {slope:.3g}, not above 0"
    if slope > 1 and rarer < FEW_ROWS:
        return f"the fitted slope is {slope:.3g}, from {plural(rarer, 'row')} of the rarer class only"
    return None


def _fit_shift(logits: Floats, scored: InMemoryDataset) -> float:
    """Returns the shift with which the weighted mean of the probabilities is the share of label 1; by bisection."""
    labels, weights = _labels_and_weights(scored)
    share = float(np.average(labels, weights=weights))
    middle = math.log(share / (1 - share))
    low, high = middle - float(logits.max()), middle - float(logits.min())
    for _ in range(BISECTIONS):
        shift = (low + high) / 2
        mean = float(np.average(_sigmoid(logits + shift), weights=weights))
        low, high = (low, shift) if mean > share else (shift, high)
    return (low + high) / 2


def _labels_and_weights(scored: InMemoryDataset) -> tuple[Floats, Floats]:
    """Returns both as float64 [rows]; each weight is 1 if there are none."""
    labels, weights = scored.labels[:, 0].astype(np.float64), row_weights(scored)
    return labels, np.ones(labels.size) if weights is None else weights


def _not_fitted_because(logits: Floats, positive: npt.NDArray[np.bool_]) -> str | None:
    """Returns why the likelihood has no maximum; None if it has one (Albert and Anderson, Biometrika 1984)."""
    if logits.min() == logits.max():
        return "the network predicts the same for each row of the validation split"
    ones, zeros = logits[positive], logits[~positive]
    if ones.min() >= zeros.max() or zeros.min() >= ones.max():
        return "a threshold separates the classes of the validation split"
    return None


def _logits(network: keras.Model, data: Dataset) -> InMemoryDataset:
    """Returns the rows with the logit of the network, before the sigmoid of the output layer, as their only feature."""
    output = network.layers[-1]
    kernel, bias = output.get_weights()
    hidden = keras.Model(network.input, output.input)
    parts = []
    for part in data.batches(scoring_batch_size(data)):
        values = hidden(part.features, training=False).numpy().astype(np.float64)
        logits = (values @ kernel.astype(np.float64) + bias).astype(np.float32)
        parts.append((logits, *part.arrays[1:]))
    return InMemoryDataset.of(np.concatenate(column) for column in zip(*parts, strict=True))


def _record(found: Recalibration, scored: InMemoryDataset, class_weights: ClassWeights) -> CalibrationRecord:
    logits = scored.features[:, 0].astype(np.float64)
    labels, weights = _labels_and_weights(scored)
    before, after = logits, found.apply(logits)
    return CalibrationRecord(
        method="shift" if found.reason else "platt",
        reason=found.reason,
        slope=found.slope,
        shift=found.shift,
        negative_weight=class_weights.negative,
        positive_weight=class_weights.positive,
        rows=scored.rows,
        observed=float(np.average(labels, weights=weights)),
        before=_scores(before, labels, weights),
        after=_scores(after, labels, weights),
        bins=tuple(_bins(before, after, labels, weights)),
    )


def _scores(logits: Floats, labels: Floats, weights: Floats) -> CalibrationScores:
    losses = np.logaddexp(0, logits) - labels * logits
    log_loss, mean = (float(np.average(values, weights=weights)) for values in (losses, _sigmoid(logits)))
    return CalibrationScores(log_loss=finite_or_none(log_loss), mean=finite_or_none(mean))


def _bins(before: Floats, after: Floats, labels: Floats, weights: Floats) -> list[CalibrationBin]:
    """Returns the rows in bins of about equal weight, by their logit; rows with equal logits are in the same bin.

    The same rows are in the same bin before and after, because the order of the logits is the same. Bins of equal width
    would contain almost all rows in the first one if one class is rare.
    """
    if not np.isfinite(before).all():
        return []
    _, groups = np.unique(before, return_inverse=True)
    group_weights = np.bincount(groups, weights)
    middle = np.cumsum(group_weights) - group_weights / 2
    bins = np.minimum((middle / group_weights.sum() * BINS).astype(np.intp), BINS - 1)[groups]
    rows = np.bincount(bins, minlength=BINS)
    totals = np.bincount(bins, weights, BINS)
    columns = (labels, _sigmoid(before), _sigmoid(after))
    observed, mean_before, mean_after = (np.bincount(bins, weights * values, BINS) for values in columns)
    return [
        CalibrationBin(
            rows=int(rows[index]),
            observed=float(observed[index] / totals[index]),
            before=float(mean_before[index] / totals[index]),
            after=float(mean_after[index] / totals[index]),
        )
        for index in np.flatnonzero(rows)
    ]


def _sigmoid(logits: Floats) -> Floats:
    probability: Floats = np.exp(-np.logaddexp(0, -logits))
    return probability
