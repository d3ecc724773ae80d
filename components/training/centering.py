"""A layer that subtracts the training mean of each feature."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


class Centering(keras.layers.Layer):  # type: ignore[misc]
    """Subtracts a constant from each feature, so that the first Dense layer has inputs with a mean of 0.

    Inputs that are all positive give the gradients of all weights of a unit the same sign, which slows gradient descent
    down (LeCun et al., "Efficient BackProp", 1998, section 4.3). A kernel and its penalties mean the same with and
    without this layer: it only moves the bias of the next layer by a constant.

    Args:
        mean: the mean of each feature in the training split.
    """

    def __init__(self, mean: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mean = list(mean)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Returns `x - mean`; both [batch, n_features]."""
        return x - tf.constant(self.mean, tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that recreate the layer."""
        return {**super().get_config(), "mean": self.mean}
