"""Trains several networks with the same layers together, as a stack, and scores each on the validation split."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.common.formatting import plural
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.tasks.task import Loss
from components.training.dataset import Dataset, feature_means, row_weights
from components.training.epoch_runner import EpochRunner, row_specs, scoring_batch_size
from components.training.network import build_model, kernels
from components.training.signals import defer_signals
from components.training.stack import build_stack
from components.training.strategy import choose_strategy


class NetworkScores(NamedTuple):
    """The scores of networks after an epoch.

    Attributes:
        losses: the loss of each row of the validation split, without the penalties; float32 [networks, rows].
        zero_share: the fraction of the network's weights that is exactly 0; [networks].
        row_weights: the weight of each row of the validation split; float64 [rows]; None: all weigh the same.
    """

    losses: npt.NDArray[np.float32]
    zero_share: npt.NDArray[np.float64]
    row_weights: npt.NDArray[np.float64] | None = None

    @property
    def mean_loss(self) -> npt.NDArray[np.float64]:
        """The weighted mean over the rows; [networks]."""
        mean: npt.NDArray[np.float64] = (
            self.losses.mean(axis=1, dtype=np.float64)
            if self.row_weights is None
            else np.average(self.losses, axis=1, weights=self.row_weights)
        )
        return mean


def train_stack(
    networks: Sequence[ModelConfig],
    settings: TrainingConfig,
    train: Dataset,
    validation: Dataset,
    show: Callable[[str, float], None],
) -> NetworkScores:
    """Trains each network as `components.training.train.train_network` would train it on these rows.

    All start from the same weights and get the same batches. The training ends when early stopping has ended that of
    every network.

    Args:
        networks: the same layers with different strengths.
        settings: the training settings; the optimizer is not 'proximal_newton'.
        train: the rows to train on.
        validation: the rows to score after each epoch.
        show: is called after each epoch with a text on the progress, and the lowest loss so far.

    Returns:
        The scores of each network in its best epoch; without early stopping those of the last epoch. The losses of a
        network whose training has diverged are infinite.
    """
    keras.utils.set_random_seed(settings.seed)
    with choose_strategy(settings).scope(), defer_signals() as check_interrupt:
        mean = feature_means(train)
        loss = settings.objective
        initial = build_model(train.width, networks[0], mean, loss, train.groups, train.outputs).get_weights()
        stack = build_stack(networks, [initial] * len(networks), mean, loss, train.groups)
        runner, scorer = EpochRunner(stack, train, settings), _RowScorer(stack, validation, loss)
        best = scorer(validation)
        diverged = np.zeros(len(networks), np.bool_)
        best_epoch, lowest = np.zeros(len(networks), np.int64), np.full(len(networks), math.inf)
        for number in range(1, settings.epochs + 1):
            training = ~diverged
            if settings.early_stopping:
                training &= number - 1 - best_epoch < settings.early_stopping
            if not training.any():
                break
            runner.run_epoch(number, train, check_interrupt)
            scores = scorer(validation)
            check_interrupt()
            diverged |= training & ~np.isfinite(scores.losses).all(axis=1)
            better = training & ~diverged
            if settings.early_stopping:
                better &= scores.mean_loss < lowest
            _replace(best, scores, better)
            best_epoch[better] = number
            lowest[better] = scores.mean_loss[better]
            networks_left = plural(int((training & ~diverged).sum()), "network")
            show(f"epoch {number}/{settings.epochs}: {networks_left} in training", float(lowest.min()))
    best.losses[diverged] = math.inf
    return best


class _RowScorer:
    """Computes the scores of all networks of a stack on the rows of a dataset, without dropout."""

    def __init__(self, stack: keras.Model, data: Dataset, loss: Loss) -> None:
        self._stack = stack
        self._loss = loss
        self._row_weights = row_weights(data)
        self._weights = sum(math.prod(kernel.weights.shape[1:]) for kernel in kernels(stack))
        self._score = tf.function(self._scores, input_signature=row_specs(data)[:2], autograph=False)

    def __call__(self, data: Dataset) -> NetworkScores:
        losses = []
        for part in data.batches(scoring_batch_size(data)):
            part_losses, zeros = self._score(part.features, part.labels)
            losses.append(part_losses.numpy())
        zero_share = zeros.numpy().astype(np.float64) / self._weights
        return NetworkScores(np.concatenate(losses, axis=1), zero_share, self._row_weights)

    def _scores(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = self._stack(features, training=False)
        zeros = [
            tf.math.count_nonzero(tf.equal(kernel.weights, 0), axis=(1, 2)) for kernel in kernels(self._stack)
        ]
        return self._loss.of_rows(labels, outputs), tf.add_n(zeros)


def _replace(old: NetworkScores, new: NetworkScores, networks: npt.NDArray[np.bool_]) -> None:
    old.losses[networks] = new.losses[networks]
    old.zero_share[networks] = new.zero_share[networks]
