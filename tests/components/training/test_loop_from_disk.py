"""Training on rows on disk agrees with training on the same rows in memory."""

import gc
import logging
import weakref
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training import epoch_runner
from components.training.checkpoints import training_digest
from components.training.dataset import Dataset, InMemoryDataset, OnDiskDataset, dataset_arrays
from components.training.history import EpochMetrics
from components.training.loop import run_training_loop
from components.training.network import build_model

LOGISTIC = ModelConfig(hidden_units=(), l1=0.0, l2=0.0, dropout=0.0)
FROZEN = TrainingConfig(epochs=1, batch_size=4, learning_rate=1e-30, early_stopping=0)


@pytest.fixture(scope="module")
def splits(sample: dict[str, Any]) -> list[InMemoryDataset]:
    """The sample's training and validation rows."""
    return [InMemoryDataset(sample[f"x{part}"], sample[f"y{part}"]) for part in (0, 1)]


def on_disk(rows: InMemoryDataset, max_rows: int) -> OnDiskDataset:
    stored = OnDiskDataset(rows.width, max_rows)
    stored.append(rows)
    return stored


def trained(
    train: Dataset, validation: Dataset, settings: TrainingConfig, **model: Any
) -> tuple[Any, list[EpochMetrics]]:
    """Trains a network; returns its weights in one vector, and its history."""
    keras.utils.set_random_seed(settings.seed)
    network = build_model(train.width, ModelConfig(**{"l1": 1e-4, "l2": 1e-3, "dropout": 0.2, **model}))
    history, _ = run_training_loop(network, train, validation, settings)
    return np.concatenate([w.ravel() for w in network.get_weights()]), history


