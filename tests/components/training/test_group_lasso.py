"""The group lasso sets all weights of a feature to 0 together, at the minimum that FISTA finds in NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.tasks.binary import LOG_LOSS
from components.tasks.regression import SQUARED_ERROR
from components.tasks.task import Loss
from components.training.dataset import InMemoryDataset
from components.training.group_lasso import group_step
from components.training.grouped_quadratic import Group, minimize_grouped
from components.training.logistic_regression import fit_together
from components.training.proximal_newton import minimize_quadratic
from components.training.stacked_training import train_stack
from components.training.train import train_network

Array = npt.NDArray[np.float64]
# Three numbers, and four categorical features of so many values; only the first number and the first of them matter.
SIZES = (1, 1, 1, 3, 5, 8, 12)
GROUPS = np.repeat(np.arange(len(SIZES)), SIZES)
MEMBERS = [np.flatnonzero(group == GROUPS) for group in range(len(SIZES))]


def table(seed: int, rows: int = 400, loss: Loss = LOG_LOSS) -> InMemoryDataset:
    """Returns numbers between 0 and 1 and one-hot columns with unequal frequencies; with weights for an odd seed."""
    generator = np.random.default_rng(seed)
    parts, margin = [], np.zeros(rows)
    for number, size in enumerate(SIZES):
        if size == 1:
            column = generator.random((rows, 1))
            margin += 2 * column[:, 0] if number == 0 else 0
        else:
            shares = generator.dirichlet(np.full(size, 2.0))
            column = np.eye(size)[generator.choice(size, rows, p=shares)]
            margin += column @ generator.normal(0, 1.5, size) if number == 3 else 0
        parts.append(column)
    noisy = margin - margin.mean() + generator.logistic(size=rows)
    labels = noisy if loss is SQUARED_ERROR else noisy > 0
    weights = generator.uniform(0.5, 2, (rows, 1)).astype(np.float32) if seed % 2 else None
    features = np.hstack(parts).astype(np.float32)
    return InMemoryDataset(features, labels.astype(np.float32)[:, None], weights, GROUPS)


class Problem:
    """The objective of a regression without hidden layer, in NumPy, on the centered features of a table."""

    def __init__(self, data: InMemoryDataset, loss: Loss, strengths: tuple[float, float, float]) -> None:
        self.l1, self.l2, self.group_l1 = strengths
        self.is_binary = loss is LOG_LOSS
        weights = np.ones(data.rows) if data.weights is None else data.weights[:, 0].astype(np.float64)
        self.weights = weights / weights.sum()
        x = data.features.astype(np.float64)
        self.x = x - (self.weights @ x).astype(np.float32)
        y = data.labels[:, 0].astype(np.float64)
        if not self.is_binary:
            y = y - self.weights @ y
            y /= np.sqrt(self.weights @ y**2)
        self.y = y

    def smooth(self, w: Array, b: float) -> tuple[float, Array, float]:
        """Returns the loss with the L2 penalty, and its gradient."""
        margin = self.x @ w + b
        if self.is_binary:
            losses, slopes = np.logaddexp(0, margin) - self.y * margin, 1 / (1 + np.exp(-margin)) - self.y
        else:
            losses, slopes = (margin - self.y) ** 2, 2 * (margin - self.y)
        gradient = self.x.T @ (self.weights * slopes) + 2 * self.l2 * w
        return float(self.weights @ losses + self.l2 * (w @ w)), gradient, float(self.weights @ slopes)

    def objective(self, w: Array, b: float) -> float:
        """Returns the loss with all penalties."""
        norms = sum(np.sqrt(at.size) * np.linalg.norm(w[at]) for at in MEMBERS)
        return self.smooth(w, b)[0] + self.l1 * float(np.abs(w).sum()) + self.group_l1 * float(norms)

    def fista(self, iterations: int = 20_000) -> tuple[Array, float]:
        """Returns the minimum by the method of Beck and Teboulle (2009), restarted where the objective rises."""
        extended = np.hstack([self.x, np.ones((len(self.x), 1))])
        curvature = np.linalg.eigvalsh(extended.T @ (extended * self.weights[:, None]))[-1]
        step = 1 / (curvature * (0.25 if self.is_binary else 2) + 2 * self.l2)
        w = ahead = np.zeros(self.x.shape[1] + 1)
        momentum, lowest = 1.0, np.inf
        for _ in range(iterations):
            _, gradient, slope = self.smooth(ahead[:-1], ahead[-1])
            moved = ahead - step * np.append(gradient, slope)
            found = np.sign(moved) * np.maximum(np.abs(moved) - step * self.l1, 0)
            found[-1] = moved[-1]
            for at in MEMBERS:
                norm = np.linalg.norm(found[at])
                found[at] *= max(0.0, 1 - step * self.group_l1 * np.sqrt(at.size) / norm) if norm else 0.0
            value = self.objective(found[:-1], found[-1])
            if value > lowest:
                ahead, momentum = w, 1.0
                lowest = np.inf
                continue
            following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead = found + (momentum - 1) / following * (found - w)
            if np.abs(found - w).max() < 1e-13:
                break
            w, momentum, lowest = found, following, value
        return w[:-1], float(w[-1])

    def check_optimal(self, w: Array, b: float, tolerance: float) -> None:
        """Checks the conditions of Karush, Kuhn and Tucker."""
        _, gradient, slope = self.smooth(w, b)
        assert abs(slope) < tolerance
        for at in MEMBERS:
            threshold, own = self.group_l1 * np.sqrt(at.size), w[at]
            pull = np.sign(-gradient[at]) * np.maximum(np.abs(gradient[at]) - self.l1, 0)
            if not own.any():
                assert np.linalg.norm(pull) <= threshold + tolerance
                continue
            direction = threshold * own / np.linalg.norm(own)
            used = own != 0
            rest = (gradient[at] + self.l1 * np.sign(own) + direction)[used]
            np.testing.assert_allclose(rest, 0, atol=tolerance)
            assert (np.abs(pull[~used]) <= tolerance).all()


def dropped(w: npt.NDArray[Any]) -> list[bool]:
    """Returns of each feature whether all its weights are exactly 0."""
    return [not w[at].any() for at in MEMBERS]


STRENGTHS = {
    "alone": (0.0, 0.0, 0.01),
    "with L2": (0.0, 0.003, 0.01),
    "with L1 and L2": (0.003, 0.001, 0.006),
}


@pytest.mark.parametrize("loss", [LOG_LOSS, SQUARED_ERROR], ids=lambda loss: loss.name)
@pytest.mark.parametrize("kind", STRENGTHS)
@pytest.mark.parametrize("seed", range(4))
def test_the_exact_minimum_is_that_of_fista(seed: int, kind: str, loss: Loss) -> None:
    """Without a hidden layer: the objective within 1e-6 (here 1e-9), the same weights at 0, and it is optimal."""
    # The curvature of the squared error is larger.
    l1, l2, group_l1 = (4 * value if loss is SQUARED_ERROR else value for value in STRENGTHS[kind])
    strengths = l1, l2, group_l1
    data, problem = table(seed, loss=loss), Problem(table(seed, loss=loss), loss, strengths)
    settings = ModelConfig(hidden_units=(), l1=l1, l2=l2, group_l1=group_l1)
    trained = train_network(settings, TrainingConfig.model_validate({"loss": loss.name}), data, data)
    kernel, bias = (part.astype(np.float64) for part in trained.network.get_weights())
    expected = problem.fista()
    problem.check_optimal(*expected, 1e-7)
    found = kernel[:, 0], float(bias[0])
    problem.check_optimal(*found, 2e-6)  # the weights are float32
    assert abs(problem.objective(*found) - problem.objective(*expected)) < 1e-9
    assert trained.history[-1]["loss"] == pytest.approx(problem.objective(*expected), abs=1e-7)
    assert (found[0] == 0).tolist() == (expected[0] == 0).tolist()
    assert any(dropped(found[0]))
    assert not all(dropped(found[0]))
    if not l1:  # then a feature has all of its weights or none
        assert all(not w.any() or w.all() for w in (found[0][at] for at in MEMBERS))


def test_above_the_largest_slope_every_feature_is_dropped() -> None:
    """At w = 0 the norm of a feature's gradient, over the root of its size, is the smallest strength that drops it."""
    data = table(0)
    gradient = Problem(data, LOG_LOSS, (0, 0, 0)).smooth(
        np.zeros(len(GROUPS)), float(np.log(data.labels.mean() / (1 - data.labels.mean())))
    )[1]
    limit = max(np.linalg.norm(gradient[at]) / np.sqrt(at.size) for at in MEMBERS)
    for factor, expected in ((1.001, True), (0.99, False)):
        settings = ModelConfig(hidden_units=(), l1=0, l2=0, group_l1=float(limit * factor))
        network = train_network(settings, TrainingConfig(), data, data).network
        assert all(dropped(network.get_weights()[0][:, 0])) == expected


