"""The group lasso: one penalty for all first-layer weights of a feature, so that they become exactly 0 together.

The penalty is `group_l1 * sum over features of sqrt(number of its weights) * L2 norm of its weights` (Yuan and Lin,
"Model selection and estimation in regression with grouped variables", Journal of the Royal Statistical Society B 2006).
The weights of a feature are those of all its columns in the vector, to all units of the first layer.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Array = npt.NDArray[np.float32]
# The number of the feature of each column of the vector, ascending from 0; [columns].
Groups = npt.NDArray[Any]
NO_GROUPS: Groups = np.empty(0, np.int64)

# Newton's method on the secular equation needs two or three iterations, or at most so many if the steps of the weights
# of a group differ by eight orders of magnitude. It ends after an iteration that changes no norm by more than this.
_MAX_ITERATIONS, _CHANGE = 12, 1e-5


class GroupLasso(keras.regularizers.L1L2):  # type: ignore[misc]
    """The penalties of L1 and L2 and the group lasso.

    Args:
        group_l1: the strength of the group lasso.
        groups: the number of the feature of each row of the kernel, ascending from 0; [inputs].
        options: the arguments of keras.regularizers.L1L2.
    """

    def __init__(self, group_l1: float, groups: Groups, **options: float) -> None:
        super().__init__(**options)
        self.group_l1, self.groups = group_l1, np.asarray(groups)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the penalty of a kernel, float32 [inputs, units]."""
        return super().__call__(x) + self.group_l1 * norm_sum(x, self.groups)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that recreate the regularizer."""
        return {**super().get_config(), "group_l1": self.group_l1, "groups": self.groups.tolist()}


def groups_of(groups: Groups, width: int) -> Groups:
    """Returns the groups of `width` columns: those that are given, or if they are empty, one for each column."""
    return groups if groups.size else np.arange(width)


def group_sizes(groups: Groups) -> npt.NDArray[np.int64]:
    """Returns the number of columns of each feature.

    >>> group_sizes(np.array([0, 1, 1, 1])).tolist()
    [1, 3]
    """
    return np.bincount(groups)


def norm_sum(kernel: tf.Tensor, groups: Groups) -> tf.Tensor:
    """Returns the sum over all features of sqrt(number of weights) * norm of the weights; its gradient is 0 at 0.

    Args:
        kernel: float32 [inputs, units], or of a stack of networks [networks, inputs, units].
        groups: see `GroupLasso`.

    Returns:
        A number, or one for each network, [networks].
    """
    squares = _sums(tf.square(tf.convert_to_tensor(kernel)), groups)
    is_used = squares > 0
    norms = tf.where(is_used, tf.sqrt(tf.where(is_used, squares, 1.0)), 0.0)
    return tf.reduce_sum(norms * _factors(kernel, groups), axis=-1)


def group_step(kernel: tf.Tensor, scale: tf.Tensor, group_l1: float | Array, groups: Groups) -> tf.Tensor:
    """Returns the proximal operator of the group lasso in the metric of Adam's preconditioner.

    It is the w that minimizes `sum((w - kernel) ** 2 / (2 * scale)) + group_l1 * norm_sum(w)`; after the step of L1,
    that of both penalties. With v = kernel / scale, and t = group_l1 * sqrt(size) the threshold of the group, all
    weights of the group are 0 if norm(v) <= t. If not, `w = v * s / (1 + s / scale)`, where s = norm(w) / t solves the
    secular equation `sum((v / t / (1 + s / scale)) ** 2) = 1` (Deleu and Bengio, "Structured Sparsity Inducing Adaptive
    Optimizers for Deep Learning", 2021). Newton's method solves it from the norm before the step. One over the root of
    the sum is concave in s, so from the second iteration on, s rises to the solution without exceeding it.

    Args:
        kernel: the weights after the step of everything else; see `norm_sum`.
        scale: the learning rate divided by the preconditioner, above 0; of the same shape.
        group_l1: the strength; a number, or for a stack [networks, 1, 1].
        groups: see `GroupLasso`.
    """
    thresholds = group_l1 * _to_columns(_factors(kernel, groups), groups)
    # A network of the stack without group lasso has a threshold of 0.
    ratio = tf.math.divide_no_nan(kernel / scale, thresholds)
    is_kept = _to_columns(_sums(tf.square(ratio), groups), groups) > 1
    # Where the group is 0, and nowhere else, the solution would be negative.
    ratio = tf.where(is_kept, ratio, 0.0)
    metric = 1 / scale

    def iterate(s: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        stretch = 1 + _to_columns(s, groups) * metric
        squares = tf.square(ratio / stretch)
        total, slope = _sums(squares, groups), _sums(squares * metric / stretch, groups)
        found = tf.maximum(s + tf.math.divide_no_nan(total * (tf.sqrt(total) - 1), slope), 0.0)
        return found, tf.reduce_max(tf.abs(found - s) - _CHANGE * found)

    start = tf.sqrt(_sums(tf.square(ratio * scale), groups))
    s, _ = tf.while_loop(
        lambda _, excess: excess > 0, iterate, (start, tf.constant(1.0)), maximum_iterations=_MAX_ITERATIONS
    )
    spread = _to_columns(s, groups)
    found = tf.where(is_kept, kernel * (spread / (scale + spread)), 0.0)
    return tf.where(thresholds > 0, found, kernel)


def _sums(values: tf.Tensor, groups: Groups) -> tf.Tensor:
    """Returns the sums over the weights of each feature, [..., features]."""
    rows = tf.reduce_sum(values, axis=-1)
    # XLA must know the number of features, which `segment_sum` does not take.
    numbers = tf.constant(groups, tf.int32)
    return tf.transpose(tf.math.unsorted_segment_sum(tf.transpose(rows), numbers, int(groups[-1]) + 1))


def _to_columns(values: tf.Tensor, groups: Groups) -> tf.Tensor:
    """Returns the value of each feature for all its columns, [..., inputs, 1]."""
    return tf.gather(values, groups, axis=-1)[..., None]


def _factors(kernel: tf.Tensor, groups: Groups) -> Array:
    """Returns the root of the number of weights of each feature, float32 [features]."""
    return np.sqrt(group_sizes(groups) * int(kernel.shape[-1])).astype(np.float32)
