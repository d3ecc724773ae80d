"""The regularizers agree with scikit-learn's solutions, and give zeros at little cost on the sample."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.dataset import InMemoryDataset
from components.training.loop import run_training_loop
from components.training.network import build_model
from components.training.weight_report import weight_report
from tests.components.training.sample_training import zeros_and_auc

Array = npt.NDArray[np.float64]
Penalty = tuple[float, float]
Stages = list[tuple[float, int]]
ROWS = 200


@pytest.fixture(scope="module")
def data() -> InMemoryDataset:
    """Eight features between -1 and 1, four of them noise; the labels are drawn from a logistic model of the others."""
    generator = np.random.default_rng(5)
    features = (generator.random((ROWS, 8)) * 2 - 1).astype(np.float32)
    logits = features @ np.array([3, -2, 1.5, 0.7, 0, 0, 0, 0]) + 0.5
    labels = generator.random(ROWS) < 1 / (1 + np.exp(-logits))
    return InMemoryDataset(features, labels.astype(np.float32).reshape(-1, 1))


def train_regpipe(
    data: InMemoryDataset, run_dir: Path, optimizer: str, penalty: Penalty, stages: Stages
) -> Array:
    """Trains on full batches from random weights; returns coefficients and intercept.

    Each stage is a learning rate and a number of steps. Each stage starts with a new optimizer, because Adam averages
    the large first gradients for thousands of steps, and its steps are small for as long.
    """
    keras.utils.set_random_seed(1)
    model = build_model(8, ModelConfig(hidden_units=(), l1=penalty[0], l2=penalty[1]))
    for rate, steps in stages:
        settings = {"optimizer": optimizer, "learning_rate": rate, "epochs": steps}
        settings |= {"batch_size": ROWS, "early_stopping": 0}
        run_training_loop(model, data, data, TrainingConfig.model_validate(settings), run_dir)
    return np.concatenate([w.ravel() for w in model.get_weights()]).astype(np.float64)


def solve_scikit_learn(data: InMemoryDataset, penalty: Penalty) -> Array:
    """Returns scikit-learn's solution of the same problem. Its intercept has no penalty either, except in liblinear.

    The loss here is mean(log loss) + l1 * sum|w| + l2 * sum w². scikit-learn's loss is
    C * sum(log loss) + r * sum|w| + (1 - r) / 2 * sum w². Divided by C * rows, it has l1 = r / (C * rows) and
    l2 = (1 - r) / (2 * C * rows).
    """
    l1, l2 = penalty
    c, ratio = 1 / (ROWS * (l1 + 2 * l2)), l1 / (l1 + 2 * l2)
    name = {0.0: "l2", 1.0: "l1"}.get(ratio, "elasticnet")
    model = LogisticRegression(
        penalty=name,
        C=c,
        l1_ratio=ratio if name == "elasticnet" else None,
        solver="saga",
        tol=1e-10,
        max_iter=100_000,
        random_state=0,
    )
    model.fit(data.features.astype(np.float64), data.labels[:, 0])
    return np.append(model.coef_[0], model.intercept_)


@pytest.mark.parametrize(
    ("penalty", "zeros"),
    [((0.02, 0.0), 4), ((0.05, 0.0), 5), ((0.02, 0.01), 4)],
    ids=["L1", "more L1", "elastic net"],
)
def test_proximal_adam_solves_the_penalized_problem(
    data: InMemoryDataset, tmp_path: Path, penalty: Penalty, zeros: int
) -> None:
    """Logistic regression with L1, and with L1 and L2: the same coefficients are 0 as in saga's solution, and all
    coefficients and the intercept agree to 5e-5 (float32 and float64; coefficients are up to 2).
    """
    expected = solve_scikit_learn(data, penalty)
    found = train_regpipe(data, tmp_path, "proximal_adam", penalty, [(0.05, 100), (0.02, 300)])
    assert np.sum(expected[:-1] == 0) == zeros
    assert (found == 0).tolist() == (expected == 0).tolist()
    np.testing.assert_allclose(found, expected, atol=5e-5, rtol=0)


def test_sgd_solves_the_l2_problem(data: InMemoryDataset, tmp_path: Path) -> None:
    """L2-penalized logistic regression by gradient descent agrees with saga to 1e-6, and no coefficient is 0."""
    expected = solve_scikit_learn(data, (0.0, 0.01))
    found = train_regpipe(data, tmp_path, "sgd", (0.0, 0.01), [(2.0, 300)])
    np.testing.assert_allclose(found, expected, atol=1e-6, rtol=0)
    assert found.all()


@pytest.fixture(scope="module")
def without_l1(sample: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[float, float]:
    return zeros_and_auc(sample, 0.0, tmp_path_factory.mktemp("without"))


def test_exact_zeros_cost_little(
    sample: dict[str, Any], strength: float, without_l1: tuple[float, float], tmp_path: Path
) -> None:
    """On the sample, proximal L1 at 3e-4 with all other defaults sets more than half of the weights to exactly 0, and
    the AUC on the test rows is at most 0.01 below that of the same network without L1.
    """
    zeros, auc = zeros_and_auc(sample, strength, tmp_path)
    assert without_l1[0] == 0
    assert zeros > 0.5
    assert auc > without_l1[1] - 0.01


def test_noise_features_are_dropped(sample: dict[str, Any], tmp_path: Path) -> None:
    """Logistic regression with proximal L1 on a table with 15 noise columns of 20: most of them have only zero weights,
    and the AUC on the test rows is at most 0.01 below that without L1.
    """
    names = [str(number) for number in range(20)]
    found = {}
    for l1 in (0.0, 0.01):
        keras.utils.set_random_seed(42)
        model = build_model(20, ModelConfig(hidden_units=(), l1=l1, l2=0.0, dropout=0.0))
        train, validation = (InMemoryDataset(sample[f"x{part}"], sample[f"y{part}"]) for part in (0, 1))
        run_training_loop(
            model, train, validation, TrainingConfig(optimizer="proximal_adam", learning_rate=0.01), tmp_path
        )
        auc = roc_auc_score(sample["y2"][:, 0], model(sample["x2"]).numpy()[:, 0])
        found[l1] = len(weight_report(model, names)["dropped"]), auc
    assert found[0.0][0] == 0
    assert found[0.01][0] >= 10
    assert found[0.01][1] > found[0.0][1] - 0.01
