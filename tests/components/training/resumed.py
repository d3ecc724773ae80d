"""Kills trainings with SIGKILL and has another process go on with them; prints what came of each as JSON.

Each training is a process forked off this one, which imports TensorFlow once and runs nothing of it.
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
from components.training import checkpoints, loop, state, throttle
from components.training.checkpoints import Checkpoints
from components.training.dataset import Dataset, InMemoryDataset, OnDiskDataset
from components.training.loop import run_training_loop
from components.training.network import build_model

MODEL = ModelConfig(hidden_units=(8, 4), l1=1e-3, l2=1e-3, dropout=0.25)
TRAINING = TrainingConfig(
    optimizer="proximal_adam", epochs=40, batch_size=8, learning_rate=0.05, early_stopping=3, seed=5
)


def nothing() -> None:
    """No kill."""


def train(
    folder: Path, before: Callable[[], None], keep: Callable[[InMemoryDataset], Dataset]
) -> dict[str, Any]:
    """One training, with a checkpoint after each epoch in `folder`; `before` it, kills are arranged."""
    checkpoints.SECONDS_BETWEEN, throttle.MIN_INTERVAL_TO_DURATION = 0, 1
    loop.STEPS_PER_CALL = 2
    before()
    epochs: list[int] = []
    run_epoch = loop._EpochRunner.run_epoch

    def epoch(self: Any, number: int, *rest: Any) -> dict[str, float]:
        epochs.append(number)
        return run_epoch(self, number, *rest)

    replace(loop._EpochRunner, "run_epoch", epoch)
    generator = np.random.default_rng(1)
    x = generator.random((100, 5), np.float32)
    y = (x[:, :1] + generator.normal(0, 0.3, (100, 1)) > x[:, 1:2]).astype(np.float32)
    keras.utils.set_random_seed(TRAINING.seed)
    model = build_model(5, MODEL)
    run_dir = folder / f"run-{os.getpid()}"
    data = keep(InMemoryDataset(x[:60], y[:60])), keep(InMemoryDataset(x[60:], y[60:]))
    history = run_training_loop(model, *data, TRAINING, run_dir, Checkpoints(folder / "checkpoints"))
    return {
        "weights": np.concatenate([w.ravel() for w in model.get_weights()]).tolist(),
        "history": history,
        "history file": json.loads((run_dir / "history.json").read_text()),
        "curves": curve(run_dir),
        "epochs trained": len(epochs),
    }


def in_memory(rows: InMemoryDataset) -> Dataset:
    """As they are."""
    return rows


def on_disk(rows: InMemoryDataset) -> Dataset:
    """In windows of 32 rows: of the 60 that are trained on, two, each of which takes two calls as in memory."""
    stored = OnDiskDataset(rows.width, 32)
    stored.append(rows)
    return stored


def replace(owner: Any, name: str, by: Callable[..., Any]) -> None:
    """For the rest of this process."""
    setattr(owner, name, by)


def curve(run_dir: Path) -> list[int]:
    """The epochs of TensorBoard's curve of the loss."""
    (events,) = (run_dir / "tensorboard").iterdir()
    records = map(tf.compat.v1.Event.FromString, tf.data.TFRecordDataset(str(events)).as_numpy_iterator())
    return [event.step for event in records for value in event.summary.value if value.tag == "loss"]


def in_an_epoch() -> None:
    """Epoch 5 takes four calls into the graph; the process dies before the third of them."""
    calls = []
    make = loop._EpochRunner.__init__

    def initialize(self: Any, *given: Any) -> None:
        make(self, *given)
        run_steps = self._run_steps

        def counted(order: Any, *data: Any) -> Any:
            calls.append(order)
            if len(calls) == 4 * 4 + 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return run_steps(order, *data)

        self._run_steps = counted

    replace(loop._EpochRunner, "__init__", initialize)


def while_a_checkpoint_is_written() -> None:
    """The fourth is half on the disk, under its unfinished name."""
    files = []

    def fsync(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        files.append(size)
        if len(files) == 2 * 3 + 1:  # each checkpoint flushes its file and its folder
            os.truncate(f"/proc/self/fd/{descriptor}", size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    replace(os, "fsync", fsync)


def after_the_last_epoch() -> None:
    """All is trained, and the best weights would be taken back next."""
    replace(state.BestWeights, "restore", lambda self: os.kill(os.getpid(), signal.SIGKILL))


def start(*arguments: Any) -> tuple[int, Path]:
    """A process of its own for train(); its id, and the file in which it leaves what train() returns."""
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
    """What it left there, if anything, and the signal that ended it."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status > 0:
        raise SystemExit("A training failed.")
    text = file.read_text()
    return json.loads(text) if text else {}, -status


def main() -> None:
    """The last line of the output is JSON: the training that was left alone, and for each kill what it came to."""
    cases = {
        "in an epoch": in_an_epoch,
        "while a checkpoint is written": while_a_checkpoint_is_written,
        "after the last epoch": after_the_last_epoch,
    }
    keep: dict[str, Callable[[InMemoryDataset], Dataset]] = {"in memory": in_memory, "on disk": on_disk}
    kills = [(case, "in memory") for case in cases] + [("in an epoch", "on disk")]
    with tempfile.TemporaryDirectory() as root:
        folders = {kill: Path(root) / " ".join(kill) for kill in kills}
        # All at once: most of the time goes into building graphs.
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
