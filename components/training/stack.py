"""Stacks several networks with the same layers into one model, which computes all of them in the same operations.

On one small network most of a step's time is the overhead of its operations. A step of 16 stacked networks takes two to
three times as long as a step of one.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.regularization import DROPOUT, GROUP_L1, L1, L2, Regularization
from components.tasks.binary import LOG_LOSS
from components.tasks.task import Loss
from components.training.centering import Centering
from components.training.dropout import Dropout
from components.training.group_lasso import NO_GROUPS, Groups, groups_of

Array = npt.NDArray[np.float32]


class StackedDense(keras.layers.Layer):  # type: ignore[misc]
    """The Dense layers of several networks at the same place.

    Args:
        kernel: the initial kernels; [networks, inputs, units].
        bias: the initial biases; [networks, units].
        strengths: the strengths of L1 and L2 for the kernel of each network; [networks] each.
        activation: as of keras.layers.Dense.
        group_lasso: of the first layer, the strength of the group lasso of each network, [networks], and the number of
            the feature of each input; see `components.training.group_lasso.GroupLasso`.
    """

    def __init__(
        self,
        kernel: Array,
        bias: Array,
        strengths: tuple[Array, Array],
        activation: str,
        group_lasso: tuple[Array, Groups],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.l1, self.l2 = strengths
        self.group_l1, self.groups = group_lasso
        self.activation = keras.activations.get(activation)
        self.kernel = self._weight(kernel, "kernel")
        self.bias = self._weight(bias[:, None, :], "bias")
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the outputs of all networks, [networks, batch, units].

        Args:
            x: the same inputs for all networks, [batch, inputs], or one for each, [networks, batch, inputs].
        """
        return self.activation(tf.matmul(x, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns [networks, batch, units]."""
        networks, _, units = self.kernel.shape
        return networks, input_shape[-2], units

    def _weight(self, values: Array, name: str) -> keras.Variable:
        return self.add_weight(values.shape, lambda *_, **__: tf.constant(values), name=name)


def build_stack(
    networks: Sequence[ModelConfig],
    weights: Sequence[Sequence[Array]],
    mean: Array,
    loss: Loss = LOG_LOSS,
    groups: Groups = NO_GROUPS,
) -> keras.Model:
    """Builds a model of several networks, each of which is trained as it would be trained alone.

    All networks get the same batches, and where they have dropout, masks of the same random numbers.

    Args:
        networks: their layers, which are the same for all, and their strengths, which are numbers.
        weights: for each network its initial weights, as `build_model(...).get_weights()` returns them.
        mean: the mean of each feature.
        loss: as in `build_model`.
        groups: as in `build_model`.

    Returns:
        A model from float32 [batch, n_features] to the output of each network, float32 [networks, batch, outputs].
    """
    first = networks[0]
    kernels, biases = ([np.stack(part) for part in zip(*weights, strict=True)][start::2] for start in (0, 1))
    l1, l2, dropout = (_by_layer(networks, item) for item in (L1, L2, DROPOUT))
    (group_l1,) = _by_layer(networks, GROUP_L1)
    no_group_lasso = np.zeros_like(group_l1), NO_GROUPS
    x = inputs = keras.Input((mean.size,), name="features")
    x = Centering(mean.tolist(), name="centering")(x)
    for index, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        hidden = index < len(first.hidden_units)
        name = f"hidden_{index + 1}" if hidden else loss.output.name
        strengths = l1[index], l2[index]
        activation = "relu" if hidden else loss.output.activation
        group_lasso = no_group_lasso if index else (group_l1, groups_of(groups, mean.size))
        x = StackedDense(kernel, bias, strengths, activation, group_lasso, name=name)(x)
        if hidden and dropout[index].any():
            x = Dropout(dropout[index][:, None, None], name=f"dropout_{index + 1}")(x)
    return keras.Model(inputs, x, name="regpipe_stack")


def _by_layer(networks: Sequence[ModelConfig], item: Regularization) -> list[Array]:
    """Returns for each layer the strengths of all networks, [networks]."""
    values = np.array([network.by_layer(item) for network in networks], np.float32)
    return list(values.reshape(len(networks), -1).T)
