"""Reads raw examples, applies the Transform graph, and stores the resulting vectors in memory or on disk.

A split that exceeds its memory limit is stored on disk. The training reads both kinds in windows; a dataset in memory
has a single window.
"""

import math
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from components.examples.reader import serialized_batches
from components.transform.vector import VectorLayout, read_layout

READ_BATCH_SIZE = 4096
# A window on disk consists of this number of pieces. More pieces sample the split more evenly but read more slowly.
PIECES_PER_WINDOW = 512
MIB = 2**20
_FLOAT_BYTES = 4


class InMemoryDataset(NamedTuple):
    """Rows in memory: `features` float32 [rows, n_features], `labels` float32 [rows, 1]."""

    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.features)

    @property
    def width(self) -> int:
        """The number of features."""
        return int(self.features.shape[1])

    def slice_rows(self, start: int, end: int) -> "InMemoryDataset":
        """Returns the rows from `start` to before `end`, without a copy."""
        return InMemoryDataset(self.features[start:end], self.labels[start:end])

    def batches(self, rows: int) -> Iterator["InMemoryDataset"]:
        """Yields all rows in their order, at most `rows` at a time."""
        return (self.slice_rows(start, start + rows) for start in range(0, self.rows, rows))

    def window_count(self, batch: int) -> int:
        """Returns the number of windows of an epoch, which is 1."""
        del batch
        return 1

    def windows(self, batch: int, seed: Sequence[int]) -> Iterator["InMemoryDataset"]:
        """Yields all rows at once, in their order."""
        del batch, seed
        yield self


