"""Builds and trains one network under the configured distribution strategy."""

from pathlib import Path

import keras
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.checkpoints import Checkpoints
from components.training.dataset import Dataset
from components.training.history import EpochMetrics
from components.training.loop import run_training_loop
from components.training.network import build_model


def train_network(
    model: ModelConfig,
    training: TrainingConfig,
    train: Dataset,
    validation: Dataset,
    run_dir: Path | str | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[keras.Model, list[EpochMetrics]]:
    """Trains a network from its initial weights. The same arguments give the same network.

    Args:
        model: the layers and their regularization.
        training: the training settings, including seed and strategy.
        train: the training split.
        validation: the validation split, scored after each epoch.
        run_dir: as in `components.training.loop.run_training_loop`.
        checkpoints: as in `run_training_loop`.

    Returns:
        The network, and the metrics of each epoch.
    """
    keras.utils.set_random_seed(training.seed)
    with choose_strategy(training.strategy).scope():
        network = build_model(train.width, model)
        return network, run_training_loop(network, train, validation, training, run_dir, checkpoints)


def choose_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the distribution strategy for a value of training.strategy.

    'mirrored' is MirroredStrategy over all GPUs (over the CPU if there is no GPU), 'auto' is MirroredStrategy only if
    there is a GPU. On one CPU replica MirroredStrategy is two to three times slower than the default strategy.
    """
    if name == "mirrored" or (name == "auto" and tf.config.list_physical_devices("GPU")):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()
