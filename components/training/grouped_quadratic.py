"""Minimizes a quadratic function plus L1 and the group lasso, by block coordinate descent and Newton's method.

Block coordinate descent (Friedman, Hastie and Tibshirani, "A note on the group lasso and a sparse group lasso", 2010)
finds which groups and which elements are 0, and the signs of the others. On the others the penalties are smooth, so
that Newton's method finds the minimum to the last digits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]

_MAX_SWEEPS = 50
_STEPS_PER_BLOCK = 10
_MAX_NEWTON_STEPS = 30
_MAX_HALVINGS = 30
# The square of the length of a Newton step, in the metric of the Hessian, relative to that of the elements: the minimum
# is reached, or so near that the value of the function shows no difference.
_CONVERGED, _NEAR = 1e-26, 1e-13
# The optimality of what is 0 is checked up to this share.
_SLACK = 1e-9


class Group(NamedTuple):
    """The indices of the elements of a group, and its threshold: the strength times the root of its size."""

    at: Integers
    threshold: float


def minimize_grouped(
    hessian: Array, gradient: Array, start: Array, l1: Array, groups: Sequence[Group]
) -> Array:
    """Returns the z that minimizes the quadratic function plus `l1 @ |z|` plus the group lasso.

    The quadratic function is `gradient @ (z - start) + (z - start) @ hessian @ (z - start) / 2`, the group lasso is the
    sum of `threshold * norm(z[at])` over the groups. If the zeros and the signs are not known after some sweeps, the
    result is only near the minimum.

    Args:
        hessian: symmetric and positive definite; [n, n].
        gradient: at `start`; [n].
        start: [n].
        l1: the strength for each element; [n].
        groups: all elements, each in one group.
    """
    z, slope = start.copy(), gradient.copy()
    curvatures = [float(np.linalg.eigvalsh(hessian[np.ix_(at, at)])[-1]) for at, _ in groups]
    for _ in range(_MAX_SWEEPS):
        signs = np.sign(z)
        for group, curvature in zip(groups, curvatures, strict=True):
            at = group.at
            found = _minimize_block(
                hessian[np.ix_(at, at)], slope[at], z[at], (l1[at], group.threshold, curvature)
            )
            if (found != z[at]).any():
                slope += (found - z[at]) @ hessian[at]
                z[at] = found
        if (np.sign(z) == signs).all():
            solved = _solve_with_signs(hessian, slope, z, l1, groups)
            if solved is not None:
                return solved
    return z


def _minimize_block(hessian: Array, slope: Array, z: Array, penalty: tuple[Array, float, float]) -> Array:
    """Takes proximal gradient steps on one group; they lead to 0 exactly if its minimum is at 0."""
    l1, threshold, curvature = penalty
    at_zero = slope - hessian @ z
    if np.linalg.norm(_shrink(at_zero, l1)) <= threshold:
        return np.zeros_like(z)
    for _ in range(1 if z.size == 1 else _STEPS_PER_BLOCK):
        free = _shrink(z - (at_zero + hessian @ z) / curvature, l1 / curvature)
        norm = float(np.linalg.norm(free))
        z = free * max(0.0, 1 - threshold / curvature / norm) if norm else free
    return z


def _shrink(values: Array, thresholds: Array) -> Array:
    """Returns the soft threshold of some values."""
    return values - np.clip(values, -thresholds, thresholds)


def _solve_with_signs(
    hessian: Array, slope: Array, z: Array, l1: Array, groups: Sequence[Group]
) -> Array | None:
    """Returns the minimum if it has the signs and zeros of `z`, otherwise None. `slope` is the gradient at `z`."""
    is_used = np.ones(z.size, np.bool_)
    for at, threshold in groups:
        is_used[at] = (z[at] != 0) | ((l1[at] == 0) & (threshold == 0 or z[at].any()))
    used = np.flatnonzero(is_used)
    places = np.cumsum(is_used) - 1
    norms = [(places[at[is_used[at]]], t) for at, t in groups if t and is_used[at].any()]
    pull = slope[used] + np.sign(z[used]) * l1[used]
    solved = _newton(hessian[np.ix_(used, used)], pull, z[used], norms)
    if solved is None or ((np.sign(solved) != np.sign(z[used])) & (l1[used] > 0)).any():
        return None
    step = np.zeros_like(z)
    step[used] = solved - z[used]
    slope, z = slope + hessian @ step, z + step
    for at, threshold in groups:
        excess = _shrink(slope[at], l1[at] * (1 + _SLACK))
        if z[at].any():
            excess = excess[~is_used[at]]
            threshold = 0.0
        elif is_used[at].any():  # an element without penalties is 0 at the minimum
            continue
        if np.linalg.norm(excess) > threshold * (1 + _SLACK):
            return None
    return z


def _newton(hessian: Array, slope: Array, z: Array, norms: Sequence[tuple[Integers, float]]) -> Array | None:
    """Minimizes a quadratic function, given by its slope at `z`, plus thresholds times norms that are not 0."""
    start = z

    def value(point: Array) -> float:
        step = point - start
        penalty = sum(threshold * np.linalg.norm(point[at]) for at, threshold in norms)
        return float(slope @ step + step @ hessian @ step / 2 + penalty)

    lowest = value(z)
    for _ in range(_MAX_NEWTON_STEPS):
        gradient, curvature = slope + hessian @ (z - start), hessian.copy()
        for at, threshold in norms:
            norm = np.linalg.norm(z[at])
            direction = z[at] / norm
            gradient[at] += threshold * direction
            curvature[np.ix_(at, at)] += threshold / norm * (np.eye(at.size) - np.outer(direction, direction))
        step = -np.linalg.solve(curvature, gradient)
        length, size = -gradient @ step, z @ curvature @ z
        if length <= _CONVERGED * size:
            return z
        for halvings in range(_MAX_HALVINGS):
            found = z + 0.5**halvings * step
            if all(found[at].any() for at, _ in norms) and value(found) < lowest:
                break
        else:  # a norm wants to become 0, or no digit is left that could become better
            return z if length <= _NEAR * size else None
        z, lowest = found, value(found)
    return None
