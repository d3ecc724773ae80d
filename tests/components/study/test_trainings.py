"""A variant is trained like the Trainer's network, scored on all rows, and never trained twice."""

import gc
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.study.study_record import TrainingResult
from components.study.trainings import StudyData, Trainings, measure_network
from components.tasks.binary import BINARY, LOG_LOSS
from components.tasks.multiclass import CROSS_ENTROPY, MULTICLASS
from components.tasks.regression import REGRESSION
from components.training import checkpoints
from components.training.dataset import Dataset, InMemoryDataset
from components.training.network import build_model
from components.training.train import train_network

NAMES = tuple(f"f{number}" for number in range(20))
MODEL = ModelConfig(hidden_units=(), l1=0.002, l2=0.001)
TRAINING = TrainingConfig(epochs=3, batch_size=64, learning_rate=0.02, early_stopping=0)


@pytest.fixture(scope="module")
def data(sample: dict[str, Any]) -> StudyData:
    return StudyData(
        BINARY,
        NAMES,
        InMemoryDataset(sample["x0"], sample["y0"]),
        InMemoryDataset(sample["x1"], sample["y1"]),
    )


def in_memory(split: Dataset) -> InMemoryDataset:
    assert isinstance(split, InMemoryDataset)
    return split


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, data: StudyData) -> tuple[Path, TrainingResult]:
    """A folder with the result of one training, and that result."""
    folder = tmp_path_factory.mktemp("studies")
    return folder, Trainings(data, folder, "code").train(MODEL, TRAINING)


def test_the_scores_agree_with_scikit_learn(data: StudyData) -> None:
    """A network with given weights is scored on all rows of each split; norms and zeros are those of its kernel."""
    w = np.zeros((20, 1), np.float32)
    w[3:7, 0] = [2.0, -1.0, 0.5, -4.0]
    network = build_model(20, ModelConfig(hidden_units=(), l1=0.1, l2=0.1))
    network.set_weights([w, np.array([0.25], np.float32)])
    result = measure_network(
        network, LOG_LOSS, data, [{"epoch": 1, "log_loss": 0.5, "val_log_loss": 0.625}], 1.5
    )
    for scores, measured in ((result.train, data.train), (result.validation, data.validation)):
        split = in_memory(measured)
        labels = split.labels[:, 0]
        p = 1 / (1 + np.exp(-(split.features.astype(np.float64) @ w + 0.25)))[:, 0]
        assert scores.loss == pytest.approx(log_loss(labels, p), abs=1e-6)  # no penalty in it
        assert scores.score == pytest.approx(roc_auc_score(labels, p), abs=1e-9)
        assert scores.further == accuracy_score(labels, p > 0.5)
    assert result.gap == result.validation.loss - result.train.loss
    assert (result.zero, result.features, result.kept) == (16 / 20, 20, 4)
    assert result.dropped == tuple(name for name in NAMES if name not in ("f3", "f4", "f5", "f6"))
    assert result.l1_norm == 7.5
    assert result.l2_norm == pytest.approx(math.sqrt(4 + 1 + 0.25 + 16))
    assert (result.training_curve, result.validation_curve, result.epochs) == ((0.5,), (0.625,), 1)


def test_the_scores_of_several_classes_agree_with_scikit_learn(data: StudyData) -> None:
    """Cross-entropy, macro AUC and accuracy of a network with given weights, on labels from 0 to 2."""
    generator = np.random.default_rng(3)
    network = build_model(20, ModelConfig(hidden_units=(), l1=0.1, l2=0.1), loss=CROSS_ENTROPY, outputs=3)
    w, b = generator.normal(size=(20, 3)).astype(np.float32), np.array([0.5, 0.0, -0.5], np.float32)
    network.set_weights([w, b])
    features = in_memory(data.train).features
    labels = generator.integers(0, 3, (len(features), 1)).astype(np.float32)
    split = InMemoryDataset(features, labels)
    result = measure_network(network, CROSS_ENTROPY, StudyData(MULTICLASS, NAMES, split, split), [], 0.0)
    odds = np.exp(features.astype(np.float64) @ w + b)
    p = odds / odds.sum(axis=1, keepdims=True)
    assert result.train.loss == pytest.approx(log_loss(labels[:, 0], p), abs=1e-6)
    macro_auc = roc_auc_score(labels[:, 0], p, multi_class="ovr")
    assert result.train.score == pytest.approx(macro_auc, abs=1e-9)
    assert result.train.further == accuracy_score(labels[:, 0], p.argmax(axis=1))


