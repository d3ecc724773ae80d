"""A number is predicted in its own unit, by trainings that do not depend on the unit."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import minimize  # type: ignore[import-untyped]
from sklearn.datasets import load_diabetes, make_regression
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.tasks.binary import BINARY
from components.tasks.regression import REGRESSION
from components.training.dataset import Dataset, InMemoryDataset, OnDiskDataset
from components.training.final_outputs import with_final_outputs
from components.training.logistic_regression import fit_together
from components.training.stacked_training import train_stack
from components.training.train import Trained, train_network
from components.training.train_seeds import train_seeds

Array = npt.NDArray[np.float64]
TRAINING = TrainingConfig().for_task(REGRESSION)
HUBER = TrainingConfig(loss="huber").for_task(REGRESSION)
SHORT = TRAINING.model_copy(
    update={"epochs": 6, "batch_size": 16, "learning_rate": 0.02, "early_stopping": 2}
)
NETWORK = ModelConfig(hidden_units=(6, 4), l1=0.001, l2=0.01, dropout=0.25)


def table(name: str) -> InMemoryDataset:
    """Returns a table of scikit-learn, with features scaled to 0-1."""
    match name:
        case "diabetes":
            x, y = load_diabetes(return_X_y=True)
        case "noise":
            x, y = make_regression(400, 20, n_informative=4, noise=60.0, random_state=3)
        case "wide":
            x, y = make_regression(100, 150, n_informative=10, noise=5.0, random_state=4)
    scaled = (x - x.min(0)) / (x.max(0) - x.min(0))
    return InMemoryDataset(scaled.astype(np.float32), y.astype(np.float32).reshape(-1, 1))


def rows(count: int, seed: int, *, weighted: bool = False) -> InMemoryDataset:
    """Returns rows of three numbers; the label is 40 times the first minus 20 times the second plus 100, with noise."""
    generator = np.random.default_rng(seed)
    x = generator.random((count, 3)).astype(np.float32)
    y = 40 * x[:, :1] - 20 * x[:, 1:2] + 100 + generator.normal(0, 3, (count, 1))
    weights = generator.integers(1, 4, (count, 1)).astype(np.float32) if weighted else None
    return InMemoryDataset(x, y.astype(np.float32), weights)


def standardized(data: InMemoryDataset) -> tuple[Array, Array]:
    """The features without their mean, and the labels without their mean and divided by their standard deviation."""
    x, y = data.features.astype(np.float64), data.labels[:, 0].astype(np.float64)
    return x - x.mean(axis=0), (y - y.mean()) / y.std()


def scikit_learn(x: Array, y: Array, l1: float, l2: float) -> Array:
    """The weights of Lasso, Ridge and ElasticNet; their objectives are ours divided by 2, Ridge's times the rows."""
    if not l2:
        model: Any = Lasso(alpha=l1 / 2, tol=1e-12, max_iter=100_000)
    elif not l1:
        model = Ridge(alpha=l2 * len(y), tol=1e-12)
    else:
        alpha = l1 / 2 + l2
        model = ElasticNet(alpha=alpha, l1_ratio=l1 / 2 / alpha, tol=1e-12, max_iter=100_000)
    weights: Array = model.fit(x, y).coef_
    return weights


@pytest.mark.parametrize("name", ["diabetes", "noise", "wide"])
@pytest.mark.parametrize(
    ("l1", "l2"), [(0.02, 0.0), (0.0, 0.01), (0.01, 0.005)], ids=["Lasso", "Ridge", "ElasticNet"]
)
def test_the_minimum_is_that_of_scikit_learn(name: str, l1: float, l2: float) -> None:
    """Without a hidden layer: the objective on the scaled label within 1e-6, the same zeros, close weights."""
    data = table(name)
    trained = train_network(ModelConfig(hidden_units=(), l1=l1, l2=l2), TRAINING, data, data)
    x, y = standardized(data)

    def objective(weights: Array) -> float:
        penalty = l1 * np.abs(weights).sum() + l2 * np.square(weights).sum()
        return float(np.square(x @ weights - y).mean() + penalty)

    weights = trained.network.get_weights()[0][:, 0].astype(np.float64)
    expected = scikit_learn(x, y, l1, l2)
    assert objective(weights) == pytest.approx(objective(expected), abs=1e-6)
    assert (weights == 0).tolist() == (expected == 0).tolist()
    np.testing.assert_allclose(weights, expected, atol=1e-3)
    assert trained.history[-1]["loss"] == pytest.approx(objective(expected), abs=1e-6)
    if l1:
        assert (weights == 0).any()


