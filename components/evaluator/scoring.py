"""Scores examples with the exported models, through their serving signature."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.common.errors import DataRefused
from components.common.file_names import PREDICTION, SIGNATURE
from components.common.suggestions import unknown_features
from components.evaluator.bootstrap import PairedScores
from components.evaluator.reservoir import ReservoirSample
from components.examples.reader import serialized_batches

_BATCH = 8_192
Floats = npt.NDArray[np.float32]


class SplitScores(NamedTuple):
    """The scored rows of a split, and the values of the requested features (NaN: missing), in the same order."""

    scores: PairedScores
    features: Mapping[str, Floats]


def score(
    pattern: str,
    label: str,
    models: Mapping[str, tf.Module],
    features: Sequence[str] = (),
    max_rows: int = 0,
) -> SplitScores:
    """Reads a split once and scores each batch with all models, so that all models score the same rows.

    Needs 4 bytes of memory for each model, label and feature of a row, and holds at most `2 * max_rows` rows.

    Args:
        pattern: a glob of TFRecord files of tf.Examples, gzipped where the name ends in .gz.
        label: the name of the label column, an integer.
        models: loaded SavedModels with the signature SIGNATURE, by name.
        features: the features whose values to return.
        max_rows: a split with more rows is sampled down to this number, always to the same rows; 0: all rows.

    Raises:
        DataRefused: a feature is not in the examples.
    """
    files = sorted(tf.io.gfile.glob(pattern))
    if features:
        _check_features(files, label, features)
    spec = {name: tf.io.FixedLenFeature([1], tf.float32, [float("nan")]) for name in features}
    target = {label: tf.io.FixedLenFeature([1], tf.int64)}
    signatures = {name: model.signatures[SIGNATURE] for name, model in models.items()}
    sample = ReservoirSample(max_rows)
    for batch in serialized_batches(files, _BATCH).prefetch(2):
        drawn = sample.draw(len(batch))
        if not drawn.size:
            continue
        serialized = tf.gather(batch, drawn)
        parsed = tf.io.parse_example(serialized, spec | target)
        predicted = [signature(examples=serialized)[PREDICTION] for signature in signatures.values()]
        sample.add(*map(_flat, (parsed[label], *(parsed[name] for name in features), *predicted)))
    columns = sample.columns() or [np.zeros(0, np.float32)] * (1 + len(features) + len(models))
    values, predictions = columns[1 : 1 + len(features)], columns[1 + len(features) :]
    scores = PairedScores(columns[0], dict(zip(models, predictions, strict=True)), sample.seen)
    return SplitScores(scores, dict(zip(features, values, strict=True)))


def _check_features(files: Sequence[str], label: str, features: Sequence[str]) -> None:
    for serialized in serialized_batches(files, 1).unbatch().take(1):
        example = tf.train.Example.FromString(serialized.numpy())
        known = [name for name in example.features.feature if name != label]
        for name, hint in unknown_features(features, known):
            raise DataRefused(f"evaluation.slices: expected features of the examples, got {name!r}; {hint}")


def _flat(values: tf.Tensor) -> Floats:
    return np.asarray(values, np.float32).reshape(-1)