def test_the_fits_of_the_tuner_have_the_group_lasso() -> None:
    """`fit_together` ends at the minimum of each strength."""
    data = table(1)
    networks = [ModelConfig(hidden_units=(), l1=0, l2=l2, group_l1=0.01) for l2 in (0.0, 0.003)]
    scores = fit_together(networks, TrainingConfig(), data, data, lambda *_: None)
    for index, l2 in enumerate((0.0, 0.003)):
        w, _ = Problem(data, LOG_LOSS, (0.0, l2, 0.01)).fista()
        assert scores.zero_share[index] == np.mean(w == 0)


def test_without_groups_each_column_is_a_feature() -> None:
    """The group lasso of single columns is the L1 penalty."""
    data = table(2)._replace(groups=np.empty(0, np.int64))
    plain, grouped = (
        train_network(
            ModelConfig(hidden_units=(), l2=0, **penalty), TrainingConfig(), data, data
        ).network.get_weights()
        for penalty in ({"l1": 0.005}, {"l1": 0.0, "group_l1": 0.005})
    )
    for expected, found in zip(plain, grouped, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert ((found == 0) == (expected == 0)).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_quadratic_of_single_elements_is_that_of_coordinate_descent(seed: int) -> None:
    """Groups of one element with a threshold give the minimum of L1 with the sum of both strengths."""
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(12, 9))
    hessian, gradient = root.T @ root, generator.normal(0, 8, 9)
    groups = [Group(np.array([index]), 2.0) for index in range(9)]
    found = minimize_grouped(hessian, gradient, np.ones(9), np.full(9, 1.0), groups)
    expected = minimize_quadratic(hessian, gradient, np.ones(9), np.full(9, 3.0))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert ((found == 0) == (expected == 0)).all()


