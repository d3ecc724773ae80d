"""Chooses the distribution strategy of a training."""

import tensorflow as tf


def choose_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the distribution strategy for a value of training.strategy.

    'mirrored' is MirroredStrategy over all GPUs (over the CPU if there is no GPU), 'auto' is MirroredStrategy only if
    there is a GPU. On one CPU replica MirroredStrategy is two to three times slower than the default strategy.
    """
    if name == "mirrored" or (name == "auto" and tf.config.list_physical_devices("GPU")):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()
