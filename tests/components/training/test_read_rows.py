"""read_rows reads the files that Transform writes: mapped into memory, on disk, or from an object store."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.common import storage
from components.common.errors import ArtifactChanged
from components.training import read_rows as module
from components.training.dataset import InMemoryDataset, OnDiskDataset
from components.training.read_rows import read_rows
from components.transform.rows_record import RowsRecord

ROWS, WIDTH = 10, 3
ROW_BYTES = 4 * (WIDTH + 2)
_folders = (f"gs://bucket/rows-{number}" for number in itertools.count())


@pytest.fixture(params=["disk", "store"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Ten rows of three features and a weight: on a disk, and on gs://."""
    if request.param == "store":
        request.getfixturevalue("gcs")
    found = str(tmp_path) if request.param == "disk" else next(_folders)
    record = RowsRecord(width=WIDTH, weighted=True, groups=(0, 1, 1), rows={"train": ROWS})
    record.write(found)
    for path, array in zip(record.files(found, "train"), arrays(), strict=True):
        storage.write(path, array.tobytes())
    return found


def arrays() -> tuple[Any, ...]:
    numbers = np.arange(ROWS, dtype=np.float32)[:, None]
    return np.hstack([numbers, numbers / 2, numbers / 4]), numbers % 2, numbers + 0.5


def small_memory(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(module, "MIB", rows * ROW_BYTES)
    monkeypatch.setattr(module, "READ_BATCH_SIZE", 4)


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("kind", [InMemoryDataset, OnDiskDataset])
def test_all_rows_and_a_sample(folder: str, kind: type, every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The arrays, the groups and the sums, in memory or on disk; of 10 rows every third one is 4 rows."""
    chosen = slice(None, None, every)
    expected = InMemoryDataset.of(array[chosen] for array in arrays())
    small_memory(monkeypatch, expected.rows - (kind is OnDiskDataset))
    found = read_rows(folder, "train", 1, every)
    assert isinstance(found, kind)
    assert (found.rows, found.width, found.weighted) == (expected.rows, WIDTH, True)
    assert found.groups.tolist() == [0, 1, 1]
    assert found.class_sums.tolist() == expected.class_sums.tolist()
    read = [
        np.concatenate(column) for column in zip(*(part.arrays for part in found.batches(4)), strict=True)
    ]
    for ours, theirs in zip(read, expected.arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_rows_on_a_disk_are_not_copied(tmp_path: Path) -> None:
    """Two readers, and a slice, see the bytes of the file."""
    record = RowsRecord(width=WIDTH, weighted=False, groups=(0, 1, 2), rows={"train": ROWS})
    record.write(str(tmp_path))
    for path, array in zip(record.files(str(tmp_path), "train"), arrays(), strict=False):
        storage.write(path, array.tobytes())
    found, again = read_rows(str(tmp_path), "train", 1), read_rows(str(tmp_path), "train", 1)
    assert isinstance(found, InMemoryDataset)
    assert isinstance(again, InMemoryDataset)
    with (tmp_path / "Split-train" / "features.f32").open("r+b") as file:
        file.write(np.float32(7).tobytes())
    assert found.features[0, 0] == again.slice_rows(0, 1).features[0, 0] == 7


def test_a_file_that_was_cut(folder: str) -> None:
    """An error with the path, and what Transform wrote."""
    path = RowsRecord.read(folder).files(folder, "train")[1]
    storage.write(path, bytes(36))
    with pytest.raises(ArtifactChanged) as caught:
        read_rows(folder, "train", 1)
    disk, store = "40 bytes, as Transform wrote, found 36", "10 rows, as Transform wrote, found fewer"
    expected = store if storage.is_remote(folder) else disk
    assert str(caught.value).startswith(f"{path}: expected {expected}: ")


def test_no_rows_were_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_rows(str(tmp_path), "train", 1)
