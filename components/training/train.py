"""Builds and trains one network under the configured distribution strategy."""

from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import MULTI_WORKER, NEWTON, TrainingConfig
from components.training.checkpoints import Checkpoints
from components.training.dataset import Dataset, feature_means
from components.training.history import EpochMetrics
from components.training.logistic_regression import fit_logistic_regression
from components.training.loop import run_training_loop
from components.training.multi_worker import train_on_workers
from components.training.network import Array, build_model
from components.training.objective import objective_splits
from components.training.strategy import choose_strategy
from components.training.worker_files import Assignment


class Trained(NamedTuple):
    """The result of a training.

    Attributes:
        network: the trained network.
        history: the metrics of each epoch.
        best_weights: the weights of the epoch with the lowest validation loss, without the penalties, in the order of
            `network.get_weights()`. With early stopping, and for logistic regression, they are the network's.
    """

    network: keras.Model
    history: list[EpochMetrics]
    best_weights: list[Array]


def train_network(
    model: ModelConfig,
    training: TrainingConfig,
    train: Dataset,
    validation: Dataset,
    run_dir: Path | str | None = None,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Trains a network from its initial weights. The same arguments give the same network.

    Its outputs are those of the objective: with class weights its probabilities are not calibrated, and a predicted
    number is scaled. See `components.training.final_outputs`.

    Args:
        model: the layers and their regularization.
        training: the training settings, including seed, strategy and class weights.
        train: the training split.
        validation: the validation split, scored after each epoch.
        run_dir: as in `components.training.loop.run_training_loop`.
        checkpoints: as in `run_training_loop`.
    """
    training = training.with_optimizer(model.hidden_units)
    splits = objective_splits(train, validation, training)
    if training.strategy == MULTI_WORKER and training.optimizer != NEWTON:
        folder = checkpoints.folder if checkpoints else None
        assignment = Assignment(
            model=model, training=training, run_dir=str(run_dir) if run_dir else None, checkpoints=folder
        )
        history, weights, best_weights = train_on_workers(training.workers, assignment, *splits)
        network = _initial_network(model, training, splits[0])
        network.set_weights(weights)
        return Trained(network, history, best_weights)
    return train_under(choose_strategy(training), model, training, splits, run_dir, checkpoints)


def train_under(
    strategy: tf.distribute.Strategy,
    model: ModelConfig,
    training: TrainingConfig,
    splits: tuple[Dataset, Dataset],
    run_dir: Path | str | None,
    checkpoints: Checkpoints | None,
) -> Trained:
    """Trains a network in this process, under a strategy. Arguments as in `train_network`, with two differences.

    Args:
        strategy: the distribution strategy.
        model: as in `train_network`.
        training: with the optimizer that 'auto' means.
        splits: the training split and the validation split, as the objective reads them.
        run_dir: as in `train_network`.
        checkpoints: as in `train_network`.
    """
    train, validation = splits
    keras.utils.set_random_seed(training.seed)
    with strategy.scope():
        network = _initial_network(model, training, train)
        run = fit_logistic_regression if training.optimizer == NEWTON else run_training_loop
        return Trained(network, *run(network, train, validation, training, run_dir, checkpoints))


def _initial_network(model: ModelConfig, training: TrainingConfig, train: Dataset) -> keras.Model:
    return build_model(
        train.width, model, feature_means(train), training.objective, train.groups, train.outputs
    )
