"""Dropout whose mask depends only on the seed, the step, the layer and the row's position in the global batch.

Any number of replicas therefore drops the same outputs, and a resumed training drops the same outputs as one that was
not interrupted. Keras's own layer has a random state on each replica, and costs about as much as the rest of a step;
here all layers share one draw of random numbers.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

_GAMMA = 0x9E3779B97F4A7C15
_LANES = 4  # numbers of 16 bits in one of 64 bits
_LEVELS = 2**16


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


class DropoutMasks:
    """Draws the factors for the outputs of each Dropout layer: 0, or 1 / (1 - rate), which preserves the mean.

    This is inverted dropout (Srivastava et al., "Dropout", JMLR 2014). The random number generator is SplitMix64
    (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), whose n-th number is a
    function of the seed and n. Each step uses the numbers after those of the step before, in the order of the rows. An
    output of a layer has 16 of the 64 bits of a number, so its rate is that of the layer to 1 / 131,072.

    XLA makes one loop of the generator and the comparisons. On a CPU this takes a tenth of the time of TensorFlow's own
    generator, Philox.

    Args:
        model: a network, or a stack of networks.
        seeds: the seed of the training; of a stack one for each network, or one for all, which then use the same random
            numbers.
        rows: the size of the global batch.
    """

    def __init__(self, model: keras.Model, seeds: Sequence[int], rows: int) -> None:
        layers = [layer for layer in model.layers if isinstance(layer, Dropout)]
        self._units = [layer.output.shape[-1] for layer in layers]
        self._dropped = [
            np.minimum(np.rint(np.multiply(layer.rate, _LEVELS)), _LEVELS - 1) for layer in layers
        ]
        self._seeds = tuple(seeds)
        self._rows = rows
        self._draw = tf.function(self._masks, jit_compile=True, autograph=False)

    def __call__(self, step: tf.Tensor) -> list[tf.Tensor]:
        """Returns a tensor float32 [rows, units] for each layer; of a stack [networks, rows, units].

        Args:
            step: the number of previous steps; integer scalar.
        """
        return self._draw(step) if self._units else []

    def _masks(self, step: tf.Tensor) -> list[tf.Tensor]:
        width = sum(self._units)
        words = math.ceil(self._rows * width / _LANES)
        number = tf.cast(step, tf.uint64) * words + np.arange(1, words + 1, dtype=np.uint64)
        by_seed = []
        for seed in self._seeds:
            lanes = tf.reshape(tf.bitcast(split_mix(number * _GAMMA + seed), tf.int16), [-1])
            by_seed.append(tf.reshape(lanes[: self._rows * width], [self._rows, width]))
        drawn = tf.stack(by_seed) if len(by_seed) > 1 else by_seed[0]
        parts = tf.split(drawn, self._units, axis=-1)
        return [
            tf.where(
                part >= tf.constant(dropped - _LEVELS // 2, tf.int16),
                tf.constant(_LEVELS / (_LEVELS - dropped), tf.float32),
                0.0,
            )
            for part, dropped in zip(parts, self._dropped, strict=True)
        ]


def split_mix(state: tf.Tensor) -> tf.Tensor:
    """Returns the numbers of SplitMix64 at these states, both uint64: each bit of a state changes half of the bits.

    >>> hex(split_mix(tf.constant([0x9E3779B97F4A7C15], tf.uint64)).numpy()[0])
    '0xe220a8397b1dcdaf'
    """
    mixed = state
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        mixed = tf.bitwise.bitwise_xor(mixed, tf.bitwise.right_shift(mixed, tf.constant(shift, tf.uint64)))
        mixed *= tf.constant(factor, tf.uint64)
    return mixed