def test_the_huber_minimum_is_that_of_scipy() -> None:
    """With outliers, where the loss is linear, and an L2 penalty."""
    data = table("noise")
    data.labels[::20] += 2_000
    model = ModelConfig(hidden_units=(), l1=0.0, l2=0.01)
    kernel, bias = train_network(model, HUBER, data, data).network.get_weights()
    x, y = standardized(data)

    def objective(given: Array) -> float:
        size = np.abs(x @ given[:-1] + given[-1] - y)
        losses = np.where(size < 1, size**2 / 2, size - 0.5)
        return float(losses.mean() + 0.01 * np.square(given[:-1]).sum())

    expected = minimize(objective, np.zeros(21), tol=1e-12)
    assert objective(np.append(kernel[:, 0], bias)) == pytest.approx(expected.fun, abs=1e-6)
    squared = train_network(model, TRAINING, data, data).network.get_weights()
    assert objective(np.append(squared[0][:, 0], squared[1])) > expected.fun + 1e-3


def predictions(trained: Trained, data: InMemoryDataset) -> Array:
    found: Array = trained.network(data.features).numpy()[:, 0].astype(np.float64)
    return found


def final(model: ModelConfig, settings: TrainingConfig, train: Dataset, validation: Dataset) -> Trained:
    trained = train_network(model, settings, train, validation)
    return with_final_outputs(trained, settings, train, validation)[0]


@pytest.mark.parametrize(
    "settings", [SHORT, SHORT.model_copy(update={"loss": "huber"})], ids=["mse", "huber"]
)
def test_predictions_have_the_unit_of_the_label(settings: TrainingConfig) -> None:
    """Another unit of the label gives the same training, and predictions in that unit; also for the best epoch."""
    train, validation = rows(120, 1), rows(60, 2)
    expected = final(NETWORK, settings, train, validation)
    changed = [data._replace(labels=data.labels * 1_000 - 7) for data in (train, validation)]
    found = final(NETWORK, settings, *changed)
    for epoch, other in zip(found.history, expected.history, strict=True):
        assert epoch == pytest.approx(other, abs=1e-4)
    own = predictions(expected, train)
    np.testing.assert_allclose(predictions(found, train), own * 1_000 - 7, rtol=1e-4)
    assert abs(own.mean() - train.labels.mean()) < 3
    found.network.set_weights(found.best_weights)
    expected.network.set_weights(expected.best_weights)
    np.testing.assert_allclose(predictions(found, train), predictions(expected, train) * 1_000 - 7, rtol=1e-4)


