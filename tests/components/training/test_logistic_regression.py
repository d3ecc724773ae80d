"""Networks without a hidden layer end at the minimum that scikit-learn's saga finds, with the same zeros."""

import json
import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.linear_model import LogisticRegression

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.checkpoints import Checkpoints
from components.training.dataset import InMemoryDataset
from components.training.logistic_regression import fit_together
from components.training.proximal_newton import minimize_quadratic
from components.training.train import train_network

Array = npt.NDArray[np.float64]
# L1, L2 and elastic net.
STRENGTHS = ((0.005, 0.0), (0.0, 0.002), (0.003, 0.001))
TRAINING = TrainingConfig()


def table(name: str) -> InMemoryDataset:
    """Returns a table of scikit-learn, scaled to 0-1."""
    match name:
        case "breast cancer":
            x, y = load_breast_cancer(return_X_y=True)
        case "noise":
            x, y = make_classification(500, 20, n_informative=4, flip_y=0.2, random_state=3)
        case "wide":
            x, y = make_classification(150, 200, n_informative=10, random_state=4)
    scaled = (x - x.min(0)) / (x.max(0) - x.min(0))
    return InMemoryDataset(scaled.astype(np.float32), y.astype(np.float32).reshape(-1, 1))


def objective(data: InMemoryDataset, weights: Array, intercept: float, l1: float, l2: float) -> float:
    """The mean log loss plus l1 * sum(|w|) + l2 * sum(w ** 2), in float64."""
    margin = data.features.astype(np.float64) @ weights + intercept
    log_loss = np.mean(np.logaddexp(0, margin) - data.labels[:, 0] * margin)
    return float(log_loss + l1 * np.abs(weights).sum() + l2 * np.square(weights).sum())


def saga(data: InMemoryDataset, l1: float, l2: float) -> tuple[Array, float]:
    """Returns scikit-learn's weights and intercept: C * sum(losses) + ratio * |w| + (1 - ratio) / 2 * w ** 2."""
    x, y = data.features.astype(np.float64), data.labels[:, 0]
    total = l1 + 2 * l2
    model = LogisticRegression(
        penalty="elasticnet",
        solver="saga",
        C=1 / (len(y) * total),
        l1_ratio=l1 / total,
        tol=1e-10,
        max_iter=200_000,
    )
    # saga converges faster on centered features; the intercept, which is not penalized, makes up for it.
    mean = x.mean(axis=0)
    model.fit(x - mean, y)
    return model.coef_[0], float(model.intercept_[0] - model.coef_[0] @ mean)


@pytest.mark.parametrize("name", ["breast cancer", "noise", "wide"])
@pytest.mark.parametrize(("l1", "l2"), STRENGTHS, ids=["L1", "L2", "elastic net"])
def test_the_minimum_is_that_of_saga(name: str, l1: float, l2: float) -> None:
    """With the defaults of training: the objective within 1e-6 of saga's, the same zeros, close weights."""
    data = table(name)
    model, *_ = train_network(ModelConfig(hidden_units=(), l1=l1, l2=l2), TRAINING, data, data)
    kernel, bias = (part.astype(np.float64) for part in model.get_weights())
    weights = kernel[:, 0]
    mean = np.array(model.get_layer("centering").mean)
    expected, intercept = saga(data, l1, l2)
    found = objective(data, weights, bias[0] - weights @ mean, l1, l2)
    assert abs(found - objective(data, expected, intercept, l1, l2)) < 1e-6
    assert (weights == 0).tolist() == (expected == 0).tolist()
    np.testing.assert_allclose(weights, expected, atol=1e-3)
    if l1:
        assert (weights == 0).any()


def test_the_minimum_is_a_fixed_point() -> None:
    """The gradient of the log loss and of L2 is -l1 * sign(w) where w is not 0, and at most l1 elsewhere."""
    data, l1, l2 = table("noise"), 0.003, 0.001
    model, *_ = train_network(ModelConfig(hidden_units=(), l1=l1, l2=l2), TRAINING, data, data)
    w = model.get_weights()[0].astype(np.float64)
    error = model(data.features).numpy().astype(np.float64) - data.labels
    slope = data.features.astype(np.float64).T @ error / data.rows + 2 * l2 * w
    used = w != 0
    np.testing.assert_allclose(slope[used], -l1 * np.sign(w[used]), atol=1e-6)
    assert (np.abs(slope[~used]) <= l1 + 1e-6).all()
    assert error.mean() == pytest.approx(0, abs=1e-6)


