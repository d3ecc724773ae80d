"""After a training with class weights, the recalibration makes the outputs probabilities again."""

import math

import keras
import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression

from components.common.calibration_record import CalibrationRecord
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.calibration import (
    Recalibration,
    fit_recalibration,
    recalibrate,
    recalibration_line,
)
from components.training.class_weights import ClassWeights
from components.training.dataset import Dataset, InMemoryDataset, OnDiskDataset
from components.training.train import Trained, train_network

BALANCED = TrainingConfig(class_weight="balanced", epochs=30, early_stopping=0)
LOGISTIC = ModelConfig(hidden_units=(), l1=0.0, l2=0.0, dropout=0.0)
NETWORK = ModelConfig(hidden_units=(8, 4), l1=1e-3, l2=1e-3, dropout=0.25)
FACTORS = ClassWeights(0.5, 4.0)


def scored(logits: object, labels: object, weights: object = None) -> InMemoryDataset:
    """Returns rows whose only feature is the logit."""
    columns = [logits, labels] if weights is None else [logits, labels, weights]
    return InMemoryDataset.of(np.array(column, np.float32).reshape(-1, 1) for column in columns)


def table(rows: int, seed: int, *, curved: bool = False) -> InMemoryDataset:
    """Returns rows of three numbers between 0 and 1; about 5% of the labels are 1."""
    generator = np.random.default_rng(seed)
    x = generator.random((rows, 3))
    score = 16 * (x[:, 0] - 0.5) * (x[:, 1] - 0.5) - 3.7 if curved else 6 * x[:, 0] - 4 * x[:, 1] - 5.6
    y = generator.random(rows) < 1 / (1 + np.exp(-score))
    return InMemoryDataset(x.astype(np.float32), y.astype(np.float32).reshape(-1, 1))


def recalibrated(
    model: ModelConfig, train: Dataset, validation: Dataset, training: TrainingConfig = BALANCED
) -> tuple[Trained, CalibrationRecord]:
    trained, record = recalibrate(
        train_network(model, training, train, validation), training, train, validation
    )
    assert record is not None
    return trained, record


def probabilities(network: keras.Model, data: InMemoryDataset) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = network(data.features).numpy()[:, 0].astype(np.float64)
    return found


@pytest.mark.parametrize("weighted", [False, True])
def test_slope_and_shift_are_those_of_scikit_learn(weighted: bool) -> None:
    """Platt scaling is logistic regression on the logit, here with the weights of the rows."""
    generator = np.random.default_rng(1)
    logits = generator.normal(1, 3, 400).astype(np.float32)
    labels = generator.random(400) < 1 / (1 + np.exp(2 - 0.5 * logits))
    weights = generator.gamma(2, 1, 400).astype(np.float32) if weighted else None
    found = fit_recalibration(scored(logits, labels, weights), FACTORS)
    model = LogisticRegression(penalty=None, tol=1e-10).fit(logits[:, None], labels, sample_weight=weights)
    assert found.reason is None
    assert (found.slope, found.shift) == pytest.approx((model.coef_[0, 0], model.intercept_[0]), abs=1e-4)


@pytest.mark.parametrize(
    ("logits", "labels", "reason"),
    [
        ([1, 2, 3], [1, 1, 1], "only one class"),
        ([1, 2, 3], [0, 0, 0], "only one class"),
        ([1, np.inf, 3, 4], [1, 0, 1, 0], "not finite"),
        ([1, np.nan, 3, 4], [1, 0, 1, 0], "not finite"),
    ],
)
def test_without_a_fit_the_shift_reverses_the_class_weights(
    logits: list[float], labels: list[int], reason: str
) -> None:
    found = fit_recalibration(scored(logits, labels), FACTORS)
    assert (found.slope, found.shift) == pytest.approx((1, math.log(0.5 / 4)))
    assert found.reason is not None
    assert reason in found.reason


@pytest.mark.parametrize(
    ("logits", "labels", "reason"),
    [
        ([1, 2, 3, 4, 5], [0, 0, 0, 1, 1], "separates the classes"),
        (
            [1, 2, 2, 4],
            [0, 0, 1, 1],
            "separates the classes",
        ),  # also if the rows at the threshold are of both
        ([1, 2, 3, 4], [1, 1, 0, 0], "separates the classes"),
        ([2, 2, 2], [0, 1, 0], "predicts the same for each row"),
        ([1, 2, 3, 4], [1, 0, 1, 0], "not above 0"),
        ([-2, -1, 0, 1, 2] * 6, [0, 0, 1, 0, 1] + [0, 0, 0, 1, 1] * 5, "12 rows of the rarer class only"),
    ],
)
def test_without_a_slope_the_mean_prediction_is_the_share_of_positives(
    logits: list[float], labels: list[int], reason: str
) -> None:
    """With the slope 1, also with weights."""
    for weights in (None, np.arange(1, len(labels) + 1)):
        found = fit_recalibration(scored(logits, labels, weights), FACTORS)
        probability = 1 / (1 + np.exp(-(np.array(logits, float) + found.shift)))
        assert found.slope == 1
        assert np.average(probability, weights=weights) == pytest.approx(np.average(labels, weights=weights))
        assert found.reason is not None
        if weights is None:
            assert reason in found.reason


