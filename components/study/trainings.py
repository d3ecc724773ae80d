"""Trains variants as the Trainer does, scores them on both splits, and stores the results for later studies."""

import gc
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from pydantic import ValidationError

from components.common import storage
from components.common.errors import TrainingDiverged
from components.common.library_versions import versions_text
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.evaluator.metrics import ScoredRows, accuracy, auc, log_loss
from components.study.study_record import SplitMetrics, TrainingResult, diverged_result
from components.training.checkpoints import Checkpoints, training_digest
from components.training.class_weights import with_class_weights
from components.training.dataset import Dataset, dataset_arrays, row_weights
from components.training.epoch_runner import scoring_batch_size
from components.training.history import EpochMetrics
from components.training.train import train_network
from components.training.weight_report import weight_report, zero_share


class StudyData(NamedTuple):
    """The data of a study; `features` are the feature names, in the order of the vectors."""

    features: tuple[str, ...]
    train: Dataset
    validation: Dataset


class Trainings:
    """Trains on the data of a study and stores each result in a file.

    The name of a file is the digest of everything that its result depends on (see `key`). Results are written under a
    temporary name and renamed, so that a killed process leaves only complete results. A training that was interrupted
    resumes from its last checkpoint.

    Args:
        data: the training split and the validation split.
        folder: the folder of the results and the checkpoints.
        code_digest: the code digest of this module.
    """

    def __init__(self, data: StudyData, folder: Path, code_digest: str) -> None:
        self._data = data
        self._folder = folder
        text = f"{versions_text()} {code_digest} {data.features!r}"
        # Computed once, as the data may be large.
        self._digest = training_digest(text, dataset_arrays(data.train, data.validation))

    def key(self, model: ModelConfig, training: TrainingConfig) -> str:
        """Returns the name of a training: a digest of its settings, the code, the data and the library versions."""
        return training_digest(f"{self._digest} {model.model_dump_json()} {training.model_dump_json()}", [])

    def find(self, key: str) -> TrainingResult | None:
        """Returns a stored result; None if there is none, or if its file can't be read."""
        try:
            return TrainingResult.model_validate_json(self._file(key).read_bytes())
        except (OSError, ValidationError):
            return None

    def train(self, model: ModelConfig, training: TrainingConfig) -> TrainingResult:
        """Trains a network and stores its result, even if the training diverges."""
        key = self.key(model, training)
        checkpoints = Checkpoints(self._folder / "checkpoints" / key)
        features, train, validation = self._data
        gc.collect()  # frees the previous training, whose network and graphs refer to each other
        started = time.monotonic()
        try:
            # The loop shows its epochs on the terminal only if it has a folder. The logs for TensorBoard are not kept.
            with tempfile.TemporaryDirectory() as logs:
                network, history, _ = train_network(model, training, train, validation, logs, checkpoints)
            # The scores are weighted as the losses of the training are.
            train, validation = with_class_weights(train, validation, training.class_weight)
            scored = self._data._replace(train=train, validation=validation)
            result = measure_network(network, scored, history, time.monotonic() - started)
        except TrainingDiverged as error:
            result = diverged_result(len(set(features)), str(error), time.monotonic() - started)
        self._store(key, result)
        checkpoints.clear()
        return result

    def _store(self, key: str, result: TrainingResult) -> None:
        storage.write(str(self._file(key)), result.model_dump_json().encode())

    def _file(self, key: str) -> Path:
        return self._folder / "results" / f"{key}.json"


def measure_network(
    network: keras.Model, data: StudyData, history: list[EpochMetrics], seconds: float
) -> TrainingResult:
    """Scores the network on all rows of both splits, and adds its weights and its history to the result.

    The scores are weighted by the weights of the rows in `data`. A network that was trained with class weights is not
    recalibrated here, so its log loss is comparable with others only if they contain the class weights.
    """
    report = weight_report(network, data.features)
    layers = report["layers"]
    return TrainingResult(
        train=_scores(network, data.train),
        validation=_scores(network, data.validation),
        zero=zero_share(report),
        l1_norm=sum(layer["l1_norm"] for layer in layers),
        l2_norm=float(np.linalg.norm([layer["l2_norm"] for layer in layers])),
        features=len(set(data.features)),
        dropped=tuple(report["dropped"]),
        seconds=seconds,
        training_curve=tuple(epoch["log_loss"] for epoch in history),
        validation_curve=tuple(epoch["val_log_loss"] for epoch in history),
    )


def _scores(network: keras.Model, split: Dataset) -> SplitMetrics:
    """Computes the Evaluator's metrics on all rows of a split."""
    scored = [
        (part.labels, network(part.features, training=False).numpy())
        for part in split.batches(scoring_batch_size(split))
    ]
    labels, predictions = (np.concatenate(column).reshape(-1) for column in zip(*scored, strict=True))
    weights = row_weights(split)
    rows = ScoredRows(labels, predictions, weights=None if weights is None else weights.astype(np.float32))
    return SplitMetrics(log_loss=log_loss(rows), auc=auc(rows), accuracy=accuracy(rows))