def rows_trained_on(stored: OnDiskDataset, epochs: int, monkeypatch: pytest.MonkeyPatch) -> list[list[float]]:
    """Returns, by epoch, the first feature of the rows passed to the graph, in their order."""
    seen: list[list[float]] = []
    run_epoch, steps = epoch_runner.EpochRunner.run_epoch, epoch_runner.EpochRunner._steps

    def epoch(self: Any, number: int, *rest: Any) -> epoch_runner.Metrics:
        seen.append([])
        return run_epoch(self, number, *rest)

    def watched(self: Any, rows: tf.Tensor, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        tf.py_function(lambda values: seen[-1].extend(values.numpy().tolist()), [features[:rows, 0]], [])
        return steps(self, rows, features, labels)

    monkeypatch.setattr(epoch_runner.EpochRunner, "run_epoch", epoch)
    monkeypatch.setattr(epoch_runner.EpochRunner, "_steps", watched)
    model = build_model(stored.width, LOGISTIC)
    run_training_loop(model, stored, stored, FROZEN.model_copy(update={"epochs": epochs}))
    return seen


def numbered(rows: int) -> InMemoryDataset:
    features = np.arange(rows, dtype=np.float32).reshape(-1, 1)
    return InMemoryDataset(features, (features > rows / 2).astype(np.float32))


def test_each_row_once_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each epoch has a different order, in three windows, each of which is shuffled differently."""
    first, second = rows_trained_on(on_disk(numbered(90), max_rows=35), 2, monkeypatch)
    assert sorted(first) == sorted(second) == list(range(90))
    assert first != second
    windows = [np.array(first[start : start + 32]) for start in (0, 32, 64)]
    assert [sorted(window) for window in windows] != [list(window) for window in windows]
    (again,) = rows_trained_on(on_disk(numbered(90), max_rows=35), 1, monkeypatch)
    assert again == first


def test_a_window_is_shuffled_like_rows_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first window is shuffled by (seed, epoch), like all rows in memory."""
    stored = on_disk(numbered(24), max_rows=16)
    first_window = next(stored.windows(4, [42, 1])).features[:, 0].copy()
    (seen,) = rows_trained_on(stored, 1, monkeypatch)
    order = tf.random.experimental.stateless_shuffle(tf.range(12), seed=[42, 1]).numpy()
    assert seen[:12] == first_window[order].tolist()


def test_history_counts_each_row_once() -> None:
    """With constant weights, the means over the windows equal those in memory, for both splits."""
    data = numbered(90).slice_rows(0, 89)
    in_memory, from_disk = (
        trained(split, split, FROZEN, hidden_units=(3,), dropout=0.0)[1][0]
        for split in (data, on_disk(data, max_rows=30))
    )
    assert from_disk == pytest.approx(in_memory, rel=1e-6)


def test_validation_on_disk_equals_validation_in_memory(
    splits: list[InMemoryDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is bit-identical, as are the weights that early stopping restores: both score batches of the same size."""
    monkeypatch.setattr(epoch_runner, "SCORING_BATCH_SIZE", 64)
    train, validation = splits
    settings = TrainingConfig(epochs=12, early_stopping=2)
    in_memory, from_disk = (
        trained(train, split, settings) for split in (validation, on_disk(validation, 50))
    )
    assert from_disk[1] == in_memory[1]
    np.testing.assert_array_equal(from_disk[0], in_memory[0])


def test_as_good_as_in_memory(splits: list[InMemoryDataset]) -> None:
    """The sample trains equally well in five windows, sorted by its label, which is the worst order of a file.

    The mean over three seeds of the best validation log loss is within 0.01 of that in memory (0.40; the standard
    deviation between the seeds is about 0.005).
    """
    train, validation = splits
    order = np.argsort(train.labels[:, 0], kind="stable")
    stored = on_disk(InMemoryDataset(train.features[order], train.labels[order]), max_rows=128)
    assert stored.window_count(32) == 5

    def loss(split: Dataset) -> float:
        settings = [TrainingConfig(epochs=25, seed=seed) for seed in range(3)]
        histories = [trained(split, validation, each)[1] for each in settings]
        return float(np.mean([min(epoch["val_log_loss"] for epoch in history) for history in histories]))

    assert loss(stored) == pytest.approx(loss(train), abs=0.01)


def test_windows_are_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """There is a line for a training with a run folder and rows on disk; none for rows in memory."""
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        for split in (on_disk(numbered(2_000), max_rows=512), numbered(20)):
            run_training_loop(
                build_model(1, LOGISTIC), split, split, FROZEN.model_copy(update={"epochs": 2}), tmp_path
            )
    messages = [record.getMessage() for record in caplog.records if "disk" in record.getMessage()]
    assert messages == ["reads 2,000 rows from disk in 4 windows; rows are shuffled within a window"]


def test_the_size_of_a_call_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call has limited rows, but at least one batch; the weights are bit-identical to those of large calls."""
    data = InMemoryDataset(np.random.default_rng(1).random((100, 3), np.float32), numbered(100).labels)
    settings = TrainingConfig(epochs=3, batch_size=8)
    large, _ = trained(data, data, settings)
    monkeypatch.setattr(epoch_runner, "CALL_BYTES", 2 * 8 * (3 + 1) * 4)
    assert epoch_runner.scoring_batch_size(data) == 16
    np.testing.assert_array_equal(trained(data, data, settings)[0], large)
    monkeypatch.setattr(epoch_runner, "CALL_BYTES", 1)
    np.testing.assert_array_equal(trained(data, data, settings)[0], large)


def test_the_rows_are_freed_when_the_training_ends(splits: list[InMemoryDataset]) -> None:
    """The garbage collector is not needed: otherwise rows of an earlier training would stay in memory."""
    train = InMemoryDataset(splits[0].features.copy(), splits[0].labels)
    left = weakref.ref(train.features)
    gc.disable()
    try:
        trained(train, train, FROZEN)
        del train
        assert left() is None
    finally:
        gc.enable()


def test_the_name_of_a_training_from_disk(splits: list[InMemoryDataset]) -> None:
    """It depends on each row, its position and the split, and equals that of the same rows in memory."""

    def name(*given: Dataset) -> str:
        return training_digest("settings", dataset_arrays(*given))

    def changed(row: int, by: InMemoryDataset = splits[0]) -> OnDiskDataset:
        features = by.features.copy()
        features[row, 3] += 0.001
        return on_disk(InMemoryDataset(features, by.labels), 100)

    train, validation = splits
    stored = on_disk(train, 100)
    assert name(stored, validation) == name(train, on_disk(validation, 10))
    others = [name(stored), name(validation, stored), *(name(changed(row), validation) for row in (0, 599))]
    assert len({name(stored, validation), *others}) == 5