def test_a_steep_slope_needs_many_rows() -> None:
    """The same rows, ten times: a slope above 1 from 120 rows of the rarer class is used."""
    logits, labels = [-2, -1, 0, 1, 2] * 6, [0, 0, 1, 0, 1] + [0, 0, 0, 1, 1] * 5
    found = fit_recalibration(scored(logits * 10, labels * 10), FACTORS)
    assert found.reason is None
    assert found.slope > 1


def test_the_shift_is_exact_if_the_network_fits_its_rows() -> None:
    """Of the rows with x = 0, 1 of 10 is positive, with x = 1, 3 of 10: the network learns these shares exactly.

    With class weights it learns higher ones, and the shift alone turns them into 0.1 and 0.3. The validation split has
    only one class, so that there is no fit.
    """
    x = np.repeat([[0.0], [1.0]], 10, axis=0).astype(np.float32)
    y = np.array([[1.0]] + [[0.0]] * 9 + [[1.0]] * 3 + [[0.0]] * 7, np.float32)
    train, validation = InMemoryDataset(x, y), InMemoryDataset(x[:5], np.zeros((5, 1), np.float32))
    settings = BALANCED.model_copy(update={"epochs": 100})
    network = train_network(LOGISTIC, settings, train, validation).network
    # Class weights multiply the odds 1/9 and 3/7 by 16/4: 4/9 and 12/7.
    both = InMemoryDataset(np.array([[0], [1]], np.float32), np.zeros((2, 1), np.float32))
    assert probabilities(network, both) == pytest.approx([4 / 13, 12 / 19], abs=1e-5)
    trained, record = recalibrated(LOGISTIC, train, validation, settings)
    assert probabilities(trained.network, both) == pytest.approx([0.1, 0.3], abs=1e-5)
    assert (record.method, record.slope) == ("shift", 1)
    assert [record.negative_weight, record.positive_weight] == pytest.approx([20 / 32, 20 / 8])
    assert "because the validation split has rows of only one class" in recalibration_line(record)


@pytest.mark.parametrize("model", [LOGISTIC, NETWORK], ids=["logistic regression", "network"])
def test_the_network_computes_the_recalibrated_probability(model: ModelConfig) -> None:
    """sigmoid(slope * logit + shift), from the logits of the network before; weights of 0 remain 0."""
    train, validation = table(600, 1), table(1_200, 2)
    network = train_network(model, BALANCED, train, validation).network
    p = probabilities(network, validation)
    trained, record = recalibrated(model, train, validation)
    expected = 1 / (1 + np.exp(-(record.slope * np.log(p / (1 - p)) + record.shift)))
    assert record.slope != pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(probabilities(trained.network, validation), expected, atol=1e-5)
    for before, after in zip(network.get_weights()[:-2], trained.network.get_weights()[:-2], strict=True):
        assert before.tolist() == after.tolist()
    kernels = network.get_weights()[-2], trained.network.get_weights()[-2]
    assert ((kernels[0] == 0) == (kernels[1] == 0)).all()


def test_the_weights_of_the_best_epoch_have_their_own_recalibration() -> None:
    """Without early stopping they are not those of the network; both have the mean of the validation split."""
    train, validation = table(600, 1, curved=True), table(2_000, 2, curved=True)
    settings = BALANCED.model_copy(update={"learning_rate": 0.02, "epochs": 60})
    trained, _ = recalibrated(NETWORK.without_regularization(), train, validation, settings)
    share = validation.labels.mean()
    assert probabilities(trained.network, validation).mean() == pytest.approx(share, abs=1e-5)
    last = trained.network.get_weights()
    trained.network.set_weights(trained.best_weights)
    assert probabilities(trained.network, validation).mean() == pytest.approx(share, abs=1e-5)
    assert any((one != other).any() for one, other in zip(last, trained.best_weights, strict=True))


def test_without_class_weights_nothing_changes() -> None:
    data = table(100, 1)
    settings = BALANCED.model_copy(update={"class_weight": "none", "epochs": 2})
    trained = train_network(NETWORK, settings, data, data)
    weights = trained.network.get_weights()
    again, record = recalibrate(trained, settings, data, data)
    assert record is None
    assert again is trained
    assert all((a == b).all() for a, b in zip(weights, again.network.get_weights(), strict=True))