def test_a_regression_is_scored_in_the_unit_of_its_training(data: StudyData, tmp_path: Path) -> None:
    """The mean squared error and the mean absolute error of the scaled label, and R2, which has no unit."""
    generator = np.random.default_rng(4)
    w = generator.normal(size=(20, 1))
    train, validation = (
        InMemoryDataset(
            split.features,
            (50 + 10 * (split.features @ w + generator.normal(size=(split.rows, 1)))).astype(np.float32),
        )
        for split in map(in_memory, (data.train, data.validation))
    )
    training = TRAINING.for_task(REGRESSION)
    result = Trainings(StudyData(REGRESSION, NAMES, train, validation), tmp_path, "code").train(
        MODEL, training
    )
    network, history, _ = train_network(MODEL, training, train, validation)
    assert result.validation.loss == pytest.approx(history[-1]["val_mse"], abs=1e-6)
    assert result.training_curve == tuple(epoch["mse"] for epoch in history)
    deviation = train.labels.astype(np.float64).std()
    predicted = network(validation.features).numpy() * deviation + train.labels.mean(dtype=np.float64)
    errors = predicted - validation.labels
    assert result.validation.loss == pytest.approx(np.mean(errors**2) / deviation**2, rel=1e-5)
    assert result.validation.further == pytest.approx(np.abs(errors).mean() / deviation, rel=1e-5)
    assert result.validation.score == pytest.approx(r2_score(validation.labels, predicted), abs=1e-5)


def test_the_scores_are_weighted(data: StudyData, tmp_path: Path) -> None:
    """By the weights of the rows, times the class weights of the training, as the losses of its history are."""
    generator = np.random.default_rng(1)
    train, validation = (
        split._replace(weights=generator.integers(1, 5, (split.rows, 1)).astype(np.float32))
        for split in map(in_memory, (data.train, data.validation))
    )
    balanced = TRAINING.model_copy(update={"class_weight": "balanced"})
    result = Trainings(StudyData(BINARY, NAMES, train, validation), tmp_path, "code").train(MODEL, balanced)
    network, history, _ = train_network(MODEL, balanced, train, validation)
    assert result.validation.loss == pytest.approx(history[-1]["val_log_loss"], abs=1e-6)
    assert result.validation.further == pytest.approx(history[-1]["val_accuracy"], abs=1e-6)
    assert train.weights is not None
    assert validation.weights is not None
    sums = [train.weights[train.labels == label].sum() for label in (0, 1)]
    weights = validation.weights[:, 0] * np.where(validation.labels[:, 0] > 0, 1 / sums[1], 1 / sums[0])
    p = network(validation.features).numpy()[:, 0].astype(np.float64)
    labels = validation.labels[:, 0]
    assert result.validation.loss == pytest.approx(log_loss(labels, p, sample_weight=weights), abs=1e-6)
    assert result.validation.score == pytest.approx(roc_auc_score(labels, p, sample_weight=weights), abs=1e-6)
    assert result.validation.loss != pytest.approx(log_loss(labels, p), abs=1e-4)


def test_norms_and_zeros_of_several_layers(data: StudyData) -> None:
    """Over all weights together: 6 of 84 differ from 0; biases do not count."""
    network = build_model(20, ModelConfig(hidden_units=(4,), l1=1e-4, l2=1e-3, dropout=0.2))
    hidden, output = np.zeros((20, 4)), np.array([[3.0], [-4.0], [0.0], [0.0]])
    hidden[0] = [1.0, 1.0, -1.0, 1.0]
    network.set_weights([hidden, np.full(4, 9.0), output, np.array([9.0])])
    result = measure_network(network, LOG_LOSS, data, [], 0.0)
    assert result.zero == pytest.approx(78 / 84)
    assert result.l1_norm == 11
    assert result.l2_norm == pytest.approx(math.sqrt(4 + 25))
    assert result.kept == 1


def test_it_is_the_training_of_the_trainer(kept: tuple[Path, TrainingResult], data: StudyData) -> None:
    """The network is that of `train_network`, and so are its scores."""
    network, history, _ = train_network(MODEL, TRAINING, data.train, data.validation)
    result = kept[1]
    assert result == measure_network(network, LOG_LOSS, data, history, result.seconds)
    assert result.validation.loss == pytest.approx(history[-1]["val_log_loss"], abs=1e-6)
    assert result.train.loss == pytest.approx(history[-1]["log_loss"], abs=1e-6)


