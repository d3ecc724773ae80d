"""What the exported models say of the examples, through the signature that serves them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.common.errors import DataRefused
from components.common.file_names import PREDICTION, SIGNATURE
from components.evaluator.bootstrap import Scored
from components.evaluator.reservoir import Sample
from components.evaluator.slices import unknown_features
from components.examples.reader import serialized_batches

_BATCH = 8_192
Floats = npt.NDArray[np.float32]


class Scores(NamedTuple):
    """The rows of a split, and of each feature asked for the values, NaN where missing; all in the same order."""

    rows: Scored
    features: Mapping[str, Floats]


def score(
    pattern: str,
    label: str,
    models: Mapping[str, tf.Module],
    features: Sequence[str] = (),
    max_rows: int = 0,
) -> Scores:
    """Reads a split once; each batch goes to all models, so that their predictions are of the same rows.

    Holds 4 bytes for each row and model, label and feature, and of no more than `2 * max_rows` rows.

    Args:
        pattern: a glob of TFRecord files of tf.Examples, gzipped where the name ends in .gz.
        label: the name of the label's column, an integer.
        models: SavedModels with the signature SIGNATURE, by name.
        features: columns of the examples to bring along.
        max_rows: of a split with more rows an even sample of so many, the same each time; 0: all rows.

    Raises:
        DataRefused: a feature is not in the examples.
    """
    files = sorted(tf.io.gfile.glob(pattern))
    if features:
        _check(files, label, features)
    spec = {name: tf.io.FixedLenFeature([1], tf.float32, [float("nan")]) for name in features}
    target = {label: tf.io.FixedLenFeature([1], tf.int64)}
    signatures = {name: model.signatures[SIGNATURE] for name, model in models.items()}
    sample = Sample(max_rows)
    for batch in serialized_batches(files, _BATCH).prefetch(2):
        drawn = sample.draw(len(batch))
        if not drawn.size:
            continue
        serialized = tf.gather(batch, drawn)
        parsed = tf.io.parse_example(serialized, spec | target)
        answers = [signature(examples=serialized)[PREDICTION] for signature in signatures.values()]
        sample.add(*map(_flat, (parsed[label], *(parsed[name] for name in features), *answers)))
    columns = sample.columns() or [np.zeros(0, np.float32)] * (1 + len(features) + len(models))
    of_features, predictions = columns[1 : 1 + len(features)], columns[1 + len(features) :]
    rows = Scored(columns[0], dict(zip(models, predictions, strict=True)), sample.seen)
    return Scores(rows, dict(zip(features, of_features, strict=True)))


def _check(files: Sequence[str], label: str, features: Sequence[str]) -> None:
    for serialized in serialized_batches(files, 1).unbatch().take(1):
        example = tf.train.Example.FromString(serialized.numpy())
        known = [name for name in example.features.feature if name != label]
        for name, hint in unknown_features(features, known):
            raise DataRefused(f"evaluation.slices: expected features of the examples, got {name!r}; {hint}")


def _flat(values: tf.Tensor) -> Floats:
    return np.asarray(values, np.float32).reshape(-1)
