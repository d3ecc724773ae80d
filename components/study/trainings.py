"""Trains a variant as the Trainer would, measures it on both splits, and keeps what was found for the next study."""

import gc
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from pydantic import ValidationError

from components.common import storage
from components.common.errors import TrainingDiverged
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.evaluator.metrics import ScoredRows, accuracy, auc, log_loss
from components.study.study_record import SplitMetrics, TrainingResult, diverged_result
from components.training.checkpoints import Checkpoints, training_digest
from components.training.dataset import Dataset, dataset_arrays
from components.training.history import EpochMetrics
from components.training.loop import scoring_batch_size
from components.training.train import train_network
from components.training.weight_report import weight_report, zero_share


class StudyData(NamedTuple):
    """What is learned from; `features` are the names, in the order of the vectors."""

    features: tuple[str, ...]
    train: Dataset
    validation: Dataset


class Trainings:
    """The trainings on some data. Each is kept in a file that is named after all that it depends on.

    A file is written under another name and renamed: a process that is killed leaves whole results, and of a long
    training a checkpoint, from which the next one goes on.

    Args:
        data: both splits.
        folder: receives the results and the checkpoints.
        code_digest: of this module.
    """

    def __init__(self, data: StudyData, folder: Path, code_digest: str) -> None:
        self._data = data
        self._folder = folder
        text = f"{tf.__version__} {keras.__version__} {code_digest} {data.features!r}"
        self._digest = training_digest(
            text, dataset_arrays(data.train, data.validation)
        )  # once: the data may be large

    def key(self, model: ModelConfig, training: TrainingConfig) -> str:
        """The name of a training: the same settings, code, data and libraries, and no others, have the same."""
        return training_digest(f"{self._digest} {model.model_dump_json()} {training.model_dump_json()}", [])

    def find(self, key: str) -> TrainingResult | None:
        """What a training came to; None if it has not been done, or its file can't be read."""
        try:
            return TrainingResult.model_validate_json(self._file(key).read_bytes())
        except (OSError, ValidationError):
            return None

    def train(self, model: ModelConfig, training: TrainingConfig) -> TrainingResult:
        """Trains a network and keeps what it came to, also where its loss ran away."""
        key = self.key(model, training)
        checkpoints = Checkpoints(self._folder / "checkpoints" / key)
        features, train, validation = self._data
        gc.collect()  # the training before: its network and graphs hold each other
        started = time.monotonic()
        try:
            # The epochs are shown on the terminal; of the rest, which is for TensorBoard, nothing stays.
            with tempfile.TemporaryDirectory() as logs:
                network, history = train_network(model, training, train, validation, logs, checkpoints)
            result = measure_network(network, self._data, history, time.monotonic() - started)
        except TrainingDiverged as error:
            result = diverged_result(len(features), str(error), time.monotonic() - started)
        self._keep(key, result)
        checkpoints.clear()
        return result

    def _keep(self, key: str, result: TrainingResult) -> None:
        storage.write(str(self._file(key)), result.model_dump_json().encode())

    def _file(self, key: str) -> Path:
        return self._folder / "results" / f"{key}.json"


def measure_network(
    network: keras.Model, data: StudyData, history: list[EpochMetrics], seconds: float
) -> TrainingResult:
    """The network as it is, on all rows of both splits, and its weights; with how it got there, from `fit`."""
    report = weight_report(network, data.features)
    layers = report["layers"]
    return TrainingResult(
        train=_scores(network, data.train),
        validation=_scores(network, data.validation),
        zero=zero_share(report),
        l1_norm=sum(layer["l1_norm"] for layer in layers),
        l2_norm=float(np.linalg.norm([layer["l2_norm"] for layer in layers])),
        features=len(data.features),
        dropped=tuple(report["dropped"]),
        seconds=seconds,
        training_curve=tuple(epoch["log_loss"] for epoch in history),
        validation_curve=tuple(epoch["val_log_loss"] for epoch in history),
    )


def _scores(network: keras.Model, split: Dataset) -> SplitMetrics:
    """The Evaluator's metrics on all rows of a split."""
    scored = [
        (part.labels, network(part.features, training=False).numpy())
        for part in split.batches(scoring_batch_size(split))
    ]
    labels, predictions = (np.concatenate(column).reshape(-1) for column in zip(*scored, strict=True))
    rows = ScoredRows(labels, predictions)
    return SplitMetrics(log_loss=log_loss(rows), auc=auc(rows), accuracy=accuracy(rows))
