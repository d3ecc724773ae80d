"""The exact minimum of penalized logistic or linear regression, by a proximal Newton method in NumPy.

The penalized loss is convex, and a gradient method with small batches only comes near its minimum. Each iteration here
reads all rows once to compute the loss, its gradient and its Hessian (float64), and then minimizes the quadratic model
plus L1 and the group lasso (Lee, Sun and Saunders, "Proximal Newton-type methods for minimizing composite functions",
SIAM Journal on Optimization 2014). About ten iterations reach the minimum.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.tasks.binary import LOG_LOSS
from components.tasks.task import AtMargins, Loss
from components.training.dataset import Dataset
from components.training.group_lasso import NO_GROUPS, Groups, group_sizes
from components.training.grouped_quadratic import Group, minimize_grouped

Array = npt.NDArray[np.float64]

# A step is accepted if the loss falls by this share of what the quadratic model promises (Armijo's rule).
_ACCEPTED_SHARE = 1e-4
_MAX_HALVINGS = 30
# The minimum is reached if the next step would lower the loss by less than this; float64 resolves about 1e-16.
_TOLERANCE = 1e-13
# The quadratic model need not be minimized exactly in every iteration: the next one starts from where this one ended.
_MAX_SWEEPS = 50
# Relative to the largest diagonal element of the Hessian, which is singular if columns are equal or constant.
_RIDGE = 1e-12
_BATCH_BYTES = 64 * 2**20


class Penalty(NamedTuple):
    """The penalty `l1 * sum(|w|) + l2 * sum(w ** 2)` on the weights, and the group lasso. The intercept has none.

    Attributes:
        l1, l2: the strengths.
        group_l1, groups: of the group lasso; see `components.training.group_lasso.GroupLasso`.
    """

    l1: float
    l2: float
    group_l1: float = 0.0
    groups: Groups = NO_GROUPS

    def value(self, weights: Array) -> float:
        """Returns the penalty of these weights; of the coefficients, with an intercept of 0."""
        found = float(self.l1 * np.abs(weights).sum() + self.l2 * np.square(weights).sum())
        return found + self.group_lasso(weights)

    def group_lasso(self, weights: Array) -> float:
        """Returns the group lasso of these weights, or of the coefficients, whose intercept has none."""
        return sum(group.threshold * float(np.linalg.norm(weights[group.at])) for group in self._of_weights())

    def blocks(self) -> list[Group]:
        """Returns the groups of the coefficients, the intercept included; empty without group lasso."""
        found = self._of_weights()
        return [*found, Group(np.array([len(self.groups)]), 0.0)] if found else []

    def _of_weights(self) -> list[Group]:
        if not self.group_l1:
            return []
        ends = np.cumsum(group_sizes(self.groups))
        members = np.split(np.arange(len(self.groups)), ends[:-1])
        return [Group(at, self.group_l1 * math.sqrt(at.size)) for at in members]


class Point(NamedTuple):
    """The loss at some coefficients.

    Attributes:
        coefficients: the weights, then the intercept; [n_features + 1].
        loss: the weighted mean over the rows, without the penalty.
        penalized: with the penalty.
        further: the weighted mean of the second metric.
        gradient: of the loss with the L2 penalty alone; [n_features + 1].
        hessian: likewise; [n_features + 1, n_features + 1].
    """

    coefficients: Array
    loss: float
    penalized: float
    further: float
    gradient: Array
    hessian: Array


def iterations(
    data: Dataset, mean: Array, start: Array, penalty: Penalty, loss: Loss = LOG_LOSS, *, at_least: int = 1
) -> Iterator[Point]:
    """Yields the point after each iteration, until the minimum is reached.

    Args:
        data: the rows.
        mean: is subtracted from each row; [n_features], or [1].
        start: the first coefficients; [n_features + 1].
        penalty: the strengths.
        loss: the loss of a row.
        at_least: if `start` is the minimum, it is yielded this often.
    """

    def at(coefficients: Array) -> Point:
        return evaluate(data, mean, coefficients, penalty, loss)

    point = at(start)
    for number in itertools.count():
        following = _next_point(point, at, penalty)
        if following is None and number >= at_least:
            return
        point = following or point
        yield point


def evaluate(data: Dataset, mean: Array, coefficients: Array, penalty: Penalty, loss: Loss) -> Point:
    """Reads all rows once and computes the loss, its gradient and its Hessian; the arguments are as in `iterations`."""
    width = data.width + 1
    losses, further = 0.0, 0.0
    gradient, hessian = np.zeros(width), np.zeros((width, width))
    for x, y, row_weights in _designs(data, mean):
        found = _at_margins(loss, y, x @ coefficients)
        losses += float((found.losses * row_weights).sum())
        further += float((found.further * row_weights).sum())
        gradient += x.T @ (found.slopes * row_weights)
        hessian += x.T @ (x * (found.curvatures * row_weights)[:, None])
    weights = np.append(coefficients[:-1], 0)
    ridge = np.append(np.full(width - 1, 2 * penalty.l2), 0)
    total = data.total_weight
    mean_loss = losses / total
    return Point(
        coefficients=coefficients,
        loss=mean_loss,
        penalized=mean_loss + penalty.value(weights),
        further=further / total,
        gradient=gradient / total + ridge * weights,
        hessian=hessian / total + np.diag(ridge),
    )


def row_losses(data: Dataset, mean: Array, coefficients: Array, loss: Loss) -> Array:
    """Returns the loss of each row, without its weight; [rows]."""
    parts = (_at_margins(loss, y, x @ coefficients) for x, y, _ in _designs(data, mean))
    return np.concatenate([part.losses for part in parts])


def _at_margins(loss: Loss, labels: Array, margins: Array) -> AtMargins:
    if loss.at_margins is None:
        raise ValueError(f"expected a loss whose exact minimum is known, got {loss.name}")
    return loss.at_margins(labels, margins)


def minimize_quadratic(
    hessian: Array, gradient: Array, start: Array, l1: Array, groups: Sequence[Group] = ()
) -> Array:
    """Returns the z that minimizes `gradient @ (z - start) + (z - start) @ hessian @ (z - start) / 2 + l1 @ |z|`.

    Coordinate descent (Friedman, Hastie and Tibshirani, "Regularization paths for generalized linear models via
    coordinate descent", Journal of Statistical Software 2010) finds which elements are 0 and the signs of the others.
    With these known, the others solve a system of linear equations. If the signs are not known after some sweeps, the
    result is only near the minimum.

    Args:
        hessian: symmetric and positive semidefinite; [n, n].
        gradient: at `start`; [n].
        start: [n].
        l1: the strength for each element; [n].
        groups: of the group lasso, whose penalty is then added; see `minimize_grouped`.
    """
    hessian = hessian + np.eye(start.size) * (_RIDGE * max(hessian.diagonal().max(), 1e-300))
    if groups:
        return minimize_grouped(hessian, gradient, start, l1, groups)
    z, slope = start.copy(), gradient.copy()
    if not l1.any():
        return z - np.linalg.solve(hessian, slope)
    diagonal = hessian.diagonal()
    for _ in range(_MAX_SWEEPS):
        signs = np.sign(z)
        for index in range(z.size):
            free = z[index] - slope[index] / diagonal[index]
            found = math.copysign(max(abs(free) - l1[index] / diagonal[index], 0.0), free)
            if found != z[index]:
                slope += (found - z[index]) * hessian[index]
                z[index] = found
        if (np.sign(z) == signs).all():
            solved = _solve_with_signs(hessian, slope, z, l1)
            if solved is not None:
                return solved
    return z


def _solve_with_signs(hessian: Array, slope: Array, z: Array, l1: Array) -> Array | None:
    """Returns the minimum if it has the signs and zeros of `z`, otherwise None. `slope` is the gradient at `z`."""
    used = (z != 0) | (l1 == 0)
    step = np.zeros_like(z)
    step[used] = -np.linalg.solve(hessian[np.ix_(used, used)], (slope + np.sign(z) * l1)[used])
    solved = z + step
    if ((np.sign(solved) != np.sign(z)) & (l1 > 0)).any():
        return None
    pull = np.abs(slope + hessian @ step)
    return None if (pull > l1 * (1 + 1e-9))[~used].any() else solved


def _next_point(current: Point, at: Callable[[Array], Point], penalty: Penalty) -> Point | None:
    """Takes one step, which is halved until the loss falls enough; returns None at the minimum."""
    l1 = np.append(np.full(current.coefficients.size - 1, penalty.l1), 0)
    target = minimize_quadratic(current.hessian, current.gradient, current.coefficients, l1, penalty.blocks())
    step = target - current.coefficients
    promised = -float(current.gradient @ step + l1 @ (np.abs(target) - np.abs(current.coefficients)))
    promised -= penalty.group_lasso(target) - penalty.group_lasso(current.coefficients)
    if not promised > _TOLERANCE:
        return None
    for halvings in range(_MAX_HALVINGS):
        share = 0.5**halvings
        # The whole step is taken as it is, so that its zeros stay exactly 0.
        found = at(target if not halvings else current.coefficients + share * step)
        if found.penalized <= current.penalized - _ACCEPTED_SHARE * share * promised:
            return found
    return None


def _designs(data: Dataset, mean: Array) -> Iterator[tuple[Array, Array, Array | float]]:
    """Yields batches of the rows without their mean and with a column of ones, [rows, n_features + 1].

    With them the labels, [rows], and the weights, [rows], or 1.0 if the rows have none.
    """
    for part in data.batches(max(1, _BATCH_BYTES // (8 * (data.width + 1)))):
        x = np.ones((part.rows, part.width + 1))
        x[:, :-1] = part.features - mean
        weights = 1.0 if part.weights is None else part.weights[:, 0].astype(np.float64)
        yield x, part.labels[:, 0].astype(np.float64), weights
