"""Rows on disk: their files, their windows, and the order in which they are read."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from components.training.dataset import InMemoryDataset, OnDiskDataset


def open_files(folder: Path) -> list[str]:
    """Returns the files in the folder that this process has open."""
    links = Path("/proc/self/fd").iterdir()
    return [name for link in links if (name := str(link.resolve())).startswith(f"{folder}/")]


def test_the_files_have_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary folder stays empty, so that a killed process leaves no files. The object closes its files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stored = numbered(10, max_rows=4)
    assert list(tmp_path.iterdir()) == []
    assert len(open_files(tmp_path)) == 2
    assert [row for window in stored.windows(2, [1]) for row in window.labels[:, 0]] != []
    del stored
    assert open_files(tmp_path) == []


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message contains the number of rows, the folder, and a hint."""
    stored = numbered(10, max_rows=4)
    monkeypatch.setattr(tempfile, "tempdir", "/scratch")
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 (closed below)
    monkeypatch.setattr(stored, "_files", (full, full))
    with full, pytest.raises(OSError) as caught:  # noqa: PT011 (the text is compared below)
        stored.append(InMemoryDataset(np.zeros((1, 2), np.float32), np.zeros((1, 1), np.float32)))
    message = "No space left on device, after 10 rows of vectors (TMPDIR can name another folder)"
    assert str(caught.value) == f"[Errno 28] {message}: '/scratch'"


def numbered(rows: int, max_rows: int) -> OnDiskDataset:
    """Returns rows on disk whose label is their number, and whose features are the number and its double."""
    stored = OnDiskDataset(2, max_rows)
    labels = np.arange(rows, dtype=np.float32).reshape(-1, 1)
    for part in InMemoryDataset(np.hstack([labels, 2 * labels]), labels).batches(7):
        stored.append(part)
    return stored


def rows_of(split: OnDiskDataset, batch: int, seed: Sequence[int]) -> list[list[int]]:
    """Returns the numbers of the rows in each window."""
    found = []
    for window in split.windows(batch, seed):
        np.testing.assert_array_equal(window.features, np.hstack([window.labels, 2 * window.labels]))
        found.append(window.labels[:, 0].astype(int).tolist())
    return found


@pytest.mark.parametrize(
    ("rows", "max_rows", "batch", "sizes"),
    [
        (100, 40, 8, [40, 40, 20]),  # not 34, because a window consists of whole batches
        (100, 45, 4, [36, 36, 28]),
        (96, 33, 16, [32, 32, 32]),
        (10, 3, 4, [4, 4, 2]),  # a window has at least one batch
        (10, 0, 16, [10]),
        (2000, 1500, 1, [1000, 1000]),  # pieces of one row; and of 2 that 1000 is no multiple of, below
        (3100, 1600, 50, [1550, 1550]),
    ],
)
def test_windows_have_each_row_once(rows: int, max_rows: int, batch: int, sizes: list[int]) -> None:
    """There are as few windows of whole batches as possible, all of one size except the last."""
    stored = numbered(rows, max_rows)
    windows = rows_of(stored, batch, [1, 1])
    assert [len(window) for window in windows] == sizes
    assert stored.window_count(batch) == len(sizes)
    assert sorted(row for window in windows for row in window) == list(range(rows))


def test_the_seed_decides_on_the_windows() -> None:
    """The same seed gives the same windows; another epoch or seed gives different ones."""
    stored = numbered(100, 40)
    first = rows_of(stored, 8, [1, 1])
    assert rows_of(stored, 8, [1, 1]) == first
    assert len({str(rows_of(stored, 8, seed)) for seed in ([1, 1], [1, 2], [2, 1])}) == 3


def test_a_window_is_of_the_whole_split() -> None:
    """Each of four windows has about a fourth of each tenth of an ordered split: 250 of 1,000 rows, within 5 sigma."""
    for window in rows_of(numbered(10_000, 2_500), 50, [3, 1]):
        counts = np.bincount(np.array(window) // 1_000, minlength=10)
        # A tenth has 250 pieces of 4 rows, drawn without replacement: sigma = 4 * sqrt(250 * 1/4 * 3/4 * 0.9).
        assert np.abs(counts - 250).max() < 5 * 26