def test_separable_classes_without_a_penalty_end_at_a_finite_point() -> None:
    """There is no minimum: the loss falls to 0 while the weights grow. The fit ends with finite weights."""
    data = InMemoryDataset(
        np.array([[0.0], [0.25], [0.75], [1.0]], np.float32), np.array([[0.0], [0], [1], [1]], np.float32)
    )
    settings = ModelConfig(hidden_units=(), l1=0.0, l2=0.0)
    model, history, _ = train_network(settings, TRAINING, data, data)
    assert np.isfinite(np.concatenate([part.ravel() for part in model.get_weights()])).all()
    assert history[-1]["loss"] < 1e-6
    assert len(history) < TRAINING.epochs


def test_equal_and_constant_columns() -> None:
    """Their Hessian is singular. Without a penalty the fit still ends; with L1 a constant column has the weight 0."""
    data = table("noise")
    features = np.hstack([data.features, data.features[:, :1], np.ones((data.rows, 1), np.float32)])
    doubled = InMemoryDataset(features, data.labels)
    bare, penalized = (ModelConfig(hidden_units=(), l1=l1, l2=0.0) for l1 in (0.0, 0.003))
    model, history, _ = train_network(penalized, TRAINING, doubled, doubled)
    _, expected, _ = train_network(penalized, TRAINING, data, data)
    assert history[-1]["loss"] == pytest.approx(expected[-1]["loss"], abs=1e-9)
    assert model.get_weights()[0][-1, 0] == 0
    model, history, _ = train_network(bare, TRAINING, doubled, doubled)
    _, expected, _ = train_network(bare, TRAINING, data, data)
    assert history[-1]["loss"] == pytest.approx(expected[-1]["loss"], abs=1e-4)
    assert np.isfinite(model.get_weights()[0]).all()


def test_every_iteration_is_an_epoch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The loss falls in each; the metrics are those of the weights; early stopping is off, and the log says so."""
    data, validation = table("noise"), table("noise")
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        model, history, _ = train_network(
            ModelConfig(hidden_units=(), l1=0.003, l2=0.0), TRAINING, data, validation, tmp_path
        )
    losses = [epoch["loss"] for epoch in history]
    assert losses == sorted(losses, reverse=True)
    assert [epoch["epoch"] for epoch in history] == list(range(1, len(history) + 1))
    assert json.loads((tmp_path / "history.json").read_text()) == history
    p = model(data.features).numpy().astype(np.float64)
    log_loss = -np.mean(np.log(np.where(data.labels > 0.5, p, 1 - p)))
    assert history[-1]["log_loss"] == pytest.approx(log_loss, abs=1e-6)
    assert history[-1]["val_log_loss"] == pytest.approx(log_loss, abs=1e-6)
    assert history[-1]["accuracy"] == np.mean((p > 0.5) == (data.labels > 0.5))
    assert "without early stopping" in caplog.text


def test_a_fit_resumes_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three iterations and an interruption it ends as without the interruption."""
    monkeypatch.setattr(Checkpoints, "due", lambda self: True)
    data, settings = table("breast cancer"), ModelConfig(hidden_units=(), l1=0.001, l2=0.0)
    checkpoints = Checkpoints(tmp_path)
    short = TRAINING.model_copy(update={"epochs": 3})
    train_network(settings, short, data, data, checkpoints=checkpoints)
    resumed, history, _ = train_network(settings, TRAINING, data, data, checkpoints=checkpoints)
    whole, expected, _ = train_network(settings, TRAINING, data, data)
    assert history == expected
    assert [part.tolist() for part in resumed.get_weights()] == [
        part.tolist() for part in whole.get_weights()
    ]


def test_fits_together_are_the_fits_one_by_one() -> None:
    """Losses and zeros on the validation split are those of `train_network`."""
    data, validation = table("noise"), table("noise")
    networks = [ModelConfig(hidden_units=(), l1=l1, l2=l2) for l1, l2 in STRENGTHS]
    scores = fit_together(networks, TRAINING, data, validation, lambda *_: None)
    for index, network in enumerate(networks):
        model, history, _ = train_network(network, TRAINING, data, validation)
        assert scores.mean_loss[index] == pytest.approx(history[-1]["val_log_loss"], abs=1e-6)
        assert scores.zero_share[index] == np.mean(model.get_weights()[0] == 0)


def test_the_quadratic_problem_by_hand() -> None:
    """The minimum of (z - s)' H (z - s) / 2 + g (z - s) + l1 |z| for a diagonal H is a soft threshold."""
    hessian, gradient = np.diag([2.0, 4.0, 1.0]), np.array([1.0, -1.0, 0.25])
    start, l1 = np.array([0.0, 0.0, 1.0]), np.array([0.5, 1.5, 0.0])
    # -g / h = (-0.5, 0.25, -0.25); thresholds 0.25, 0.375 and 0.
    np.testing.assert_allclose(
        minimize_quadratic(hessian, gradient, start, l1), [-0.25, 0.0, 0.75], atol=1e-9
    )
