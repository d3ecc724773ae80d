"""From raw examples to the vectors that the networks learn from, through the Transform graph.

A split that is larger than the memory it may take lies on the disk. The training reads both kinds in the same way: in
windows, of which a split in memory has one.
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
from components.transform.preprocessing import VECTOR, feature_names

READ_BATCH_SIZE = 4096
# Of so many pieces a window is made. More would make it more like the whole split, and slower to read.
PIECES_PER_WINDOW = 512
MIB = 2**20
_BYTES = 4  # of a float32


class InMemoryDataset(NamedTuple):
    """Rows in memory: `features` float32 [rows, n_features], `labels` float32 [rows, 1]."""

    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.features)

    @property
    def width(self) -> int:
        """How many features a row has."""
        return int(self.features.shape[1])

    def slice_rows(self, start: int, end: int) -> "InMemoryDataset":
        """Rows `start` to `end`, this one excluded; no copy."""
        return InMemoryDataset(self.features[start:end], self.labels[start:end])

    def batches(self, rows: int) -> Iterator["InMemoryDataset"]:
        """All rows in their order, at most `rows` of them at a time."""
        return (self.slice_rows(start, start + rows) for start in range(0, self.rows, rows))

    def window_count(self, batch: int) -> int:
        """How many windows an epoch has: one."""
        del batch
        return 1

    def windows(self, batch: int, seed: Sequence[int]) -> Iterator["InMemoryDataset"]:
        """All rows at once, in their order."""
        del batch, seed
        yield self


class OnDiskDataset:
    """Rows on the disk, in two files that have no name: whatever ends the process, the system removes them.

    Args:
        width: how many features a row has.
        max_rows: how many a window may hold.
    """

    def __init__(self, width: int, max_rows: int) -> None:
        self.width = width
        self.rows = 0
        self._max_window_rows = max_rows
        self._files = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 (closed with this object)
        for file in self._files:
            weakref.finalize(self, file.close)

    def append(self, part: InMemoryDataset) -> None:
        """Writes rows behind those that there are.

        Raises:
            OSError: the disk is full, or can't be written to.
        """
        try:
            for file, array in zip(self._files, part, strict=True):
                file.write(np.ascontiguousarray(array).data)
                file.flush()
        except OSError as error:
            words = f"{error.strerror}, after {self.rows:,} rows of vectors (TMPDIR can name another folder)"
            raise OSError(error.errno, words, tempfile.gettempdir()) from error
        self.rows += part.rows

    def batches(self, rows: int) -> Iterator[InMemoryDataset]:
        """As of `InMemoryDataset`; each part is read when its turn comes."""
        for start in range(0, self.rows, rows):
            part = _empty(min(rows, self.rows - start), self.width)
            self._read(start, part)
            yield part

    def window_count(self, batch: int) -> int:
        """How many windows an epoch has.

        Args:
            batch: as of `windows`.
        """
        return math.ceil(self.rows / self._window_rows(batch))

    def windows(self, batch: int, seed: Sequence[int]) -> Iterator[InMemoryDataset]:
        """All rows, each once, in windows of pieces from all over the split.

        A piece is consecutive rows. In which order the pieces come depends on the seed; within a window the rows are
        still to be shuffled. The next window is written over the one before: there is one in memory.

        Args:
            batch: rows of a window, of all but the last, are a multiple of this.
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
        """Of windows as few as can be, and as even as whole batches let them be."""
        count = math.ceil(self.rows / max(batch, self._max_window_rows // batch * batch))
        return math.ceil(self.rows / count / batch) * batch

    def _read(self, start: int, target: InMemoryDataset) -> None:
        for file, array in zip(self._files, target, strict=True):
            file.seek(start * array.shape[1] * _BYTES)
            file.readinto(array.data)


Dataset = InMemoryDataset | OnDiskDataset


def dataset_arrays(*splits: Dataset) -> Iterator[npt.NDArray[np.float32]]:
    """All that the splits hold, a part at a time: for a digest of them."""
    return (array for split in splits for part in split.batches(READ_BATCH_SIZE) for array in part)


def read_dataset(
    patterns: Sequence[str], transform: tft.TFTransformOutput, label: str, memory: int
) -> Dataset:
    """Reads raw examples and applies the Transform graph to them, once for all epochs.

    Going from the raw examples straight to vectors (4 bytes a feature and row) takes a fraction of the time that
    writing the transformed examples with Beam, and parsing them again, would take.

    Args:
        patterns: globs of TFRecord files, gzipped where the name ends in .gz.
        transform: the output of the Transform step.
        label: the name of the label's column.
        memory: how many MiB the split may take in memory; what takes more is stored on the disk.

    Returns:
        The rows in the order of the files, sorted by name.

    Raises:
        ValueError: there is no row.
        OSError: as `OnDiskDataset.append`.
    """
    width = len(feature_names(transform.raw_feature_spec(), label))
    max_rows = memory * MIB // ((width + 1) * _BYTES)
    # Of an array that was never written to, no page takes memory: no need to know beforehand how many rows there are.
    held, filled = _empty(max_rows, width), 0
    stored: OnDiskDataset | None = None
    for batch in _batches(patterns, transform, label):
        if stored is None and filled + batch.rows > max_rows:
            stored = OnDiskDataset(width, max_rows)
            stored.append(held.slice_rows(0, filled))
            held = _empty(0, width)
        if stored is not None:
            stored.append(batch)
            continue
        for target, rows in zip(held.slice_rows(filled, filled + batch.rows), batch, strict=True):
            target[:] = rows
        filled += batch.rows
    if not stored and not filled:
        raise ValueError(f"{', '.join(patterns)}: expected at least one example, found none.")
    return stored or held.slice_rows(0, filled)


def _batches(
    patterns: Sequence[str], transform: tft.TFTransformOutput, label: str
) -> Iterator[InMemoryDataset]:
    spec = transform.raw_feature_spec()
    files = sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raw = tf.io.parse_example(serialized, spec)
        target = tf.reshape(tf.cast(raw[label], tf.float32), [-1, 1])
        return transform.transform_raw_features(raw, drop_unused_features=True)[VECTOR], target

    dataset = serialized_batches(files, READ_BATCH_SIZE).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    return (InMemoryDataset(*batch) for batch in dataset.prefetch(tf.data.AUTOTUNE).as_numpy_iterator())


def _empty(rows: int, width: int) -> InMemoryDataset:
    return InMemoryDataset(np.empty((rows, width), np.float32), np.empty((rows, 1), np.float32))