def by_bisection(kernel: Array, scale: Array, group_l1: float) -> Array:
    """Returns the proximal operator in float64: the norm of each group solves an equation in one unknown."""
    result = np.zeros_like(kernel)
    for at in MEMBERS:
        v, metric = kernel[at] / scale[at], 1 / scale[at]
        threshold = group_l1 * np.sqrt(v.size)
        if np.linalg.norm(v) <= threshold:
            continue

        low, high = 0.0, float(np.linalg.norm(v) / metric.min())
        for _ in range(200):
            norm = (low + high) / 2
            is_below = np.square(v / (metric * norm + threshold)).sum() > 1
            low, high = (norm, high) if is_below else (low, norm)
        result[at] = v * norm / (metric * norm + threshold)
    return result


@pytest.mark.parametrize("spread", [0, 2, 6], ids=lambda spread: f"scales over {spread} orders of magnitude")
def test_the_proximal_step_is_exact(spread: float) -> None:
    """For any preconditioner: as the solution by bisection, of a network and of each network of a stack."""
    generator = np.random.default_rng(5)
    shape = 3, len(GROUPS), 4
    kernel = generator.normal(0, 0.5, shape).astype(np.float32)
    scale = (10 ** generator.uniform(-spread / 2, spread / 2, shape)).astype(np.float32)
    strengths = np.array([0.0, 0.3, 0.5], np.float32)
    stacked = group_step(tf.constant(kernel), tf.constant(scale), strengths[:, None, None], GROUPS).numpy()
    assert (stacked[0] == kernel[0]).all()
    for index in (1, 2):
        own = kernel[index].astype(np.float64), scale[index].astype(np.float64)
        expected = by_bisection(*own, strengths[index])
        np.testing.assert_allclose(stacked[index], expected, rtol=2e-5, atol=1e-7)
        assert ((stacked[index] == 0) == (expected == 0)).all()
        alone = group_step(
            tf.constant(kernel[index]), tf.constant(scale[index]), float(strengths[index]), GROUPS
        )
        np.testing.assert_allclose(alone, stacked[index], rtol=1e-6)
    assert any(dropped(stacked[2])) or spread > 0


