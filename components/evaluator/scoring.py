"""Scores examples with the exported models, through their serving signature."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.common.errors import ArtifactChanged, DataRefused
from components.common.suggestions import unknown_features
from components.evaluator.paired_scores import Groups, PairedScores, SplitScores, numbered
from components.evaluator.reservoir import ReservoirSample
from components.evaluator.scored_models import Models
from components.evaluator.slices import text_numbers
from components.examples.group_ids import GroupIds
from components.examples.reader import serialized_batches
from components.tasks.binary import BINARY
from components.tasks.task import Task

_BATCH = 8_192
Floats = npt.NDArray[np.float32]


class ScoredColumns(NamedTuple):
    """The columns of the examples that are read.

    Attributes:
        label: the name of the label column: an integer if it is the number of a class, else any number.
        weight: the column with the weights of the rows; None: there is none.
        features: the numeric features whose values are returned.
        texts: the categorical features whose texts are returned, as the numbers of `text_numbers`, with the texts that
            are told apart.
        task: what the models predict.
        groups: whether the rows belong to groups, whose ids are beside the examples.
        classes: the names of the classes; empty if the label is a number.
    """

    label: str
    weight: str | None = None
    features: tuple[str, ...] = ()
    task: Task = BINARY
    groups: bool = False
    texts: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    classes: tuple[str, ...] = ()

    def without_features(self) -> "ScoredColumns":
        """Returns the columns without features."""
        return self._replace(features=(), texts={})

    def label_spec(self) -> dict[str, tf.io.FixedLenFeature]:
        """Returns how the label of a tf.Example is parsed."""
        return {self.label: tf.io.FixedLenFeature([1], tf.int64 if self.task.label_is_class else tf.float32)}


def score(
    pattern: str,
    seeds: Sequence[Models],
    columns: ScoredColumns,
    max_rows: int = 0,
    keep: int = 0,
) -> SplitScores:
    """Reads a split once and scores each batch with all models, so that all models score the same rows.

    Needs 4 bytes of memory for each output of a model, label, weight and feature of a row, and holds at most
    `2 * max_rows` rows.

    Args:
        pattern: a glob of TFRecord files of tf.Examples, gzipped where the name ends in .gz.
        seeds: the models of each training seed, by name.
        columns: what else is read.
        max_rows: a split with more rows is sampled down to this number, always to the same rows; 0: all rows.
        keep: how many serialized examples are kept at most, as a uniform sample of their own.

    Raises:
        DataRefused: a feature is not in the examples.
        ArtifactChanged: a file can't be read to its end, or rows have no group.
    """
    files = sorted(tf.io.gfile.glob(pattern))
    label, weight, features, task, grouped, texts, classes = columns
    ids = GroupIds(files) if grouped else None
    if features or texts:
        _check_features(files, columns)
    returned = (*features, *texts)
    read = (*([weight] if weight else []), *returned)
    spec = {name: tf.io.FixedLenFeature([1], tf.float32, [float("nan")]) for name in read} | {
        name: tf.io.FixedLenFeature([1], tf.string, [""]) for name in texts
    }
    target = columns.label_spec()
    models = [model for by_name in seeds for model in by_name.values()]
    sample, digest = ReservoirSample(max_rows), hashlib.sha256()
    kept = ReservoirSample(keep, stream=1) if keep else None
    for batch in _batches(files, pattern):
        content = batch.numpy()
        digest.update(b"".join(content))
        groups = [] if ids is None else [_groups(ids, len(content), pattern)]
        if kept:
            at = kept.draw(len(content))
            kept.add(content[at], *(column[at] for column in groups))
        drawn = sample.draw(len(batch))
        if not drawn.size:
            continue
        serialized = tf.gather(batch, drawn)
        parsed = tf.io.parse_example(serialized, spec | target)
        for name, values in texts.items():
            parsed[name] = text_numbers(parsed[name].numpy().reshape(-1), values)
        predicted = [shaped(model.predict(serialized), task) for model in models]
        flat = map(_flat, (parsed[label], *(parsed[name] for name in read)))
        sample.add(*flat, *predicted, *(column[drawn] for column in groups))
    found = iter(sample.columns() or [np.zeros(0, np.float32)] * (1 + len(read) + len(models) + grouped))
    labels, weights = next(found), next(found) if weight else None
    sliced = {name: next(found) for name in returned}
    first, *others = ({name: next(found) for name in by_name} for by_name in seeds)
    numbers = numbered(next(found)) if grouped else None
    scores = PairedScores(labels, first, sample.seen, weights, tuple(others), numbers, task, classes)
    of_kept = kept.columns() if kept else []
    examples = tuple(of_kept[0]) if of_kept else ()
    example_groups = numbered(of_kept[1]) if of_kept and grouped else None
    return SplitScores(scores, sliced, sample.seen, digest.hexdigest(), examples, example_groups)


def _groups(ids: GroupIds, rows: int, pattern: str) -> Groups:
    found = ids.take(rows)
    if found.size < rows:
        raise ArtifactChanged(
            f"{pattern}: expected the id of a group for each row, found fewer beside the examples. `regpipe run "
            "--no-cache` writes them again."
        )
    return found


def _batches(files: Sequence[str], pattern: str) -> Iterator[tf.Tensor]:
    try:
        yield from serialized_batches(files, _BATCH).prefetch(2)
    except tf.errors.DataLossError as error:
        raise ArtifactChanged(
            f"{pattern}: expected the files that ExampleGen wrote, found a damaged one: {error.message}. "
            "`regpipe run --no-cache` writes them again."
        ) from error


def _check_features(files: Sequence[str], columns: ScoredColumns) -> None:
    for serialized in serialized_batches(files, 1).unbatch().take(1):
        example = tf.train.Example.FromString(serialized.numpy())
        known = [name for name in example.features.feature if name not in (columns.label, columns.weight)]
        for name, hint in unknown_features((*columns.features, *columns.texts), known):
            raise DataRefused(f"evaluation.slices: expected features of the examples, got {name!r}; {hint}")


def _flat(values: tf.Tensor) -> Floats:
    return np.asarray(values, np.float32).reshape(-1)


def shaped(predictions: tf.Tensor, task: Task) -> Floats:
    """Returns the predictions of a model as float32 [rows, classes], or [rows] if the task has a single output."""
    found = np.asarray(predictions, np.float32)
    return found if task.output.per_class else found.reshape(-1)
