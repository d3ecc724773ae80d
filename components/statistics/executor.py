"""Summarizes the files of the examples one by one with Beam, and merges the summaries in the order of the files.

Beam transfers only file names, summaries and samples of bounded size; TFDV's own pipeline spends most of its time on
transferring single examples. Reading a file has no side effect, and a statistics file gets its name when it is
complete, so Beam may retry any part of the work.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tfx import types
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.common import storage
from components.common.feature_auc_record import FeatureAucRecord
from components.common.file_names import STATISTICS_FILE
from components.config.data import SPLITS
from components.examples.codec import example_template
from components.examples.reader import read_ingest, serialized_batches
from components.statistics.class_sample import ClassSample
from components.statistics.column_summary import FAN_IN, ColumnSummary, Floats
from components.statistics.columns import Columns, several
from components.statistics.protos import to_proto
from components.statistics.text_counts import TextCounts, Texts
from components.statistics.training_split import training_statistics

# The number of values per batch, 4 bytes each. Batches that TensorFlow parses fit into the processor's
# caches: larger ones take 25% longer.
_PARSED_VALUES, _SUMMARIZED_VALUES = 1 << 17, 1 << 20
_FILES = 16  # per unit of work: opening a file takes as long as reading about 10,000 rows
TRAINING = SPLITS[0]
_SEED = 0  # of the keys that select the sampled rows
_PROGRESS = logging.getLogger("regpipe.progress")
Key = tuple[str, int]


class Shard(NamedTuple):
    """Consecutive files of a split; `number` is the position of this shard in it."""

    split: str
    number: int
    paths: tuple[str, ...]


class SplitSummary(NamedTuple):
    """The summary of some rows, the texts of each categorical column, and of the training split also a sample."""

    columns: ColumnSummary
    sample: ClassSample | None
    texts: list[TextCounts]


class Batch(NamedTuple):
    """Rows: the columns of numbers, float32 [columns, rows], and those of texts, bytes [categorical, rows]."""

    values: Floats
    texts: Texts


class StatisticsExecutor(BaseBeamExecutor):  # type: ignore[misc]
    """Writes the statistics of every split, and for the training split the AUC of each feature alone."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Overrides TFX's method.

        Raises:
            FileNotFoundError: a split has no file, or the ingest record is missing.
            ValueError: the ingest record or a file of examples is damaged.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        statistics.split_names = examples.split_names
        splits = artifact_utils.decode_split_names(examples.split_names)
        patterns = {
            split: io_utils.all_files_pattern(artifact_utils.get_split_uri([examples], split))
            for split in splits
        }
        outputs = {split: artifact_utils.get_split_uri([statistics], split) for split in splits}
        ingest = read_ingest(next(iter(patterns.values())))
        if ingest.span is not None:  # DriftGate looks for the statistics of the span before
            statistics.span = ingest.span
        # The same order as in TFDV; schema inference keeps it.
        weight = [] if ingest.weight is None else [ingest.weight]
        numeric = [name for name in ingest.features if name not in ingest.categorical]
        columns = Columns(
            tuple(sorted([*numeric, *weight, ingest.label])),
            ingest.label,
            ingest.weight,
            number=not ingest.classes,
            classes=several(ingest.classes),
            categorical=tuple(sorted(ingest.categorical)),
        )
        with self._make_beam_pipeline() as pipeline:
            summarize(pipeline, _shards(patterns), columns, outputs)
        if TRAINING in outputs:
            for warning in FeatureAucRecord.read(outputs[TRAINING]).warnings():
                _PROGRESS.warning(warning)


