"""Dropout whose mask depends only on the seed, the step, the layer and the row's position in the global batch.

Any number of replicas therefore drops the same outputs, and a resumed training drops the same outputs as one that was
not interrupted. Keras's own layer has a random state on each replica, and costs about as much as the rest of a step;
here all layers share one draw of random numbers.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

_PHILOX = 1  # tf.random.Algorithm.PHILOX


class Dropout(keras.layers.Layer):  # type: ignore[misc]
    """A layer that multiplies its input by a dropout mask. Without a mask it returns its input.

    Args:
        rate: the fraction of the outputs that is dropped, in [0, 1); of several stacked networks [networks, 1, 1].
    """

    def __init__(self, rate: float | npt.NDArray[np.float32], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, x: tf.Tensor, keep: tf.Tensor | None = None) -> tf.Tensor:
        """Returns `x * keep` (both [..., batch, units]), or `x` itself, without any operation, if there is no mask."""
        return x if keep is None else x * keep

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that recreate the layer."""
        return {**super().get_config(), "rate": self.rate}


def training_forward_pass(model: keras.Model, x: tf.Tensor, masks: list[tf.Tensor]) -> tf.Tensor:
    """Returns the model's output in training: applies its layers in order, each Dropout layer with its mask."""
    next_mask = iter(masks)
    for layer in model.layers[1:]:
        x = layer(x, keep=next(next_mask)) if isinstance(layer, Dropout) else layer(x)
    return x


def dropout_masks(
    model: keras.Model, seeds: Sequence[int], step: tf.Tensor, rows: tf.Tensor, share: slice
) -> list[tf.Tensor]:
    """Returns the factors for the outputs of each Dropout layer: 0, or 1 / (1 - rate), which preserves the mean.

    This is inverted dropout (Srivastava et al., "Dropout", JMLR 2014). The random number generator is Philox (Salmon et
    al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): its key is the seed, the upper half of its counter is
    the step, and the lower half is the position in the batch. Each step therefore has its own random numbers.

    Args:
        model: a network, or a stack of networks.
        seeds: the seed of the training; of a stack one for each network, or one for all, which then use the same random
            numbers.
        step: the number of previous steps; int64 scalar.
        rows: the size of the global batch; int32 scalar.
        share: the rows of the global batch to return masks for.

    Returns:
        Tensors float32 [share, units]; of a stack [networks, share, units].
    """
    layers = [layer for layer in model.layers if isinstance(layer, Dropout)]
    if not layers:
        return []
    units = [layer.output.shape[-1] for layer in layers]
    counter = tf.stack([tf.constant(0, tf.uint64), tf.cast(step, tf.uint64)])
    shape = tf.stack([rows, sum(units)])
    by_seed = [
        tf.raw_ops.StatelessRandomUniformV2(
            shape=shape, key=tf.constant([seed], tf.uint64), counter=counter, alg=_PHILOX
        )[share]
        for seed in seeds
    ]
    drawn = tf.stack(by_seed) if len(seeds) > 1 else by_seed[0]
    parts = tf.split(drawn, units, axis=-1) if len(units) > 1 else [drawn]
    rates = [tf.constant(layer.rate, tf.float32) for layer in layers]
    return [tf.where(part >= rate, 1 / (1 - rate), 0.0) for part, rate in zip(parts, rates, strict=True)]
