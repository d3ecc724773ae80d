"""Chooses the distribution strategy of a training."""

import tensorflow as tf

from components.config.training import TrainingConfig


def choose_strategy(settings: TrainingConfig) -> tf.distribute.Strategy:
    """Returns the distribution strategy of training.strategy.

    'mirrored' is MirroredStrategy over all GPUs (over the CPU if there is no GPU), 'auto' is MirroredStrategy only if
    there are several GPUs. The default strategy places the operations on the GPU if there is one. On one CPU,
    MirroredStrategy with its one replica is two to three times slower than the default strategy.

    'multi_worker' is the default strategy here: what is not trained by workers, such as the networks of the Tuner, is
    trained on one device. See `components.training.multi_worker` for the others.

    With a GPU and training.deterministic, TensorFlow is told to use only operations with the same result each time; a
    process can't undo it. On a CPU the operations of a training have the same result each time without it.
    """
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus and settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    if settings.strategy == "mirrored" or (settings.strategy == "auto" and gpus > 1):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()