class OnDiskDataset:
    """Rows on disk, in two files without a name: the system removes them however the process ends.

    Args:
        width: the number of features.
        max_rows: the maximum number of rows in a window.
    """

    def __init__(self, width: int, max_rows: int) -> None:
        self.width = width
        self.rows = 0
        self._max_window_rows = max_rows
        self._files = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 (closed with this object)
        for file in self._files:
            weakref.finalize(self, file.close)

    def append(self, part: InMemoryDataset) -> None:
        """Appends rows.

        Raises:
            OSError: the disk is full or not writable.
        """
        try:
            for file, array in zip(self._files, part, strict=True):
                file.write(np.ascontiguousarray(array).data)
                file.flush()
        except OSError as error:
            message = (
                f"{error.strerror}, after {self.rows:,} rows of vectors (TMPDIR can name another folder)"
            )
            raise OSError(error.errno, message, tempfile.gettempdir()) from error
        self.rows += part.rows

    def batches(self, rows: int) -> Iterator[InMemoryDataset]:
        """Yields all rows as `InMemoryDataset.batches` does; reads each batch when it is needed."""
        for start in range(0, self.rows, rows):
            part = _empty(min(rows, self.rows - start), self.width)
            self._read(start, part)
            yield part

    def window_count(self, batch: int) -> int:
        """Returns the number of windows of an epoch.

        Args:
            batch: as in `windows`.
        """
        return math.ceil(self.rows / self._window_rows(batch))

    def windows(self, batch: int, seed: Sequence[int]) -> Iterator[InMemoryDataset]:
        """Yields every row once, in windows that consist of pieces from all parts of the split.

        A piece is a run of consecutive rows. The order of the pieces depends on the seed. The rows within a window are
        not shuffled here. Only one window is in memory: each window overwrites the previous one.

        Args:
            batch: the batch size. Every window except the last one has a multiple of it.
            seed: numbers >= 0.
        """
        size = self._window_rows(batch)
        piece = max(1, size // PIECES_PER_WINDOW)
        window, filled = _empty(size, self.width), 0
        for number in np.random.default_rng(seed).permutation(math.ceil(self.rows / piece)).tolist():
            start, end = number * piece, min(self.rows, (number + 1) * piece)
            while start < end:
                taken = min(end - start, size - filled)
                self._read(start, window.slice_rows(filled, filled + taken))
                start, filled = start + taken, filled + taken
                if filled == size:
                    yield window
                    filled = 0
        if filled:
            yield window.slice_rows(0, filled)

    def _window_rows(self, batch: int) -> int:
        """Returns the rows of a window: as few windows as possible, of nearly equal size, in whole batches."""
        count = math.ceil(self.rows / max(batch, self._max_window_rows // batch * batch))
        return math.ceil(self.rows / count / batch) * batch

    def _read(self, start: int, target: InMemoryDataset) -> None:
        for file, array in zip(self._files, target, strict=True):
            file.seek(start * array.shape[1] * _FLOAT_BYTES)
            file.readinto(array.data)


Dataset = InMemoryDataset | OnDiskDataset


def dataset_arrays(*splits: Dataset) -> Iterator[npt.NDArray[np.float32]]:
    """Yields the arrays of all datasets in batches, to compute a digest of the data."""
    return (array for split in splits for part in split.batches(READ_BATCH_SIZE) for array in part)


def feature_means(data: Dataset) -> npt.NDArray[np.float32]:
    """Returns the mean of each feature, float32 [n_features]; summed in float64."""
    total = np.zeros(data.width)
    for part in data.batches(READ_BATCH_SIZE):
        total += part.features.sum(axis=0, dtype=np.float64)
    return (total / data.rows).astype(np.float32)


def read_dataset(
    patterns: Sequence[str], transform: tft.TFTransformOutput, label: str, memory: int, every: int = 1
) -> Dataset:
    """Reads raw examples and applies the Transform graph to them, once before the first epoch.

    Converting the raw examples directly to vectors (4 bytes per feature and row) takes a fraction of the time of
    writing transformed examples with Beam and parsing them again.

    Args:
        patterns: globs of TFRecord files, which are gzipped if the name ends in .gz.
        transform: the output of the Transform step.
        label: the name of the label column.
        memory: the memory limit in MiB; a larger split is stored on disk.
        every: only rows 1, every + 1, 2 * every + 1, ... are read.

    Returns:
        The rows, file by file in the order of the file names.

    Raises:
        ValueError: there are no rows.
        OSError: see `OnDiskDataset.append`.
    """
    layout = read_layout(transform, label)
    width = layout.width
    max_rows = memory * MIB // ((width + 1) * _FLOAT_BYTES)
    # Pages of an array take no memory until they are written to, so the number of rows need not be known in advance.
    in_memory, filled = _empty(max_rows, width), 0
    on_disk: OnDiskDataset | None = None
    for batch in _batches(patterns, transform, layout, label, every):
        if on_disk is None and filled + batch.rows > max_rows:
            on_disk = OnDiskDataset(width, max_rows)
            on_disk.append(in_memory.slice_rows(0, filled))
            in_memory = _empty(0, width)
        if on_disk is not None:
            on_disk.append(batch)
            continue
        for target, rows in zip(in_memory.slice_rows(filled, filled + batch.rows), batch, strict=True):
            target[:] = rows
        filled += batch.rows
    if not on_disk and not filled:
        raise ValueError(f"{', '.join(patterns)}: expected at least one example, found none.")
    return on_disk or in_memory.slice_rows(0, filled)


def _batches(
    patterns: Sequence[str], transform: tft.TFTransformOutput, layout: VectorLayout, label: str, every: int
) -> Iterator[InMemoryDataset]:
    spec = transform.raw_feature_spec()
    files = sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raw = tf.io.parse_example(serialized, spec)
        target = tf.reshape(tf.cast(raw[label], tf.float32), [-1, 1])
        return layout.assemble(transform.transform_raw_features(raw, drop_unused_features=True)), target

    dataset = serialized_batches(files, READ_BATCH_SIZE, every).map(
        parse, num_parallel_calls=tf.data.AUTOTUNE
    )
    return (InMemoryDataset(*batch) for batch in dataset.prefetch(tf.data.AUTOTUNE).as_numpy_iterator())


def _empty(rows: int, width: int) -> InMemoryDataset:
    return InMemoryDataset(np.empty((rows, width), np.float32), np.empty((rows, 1), np.float32))
