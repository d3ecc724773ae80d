"""Checkpoints are complete or absent, and a resumed training ends like an uninterrupted one."""

import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.training.checkpoints import Array, Checkpoint, Checkpoints, training_digest

ARRAYS: list[Array] = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.array(7, np.int64),
    np.zeros((0, 2), np.float32),
]
RECORD = {"history": [{"epoch": 1, "loss": 0.1 + 0.2}], "best": {"epoch": 0, "log_loss": float("inf")}}


def checkpoint(number: int = 0) -> Checkpoint:
    return Checkpoint([array + number for array in ARRAYS], {**RECORD, "number": number})


def number_of(found: Checkpoint | None) -> Any:
    return found and found.record["number"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def saved(folder: Path, *epochs: int) -> Checkpoints:
    checkpoints = Checkpoints(folder)
    for epoch in epochs:
        checkpoints.save(epoch, checkpoint(epoch))
    return checkpoints


def test_what_was_saved_is_what_is_found(tmp_path: Path) -> None:
    """Another object reads every bit of the arrays, their types and shapes, and every digit of the record."""
    saved(tmp_path / "new" / "folder", 3)
    found = Checkpoints(tmp_path / "new" / "folder").latest()
    assert found is not None
    assert found.record == {**RECORD, "number": 3}
    for array, expected in zip(found.arrays, checkpoint(3).arrays, strict=True):
        assert (array.dtype, array.shape) == (expected.dtype, expected.shape)
        assert array.tolist() == expected.tolist()


def test_two_are_kept(tmp_path: Path) -> None:
    """The two newest are kept, in numeric order of their epochs."""
    assert number_of(saved(tmp_path, 9, 10, 11).latest()) == 11
    assert names(tmp_path) == ["epoch-00000010.ckpt", "epoch-00000011.ckpt"]


def test_none_to_begin_with(tmp_path: Path) -> None:
    """A missing folder and an empty one have no checkpoint, and reading creates nothing."""
    assert Checkpoints(tmp_path / "none").latest() is None
    assert Checkpoints(tmp_path).latest() is None
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:10],
        lambda data: b"",
        lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:],
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data + b"\0",
        lambda data: b"something else",
    ],
    ids=["a byte short", "half", "ten bytes", "empty", "a bit", "a bit of the digest", "a byte more", "else"],
)
def test_a_damaged_one_falls_back_to_the_one_before(tmp_path: Path, damage: Any) -> None:
    """If both are damaged, there is no checkpoint."""
    checkpoints = saved(tmp_path, 1, 2)
    for name, left in (("epoch-00000002.ckpt", 1), ("epoch-00000001.ckpt", None)):
        path = tmp_path / name
        path.write_bytes(damage(path.read_bytes()))
        assert number_of(checkpoints.latest()) == left


def test_an_unfinished_one_is_ignored(tmp_path: Path) -> None:
    """A process killed before the rename leaves a temporary file, which the end of the training removes."""
    checkpoints = saved(tmp_path / "folder", 1)
    (tmp_path / "folder" / "epoch-00000002.ckpt.0.unfinished").write_bytes(b"half of it")
    assert number_of(checkpoints.latest()) == 1
    checkpoints.clear()
    assert names(tmp_path) == []
    checkpoints.clear()  # of nothing


def test_an_interrupted_one_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C during the write, only the previous checkpoint remains."""
    checkpoints = saved(tmp_path / "folder", 1)

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(2, checkpoint(2))
    assert names(tmp_path / "folder") == ["epoch-00000001.ckpt"]
    assert number_of(checkpoints.latest()) == 1


def test_a_folder_that_vanishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the same training runs twice at the same time, one clears the folder at its end, and the other continues."""
    checkpoints = saved(tmp_path / "folder", 1)
    flush = os.fsync

    def cleared(descriptor: int) -> None:
        flush(descriptor)
        Checkpoints(tmp_path / "folder").clear()

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", cleared)
        checkpoints.save(2, checkpoint(2))
    assert checkpoints.latest() is None
    checkpoints.save(3, checkpoint(3))
    assert number_of(checkpoints.latest()) == 3


def test_abandoned_checkpoints_are_removed(tmp_path: Path) -> None:
    """A training that ends removes its own folder and those without a change for a week. It keeps newer folders, which
    may belong to running trainings, and folders that do not belong to a training.
    """
    now, day = time.time(), 86_400
    old, young, own = (training_digest(name, []) for name in ("old", "young", "own"))
    for name in (old, young, "notes"):
        saved(tmp_path / name, 1, 2)
        os.utime(tmp_path / name, times=(now - 7 * day,) * 2)
    os.utime(tmp_path / young, times=(now - 7 * day + 60,) * 2)
    saved(tmp_path / own, 1).clear()
    assert names(tmp_path) == sorted([young, "notes"])


