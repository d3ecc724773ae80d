"""Creates the optimizer: SGD, Adam or AdamW of Keras, or Adam with a proximal step that sets weights to exactly 0."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from components.config.training import TrainingConfig
from components.training.network import kernels

PROXIMAL = "proximal_adam"


def make_optimizer(settings: TrainingConfig, model: keras.Model) -> keras.optimizers.Optimizer:
    """Returns the configured optimizer, built for the model's weights. Call it in the scope of the model's strategy.

    Weight decay is decoupled from the gradient (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR
    2019): before its step the optimizer subtracts learning_rate * weight_decay * w from each kernel w. Biases do not
    decay, just as they have no penalty.
    """
    penalized = {id(kernel.weights): kernel for kernel in kernels(model)}
    variables = model.trainable_variables
    options = {"learning_rate": settings.learning_rate, "weight_decay": settings.weight_decay or None}
    match settings.optimizer:
        case "sgd":
            optimizer = keras.optimizers.SGD(**options)
        case "proximal_adam":
            l1 = [penalized[id(v)].l1 if id(v) in penalized else 0.0 for v in variables]
            optimizer = ProximalAdam(l1, **options)
        case "adam" | "adamw":  # they differ only in the weight decay
            optimizer = keras.optimizers.Adam(**options)
    optimizer.exclude_from_weight_decay(var_list=[v for v in variables if id(v) not in penalized])
    optimizer.build(variables)
    return optimizer


class ProximalAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Adam on the smooth part of the loss, then the proximal operator of the L1 penalty.

    With Adam's preconditioner D = sqrt(v_hat) + epsilon, a step is w <- S(w - lr * m_hat / D, lr * l1 / D), where
    S(w, t) = sign(w) * max(|w| - t, 0) is the soft threshold: ProxGen with an L1 regularizer (Yun, Lozano and Yang,
    "Adaptive Proximal Gradient Methods for Structured Neural Networks", NeurIPS 2021; `AdamL1` in their code). Because
    step and threshold are divided by the same D, w is a fixed point exactly if gradient(w) + l1 * subgradient(|w|)
    contains 0, which holds at the minimum of the penalized loss. A threshold of lr * l1 would have another fixed point.

    The gradients passed to it must not contain the L1 penalty.

    Args:
        l1: the L1 strength of each variable, in the order of the variables passed to `build`; 0: no L1.
        options: the arguments of keras.optimizers.Adam.
    """

    def __init__(self, l1: Sequence[float], **options: Any) -> None:
        super().__init__(**options)
        self.l1 = tuple(l1)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Updates one variable. Keras calls this on each replica with the sum of the replicas' gradients."""
        super().update_step(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        if not self.l1[index]:
            return
        # lr / D as Keras computes it, with bias correction: Keras adds epsilon before the correction.
        correction = tf.sqrt(1 - tf.pow(self.beta_2, tf.cast(self.iterations + 1, tf.float32)))
        scale = learning_rate * correction / (tf.sqrt(self._velocities[index].value) + self.epsilon)
        self.assign(variable, soft_threshold(tf.convert_to_tensor(variable), self.l1[index] * scale))


def soft_threshold(w: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Returns sign(w) * max(|w| - threshold, 0), the proximal operator of threshold * |w| (Donoho, 1995).

    >>> soft_threshold(tf.constant([-0.5, 0.125, 2.0]), tf.constant(0.25)).numpy().tolist()
    [-0.25, 0.0, 1.75]
    """
    return w - tf.clip_by_value(w, -threshold, threshold)  # this form never gives -0.0