def test_the_record_by_hand() -> None:
    """Ten rows of logits 0 to 9 in ten bins; the log loss has no class weights. Equal logits share a bin."""
    kernel, bias = np.array([[10.0]], np.float32), np.zeros(1, np.float32)
    x = keras.Input((1,))
    network = keras.Model(x, keras.layers.Dense(1, activation="sigmoid")(x))
    network.set_weights([kernel, bias])
    validation = InMemoryDataset(
        np.array([0, 0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], np.float32).reshape(-1, 1),
        np.array([0, 0, 0, 0, 1, 0, 0, 1, 0, 1], np.float32).reshape(-1, 1),
    )
    trained, record = recalibrate(Trained(network, [], [kernel, bias]), BALANCED, validation, validation)
    assert record is not None
    p = 1 / (1 + np.exp(-np.array([0.0, 0, 2, 3, 4, 5, 6, 7, 8, 9])))
    after = probabilities(trained.network, validation)
    y = validation.labels[:, 0]
    assert (record.rows, record.observed) == pytest.approx((10, 0.3))
    assert [part.rows for part in record.bins] == [2, 1, 1, 1, 1, 1, 1, 1, 1]
    assert [part.observed for part in record.bins] == [0, 0, 0, 1, 0, 0, 1, 0, 1]
    assert [part.before for part in record.bins] == pytest.approx(p[1:])
    assert [part.after for part in record.bins] == pytest.approx(after[1:], abs=1e-6)
    for side, predicted in ((record.before, p), (record.after, after)):
        assert side.log_loss == pytest.approx(-np.mean(np.log(np.where(y > 0, predicted, 1 - predicted))))
        assert side.mean == pytest.approx(predicted.mean())
    line = "recalibrated on 10 validation rows: log loss 2.5591 -> 0.4728, mean prediction 0.8805 -> 0.3000"
    assert recalibration_line(record) == line


def test_an_integer_weight_equals_that_many_rows() -> None:
    """In slope and shift, in the scores and in the bins; also on disk."""
    train, validation = table(600, 1), table(300, 2)
    weights = np.random.default_rng(3).integers(1, 5, (300, 1))
    repeated = InMemoryDataset.of(np.repeat(array, weights[:, 0], axis=0) for array in validation.arrays)
    weighted = validation._replace(weights=weights.astype(np.float32))
    stored = OnDiskDataset(3, 100, weighted=True)
    stored.append(weighted)
    _, expected = recalibrated(LOGISTIC, train, repeated)
    for split in (weighted, stored):
        _, found = recalibrated(LOGISTIC, train, split)
        ours, theirs = (
            {**record.model_dump(exclude={"rows", "bins", "before", "after", "reason"})}
            | {
                f"{side}.{name}": value
                for side in ("before", "after")
                for name, value in getattr(record, side)
            }
            | {
                f"{index}.{name}": value
                for index, part in enumerate(record.bins)
                for name, value in part
                if name != "rows"
            }
            for record in (found, expected)
        )
        assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("curved", [False, True], ids=["linear", "curved"])
def test_the_mean_probability_is_the_base_rate_again(curved: bool) -> None:
    """About 5% of the labels are 1. On fresh rows the mean prediction is several times as high before, and within 10%
    of the share of positives afterwards; the log loss is that of a training without class weights, or lower by chance.
    """
    train, validation, fresh = (
        table(rows, seed, curved=curved) for rows, seed in ((3_000, 1), (20_000, 2), (40_000, 3))
    )
    model = (
        NETWORK.model_copy(update={"hidden_units": (16,), "dropout": 0.0, "l1": 0.0}) if curved else LOGISTIC
    )
    settings = BALANCED.model_copy(update={"epochs": 15, "learning_rate": 5e-3})
    before = probabilities(train_network(model, settings, train, validation).network, fresh)
    trained, record = recalibrated(model, train, validation, settings)
    after = probabilities(trained.network, fresh)
    share = fresh.labels.mean()
    assert 0.04 < share < 0.06
    assert before.mean() > 3 * share
    assert after.mean() == pytest.approx(share, rel=0.1)
    assert record.method == "platt"
    plain = train_network(
        model, settings.model_copy(update={"class_weight": "none"}), train, validation
    ).network
    losses = [
        -np.mean(np.log(np.where(fresh.labels[:, 0] > 0, p, 1 - p)))
        for p in (before, after, probabilities(plain, fresh))
    ]
    assert losses[1] < losses[2] + 0.003 < losses[0]


def test_a_recalibration_keeps_the_order_of_predictions() -> None:
    assert Recalibration(0.5, -2.0).apply(np.array([-1.0, 0.0, 4.0])).tolist() == [-2.5, -2.0, 0.0]
