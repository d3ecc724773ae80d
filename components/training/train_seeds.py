"""Trains one network with several seeds, all together as a stack."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import keras

from components.common.errors import TrainingDiverged
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.dataset import Dataset, feature_means
from components.training.epoch_runner import EpochRunner, Scorer
from components.training.history import EpochMetrics
from components.training.loop import divergence_message
from components.training.network import Array, build_model
from components.training.objective import objective_splits
from components.training.signals import defer_signals
from components.training.stack import build_stack
from components.training.strategy import choose_strategy
from components.training.train import Trained


def train_seeds(
    model: ModelConfig,
    training: TrainingConfig,
    seeds: Sequence[int],
    data: tuple[Dataset, Dataset],
    show: Callable[[int, EpochMetrics], None],
) -> list[Trained]:
    """Trains a network with each seed, as `components.training.train.train_network` trains it with this seed.

    Each network has the first weights, the order of the rows and the dropout masks of its seed. On rows that are read
    from disk in several windows (see `components.training.dataset`), all networks read the windows of the first seed.
    The training ends when early stopping has ended that of every network.

    Args:
        model: the layers and their regularization.
        training: the settings for all seeds; the optimizer is not 'proximal_newton'.
        seeds: the seeds, at least one.
        data: the training split and the validation split.
        show: is called after each epoch with the number of networks in training, and the means of their metrics.

    Returns:
        For each seed what `train_network` returns.

    Raises:
        TrainingDiverged: as `train_network`, for any of the seeds.
    """
    training = training.with_optimizer(model.hidden_units)
    train, validation = objective_splits(*data, training)
    with choose_strategy(training).scope(), defer_signals() as check_interrupt:
        mean = feature_means(train)
        trainings = []
        for seed in seeds:
            keras.utils.set_random_seed(seed)
            network = build_model(train.width, model, mean, training.objective, train.groups, train.outputs)
            trainings.append(_Training(network, training))
        weights = [item.best_weights for item in trainings]
        stack = build_stack([model] * len(seeds), weights, mean, training.objective, train.groups)
        runner = EpochRunner(stack, train, training, seeds)
        score = Scorer(stack, validation, training.objective)
        for number in range(1, training.epochs + 1):
            running = [index for index, item in enumerate(trainings) if not item.stopped(number)]
            if not running:
                break
            metrics = runner.run_epoch(number, train, check_interrupt)
            metrics |= {f"val_{name}": value for name, value in score(validation, check_interrupt).items()}
            for index in running:
                epoch = {"epoch": number, **{name: float(value[index]) for name, value in metrics.items()}}
                trainings[index].add(epoch, partial(_weights_of, stack, index))
            means = {name: float(value[running].mean()) for name, value in metrics.items()}
            show(len(running), {"epoch": number, **means})
        return [item.result(_weights_of(stack, index)) for index, item in enumerate(trainings)]


class _Training:
    """One of the trainings: its history, and the weights of its best epoch."""

    def __init__(self, network: keras.Model, settings: TrainingConfig) -> None:
        self._network = network
        self._settings = settings
        self._history: list[EpochMetrics] = []
        self._best_epoch, self._lowest, self._diverged = 0, math.inf, False
        self.best_weights: list[Array] = network.get_weights()

    def stopped(self, number: int) -> bool:
        """Whether the training has ended before this epoch."""
        patience = self._settings.early_stopping
        return self._diverged or bool(patience and number - 1 - self._best_epoch >= patience)

    def add(self, epoch: EpochMetrics, weights: Callable[[], list[Array]]) -> None:
        """Adds an epoch; `weights` returns the weights after it."""
        self._history.append(epoch)
        number, loss = int(epoch["epoch"]), epoch["val_loss"]
        self._diverged = not math.isfinite(loss)
        if self._diverged and not (self._settings.early_stopping and self._best_epoch):
            raise TrainingDiverged(divergence_message(self._network, self._settings, number, loss))
        unpenalized = epoch[f"val_{self._settings.objective.name}"]
        if not self._diverged and unpenalized < self._lowest:
            self._best_epoch, self._lowest, self.best_weights = number, unpenalized, weights()

    def result(self, last_weights: list[Array]) -> Trained:
        """Returns the network with the weights of its best epoch, or without early stopping with the last ones."""
        self._network.set_weights(self.best_weights if self._settings.early_stopping else last_weights)
        return Trained(self._network, self._history, self.best_weights)


def _weights_of(stack: keras.Model, index: int) -> list[Array]:
    """Returns the weights of one network, shaped as those of `build_model`."""
    return [
        array[index] if number % 2 == 0 else array[index, 0]
        for number, array in enumerate(stack.get_weights())
    ]
