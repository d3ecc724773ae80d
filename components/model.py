"""The network: Dense + ReLU layers with regularizers, and a sigmoid for the probability. No I/O."""

import keras

from components.config import ModelConfig


def build_model(n_features: int, settings: ModelConfig) -> keras.Model:
    """The network for vectors of `n_features` numbers between 0 and 1.

    The penalties `l1 * sum(|w|) + l2 * sum(w ** 2)` (elastic net: Zou and Hastie, 2005) are on the kernels of the
    hidden layers. Biases are free, as Goodfellow, Bengio and Courville advise (Deep Learning, 2016, section 7.1): each
    controls one variable only and needs little data. With no hidden layer the output layer is the model, and its
    kernel is penalized: L1/L2 logistic regression.

    Args:
        n_features: the width of the input, at least 1.
        settings: the layers and what holds them back.

    Returns:
        A model from float32 [batch, n_features] to the probability of the label 1, float32 [batch, 1].
    """
    # All Dense layers before any dropout: each layer draws its seed from Keras when it is made. So the baseline, which
    # has no dropout, starts from the candidate's weights.
    hidden = [
        keras.layers.Dense(
            units, activation="relu", kernel_regularizer=_penalty(settings), name=f"hidden_{index}"
        )
        for index, units in enumerate(settings.hidden_units, start=1)
    ]
    output = keras.layers.Dense(
        1,
        activation="sigmoid",
        kernel_regularizer=None if hidden else _penalty(settings),
        name="probability",
    )
    x = inputs = keras.Input((n_features,), name="features")
    for index, layer in enumerate(hidden, start=1):
        x = layer(x)
        if settings.dropout:
            x = keras.layers.Dropout(settings.dropout, name=f"dropout_{index}")(x)
    return keras.Model(inputs, output(x), name="regpipe")


def _penalty(settings: ModelConfig) -> keras.regularizers.Regularizer | None:
    if not settings.l1 and not settings.l2:
        return None
    return keras.regularizers.L1L2(l1=settings.l1, l2=settings.l2)
