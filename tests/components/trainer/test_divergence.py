"""Diverging trainings: a logistic regression whose L2 penalty increases its weight in each step.

There are one row, one step per epoch, and a penalty that is so strong that the log loss has no effect: gradient descent
replaces a weight w by w - rate * 2 * l2 * w in each step.
"""

import json
import logging
import math
from pathlib import Path

import keras
import numpy as np
import pytest

from components.common.errors import TrainingDiverged
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.checkpoints import Checkpoints
from components.training.dataset import InMemoryDataset
from components.training.loop import run_training_loop
from components.training.network import build_model

DATA = InMemoryDataset(np.array([[1.0]], np.float32), np.array([[1.0]], np.float32))
# A weight of 1 becomes -99, 9801, ...: after ten steps its square exceeds float32.
DIVERGING = TrainingConfig(optimizer="sgd", learning_rate=1.0, epochs=30, early_stopping=20, batch_size=1)
LAST = 10


def network(l2: float = 50.0, l1: float = 0.0) -> keras.Model:
    """Returns a network with weight 1 and bias 0."""
    model = build_model(1, ModelConfig(hidden_units=(), l1=l1, l2=l2, dropout=0.0))
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    return model


def weights(model: keras.Model) -> list[float]:
    return [float(weight.item()) for weight in model.get_weights()]


def test_it_ends_and_restores_the_best_epoch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With early stopping, the training ends with a message; the history contains the epoch of the divergence. Epoch 2
    is the best: the weight is about 9801, and the row has class 1.
    """
    model = network()
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        history, _ = run_training_loop(model, DATA, DATA, DIVERGING, tmp_path)
    assert [epoch["epoch"] for epoch in history] == list(range(1, LAST + 1))
    assert [math.isfinite(epoch["val_loss"]) for epoch in history] == [True] * (LAST - 1) + [False]
    assert weights(model)[0] == pytest.approx(99 * 99, rel=0.02)
    assert (
        caplog.messages[-1] == "the validation loss is inf: training ends and restores the weights of epoch 2"
    )
    assert json.loads((tmp_path / "history.json").read_text()) == history


@pytest.mark.parametrize(
    ("settings", "l1", "message"),
    [
        (
            DIVERGING.model_copy(update={"early_stopping": 0}),
            0.0,
            f"expected a finite validation loss, got inf after epoch {LAST} of 30; try a lower training.learning_rate "
            "(now 1, with training.optimizer sgd) or weaker penalties (model.l2).",
        ),
        (
            DIVERGING.model_copy(update={"learning_rate": 1e30, "weight_decay": 1e-30}),
            0.5,
            "expected a finite validation loss, got inf after epoch 1 of 30; try a lower training.learning_rate "
            "(now 1e+30, with training.optimizer sgd) or weaker penalties (model.l1, model.l2, training.weight_decay).",
        ),
    ],
    ids=["without early stopping", "in the first epoch"],
)
def test_it_fails_without_weights_to_restore(
    tmp_path: Path, settings: TrainingConfig, l1: float, message: str
) -> None:
    """The training fails in the epoch of the divergence. The message names keys to change; the history is complete."""
    with pytest.raises(TrainingDiverged) as caught:
        run_training_loop(network(l1=l1), DATA, DATA, settings, tmp_path)
    assert str(caught.value) == message
    assert not math.isfinite(json.loads((tmp_path / "history.json").read_text())[-1]["val_loss"])


def test_without_penalties_the_message_names_the_learning_rate(tmp_path: Path) -> None:
    """The message contains no keys that are 0: two layers with weights of 1e30 give an infinite logit, and NaN."""
    model = build_model(1, ModelConfig(hidden_units=(1,), l1=0.0, l2=0.0, dropout=0.0))
    model.set_weights([np.ones((1, 1)), np.zeros(1), np.ones((1, 1)), np.zeros(1)])
    settings = TrainingConfig(optimizer="adam", learning_rate=1e30, epochs=3, early_stopping=0)
    with pytest.raises(TrainingDiverged) as caught:
        run_training_loop(model, DATA, DATA, settings, tmp_path)
    assert str(caught.value) == (
        "expected a finite validation loss, got nan after epoch 1 of 3; try a lower training.learning_rate "
        "(now 1e+30, with training.optimizer adam)."
    )


@pytest.mark.parametrize("early_stopping", [20, 0])
def test_a_resumed_training_diverges_in_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, early_stopping: int
) -> None:
    """The checkpoints are of epochs before the divergence: resumed from the last one, it ends the same."""
    monkeypatch.setattr("components.training.checkpoints.SECONDS_BETWEEN", 0)
    monkeypatch.setattr("components.training.throttle.MIN_INTERVAL_TO_DURATION", 1)
    settings = DIVERGING.model_copy(update={"early_stopping": early_stopping})
    ends = []
    for run in ("first", "again"):
        model = network()
        checkpoints = Checkpoints(tmp_path / "checkpoints")
        try:
            end: object = (
                run_training_loop(model, DATA, DATA, settings, tmp_path / run, checkpoints),
                weights(model),
            )
        except TrainingDiverged as error:
            end = str(error)
        ends.append((end, json.loads((tmp_path / run / "history.json").read_text())))
        found = checkpoints.latest()
        assert found is not None
        assert len(found.record["history"]) == LAST - 1
    assert ends[0] == ends[1]
