"""The rows that are trained on and scored, in memory or on disk.

A split that exceeds its memory limit stays on disk. The training reads both kinds in windows; a dataset in memory has a
single window.
"""

import copy
import io
import math
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from components.training.group_lasso import NO_GROUPS, Groups
from components.transform.rows_record import FLOAT_BYTES

READ_BATCH_SIZE = 4096
# A window on disk consists of this number of pieces. More pieces sample the split more evenly but read more slowly.
PIECES_PER_WINDOW = 512
_THRESHOLD = 0.5  # a label is above it (1) or below it (0)


class InMemoryDataset(NamedTuple):
    """Rows in memory.

    Attributes:
        features: float32 [rows, n_features].
        labels: the number of a class, or any number, float32 [rows, 1].
        weights: the weight of each row in all means, float32 [rows, 1], above 0; only their ratios matter. None: all
            rows weigh the same.
        groups: the number of the feature of each column, ascending from 0: see `VectorLayout.groups`. Empty: each
            column is a feature.
        outputs: the number of outputs of a network for these labels: 1, or one for each class.
    """

    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32] | None = None
    groups: Groups = NO_GROUPS
    outputs: int = 1

    @classmethod
    def of(cls, arrays: Iterable[npt.NDArray[Any]]) -> "InMemoryDataset":
        """Returns the rows of the features, the labels and, if there are any, the weights, in this order."""
        features, labels, *weights = arrays
        return cls(features, labels, weights[0] if weights else None)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.features)

    @property
    def width(self) -> int:
        """The number of features."""
        return int(self.features.shape[1])

    @property
    def arrays(self) -> tuple[npt.NDArray[np.float32], ...]:
        """The features, the labels and, if there are any, the weights."""
        fixed = self.features, self.labels
        return fixed if self.weights is None else (*fixed, self.weights)

    @property
    def weighted(self) -> bool:
        """Whether the rows have weights."""
        return self.weights is not None

    @property
    def class_sums(self) -> npt.NDArray[np.float64]:
        """The sum of the weights of the rows with the label 0, and with the label 1; without weights their number."""
        weights = np.ones(self.rows, np.float32) if self.weights is None else self.weights[:, 0]
        positive = self.labels[:, 0] > _THRESHOLD
        return np.bincount(positive, weights, minlength=2).astype(np.float64)

    @property
    def total_weight(self) -> float:
        """The sum of all weights; without weights the number of rows."""
        return float(self.rows if self.weights is None else self.weights.sum(dtype=np.float64))

    def with_class_weights(self, negative: float, positive: float) -> "InMemoryDataset":
        """Returns the same rows, with the weights of each class multiplied by a factor."""
        factors = _class_factors(self.labels, negative, positive)
        return self._replace(weights=factors if self.weights is None else factors * self.weights)

    def with_outputs(self, outputs: int) -> "InMemoryDataset":
        """Returns the same rows for networks with this number of outputs: see `components.tasks.task.Output.width`."""
        return self._replace(outputs=outputs)

    def with_scaled_labels(self, mean: float, deviation: float) -> "InMemoryDataset":
        """Returns the same rows, with each label y replaced by (y - mean) / deviation."""
        return self._replace(labels=_scaled(self.labels, mean, deviation))

    def select(self, rows: slice | npt.NDArray[np.integer[Any]]) -> "InMemoryDataset":
        """Returns these rows: a slice without a copy, row numbers with a copy."""
        # `take` needs a quarter of the time of an index.
        part = [a[rows] if isinstance(rows, slice) else a.take(rows, axis=0) for a in self.arrays]
        return InMemoryDataset.of(part)._replace(groups=self.groups, outputs=self.outputs)

    def slice_rows(self, start: int, end: int) -> "InMemoryDataset":
        """Returns the rows from `start` to before `end`, without a copy."""
        return self.select(slice(start, end))

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
    """Rows on disk, in files without a name, one for each array: the system removes them however the process ends.

    Args:
        width: the number of features.
        max_rows: the maximum number of rows in a window.
        weighted: whether the rows have weights.
        groups: as in `InMemoryDataset`.
        files: see `opened`; empty: new files.
    """

    def __init__(
        self,
        width: int,
        max_rows: int,
        *,
        weighted: bool = False,
        groups: Groups = NO_GROUPS,
        files: Sequence[io.BufferedReader] = (),
    ) -> None:
        self.width = width
        self.groups = groups
        self.outputs = 1  # as `InMemoryDataset.outputs`
        self.rows = 0
        self.max_window_rows = max_rows
        self._class_sums = np.zeros(2)
        self._class_weights: tuple[float, float] | None = None
        self._label_scaling: tuple[float, float] | None = None
        self._files: tuple[io.BufferedRandom | io.BufferedReader, ...] = tuple(files) or tuple(
            tempfile.TemporaryFile()  # noqa: SIM115 (closed with this object)
            for _ in range(2 + weighted)
        )
        self._file_owner: OnDiskDataset | None = None
        for file in self._files:
            weakref.finalize(self, file.close)

    @property
    def weighted(self) -> bool:
        """As `InMemoryDataset.weighted`."""
        return len(self._files) > 2 or self._class_weights is not None

    @property
    def class_sums(self) -> npt.NDArray[np.float64]:
        """As `InMemoryDataset.class_sums`."""
        return self._class_sums if self._class_weights is None else self._class_sums * self._class_weights

    @property
    def total_weight(self) -> float:
        """As `InMemoryDataset.total_weight`."""
        return float(self.class_sums.sum())

    def with_class_weights(self, negative: float, positive: float) -> "OnDiskDataset":
        """As `InMemoryDataset.with_class_weights`. Both objects read the same files, to which no more is appended."""
        found = self._view()
        found._class_weights = negative, positive
        return found

    def with_outputs(self, outputs: int) -> "OnDiskDataset":
        """As `InMemoryDataset.with_outputs`. Both objects read the same files, as in `with_class_weights`."""
        found = self._view()
        found.outputs = outputs
        return found

    def with_scaled_labels(self, mean: float, deviation: float) -> "OnDiskDataset":
        """As `InMemoryDataset.with_scaled_labels`. Both objects read the same files, as in `with_class_weights`."""
        found = self._view()
        found._label_scaling = mean, deviation
        return found

    def _view(self) -> "OnDiskDataset":
        """Returns another object that reads the same files."""
        found = copy.copy(self)
        found._file_owner = self  # which closes the files when it is freed
        return found

    def append(self, part: InMemoryDataset) -> None:
        """Appends rows.

        Raises:
            OSError: the disk is full or not writable.
        """
        try:
            for file, array in zip(self._files, part.arrays, strict=True):
                file.write(np.ascontiguousarray(array).data)
                file.flush()
        except OSError as error:
            message = (
                f"{error.strerror}, after {self.rows:,} rows of vectors (TMPDIR can name another folder)"
            )
            raise OSError(error.errno, message, tempfile.gettempdir()) from error
        self.rows += part.rows
        self._class_sums += part.class_sums

    @classmethod
    def opened(
        cls, files: Sequence[io.BufferedReader], shape: tuple[int, int], max_rows: int, sums: Sequence[float]
    ) -> "OnDiskDataset":
        """Returns the rows of files with names, which other processes read, too.

        Args:
            files: for the features, the labels and, if the rows have any, the weights.
            shape: the number of rows, and that of features.
            max_rows: the maximum number of rows in a window.
            sums: the `class_sums`.
        """
        rows, width = shape
        found = cls(width, max_rows, files=files)
        found.rows, found._class_sums = rows, np.array(sums)
        return found

    def batches(self, rows: int) -> Iterator[InMemoryDataset]:
        """Yields all rows as `InMemoryDataset.batches` does; reads each batch when it is needed."""
        for start in range(0, self.rows, rows):
            part = _empty(min(rows, self.rows - start), self.width, weighted=self.weighted)
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
        window, filled = _empty(size, self.width, weighted=self.weighted), 0
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
        count = math.ceil(self.rows / max(batch, self.max_window_rows // batch * batch))
        return math.ceil(self.rows / count / batch) * batch

    def _read(self, start: int, target: InMemoryDataset) -> None:
        for file, array in zip(self._files, target.arrays, strict=False):
            file.seek(start * array.shape[1] * FLOAT_BYTES)
            file.readinto(array.data)
        if self._class_weights is not None and target.weights is not None:
            factors = _class_factors(target.labels, *self._class_weights)
            if len(self._files) > 2:
                factors *= target.weights
            target.weights[:] = factors
        if self._label_scaling is not None:
            target.labels[:] = _scaled(target.labels, *self._label_scaling)


Dataset = InMemoryDataset | OnDiskDataset


def dataset_arrays(*splits: Dataset) -> Iterator[npt.NDArray[np.float32]]:
    """Yields the arrays of all datasets in batches, to compute a digest of the data."""
    return (array for split in splits for part in split.batches(READ_BATCH_SIZE) for array in part.arrays)


def row_weights(data: Dataset) -> npt.NDArray[np.float64] | None:
    """Returns the weight of each row, float64 [rows]; None if all rows weigh the same."""
    parts = [part.weights for part in data.batches(READ_BATCH_SIZE) if part.weights is not None]
    return np.concatenate(parts)[:, 0].astype(np.float64) if data.weighted else None


def feature_means(data: Dataset) -> npt.NDArray[np.float32]:
    """Returns the weighted mean of each feature, float32 [n_features]; summed in float64."""
    total = np.zeros(data.width)
    for part in data.batches(READ_BATCH_SIZE):
        if part.weights is None:
            total += part.features.sum(axis=0, dtype=np.float64)
        else:
            total += np.einsum("ri,rf->f", part.weights.astype(np.float64), part.features)
    return (total / data.total_weight).astype(np.float32)


def _empty(rows: int, width: int, *, weighted: bool) -> InMemoryDataset:
    columns = (width, 1, 1) if weighted else (width, 1)
    return InMemoryDataset.of(np.empty((rows, count), np.float32) for count in columns)


def _scaled(labels: npt.NDArray[np.float32], mean: float, deviation: float) -> npt.NDArray[np.float32]:
    return ((labels.astype(np.float64) - mean) / deviation).astype(np.float32)


def _class_factors(
    labels: npt.NDArray[np.float32], negative: float, positive: float
) -> npt.NDArray[np.float32]:
    return np.where(labels > _THRESHOLD, np.float32(positive), np.float32(negative))
