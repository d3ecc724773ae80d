"""Writes the rows of a dataset to files, which several processes read."""

import contextlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.training.dataset import READ_BATCH_SIZE, Dataset, InMemoryDataset, OnDiskDataset

_RECORD_FILE = "rows.json"


class _Record(NamedTuple):
    """What is written beside the files of the arrays.

    Attributes:
        rows: the number of rows.
        width: the number of features.
        max_rows: the maximum number of rows in a window; None: the rows are read from memory, as a single window.
        class_sums: as `InMemoryDataset.class_sums`.
        groups: as `InMemoryDataset.groups`.
        outputs: as `InMemoryDataset.outputs`.
    """

    rows: int
    width: int
    max_rows: int | None
    class_sums: list[float]
    groups: list[int]
    outputs: int


def write_rows(data: Dataset, folder: Path) -> None:
    """Writes the arrays of a dataset to a new folder, for `open_rows` in other processes.

    Raises:
        OSError: the disk is full or not writable.
    """
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        paths = [folder / f"{number}.f32" for number in range(2 + data.weighted)]
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for part in data.batches(READ_BATCH_SIZE):
            for file, array in zip(files, part.arrays, strict=True):
                file.write(np.ascontiguousarray(array).data)
    max_rows = data.max_window_rows if isinstance(data, OnDiskDataset) else None
    counts = data.rows, data.width, max_rows
    record = _Record(*counts, data.class_sums.tolist(), data.groups.tolist(), data.outputs)
    (folder / _RECORD_FILE).write_text(json.dumps(record._asdict()))


def open_rows(folder: Path) -> Dataset:
    """Returns the rows that `write_rows` wrote, in the same windows. Processes of one machine share their memory."""
    record = _Record(**json.loads((folder / _RECORD_FILE).read_bytes()))
    paths, groups = sorted(folder.glob("*.f32")), np.array(record.groups, np.int64)
    if record.max_rows is not None:
        files = [path.open("rb") for path in paths]
        found = OnDiskDataset.opened(files, (record.rows, record.width), record.max_rows, record.class_sums)
        found.groups, found.outputs = groups, record.outputs
        return found
    shapes = [(record.rows, columns) for columns in (record.width, 1, 1)]
    arrays = (
        np.memmap(path, np.float32, "r", shape=shape) for path, shape in zip(paths, shapes, strict=False)
    )
    return InMemoryDataset.of(arrays)._replace(groups=groups, outputs=record.outputs)
