"""Reads the examples of a split through the Transform graph, on all cores, and writes the rows to files."""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from components.common import storage
from components.examples.codec import ExampleTemplate, example_template
from components.examples.reader import serialized_batches
from components.transform.rows_record import RowsRecord, array_columns, split_files
from components.transform.vector import read_layout

Arrays = tuple[npt.NDArray[np.float32], ...]
_BLOCK_VALUES = 1 << 17  # the number of values that a thread decodes at once, 4 bytes each


class RowReader:
    """Converts examples to rows: the vector, the label and, if there are any, the weight.

    Examples that ExampleGen wrote from numbers only are decoded by `ExampleTemplate`, which takes a fifth of the
    processor time of TensorFlow's parser; it parses all others. Both give the same rows.

    Args:
        transform: the output of the Transform step.
        label: the name of the label column.
        weight: the name of the weight column; None: all rows weigh the same.
    """

    def __init__(self, transform: tft.TFTransformOutput, label: str, weight: str | None) -> None:
        self.layout = read_layout(transform, label, weight)
        self.weighted = weight is not None
        self._transform = transform
        self._spec = transform.raw_feature_spec()
        self._targets = [label] if weight is None else [label, weight]
        self._template: ExampleTemplate | None = None
        self._threads = len(os.sched_getaffinity(0))
        self._names = tuple(sorted(set(self._spec) - {label}))
        if all(self._spec[name].dtype == tf.float32 for name in self._names):
            self._template = example_template(
                self._names, label, number=self._spec[label].dtype == tf.float32
            )
        self._rows = max(1, _BLOCK_VALUES // len(self._spec))
        self._vectors = self._vector_function()

    def batches(self, paths: Sequence[str]) -> Iterator[Arrays]:
        """Yields the rows of TFRecord files, file by file, in batches of any size.

        Args:
            paths: files, which are gzipped if the name ends in .gz.

        Raises:
            ValueError: a file is damaged.
            tf.errors.DataLossError: a file is damaged, and was not written from numbers only.
        """
        with ThreadPoolExecutor(self._threads) as pool:
            for path in paths:
                if self._template is not None and _is_written_with(self._template, path):
                    yield from self._decoded(self._template, path, pool)
                else:
                    yield from self._parsed(path)

    def _decoded(self, template: ExampleTemplate, path: str, pool: ThreadPoolExecutor) -> Iterator[Arrays]:
        def decode(content: bytes) -> Arrays:
            read = template.decode(content)
            if read is None:
                raise ValueError(f"{path}: damaged, or written by two programs.")
            features, label = read
            columns = [label.astype(np.float32)]
            if self.weighted:
                columns.append(features[self._names.index(self._targets[1])])
            return self._vectors(tf.constant(features)).numpy(), *(column[:, None] for column in columns)

        with contextlib.closing(storage.open_bytes(path)) as file:
            blocks = iter(lambda: file.read(self._rows * template.record_bytes), b"")
            yield from _in_order(pool, decode, blocks, 2 * self._threads)

    def _parsed(self, path: str) -> Iterator[Arrays]:
        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, ...]:
            raw = tf.io.parse_example(serialized, self._spec)
            columns = (tf.reshape(tf.cast(raw[name], tf.float32), [-1, 1]) for name in self._targets)
            return self._assembled(raw), *columns

        batches = serialized_batches([path], self._rows).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
        yield from batches.prefetch(2).as_numpy_iterator()

    def _assembled(self, raw: dict[str, tf.Tensor]) -> tf.Tensor:
        return self.layout.assemble(self._transform.transform_raw_features(raw, drop_unused_features=True))

    def _vector_function(self) -> Any:
        """Returns a function from the numbers of the examples, float32 [columns, rows], to the vectors."""

        def vectors(columns: tf.Tensor) -> tf.Tensor:
            return self._assembled(
                {
                    name: tf.reshape(column, [-1, *self._spec[name].shape])
                    for name, column in zip(self._names, tf.unstack(columns), strict=True)
                }
            )

        shape = tf.TensorSpec([len(self._names), None], tf.float32)
        return tf.function(vectors, input_signature=[shape], autograph=False)


def write_rows(reader: RowReader, patterns: Mapping[str, str], folder: str) -> RowsRecord:
    """Writes the rows of each split to a folder: see `components.transform.rows_record`.

    The files depend on the examples and the graph only, not on the number of cores.

    Args:
        reader: converts the examples.
        patterns: for each split a glob of TFRecord files, read in the order of their names.
        folder: a new folder.

    Raises:
        ValueError: a split has no rows, or a file is damaged.
        OSError: the disk is full or not writable.
    """
    width, weighted = reader.layout.width, reader.weighted
    columns = array_columns(width, weighted=weighted)
    rows = {}
    for split, pattern in patterns.items():
        batches = reader.batches(storage.glob(pattern))
        rows[split] = _write_arrays(batches, split_files(folder, split, columns))
        if not rows[split]:
            raise ValueError(f"{pattern}: expected at least one example, found none.")
    groups = tuple(reader.layout.groups.tolist())
    record = RowsRecord(width=width, weighted=weighted, groups=groups, rows=rows)
    record.write(folder)
    return record


def _write_arrays(batches: Iterable[Arrays], paths: Sequence[str]) -> int:
    """Writes each array to its file; returns the number of rows."""
    rows = 0
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(storage.new_file(path)) for path in paths]
        for batch in batches:
            rows += len(batch[0])
            for file, array in zip(files, batch, strict=True):
                file.write(np.ascontiguousarray(array, "<f4").tobytes())
    return rows


def _is_written_with(template: ExampleTemplate, path: str) -> bool:
    with contextlib.closing(storage.open_bytes(path)) as file:
        return template.decode(file.read(template.record_bytes)) is not None


def _in_order(
    pool: ThreadPoolExecutor,
    function: Callable[[bytes], Arrays],
    blocks: Iterable[bytes],
    ahead: int,
) -> Iterator[Arrays]:
    """Yields the results for all blocks in their order; at most `ahead` blocks and results are in memory."""
    waiting: deque[Future[Arrays]] = deque()
    for block in blocks:
        waiting.append(pool.submit(function, block))
        if len(waiting) == ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
