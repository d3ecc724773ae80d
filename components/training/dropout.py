"""Dropout whose mask depends on the seed, the step, the layer and the row's place in the global batch only.

So any number of replicas drops the same outputs, and a resumed training those of one that was never cut off. Keras's
own layer has a state of its own on each replica, and costs about as much as the rest of a step: here one draw of
random numbers serves all layers.
"""

from typing import Any

import keras
import tensorflow as tf

_PHILOX = 1  # tf.random.Algorithm.PHILOX


class Dropout(keras.layers.Layer):  # type: ignore[misc]
    """Marks where outputs are dropped, and at what rate. It changes nothing unless it is told what to keep.

    Args:
        rate: the share that is dropped, at least 0 and below 1.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, x: tf.Tensor, keep: tf.Tensor | None = None) -> tf.Tensor:
        """`x` times `keep`, both [batch, units]; `x` itself without `keep`: no operation at all."""
        return x if keep is None else x * keep

    def get_config(self) -> dict[str, Any]:
        """What it takes to make the layer again."""
        return {**super().get_config(), "rate": self.rate}


def training_forward_pass(model: keras.Model, x: tf.Tensor, masks: list[tf.Tensor]) -> tf.Tensor:
    """The model's output in training: a chain of layers, with a mask of `dropout_masks` for each Dropout among them."""
    waiting = iter(masks)
    for layer in model.layers[1:]:
        x = layer(x, keep=next(waiting)) if isinstance(layer, Dropout) else layer(x)
    return x


def dropout_masks(
    model: keras.Model, seed: int, step: tf.Tensor, rows: tf.Tensor, share: slice
) -> list[tf.Tensor]:
    """For each Dropout layer what its outputs are multiplied by: 0, or 1 / (1 - rate) so that the mean stays.

    (Inverted dropout; Srivastava et al., "Dropout", JMLR 2014.) The generator is Philox (Salmon et al., "Parallel
    random numbers: as easy as 1, 2, 3", SC 2011): the key is the seed, the upper half of its counter the step, and
    the lower half runs over the batch. So each step has numbers of its own.

    Args:
        model: as `build_model` made it.
        seed: of the training.
        step: how many steps there were before; int64 scalar.
        rows: the size of the global batch; int32 scalar.
        share: which of its rows are wanted.

    Returns:
        Tensors float32 [share, units].
    """
    layers = [layer for layer in model.layers if isinstance(layer, Dropout)]
    if not layers:
        return []
    units = [layer.output.shape[-1] for layer in layers]
    drawn = tf.raw_ops.StatelessRandomUniformV2(
        shape=tf.stack([rows, sum(units)]),
        key=tf.constant([seed], tf.uint64),
        counter=tf.stack([tf.constant(0, tf.uint64), tf.cast(step, tf.uint64)]),
        alg=_PHILOX,
    )[share]
    rates = tf.repeat(tf.constant([layer.rate for layer in layers], tf.float32), units)
    kept = tf.where(drawn >= rates, 1 / (1 - rates), 0.0)
    return list(tf.split(kept, units, axis=1)) if len(units) > 1 else [kept]