def test_a_running_training_is_not_removed(tmp_path: Path) -> None:
    """Each checkpoint updates the time of its folder, however long ago the training started."""
    going = saved(tmp_path / training_digest("going on", []), 1)
    os.utime(going.folder, times=(0, 0))
    going.save(2, checkpoint(2))
    saved(tmp_path / "own", 1).clear()
    assert number_of(going.latest()) == 2


def test_on_a_store(gcs: Any) -> None:
    """An object store behaves like a disk: two checkpoints are kept, a damaged one falls back to the previous one, and
    the end of a training removes its own folder and those of others that are a week old.
    """
    root = "gs://bucket/checkpoints"
    own, old, young = (training_digest(name, []) for name in ("own", "old", "young"))
    for name, days in ((old, 8), (young, 6)):
        then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
        gcs.store.now = lambda then=then: then
        Checkpoints(f"{root}/{name}").save(1, checkpoint())
    gcs.store.now = lambda: datetime.datetime.now(datetime.UTC)
    checkpoints = Checkpoints(f"{root}/{own}")
    assert checkpoints.latest() is None
    for epoch in (9, 10, 11):
        checkpoints.save(epoch, checkpoint(epoch))
    stored = [name for name in gcs.store.names("bucket") if own in name]
    assert stored == [f"checkpoints/{own}/epoch-{epoch:08d}.ckpt" for epoch in (10, 11)]
    found = checkpoints.latest()
    assert found is not None
    assert number_of(found) == 11
    assert [array.tolist() for array in found.arrays] == [array.tolist() for array in checkpoint(11).arrays]
    gcs.store.put("bucket", stored[1], gcs.store.get("bucket", stored[1]).content[:-1])
    assert number_of(checkpoints.latest()) == 10
    checkpoints.clear()
    assert gcs.store.names("bucket") == [f"checkpoints/{young}/epoch-00000001.ckpt"]


def test_they_are_seconds_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is due two seconds after the start, the next two seconds after the first."""
    now = [100.0]
    monkeypatch.setattr("components.training.throttle.time.monotonic", lambda: now[0])
    checkpoints = Checkpoints(tmp_path)
    seen = []
    for now[0] in (101.9, 102.0, 103.9, 104.0):
        seen.append(checkpoints.due())
        if seen[-1]:
            checkpoints.save(1, checkpoint())
    assert seen == [False, True, False, True]


def test_the_name_of_a_training() -> None:
    """Equal settings and data give the same name; a different letter, number, type or shape gives another name."""
    x, y = np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((2, 1), np.float32)
    name = training_digest("settings", [x, y])
    assert name == training_digest("settings", [x.copy(order="F"), y])
    changed = x.copy()
    changed[1, 2] += 1
    others = [
        training_digest("settingz", [x, y]),
        training_digest("settings", [changed, y]),
        training_digest("settings", [x.reshape(3, 2), y]),
        training_digest("settings", [x.view(np.int32), y]),
        training_digest("settings", [y, x]),
        training_digest("settings", [x]),
    ]
    assert len({name, *others}) == 7


@pytest.fixture(scope="module")
def resumed() -> dict[str, Any]:
    script = Path(__file__).with_name("resumed.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


CASES = [
    ("in an epoch", "in memory"),
    ("in an epoch", "on disk"),
    ("while a checkpoint is written", "in memory"),
    ("after the last epoch", "in memory"),
]


@pytest.mark.parametrize(("case", "rows"), CASES)
def test_a_killed_training_ends_as_it_would_have(resumed: dict[str, Any], case: str, rows: str) -> None:
    """SIGKILL in the fifth epoch, while the fourth checkpoint is written, and after early stopping. The next run ends
    with exactly the weights and history of an uninterrupted run, and trains no epoch twice.
    """
    whole, one = resumed[f"whole, {rows}"], resumed[f"{case}, {rows}"]
    assert one["killed by"] == 9
    assert one["weights"] == whole["weights"]
    assert one["history"] == whole["history"]
    assert one["history file"] == whole["history"]
    assert one["curves"] == [epoch["epoch"] for epoch in whole["history"]]
    epochs = len(whole["history"])
    expected = {
        "in an epoch": epochs - 4,
        "while a checkpoint is written": epochs - 3,
        "after the last epoch": 0,
    }
    assert one["epochs trained"] == expected[case]


@pytest.mark.parametrize("rows", ["in memory", "on disk"])
def test_the_killed_training_is_a_hard_case(resumed: dict[str, Any], rows: str) -> None:
    """It ends by early stopping, neither at the first nor the last epoch, with weights that have changed."""
    history = resumed[f"whole, {rows}"]["history"]
    best = min(history, key=lambda epoch: epoch["val_log_loss"])["epoch"]
    assert 5 < len(history) < 40
    assert best == len(history) - 3
    assert len(set(resumed[f"whole, {rows}"]["weights"])) > 20
