"""Creates the optimizer: SGD, Adam or AdamW of Keras, or Adam with a proximal step that sets weights to exactly 0."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.config.training import TrainingConfig
from components.training.group_lasso import group_step
from components.training.network import Kernel, kernels


def make_optimizer(settings: TrainingConfig, model: keras.Model) -> keras.optimizers.Optimizer:
    """Returns the configured optimizer, built for the model's weights. Call it in the scope of the model's strategy.

    Weight decay is decoupled from the gradient (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR
    2019): before its step the optimizer subtracts learning_rate * weight_decay * w from each kernel w. Biases do not
    decay, just as they have no penalty.
    """
    penalized = {id(kernel.weights): kernel for kernel in kernels(model)}
    variables = model.trainable_variables
    options = {"learning_rate": settings.learning_rate, "weight_decay": settings.weight_decay or None}
    if settings.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(**options)
    else:  # adam and adamw differ only in the weight decay
        proximal = [penalized.get(id(v)) if settings.is_proximal else None for v in variables]
        optimizer = ProximalAdam(proximal, **options)
    optimizer.exclude_from_weight_decay(var_list=[v for v in variables if id(v) not in penalized])
    optimizer.build(variables)
    return optimizer


class ProximalAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Adam on the smooth part of the loss, then the proximal operator of L1 and the group lasso.

    With Adam's preconditioner D = sqrt(v_hat) + epsilon, a step is w <- S(w - lr * m_hat / D, lr * l1 / D), where
    S(w, t) = sign(w) * max(|w| - t, 0) is the soft threshold: ProxGen with an L1 regularizer (Yun, Lozano and Yang,
    "Adaptive Proximal Gradient Methods for Structured Neural Networks", NeurIPS 2021; `AdamL1` in their code). Because
    step and threshold are divided by the same D, w is a fixed point exactly if gradient(w) + l1 * subgradient(|w|)
    contains 0, which holds at the minimum of the penalized loss. A threshold of lr * l1 would have another fixed point.
    The same holds for the group lasso, whose step is in `components.training.group_lasso.group_step`.

    The gradients passed to it must not contain these penalties. Adam's part of the step is one fused operation with the
    formula of Keras, whose ten operations take as long as the rest of the step of a stack of networks.

    Args:
        proximal: the kernel, with its penalties, that each variable is, in the order of the variables passed to
            `build`; None: only Adam.
        options: the arguments of keras.optimizers.Adam.
    """

    def __init__(self, proximal: Sequence[Kernel | None], **options: Any) -> None:
        super().__init__(**options)
        self.proximal = tuple(proximal)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Updates one variable. Keras calls this on each replica with the sum of the replicas' gradients."""
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )
        kernel = self.proximal[index]
        if kernel is None or not (np.any(kernel.l1) or np.any(kernel.group_l1)):
            return
        # lr / D with bias correction: like Keras, the operation adds epsilon before the correction.
        preconditioner = tf.sqrt(self._velocities[index].value) + self.epsilon
        scale = learning_rate * tf.sqrt(1 - tf.pow(self.beta_2, step)) / preconditioner
        w = soft_threshold(tf.convert_to_tensor(variable), _for_each_weight(kernel.l1) * scale)
        if np.any(kernel.group_l1):
            w = group_step(w, scale, _for_each_weight(kernel.group_l1), kernel.groups)
        self.assign(variable, w)


def _for_each_weight(strength: float | npt.NDArray[np.float32]) -> float | npt.NDArray[np.float32]:
    """Returns the strength of a kernel; those of a stack, [networks], as [networks, 1, 1]."""
    return strength[:, None, None] if isinstance(strength, np.ndarray) else strength


def soft_threshold(w: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Returns sign(w) * max(|w| - threshold, 0), the proximal operator of threshold * |w| (Donoho, 1995).

    >>> soft_threshold(tf.constant([-0.5, 0.125, 2.0]), tf.constant(0.25)).numpy().tolist()
    [-0.25, 0.0, 1.75]
    """
    return w - tf.clip_by_value(w, -threshold, threshold)  # this form never gives -0.0