def test_equal_steps_shrink_the_norm() -> None:
    """With one scale for all weights, the norm of a group falls by scale * strength * root of its size."""
    kernel = tf.constant([[3.0, 4.0], [0.1, 0.1]])
    found = group_step(kernel, tf.fill([2, 2], 0.5), 2.0, np.array([0, 1])).numpy()
    expected = 1 - 0.5 * 2 * np.sqrt(2) / 5
    np.testing.assert_allclose(found, [[3 * expected, 4 * expected], [0, 0]], rtol=1e-6)


def test_gradient_descent_ends_at_the_exact_minimum() -> None:
    """Adam with the proximal step, with full batches, has the same features at exactly 0 as proximal Newton."""
    data = table(3)
    strengths = 0.002, 0.001, 0.008
    settings = ModelConfig(hidden_units=(), l1=strengths[0], l2=strengths[1], group_l1=strengths[2])
    training = TrainingConfig(
        optimizer="proximal_adam", epochs=800, batch_size=400, learning_rate=0.02, early_stopping=0
    )
    kernel, bias = train_network(settings, training, data, data).network.get_weights()
    problem = Problem(data, LOG_LOSS, strengths)
    expected = problem.fista()
    found = kernel[:, 0].astype(np.float64), float(bias[0])
    assert abs(problem.objective(*found) - problem.objective(*expected)) < 1e-6
    assert (found[0] == 0).tolist() == (expected[0] == 0).tolist()
    assert any(dropped(found[0]))


def test_a_network_drops_whole_features_and_its_loss_contains_the_penalty() -> None:
    """With a hidden layer, the features without effect lose all their weights, and the first ones keep all of them."""
    data = table(0, 1_000)
    settings = ModelConfig(hidden_units=(8,), l1=0, l2=0, group_l1=0.02, dropout=0)
    training = TrainingConfig(epochs=25, early_stopping=0, learning_rate=1e-2)
    trained = train_network(settings, training, data, data)
    first, *_ = trained.network.get_weights()
    found = dropped(first)
    assert [found[0], found[3]] == [False, False]
    assert sum(found) >= 3
    penalty = 0.02 * sum(np.sqrt(first[at].size) * np.linalg.norm(first[at]) for at in MEMBERS)
    assert trained.history[-1]["val_loss"] - trained.history[-1]["val_log_loss"] == pytest.approx(
        penalty, rel=1e-5
    )
    assert float(sum(trained.network.losses)) == pytest.approx(penalty, rel=1e-5)


def test_a_stack_trains_each_network_with_its_own_strength() -> None:
    """The networks of the Tuner have the losses and the zeros that each has alone."""
    data = table(1)
    training = TrainingConfig(epochs=8, early_stopping=0, learning_rate=3e-3)
    networks = [
        ModelConfig(hidden_units=(4,), l1=0, l2=0, dropout=0, group_l1=strength) for strength in (0.0, 0.02)
    ]
    scores = train_stack(networks, training, data, data, lambda *_: None)
    for index, network in enumerate(networks):
        alone = train_network(network, training, data, data)
        assert scores.mean_loss[index] == pytest.approx(alone.history[-1]["val_log_loss"], rel=1e-4)
        zeros = np.concatenate([kernel.ravel() == 0 for kernel in alone.network.get_weights()[::2]])
        assert scores.zero_share[index] == pytest.approx(zeros.mean(), abs=0.02)
    assert scores.zero_share[1] > scores.zero_share[0] == 0


def test_without_a_proximal_step_the_gradient_of_the_penalty_is_used() -> None:
    """Adam with the gradient leaves weights near 0, not at 0; a kernel of 0 has the gradient 0 and no NaN."""
    data = table(0)
    settings = ModelConfig(hidden_units=(), l1=0, l2=0, group_l1=0.05)
    training = TrainingConfig(
        optimizer="adam", epochs=30, batch_size=100, learning_rate=0.01, early_stopping=0
    )
    kernel, _ = train_network(settings, training, data, data).network.get_weights()
    assert np.isfinite(kernel).all()
    assert (kernel != 0).all()
    assert np.abs(kernel).max() < 0.15