def test_the_history_has_the_errors_of_the_scaled_label() -> None:
    """The mean squared error and the mean absolute error of the validation split; the training split scales both."""
    train, validation = rows(120, 1), rows(60, 2)
    trained = train_network(NETWORK, SHORT.model_copy(update={"early_stopping": 0}), train, validation)
    scaled = (validation.labels[:, 0] - train.labels.mean()) / train.labels.std()
    errors = predictions(trained, validation) - scaled
    last = trained.history[-1]
    assert last["val_mse"] == pytest.approx(np.square(errors).mean(), rel=1e-4)
    assert last["val_mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-4)
    assert last["val_loss"] > last["val_mse"]


def on_disk(data: InMemoryDataset) -> OnDiskDataset:
    stored = OnDiskDataset(data.width, 1_000, weighted=data.weighted)
    for part in data.batches(7):
        stored.append(part)
    return stored


@pytest.mark.parametrize("hidden_units", [(), (4,)], ids=["exact", "network"])
def test_rows_on_disk_and_weights(hidden_units: tuple[int, ...]) -> None:
    """Rows on disk give the same predictions; a row with the weight 3 counts as three rows."""
    model = ModelConfig(hidden_units=hidden_units, l1=0.001, l2=0.01, dropout=0.0)
    settings = SHORT.model_copy(update={"batch_size": 1_000})
    train, validation = rows(120, 1, weighted=True), rows(60, 2)
    assert train.weights is not None
    expected = predictions(final(model, settings, train, validation), validation)
    stored = predictions(final(model, settings, on_disk(train), on_disk(validation)), validation)
    np.testing.assert_allclose(stored, expected, rtol=1e-5)
    times = train.weights[:, 0].astype(int)
    repeated = InMemoryDataset(train.features.repeat(times, 0), train.labels.repeat(times, 0))
    np.testing.assert_allclose(
        predictions(final(model, settings, repeated, validation), validation), expected, rtol=1e-4
    )


def test_networks_that_are_trained_together_end_as_they_do_alone() -> None:
    """The networks of further seeds, and those among which the Tuner chooses, with and without a hidden layer."""
    data = rows(120, 1), rows(60, 2)
    (found,) = train_seeds(NETWORK, SHORT, [7], data, lambda *_: None)
    alone = train_network(NETWORK, SHORT.model_copy(update={"seed": 7}), *data)
    for array, other in zip(found.network.get_weights(), alone.network.get_weights(), strict=True):
        np.testing.assert_allclose(array, other, atol=2e-4)
    scaled = [
        part._replace(labels=(part.labels - data[0].labels.mean()) / data[0].labels.std()) for part in data
    ]
    for model, run in ((NETWORK, train_stack), (ModelConfig(hidden_units=(), l1=0.01, l2=0.0), fit_together)):
        settings = SHORT.with_optimizer(model.hidden_units)
        scores = run([model, model], settings, scaled[0], scaled[1], lambda *_: None)
        trained = train_network(model, settings, *data)
        lowest = min(epoch["val_mse"] for epoch in trained.history)
        expected = lowest if model.hidden_units else trained.history[-1]["val_mse"]
        assert scores.mean_loss == pytest.approx([expected] * 2, abs=1e-4)


def test_l2_on_a_line() -> None:
    """100 points y = 2x + noise, one feature, 50 epochs: L2 of 0.01 gives a smaller weight and a higher final loss."""
    generator = np.random.default_rng(0)
    x = generator.random((100, 1)).astype(np.float32)
    y = (2 * x + generator.normal(0, 0.1, (100, 1))).astype(np.float32)
    data = InMemoryDataset(x, y)
    settings = TrainingConfig(epochs=50, optimizer="sgd", learning_rate=0.1, early_stopping=0).for_task(
        REGRESSION
    )
    found = {}
    for l2 in (0.0, 0.01):
        trained = train_network(ModelConfig(hidden_units=(), l1=0.0, l2=l2), settings, data, data)
        found[l2] = abs(float(trained.network.get_weights()[0][0, 0])), trained.history[-1]["val_mse"]
    # In scaled labels the weight without L2 is the slope, cov(x, y) / var(x), divided by the deviation of y.
    slope = np.polyfit(x[:, 0], y[:, 0], 1)[0]
    assert found[0.0][0] == pytest.approx(slope / y.std(), rel=0.05)
    assert found[0.01][0] < 0.95 * found[0.0][0]
    assert found[0.01][1] > found[0.0][1]


def test_keys_of_another_task_are_refused() -> None:
    """The message has the key, the task and the value."""
    with pytest.raises(ValueError, match=r"training\.class_weight: .*'none'.*regression.*'balanced'"):
        TrainingConfig(class_weight="balanced").for_task(REGRESSION)
    with pytest.raises(ValueError, match=r"training\.loss: .*log_loss.*binary.*'huber'"):
        TrainingConfig(loss="huber").for_task(BINARY)
    assert TrainingConfig(class_weight="balanced").for_task(BINARY).loss == "log_loss"
