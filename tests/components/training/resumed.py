"""Kills trainings with SIGKILL and resumes them in another process; prints the result of each as JSON.

Each training is a process forked from this one, which imports TensorFlow once but runs no operation.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training import checkpoints, epoch_runner, state, throttle
from components.training.checkpoints import Checkpoints
from components.training.dataset import Dataset, InMemoryDataset, OnDiskDataset
from components.training.loop import run_training_loop
from components.training.network import build_model

MODEL = ModelConfig(hidden_units=(8, 4), l1=1e-3, l2=1e-3, dropout=0.25)
TRAINING = TrainingConfig(
    optimizer="proximal_adam", epochs=40, batch_size=8, learning_rate=0.05, early_stopping=3, seed=5
)


def nothing() -> None:
    """Does not kill the training."""


def train(
    folder: Path, before: Callable[[], None], keep: Callable[[InMemoryDataset], Dataset]
) -> dict[str, Any]:
    """Runs one training with a checkpoint after each epoch in `folder`; `before` patches the code that kills it."""
    checkpoints.SECONDS_BETWEEN, throttle.MIN_INTERVAL_TO_DURATION = 0, 1
    epoch_runner.STEPS_PER_CALL = 2
    before()
    epochs: list[int] = []
    run_epoch = epoch_runner.EpochRunner.run_epoch

    def epoch(self: Any, number: int, *rest: Any) -> epoch_runner.Metrics:
        epochs.append(number)
        return run_epoch(self, number, *rest)

    replace(epoch_runner.EpochRunner, "run_epoch", epoch)
    generator = np.random.default_rng(1)
    x = generator.random((100, 5), np.float32)
    y = (x[:, :1] + generator.normal(0, 0.3, (100, 1)) > x[:, 1:2]).astype(np.float32)
    keras.utils.set_random_seed(TRAINING.seed)
    model = build_model(5, MODEL)
    run_dir = folder / f"run-{os.getpid()}"
    data = keep(InMemoryDataset(x[:60], y[:60])), keep(InMemoryDataset(x[60:], y[60:]))
    history, _ = run_training_loop(model, *data, TRAINING, run_dir, Checkpoints(folder / "checkpoints"))
    return {
        "weights": np.concatenate([w.ravel() for w in model.get_weights()]).tolist(),
        "history": history,
        "history file": json.loads((run_dir / "history.json").read_text()),
        "curves": curve(run_dir),
        "epochs trained": len(epochs),
    }


def in_memory(rows: InMemoryDataset) -> Dataset:
    """Returns the rows themselves."""
    return rows


def on_disk(rows: InMemoryDataset) -> Dataset:
    """Stores the rows for windows of 32 rows: the 60 training rows are two windows of two calls each."""
    stored = OnDiskDataset(rows.width, 32)
    stored.append(rows)
    return stored


def replace(owner: Any, name: str, by: Callable[..., Any]) -> None:
    """Replaces an attribute for the rest of this process."""
    setattr(owner, name, by)


def curve(run_dir: Path) -> list[int]:
    """Returns the epochs in TensorBoard's curve of the loss."""
    (events,) = (run_dir / "tensorboard").iterdir()
    records = map(tf.compat.v1.Event.FromString, tf.data.TFRecordDataset(str(events)).as_numpy_iterator())
    return [event.step for event in records for value in event.summary.value if value.tag == "loss"]


def in_an_epoch() -> None:
    """Kills the process before the third of the four graph calls of epoch 5."""
    calls = []
    make = epoch_runner.EpochRunner.__init__

    def initialize(self: Any, *given: Any) -> None:
        make(self, *given)
        run_steps = self._run_steps

        def counted(rows: Any, *data: Any) -> Any:
            calls.append(rows)
            if len(calls) == 4 * 4 + 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return run_steps(rows, *data)

        self._run_steps = counted

    replace(epoch_runner.EpochRunner, "__init__", initialize)


def while_a_checkpoint_is_written() -> None:
    """Kills the process when half of the fourth checkpoint is on disk, under its temporary name."""
    files = []

    def fsync(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        files.append(size)
        if len(files) == 2 * 3 + 1:  # each checkpoint flushes its file and its folder
            os.truncate(f"/proc/self/fd/{descriptor}", size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    replace(os, "fsync", fsync)


def after_the_last_epoch() -> None:
    """Kills the process after the last epoch, before the best weights are restored."""
    replace(state.BestWeights, "restore", lambda self: os.kill(os.getpid(), signal.SIGKILL))


def start(*arguments: Any) -> tuple[int, Path]:
    """Forks a process that runs train(); returns its id, and the file for the result of train()."""
    file = Path(tempfile.mkstemp(dir=arguments[0].parent)[1])
    child = os.fork()
    if not child:
        try:
            file.write_text(json.dumps(train(*arguments)))
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return child, file


def finish(child: int, file: Path) -> tuple[dict[str, Any], int]:
    """Returns the result of the process, empty if it was killed, and the signal that ended it."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status > 0:
        raise SystemExit("A training failed.")
    text = file.read_text()
    return json.loads(text) if text else {}, -status


def main() -> None:
    """Prints as JSON, in the last line, the result of the uninterrupted training and of each killed and resumed one."""
    cases = {
        "in an epoch": in_an_epoch,
        "while a checkpoint is written": while_a_checkpoint_is_written,
        "after the last epoch": after_the_last_epoch,
    }
    keep: dict[str, Callable[[InMemoryDataset], Dataset]] = {"in memory": in_memory, "on disk": on_disk}
    kills = [(case, "in memory") for case in cases] + [("in an epoch", "on disk")]
    with tempfile.TemporaryDirectory() as root:
        folders = {kill: Path(root) / " ".join(kill) for kill in kills}
        # All run at the same time: most of the time is spent building graphs.
        whole = {rows: start(Path(root) / rows, nothing, keep[rows]) for rows in keep}
        children = {kill: start(folders[kill], cases[kill[0]], keep[kill[1]]) for kill in kills}
        killed = {kill: finish(*child) for kill, child in children.items()}
        children = {kill: start(folders[kill], nothing, keep[kill[1]]) for kill in kills}
        resumed = {kill: finish(*child) for kill, child in children.items()}
        result = {f"whole, {rows}": finish(*child)[0] for rows, child in whole.items()}
    for kill, (left, signal_number) in killed.items():
        assert not left, f"not killed {kill}"
        result[", ".join(kill)] = {**resumed[kill][0], "killed by": signal_number}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
