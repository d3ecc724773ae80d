"""Rows that are handed to other processes in files."""

from pathlib import Path

import numpy as np
import pytest

from components.training.dataset import Dataset, InMemoryDataset, OnDiskDataset
from components.training.row_files import open_rows, write_rows


def rows(count: int = 33) -> InMemoryDataset:
    features = np.random.default_rng(1).random((count, 5), np.float32)
    labels = (features[:, :1] > features[:, 1:2]).astype(np.float32)
    return InMemoryDataset(features, labels, groups=np.array([0, 1, 1, 2, 2]))


def on_disk(data: InMemoryDataset, max_rows: int) -> OnDiskDataset:
    found = OnDiskDataset(data.width, max_rows, weighted=data.weighted, groups=data.groups)
    found.append(data)
    return found


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_in_files_are_the_same_rows(weighted: bool, tmp_path: Path) -> None:
    """In memory and on disk: the arrays, the sums, the groups, and the windows of an epoch."""
    data = rows()._replace(weights=np.full((33, 1), 2, np.float32)) if weighted else rows()
    sources: list[Dataset] = [data, on_disk(data, 16)]
    for number, source in enumerate(sources):
        write_rows(source.with_outputs(3), tmp_path / str(number))
        found = open_rows(tmp_path / str(number))
        assert found.outputs == 3
        assert (found.rows, found.width, found.weighted) == (33, 5, weighted)
        assert found.total_weight == source.total_weight
        assert found.groups.tolist() == [0, 1, 1, 2, 2]
        pairs = zip(source.windows(8, [1, 2]), found.windows(8, [1, 2]), strict=True)
        for ours, theirs in pairs:
            assert all(np.array_equal(a, b) for a, b in zip(ours.arrays, theirs.arrays, strict=True))
