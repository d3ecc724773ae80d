"""The history's file, terminal lines and curves are complete, however the training ends."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from components.training.history import EpochMetrics, History


def epoch(number: int) -> EpochMetrics:
    values = {"loss": 0.5, "log_loss": 0.25, "accuracy": 0.75}
    return {"epoch": number, **values, **{f"val_{name}": value / number for name, value in values.items()}}


def in_file(run_dir: Path) -> list[EpochMetrics]:
    found: list[EpochMetrics] = json.loads((run_dir / "history.json").read_text())
    return found


def test_the_file_is_written_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write contains all epochs. Hundreds of epochs a second do not cause hundreds of writes."""
    now = [100.0]
    monkeypatch.setattr("components.training.throttle.time.monotonic", lambda: now[0])
    seen = []
    with History(tmp_path, 9) as history:
        for number, now[0] in enumerate((100.0, 100.5, 100.9, 101.0, 101.5), start=1):
            history.append(epoch(number))
            seen.append(len(in_file(tmp_path)))
    assert seen == [1, 1, 1, 4, 4]
    assert in_file(tmp_path) == [epoch(number) for number in range(1, 6)]


def test_without_a_folder_nothing_is_written_or_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The epochs are only kept for the caller."""
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO, "regpipe.progress"), History(None, 9) as history:
        history.append(epoch(1))
    assert history.epochs == [epoch(1)]
    assert list(tmp_path.iterdir()) == []
    assert caplog.records == []


def test_it_is_complete_after_an_interruption(tmp_path: Path) -> None:
    """After Ctrl-C, file and curves contain every finished epoch."""

    def interrupted() -> None:
        with History(tmp_path, 9) as history:
            history.append(epoch(1))
            history.append(epoch(2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert in_file(tmp_path) == [epoch(1), epoch(2)]
    (events,) = (tmp_path / "tensorboard").iterdir()
    records = map(tf.compat.v1.Event.FromString, tf.data.TFRecordDataset(str(events)).as_numpy_iterator())
    steps = [event.step for event in records for value in event.summary.value if value.tag == "val_loss"]
    assert steps == [1, 2]


def test_epochs_of_an_earlier_run_are_not_shown_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The file and the curves of this run contain them."""
    with caplog.at_level(logging.INFO, "regpipe.progress"), History(tmp_path, 3) as history:
        history.extend([epoch(1), epoch(2)])
        history.append(epoch(3))
    assert [record.getMessage() for record in caplog.records] == [
        "epoch 3/3 loss 0.5000 accuracy 0.7500 val_loss 0.1667 val_accuracy 0.2500"
    ]
    assert in_file(tmp_path) == history.epochs == [epoch(1), epoch(2), epoch(3)]


def test_on_a_store(gcs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and curves are complete on gs://. Each is uploaded only at the start and at the end, as fifty epochs take
    less than a second.
    """
    epochs = [epoch(number) for number in range(1, 51)]
    monkeypatch.setattr("components.training.throttle.time.monotonic", lambda: 100.0)
    with History("gs://bucket/run", 50) as history:
        for one in epochs:
            history.append(one)
    assert json.loads(gcs.store.get("bucket", "run/history.json").content) == epochs
    uploads = [target for method, target in gcs.requests if method == "POST" and "resumable" in target]
    assert len(uploads) == 4 + 1  # the file of the curves begins with an extra record, its version
    (curves,) = (n for n in gcs.store.names("bucket") if n.startswith("run/tensorboard/events"))
    records = tf.data.TFRecordDataset(f"gs://bucket/{curves}").as_numpy_iterator()
    steps = [
        event.step
        for event in map(tf.compat.v1.Event.FromString, records)
        for value in event.summary.value
        if value.tag == "val_loss"
    ]
    assert steps == list(range(1, 51))
