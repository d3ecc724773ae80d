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
from components.evaluator.metric_functions import METRIC_FUNCTIONS
from components.evaluator.metrics import ScoredRows
from components.study.study_record import SplitMetrics, TrainingResult, diverged_result
from components.tasks.task import Loss, Task
from components.training.checkpoints import Checkpoints, training_digest
from components.training.dataset import Dataset, dataset_arrays, row_weights
from components.training.epoch_runner import scoring_batch_size
from components.training.history import EpochMetrics
from components.training.objective import objective_splits
from components.training.train import train_network
from components.training.weight_report import weight_report, zero_share


class StudyData(NamedTuple):
    """The data of a study, and its task; `features` are the feature names, in the order of the vectors."""

    task: Task
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
        text = f"{versions_text()} {code_digest} {data.task.name} {data.features!r}"
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
        """Trains a network and stores its result, even if the training diverges.

        Args:
            model: the network.
            training: the settings, with the loss of the task.
        """
        key = self.key(model, training)
        checkpoints = Checkpoints(self._folder / "checkpoints" / key)
        _, features, train, validation = self._data
        gc.collect()  # frees the previous training, whose network and graphs refer to each other
        started = time.monotonic()
        try:
            # The loop shows its epochs on the terminal only if it has a folder. The logs for TensorBoard are not kept.
            with tempfile.TemporaryDirectory() as logs:
                network, history, _ = train_network(model, training, train, validation, logs, checkpoints)
            # The scores have the weights and the labels that the losses of the training have.
            train, validation = objective_splits(train, validation, training)
            scored = self._data._replace(train=train, validation=validation)
            seconds = time.monotonic() - started
            result = measure_network(network, training.objective, scored, history, seconds)
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
    network: keras.Model, loss: Loss, data: StudyData, history: list[EpochMetrics], seconds: float
) -> TrainingResult:
    """Scores the network on all rows of both splits, and adds its weights and its history to the result.

    The outputs of the network are not changed as those of an exported model are: probabilities that were trained with
    class weights are not recalibrated, and a number is not scaled back. So `data` has the weights and labels of the
    objective.
    """
    report = weight_report(network, data.features)
    layers = report["layers"]
    return TrainingResult(
        train=_scores(network, loss, data.train, data.task),
        validation=_scores(network, loss, data.validation, data.task),
        zero=zero_share(report),
        l1_norm=sum(layer["l1_norm"] for layer in layers),
        l2_norm=float(np.linalg.norm([layer["l2_norm"] for layer in layers])),
        features=len(set(data.features)),
        dropped=tuple(report["dropped"]),
        seconds=seconds,
        training_curve=tuple(epoch[loss.name] for epoch in history),
        validation_curve=tuple(epoch[f"val_{loss.name}"] for epoch in history),
    )


def _scores(network: keras.Model, loss: Loss, split: Dataset, task: Task) -> SplitMetrics:
    """Computes both metrics of the loss, and the score of the Evaluator, on all rows of a split."""
    parts = []
    for part in split.batches(scoring_batch_size(split)):
        outputs = network(part.features, training=False)
        losses, further = (values(part.labels, outputs) for values in (loss.of_rows, loss.further_of_rows))
        parts.append((part.labels[:, 0], outputs.numpy(), losses.numpy(), further.numpy()[:, 0]))
    labels, predictions, losses, further = map(np.concatenate, zip(*parts, strict=True))
    if not loss.output.per_class:
        predictions = predictions[:, 0]
    weights = row_weights(split)
    rows = ScoredRows(labels, predictions, weights=None if weights is None else weights.astype(np.float32))
    loss_mean, further_mean = (
        float(np.average(values.astype(np.float64), weights=rows.row_weights()))
        for values in (losses, further)
    )
    return SplitMetrics(loss=loss_mean, score=METRIC_FUNCTIONS[task.score](rows), further=further_mean)
