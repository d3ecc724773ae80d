"""Trainings under MirroredStrategy, all in one process of their own, compared with those on one device."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.components.training.sample_training import zeros_and_auc


@pytest.fixture(scope="module")
def replicas(
    tmp_path_factory: pytest.TempPathFactory, sample: dict[str, Any], strength: float
) -> dict[str, Any]:
    """The output of replicas.py: trainings under MirroredStrategy, and the same on one device."""
    path = tmp_path_factory.mktemp("replicas") / "sample.npz"
    np.savez(path, **sample)
    script = Path(__file__).with_name("replicas.py")
    done = subprocess.run(
        [sys.executable, script, path, str(strength)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize("optimizer", ["adam", "proximal_adam"])
def test_replicas_train_like_one_device(replicas: dict[str, Any], optimizer: str) -> None:
    """1, 2 and 4 replicas (Adam: 2), with dropout and both penalties, end at the weights of the default strategy.

    The tolerance after 15 steps is 1e-5: replicas add up the same float32 numbers in another order. The last batch has
    one row, so that three of four replicas have none. A replica with a different mask would differ by more than 1e-2.
    """
    assert list(replicas[optimizer]) == (["2"] if optimizer == "adam" else ["1", "4", "2"])
    for count, distances in replicas[optimizer].items():
        assert distances["moved"] > 0.05, count
        assert distances["weights"] < 1e-5, count
        assert distances["history"] < 1e-5, count
        assert distances["other zeros"] == 0, count
        assert (distances["zeros"] > 0.05) == (optimizer == "proximal_adam")


@pytest.mark.parametrize(("case", "count"), [("fewer rows than a batch", "4"), ("weighted rows", "2")])
def test_replicas_with_fewer_rows_than_a_batch_or_weights(
    replicas: dict[str, Any], case: str, count: str
) -> None:
    """The weights are those of one device: each replica takes the weights of its rows.

    With three rows in batches of eight, one of four replicas has no row.
    """
    assert list(replicas[case]) == [count]
    distances = replicas[case][count]
    assert distances["moved"] > 1e-3
    assert distances["weights"] < 1e-5
    assert distances["history"] < 1e-5


def test_replicas_resume_a_training(replicas: dict[str, Any]) -> None:
    """Two replicas that resume from a checkpoint end with the weights of an uninterrupted training."""
    assert replicas["resumed"] == 0


def test_replicas_train_with_op_determinism(replicas: dict[str, Any]) -> None:
    """All operations of a training accept it, and the weights are the same to the last bit."""
    assert replicas["deterministic"] == 0


def test_exact_zeros_on_two_replicas(
    replicas: dict[str, Any], sample: dict[str, Any], tmp_path: Path
) -> None:
    """On the sample more than half of the weights are exactly 0, and the AUC on the test rows is at most 0.01 below
    that of the same network without L1 on one device.
    """
    found = replicas["sample"]
    assert found["zeros"] > 0.5
    _, auc = zeros_and_auc(sample, 0.0, tmp_path)
    assert roc_auc_score(sample["y2"][:, 0], found["answers"]) > auc - 0.01
