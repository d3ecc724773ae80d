"""Creates the optimizer: SGD, Adam or AdamW of Keras, or Adam with a proximal step that sets weights to exactly 0."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.config.training import TrainingConfig
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
        l1 = [_threshold(penalized.get(id(v))) if settings.is_proximal else 0.0 for v in variables]
        optimizer = ProximalAdam(l1, **options)
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

    The gradients passed to it must not contain the L1 penalty. Adam's part of the step is one fused operation with the
    formula of Keras, whose ten operations take as long as the rest of the step of a stack of networks.

    Args:
        l1: the strength of the proximal step for each variable, in the order of the variables passed to `build`: a
            number, or an array that can be broadcast to the variable; 0: only Adam.
        options: the arguments of keras.optimizers.Adam.
    """

    def __init__(self, l1: Sequence[float | npt.NDArray[np.float32]], **options: Any) -> None:
        super().__init__(**options)
        self.l1 = tuple(l1)

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
        if not np.any(self.l1[index]):
            return
        # lr / D with bias correction: like Keras, the operation adds epsilon before the correction.
        preconditioner = tf.sqrt(self._velocities[index].value) + self.epsilon
        scale = learning_rate * tf.sqrt(1 - tf.pow(self.beta_2, step)) / preconditioner
        self.assign(variable, soft_threshold(tf.convert_to_tensor(variable), self.l1[index] * scale))


def _threshold(kernel: Kernel | None) -> float | npt.NDArray[np.float32]:
    """Returns the L1 strength of a variable, which is a kernel, or else a bias (None)."""
    if kernel is None:
        return 0.0
    return kernel.l1[:, None, None] if isinstance(kernel.l1, np.ndarray) else kernel.l1


def soft_threshold(w: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Returns sign(w) * max(|w| - threshold, 0), the proximal operator of threshold * |w| (Donoho, 1995).

    >>> soft_threshold(tf.constant([-0.5, 0.125, 2.0]), tf.constant(0.25)).numpy().tolist()
    [-0.25, 0.0, 1.75]
    """
    return w - tf.clip_by_value(w, -threshold, threshold)  # this form never gives -0.0
