"""Reads the rows that Transform wrote to files: see `components.transform.rows_record`."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from components.common import storage
from components.common.errors import ArtifactChanged
from components.training.dataset import READ_BATCH_SIZE, Dataset, InMemoryDataset, OnDiskDataset
from components.transform.rows_record import FLOAT_BYTES, RowsRecord

MIB = 2**20
_FLOAT = np.dtype("<f4")


def read_rows(folder: str, split: str, memory: int, every: int = 1) -> Dataset:
    """Returns the rows of a split.

    On a local disk nothing is copied: rows that fit in memory are the pages of the files, which all processes of the
    machine share, and the system reads a page when it is used first. So a slice of the rows reads only its share.
    Larger splits are read in windows. From an object store the rows are copied into memory, or else to temporary files.

    Args:
        folder: the folder that Transform wrote.
        split: the name of the split.
        memory: the memory limit in MiB; the rows of a larger split stay on disk.
        every: only rows 1, every + 1, 2 * every + 1, ... are returned.

    Raises:
        FileNotFoundError: there are no such files.
        ArtifactChanged: a file on a disk has another size than Transform gave it, or one on a store has fewer rows.
        ValueError: the record is damaged.
        OSError: see `OnDiskDataset.append`.
    """
    record = RowsRecord.read(folder)
    rows = math.ceil(record.rows[split] / every)
    max_rows = memory * MIB // record.row_bytes
    groups = np.array(record.groups, np.int64)
    if not storage.is_remote(folder):
        mapped = _mapped(record, folder, split)
        if rows <= max_rows:
            arrays = (np.ascontiguousarray(array[::every]) for array in mapped.arrays)
            return InMemoryDataset.of(arrays)._replace(groups=groups)
        if every == 1:
            sums = sum(part.class_sums for part in mapped.batches(READ_BATCH_SIZE))
            files = [open(path, "rb") for path in record.files(folder, split)]  # noqa: SIM115 (closed with the dataset)
            found = OnDiskDataset.opened(files, (rows, record.width), max_rows, np.asarray(sums).tolist())
            found.groups = groups
            return found
    parts = _parts(record, folder, split, every)
    if rows <= max_rows:
        return _concatenated(parts, record, rows)._replace(groups=groups)
    on_disk = OnDiskDataset(record.width, max_rows, weighted=record.weighted, groups=groups)
    for part in parts:
        on_disk.append(part)
    return on_disk


def _mapped(record: RowsRecord, folder: str, split: str) -> InMemoryDataset:
    """Returns the arrays of local files, whose pages the system reads when they are used."""
    rows, arrays = record.rows[split], []
    for path, columns in zip(record.files(folder, split), record.columns.values(), strict=True):
        expected, found = rows * columns * FLOAT_BYTES, os.stat(path).st_size  # noqa: PTH116 (as the path is a text)
        if found != expected:
            raise ArtifactChanged(_changed(path, f"{expected:,} bytes", f"{found:,}"))
        arrays.append(np.memmap(path, _FLOAT, "r", shape=(rows, columns)))
    return InMemoryDataset.of(arrays)


def _parts(record: RowsRecord, folder: str, split: str, every: int) -> Iterator[InMemoryDataset]:
    """Yields the rows in their order; reads the files from their beginning to their end."""
    paths, rows = record.files(folder, split), record.rows[split]
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(contextlib.closing(storage.open_bytes(path))) for path in paths]
        for start in range(0, rows, READ_BATCH_SIZE):
            count = min(READ_BATCH_SIZE, rows - start)
            arrays = []
            for path, file, columns in zip(paths, files, record.columns.values(), strict=True):
                content = file.read(count * columns * FLOAT_BYTES)
                if len(content) < count * columns * FLOAT_BYTES:
                    raise ArtifactChanged(_changed(path, f"{rows:,} rows", "fewer"))
                arrays.append(np.frombuffer(content, _FLOAT).reshape(count, columns)[-start % every :: every])
            yield InMemoryDataset.of(arrays)


def _concatenated(parts: Iterator[InMemoryDataset], record: RowsRecord, rows: int) -> InMemoryDataset:
    arrays: Sequence[npt.NDArray[np.float32]] = [
        np.empty((rows, columns), np.float32) for columns in record.columns.values()
    ]
    filled = 0
    for part in parts:
        for target, array in zip(arrays, part.arrays, strict=True):
            target[filled : filled + part.rows] = array
        filled += part.rows
    return InMemoryDataset.of(arrays)


def _changed(path: str, expected: str, found: str) -> str:
    return (
        f"{path}: expected {expected}, as Transform wrote, found {found}: the file has changed since. `regpipe run "
        "--no-cache` writes it again."
    )
