"""Builds the network: Dense layers with ReLU and kernel regularizers, and the output layer of the task."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from components.config.model import ModelConfig
from components.config.regularization import DROPOUT, L1, L2
from components.tasks.binary import LOG_LOSS
from components.tasks.task import Loss
from components.training.centering import Centering
from components.training.dropout import Dropout
from components.training.group_lasso import NO_GROUPS, GroupLasso, Groups, groups_of
from components.training.stack import StackedDense

Array = npt.NDArray[np.float32]


class Kernel(NamedTuple):
    """The kernel of one layer, without the biases, and its penalty strengths.

    Of a Dense layer: float32 [inputs, units], and two numbers. Of a StackedDense layer, which has a kernel for each of
    several networks: float32 [networks, inputs, units], and float32 [networks] each. Only that of the first layer may
    have a group lasso; see `components.training.group_lasso.GroupLasso`.
    """

    layer: str
    weights: keras.Variable
    l1: float | Array
    l2: float | Array
    group_l1: float | Array = 0.0
    groups: Groups = NO_GROUPS


def build_model(
    n_features: int,
    settings: ModelConfig,
    mean: Array | None = None,
    loss: Loss = LOG_LOSS,
    groups: Groups = NO_GROUPS,
    outputs: int = 1,
) -> keras.Model:
    """Builds the network for vectors of `n_features` numbers between 0 and 1.

    The penalty `l1 * sum(|w|) + l2 * sum(w ** 2)` (elastic net: Zou and Hastie, 2005) applies to the kernel of every
    layer, including the output layer. Biases are not regularized, as Goodfellow, Bengio and Courville advise (Deep
    Learning, 2016, section 7.1: "only the weights of the affine transformation at each layer"): a bias controls a
    single variable and needs little data. Without a hidden layer the network is L1/L2 logistic or linear regression.

    Args:
        n_features: the width of the input, at least 1.
        settings: the layers and their regularization; each strength is a number.
        mean: the mean of each feature in the training split, which the network subtracts; None: it subtracts nothing.
        loss: the loss that will be minimized, which determines the output layer.
        groups: the number of the feature of each column, for the group lasso; empty: each column is one.
        outputs: the number of outputs: see `InMemoryDataset.outputs`.

    Returns:
        A model from float32 [batch, n_features] to the output of the task, such as the probability of the label 1,
        float32 [batch, outputs]. Its Dropout layers are active only in
        `components.training.dropout.training_forward_pass`.
    """
    units = [*settings.hidden_units, outputs]
    names = [*(f"hidden_{index}" for index in range(1, len(units))), loss.output.name]
    activations = ["relu"] * (len(units) - 1) + [loss.output.activation]
    strengths = zip(settings.by_layer(L1), settings.by_layer(L2), strict=True)
    regularizers = [_kernel_regularizer(l1, l2) for l1, l2 in strengths]
    if settings.group_l1:
        own = {"l1": settings.by_layer(L1)[0], "l2": settings.by_layer(L2)[0]}
        regularizers[0] = GroupLasso(settings.group_l1, groups_of(groups, n_features), **own)
    dense = [
        keras.layers.Dense(size, activation=activation, kernel_regularizer=regularizer, name=name)
        for size, activation, regularizer, name in zip(units, activations, regularizers, names, strict=True)
    ]
    x = inputs = keras.Input((n_features,), name="features")
    if mean is not None:
        x = Centering(mean.tolist(), name="centering")(x)
    for index, (layer, rate) in enumerate(zip(dense[:-1], settings.by_layer(DROPOUT), strict=True), start=1):
        x = layer(x)
        if rate:
            x = Dropout(rate, name=f"dropout_{index}")(x)
    return keras.Model(inputs, dense[-1](x), name="regpipe")


def affine_output(weights: Sequence[Array], slope: float, shift: float) -> list[Array]:
    """Returns the weights of a network whose output before the activation is slope * z + shift, where it was z.

    Args:
        weights: as `get_weights()` of a network of `build_model`: the last two are the output layer's kernel and bias,
            the only ones that change. Weights that are exactly 0 remain 0.
        slope: a number.
        shift: a number.
    """
    *hidden, kernel, bias = weights
    return [*hidden, kernel * np.float32(slope), bias * np.float32(slope) + np.float32(shift)]


def kernels(model: keras.Model) -> list[Kernel]:
    """Returns the kernel of each layer of a network, or of a stack of networks, from the input to the output."""
    return [_kernel(layer) for layer in model.layers if isinstance(layer, keras.layers.Dense | StackedDense)]


def _kernel(layer: keras.layers.Layer) -> Kernel:
    penalty = layer if isinstance(layer, StackedDense) else layer.kernel_regularizer
    strengths = (penalty.l1, penalty.l2) if penalty else (0.0, 0.0)
    grouped = (penalty.group_l1, penalty.groups) if hasattr(penalty, "groups") else ()
    return Kernel(layer.name, layer.kernel, *strengths, *grouped)


def _kernel_regularizer(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None
