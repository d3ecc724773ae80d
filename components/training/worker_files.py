"""The files by which a training hands its rows and settings to its workers, and gets the result of the first one.

All are in one folder, which the workers see at the same path.
"""

import json
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.dataset import Dataset
from components.training.history import EpochMetrics
from components.training.network import Array
from components.training.row_files import open_rows, write_rows

TRAIN, VALIDATION = "train", "validation"
_ASSIGNMENT, _HISTORY, _WEIGHTS, _DIVERGED = "assignment.json", "history.json", "weights.npz", "diverged.txt"


class Assignment(BaseModel):
    """What all workers do.

    Attributes:
        model: the layers and their regularization.
        training: the settings, with the optimizer that `auto` means.
        run_dir: where the first worker writes the history; None: nowhere.
        checkpoints: the folder of the checkpoints, which the first worker writes and all read; None: there are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelConfig
    training: TrainingConfig
    run_dir: str | None
    checkpoints: str | None

    def write(self, folder: Path) -> None:
        """Writes it for the workers."""
        (folder / _ASSIGNMENT).write_text(self.model_dump_json())

    @classmethod
    def read(cls, folder: Path) -> "Assignment":
        """Returns what `write` wrote."""
        return cls.model_validate_json((folder / _ASSIGNMENT).read_bytes())


def write_splits(folder: Path, train: Dataset, validation: Dataset) -> None:
    """Writes the rows of both splits.

    Raises:
        OSError: the disk is full.
    """
    write_rows(train, folder / TRAIN)
    write_rows(validation, folder / VALIDATION)


def open_splits(folder: Path) -> tuple[Dataset, Dataset]:
    """Returns the training split and the validation split; the system reads their rows when they are used."""
    return open_rows(folder / TRAIN), open_rows(folder / VALIDATION)


def write_result(
    folder: Path, history: list[EpochMetrics], weights: list[Array], best_weights: list[Array]
) -> None:
    """Writes the result of the first worker: its history, and its last and its best weights."""
    (folder / _HISTORY).write_text(json.dumps(history))
    np.savez(folder / _WEIGHTS, *weights, *best_weights)


def read_result(folder: Path) -> tuple[list[EpochMetrics], list[Array], list[Array]]:
    """Returns what `write_result` wrote."""
    with np.load(folder / _WEIGHTS) as archive:
        arrays = [archive[f"arr_{number}"] for number in range(len(archive.files))]
    half = len(arrays) // 2
    return json.loads((folder / _HISTORY).read_bytes()), arrays[:half], arrays[half:]


def write_divergence(folder: Path, message: str) -> None:
    """Writes why the training has diverged."""
    (folder / _DIVERGED).write_text(message)


def read_divergence(folder: Path) -> str | None:
    """Returns why the training has diverged; None: it has not."""
    path = folder / _DIVERGED
    return path.read_text() if path.exists() else None