def _shards(patterns: Mapping[str, str]) -> list[Shard]:
    found: list[Shard] = []
    for split, pattern in patterns.items():
        paths = storage.glob(pattern)
        if not paths:
            raise FileNotFoundError(f"{pattern}: expected the examples of a split, found no file.")
        found.extend(
            Shard(split, start // _FILES, tuple(paths[start : start + _FILES]))
            for start in range(0, len(paths), _FILES)
        )
    return found


def summarize(
    pipeline: beam.Pipeline, shards: Sequence[Shard], columns: Columns, outputs: Mapping[str, str]
) -> None:
    """Adds the Beam transforms that read the shards and write the statistics of each split into its folder."""
    summaries = (
        pipeline
        | "Shards" >> beam.Create(shards)  # distributes them, as in ExampleGen
        | "Summarize" >> beam.Map(_summarize, columns)
    )
    groups, level = max(shard.number for shard in shards) + 1, 0
    while groups > 1:
        groups, level = -(-groups // FAN_IN), level + 1
        summaries = (
            summaries
            | f"Key, level {level}"
            >> beam.Map(_with_group_key).with_output_types(tuple[Key, tuple[int, SplitSummary]])
            | f"Gather, level {level}" >> beam.GroupByKey()
            | f"Merge, level {level}" >> beam.MapTuple(_merge)
        )
    _ = summaries | "Write" >> beam.Map(_write, columns, outputs)


def _summarize(shard: Shard, columns: Columns) -> tuple[Key, SplitSummary]:
    sample = columns.sample() if shard.split == TRAINING else None
    # The keys follow from the position of a row in the files, so the sample does not depend on the workers.
    random = np.random.default_rng([_SEED, shard.number])

    texts = [TextCounts() for _ in columns.categorical]

    def summaries() -> Iterator[ColumnSummary]:
        for values, columns_of_texts in _in_larger_batches(read_columns(shard.paths, columns)):
            for counts, column in zip(texts, columns_of_texts, strict=True):
                counts.add(column, columns.weights(values))
            if sample is not None:
                sample.add(values, random.random((values.shape[1],)), columns_of_texts)
            yield columns.summary(values)

    summary = ColumnSummary.merge_stream(summaries())
    none = np.empty((len(columns.names), 0), np.float32)
    return (shard.split, shard.number), SplitSummary(summary or columns.summary(none), sample, texts)


def read_columns(paths: Sequence[str], columns: Columns) -> Iterator[Batch]:
    """Reads the values in files of examples, in batches.

    Raises:
        ValueError: a value is infinite, which ExampleGen never writes; or a file is damaged in the middle.
        tf.errors.DataLossError: a file is damaged at its beginning.
    """
    for path in paths:
        for batch in _read(path, columns):
            infinite = np.isinf(batch.values).any(axis=1)
            if infinite.any():
                name = columns.names[infinite.argmax()]
                raise ValueError(f"{path}: expected finite values, got an infinity in {name!r}.")
            yield batch


def _read(path: str, columns: Columns) -> Iterator[Batch]:
    if columns.categorical:
        yield from _parse_with_tensorflow(path, columns)
        return
    features = tuple(name for name in columns.names if name != columns.label)
    template = example_template(features, columns.label, number=columns.number)
    rows = max(1, _SUMMARIZED_VALUES // len(columns.names))
    place = columns.names.index(columns.label)
    with closing(storage.open_bytes(path)) as file:
        done = 0
        while content := file.read(rows * template.record_bytes):
            read = template.decode(content)
            if read is None and not done:
                yield from _parse_with_tensorflow(path, columns)
                return
            if read is None:
                raise ValueError(f"{path}: damaged after row {done:,}, or written by two programs.")
            done += len(read[1])
            values = np.insert(read[0], place, read[1], axis=0)
            yield Batch(values, np.empty((0, values.shape[1]), np.object_))


def _parse_with_tensorflow(path: str, columns: Columns) -> Iterator[Batch]:
    """Parses examples of any form with TensorFlow."""
    types = dict.fromkeys(columns.names, tf.float32) | ({} if columns.number else {columns.label: tf.int64})
    types |= dict.fromkeys(columns.categorical, tf.string)
    spec = {name: tf.io.FixedLenFeature([], kind) for name, kind in types.items()}

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        parsed = tf.io.parse_example(serialized, spec)
        texts = [parsed[name] for name in columns.categorical]
        return (
            tf.stack([tf.cast(parsed[name], tf.float32) for name in columns.names]),
            tf.stack(texts) if texts else tf.zeros([0, tf.shape(serialized)[0]], tf.string),
        )

    batches = serialized_batches([path], max(1, _PARSED_VALUES // len(spec)))
    # Two batches are parsed while one is summarized.
    for values, texts in batches.map(parse, num_parallel_calls=2).prefetch(1).as_numpy_iterator():
        yield Batch(values, texts)


def _in_larger_batches(batches: Iterable[Batch]) -> Iterator[Batch]:
    waiting: list[Batch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(part.values.size + part.texts.size for part in waiting) >= _SUMMARIZED_VALUES:
            yield _concatenated(waiting)
            waiting = []
    if waiting:
        yield _concatenated(waiting)


def _concatenated(batches: Sequence[Batch]) -> Batch:
    return Batch(*(np.concatenate(parts, axis=1) for parts in zip(*batches, strict=True)))


def _with_group_key(item: tuple[Key, SplitSummary]) -> tuple[Key, tuple[int, SplitSummary]]:
    (split, number), summary = item
    return (split, number // FAN_IN), (number, summary)


def _merge(key: Key, numbered: Iterable[tuple[int, SplitSummary]]) -> tuple[Key, SplitSummary]:
    # Merges in the order of the files, not in the order in which they were read.
    parts = [summary for _, summary in sorted(numbered, key=lambda pair: pair[0])]
    samples = [part.sample for part in parts if part.sample is not None]
    sample = ClassSample.merge(samples) if samples else None
    texts = [TextCounts() for _ in parts[0].texts]
    for part in parts:
        for counts, more in zip(texts, part.texts, strict=True):
            counts.merge(more)
    return key, SplitSummary(ColumnSummary.merge([part.columns for part in parts]), sample, texts)


def _write(item: tuple[Key, SplitSummary], columns: Columns, outputs: Mapping[str, str]) -> None:
    (split, _), (summary, sample, counts) = item
    label = None if columns.number else columns.label
    texts = dict(zip(columns.categorical, counts, strict=True))
    content = to_proto(summary, columns.names, label, texts).SerializeToString()
    storage.write(os.path.join(outputs[split], STATISTICS_FILE), content)
    if sample is not None:
        columns.feature_aucs(sample).write(outputs[split])
    if split == TRAINING:
        # Beside the folders of the splits.
        training_statistics(summary, columns, counts).write(os.path.dirname(outputs[split]))  # noqa: PTH120 (may be on gs://)