def test_a_second_study_finds_the_results_of_the_first(
    kept: tuple[Path, TrainingResult], data: StudyData
) -> None:
    folder, result = kept
    again = Trainings(data, folder, "code")
    assert again.find(again.key(MODEL, TRAINING)) == result


def test_the_key_of_a_result_depends_on_all_its_inputs(
    kept: tuple[Path, TrainingResult], data: StudyData
) -> None:
    """A change of a setting, the code, a value, a label or a feature name gives another key."""
    folder, _ = kept
    same = Trainings(data, folder, "code")
    train = in_memory(data.train)
    features, labels = train.features.copy(), train.labels.copy()
    features[0, 0] += 0.001
    labels[0] = 1 - labels[0]
    others = [
        same.key(MODEL.model_copy(update={"l1": 0.003}), TRAINING),
        same.key(MODEL, TRAINING.model_copy(update={"seed": 1})),
        Trainings(data, folder, "other code").key(MODEL, TRAINING),
        Trainings(data._replace(features=("new", *NAMES[1:])), folder, "code").key(MODEL, TRAINING),
        Trainings(data._replace(train=InMemoryDataset(features, train.labels)), folder, "code").key(
            MODEL, TRAINING
        ),
        Trainings(data._replace(train=InMemoryDataset(train.features, labels)), folder, "code").key(
            MODEL, TRAINING
        ),
    ]
    keys = {same.key(MODEL, TRAINING), *others}
    assert len(keys) == 7
    assert [same.find(key) for key in others] == [None] * 6


def test_an_incomplete_file_is_ignored(
    tmp_path: Path, data: StudyData, kept: tuple[Path, TrainingResult]
) -> None:
    trainings = Trainings(data, tmp_path, "code")
    key = trainings.key(MODEL, TRAINING)
    file = tmp_path / "results" / f"{key}.json"
    file.parent.mkdir()
    whole = kept[1].model_dump_json()
    file.write_text(whole[: len(whole) // 2])
    assert trainings.find(key) is None
    file.write_text(whole)
    assert trainings.find(key) == kept[1]


def test_an_interrupted_training_resumes(
    tmp_path: Path, data: StudyData, kept: tuple[Path, TrainingResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C in epoch 2 there is no result, and the next study ends with that of an uninterrupted training."""

    class Interrupt(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("epoch 2/"):
                raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr("components.training.throttle.MIN_INTERVAL_TO_DURATION", 1)
    trainings = Trainings(data, tmp_path, "code")
    logger = logging.getLogger("regpipe.progress")
    level, handler = logger.level, Interrupt()
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            trainings.train(MODEL, TRAINING)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert trainings.find(trainings.key(MODEL, TRAINING)) is None
    assert len(list(tmp_path.glob("checkpoints/*/epoch-00000001.ckpt"))) == 1
    result = trainings.train(MODEL, TRAINING)
    assert result.model_copy(update={"seconds": 0.0}) == kept[1].model_copy(update={"seconds": 0.0})
    assert list((tmp_path / "checkpoints").iterdir()) == []
    assert [file.name for file in (tmp_path / "results").iterdir()] == [
        f"{trainings.key(MODEL, TRAINING)}.json"
    ]


def test_a_diverged_training_has_a_result(tmp_path: Path, data: StudyData) -> None:
    """It would diverge again, so that its result is stored, with the reason and without scores."""
    trainings = Trainings(data, tmp_path, "code")
    wild = TRAINING.model_copy(update={"optimizer": "sgd", "learning_rate": 1e30})
    result = trainings.train(MODEL, wild)
    assert result.failure.startswith("expected a finite validation loss, got ")
    assert math.isnan(result.validation.loss)
    assert math.isnan(result.gap)
    assert (result.features, result.epochs) == (20, 0)
    found = trainings.find(trainings.key(MODEL, wild))
    assert found is not None
    assert found.failure == result.failure
    assert math.isnan(found.train.score)


def test_trainings_free_their_memory(tmp_path: Path, data: StudyData) -> None:
    """No tensor with the data remains after a training: a study has many trainings, and the table may be large."""
    Trainings(data, tmp_path, "code").train(MODEL, TRAINING)
    gc.collect()
    shapes = [tuple(o.shape) for o in gc.get_objects() if type(o).__name__ == "EagerTensor"]
    assert in_memory(data.train).features.shape not in shapes
    assert in_memory(data.validation).features.shape not in shapes
