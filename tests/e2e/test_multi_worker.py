"""Trainings in several real processes: their weights, a worker that is killed, and what is left behind."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from components.common.errors import TrainingDiverged, WorkerLost
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.checkpoints import Checkpoints
from components.training.dataset import InMemoryDataset, OnDiskDataset
from components.training.train import Trained, train_network
from tests.waiting import wait_until

MODEL = ModelConfig(hidden_units=(8, 4), l1=1e-2, l2=1e-2, dropout=(0.25, 0.5))
TRAINING = TrainingConfig(
    epochs=3, batch_size=8, learning_rate=1e-2, early_stopping=2, strategy="multi_worker"
)


def rows(count: int = 33) -> InMemoryDataset:
    features = np.random.default_rng(1).random((count, 5), np.float32)
    return InMemoryDataset(features, (features[:, :1] > features[:, 1:2]).astype(np.float32))


def on_disk(data: InMemoryDataset, max_rows: int) -> OnDiskDataset:
    found = OnDiskDataset(data.width, max_rows, weighted=data.weighted)
    found.append(data)
    return found


def flat(trained: Trained) -> np.ndarray:
    return np.concatenate([weights.ravel() for weights in trained.network.get_weights()])


def children() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if any("components.training.worker" in part for part in child.cmdline())
    ]


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_train_like_one_process(workers: int, tmp_path: Path) -> None:
    """With dropout and both penalties; the last batch has one row, so other workers have none.

    The tolerance is that of the replicas of one process: the same float32 numbers are added up in another order. Four
    workers read windows from disk, with weights of the rows.
    """
    data = rows()
    train = data if workers == 2 else on_disk(data._replace(weights=1 + data.features[:, :1]), 16)
    one = train_network(MODEL, TRAINING.model_copy(update={"strategy": "none"}), train, data)
    settings = TRAINING.model_copy(update={"workers": workers})
    several = train_network(MODEL, settings, train, data, tmp_path)
    assert np.abs(flat(one) - flat(several)).max() < 1e-5
    assert [epoch["epoch"] for epoch in several.history] == [1, 2, 3]
    assert several.history[-1]["val_loss"] == pytest.approx(one.history[-1]["val_loss"], abs=1e-5)
    for ours, theirs in zip(one.best_weights, several.best_weights, strict=True):
        assert np.abs(ours - theirs).max() < 1e-5
    assert {path.name for path in tmp_path.iterdir()} == {"history.json", "tensorboard"}
    assert not children()


def test_a_killed_worker_ends_the_training_and_the_next_run_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the worker and the signal; no worker is left; the resumed training is as an undisturbed one."""
    data, folder = rows(600), tmp_path / "checkpoints"
    settings = TRAINING.model_copy(update={"epochs": 40, "early_stopping": 0})

    def kill_the_second() -> None:
        wait_until(lambda: any(folder.glob("*.ckpt")), 240)
        second = next(child for child in children() if child.cmdline()[-3] == "1")
        os.kill(second.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_the_second)
    killer.start()
    with pytest.raises(
        WorkerLost, match=r"^worker 2 of 2 ended with signal 9; expected it to train to the end\."
    ):
        train_network(MODEL, settings, data, data, checkpoints=Checkpoints(folder))
    killer.join()
    assert not children()
    resumed = train_network(MODEL, settings, data, data, checkpoints=Checkpoints(folder))
    one = train_network(MODEL, settings.model_copy(update={"strategy": "none"}), data, data)
    assert len(resumed.history) == 40
    assert resumed.history[-1]["val_loss"] == pytest.approx(one.history[-1]["val_loss"], abs=1e-3)


def test_a_divergence_is_reported_as_by_one_process() -> None:
    settings = TRAINING.model_copy(update={"learning_rate": 1e30, "early_stopping": 0, "optimizer": "sgd"})
    with pytest.raises(TrainingDiverged, match=r"training\.learning_rate \(now 1e\+30"):
        train_network(MODEL, settings, rows(), rows())
    assert not children()
