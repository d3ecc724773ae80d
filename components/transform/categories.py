"""Finds the categories of categorical features in the training split, and replaces texts by numbers of categories."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

MISSING_TEXT = b""  # the text of a missing value
_BUCKETS = 2**63 - 1


class Categories(NamedTuple):
    """The categories of some features.

    Attributes:
        texts: string [features, places]: the most frequent text first, of equally frequent ones the smaller one; then
            the empty text, if missing values are a category of their own. The rest is filled with empty texts.
        counts: int64 [features, places + 1]: the number of training rows of each text, 0 where there is none; then the
            number of rows with any other text.
    """

    texts: Any
    counts: Any


def categorize(
    columns: Sequence[tf.Tensor], max_categories: int, min_count: int
) -> tuple[tf.Tensor, Categories]:
    """Adds the analysis of categorical features to the graph of Transform, and replaces their texts by numbers.

    Args:
        columns: the texts of each feature, string [batch]; the empty text is a missing value.
        max_categories: the maximum number of categories of a feature, without the one of missing values.
        min_count: texts of fewer training rows are no categories of their own.

    Returns:
        The numbers of the categories, int64 [batch, features], `places` for a text without a category of its own; and
        the categories.
    """
    features, places = len(columns), max_categories + 1
    categories = Categories(
        *tft.experimental.ptransform_analyzer(
            [tf.stack(columns, axis=1)],
            _FindCategories(features, max_categories, min_count),
            [tf.string, tf.int64],
            [[features, places], [features, places + 1]],
        )
    )
    return _numbers(tf.stack(columns), categories), categories


def _numbers(texts: tf.Tensor, categories: Categories) -> tf.Tensor:
    """Returns the numbers of the categories of texts, which are given as [features, batch]."""
    # Looked up by binary search among the hashes: no table, which the exported model would have to initialize.
    is_category = categories.counts[:, :-1] > 0
    hashes = tf.where(is_category, _hashes(categories.texts), _BUCKETS)
    order = tf.argsort(hashes, axis=1)
    found = tf.searchsorted(tf.gather(hashes, order, axis=1, batch_dims=1), _hashes(texts))
    places = categories.texts.shape[1]
    numbers = tf.gather(order, tf.minimum(found, places - 1), axis=1, batch_dims=1)
    is_equal = tf.gather(categories.texts, numbers, axis=1, batch_dims=1) == texts
    is_known = is_equal & tf.gather(is_category, numbers, axis=1, batch_dims=1)
    result = tf.where(is_known, tf.cast(numbers, tf.int64), tf.constant(places, tf.int64))
    # Not tf.transpose: on most processors, TensorFlow logs an error for a transpose of texts or of int64.
    return tf.stack(tf.unstack(result), axis=1)


def _hashes(texts: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(texts, _BUCKETS)


def find_categories(
    counts: Sequence[Counter[bytes]], max_categories: int, min_count: int
) -> tuple[list[list[bytes]], list[list[int]]]:
    """Returns the attributes of `Categories` as lists.

    >>> find_categories([Counter({b"b": 5, b"a": 5, b"c": 6, b"d": 1, b"": 2})], 2, 2)
    ([[b'c', b'a', b'']], [[6, 5, 2, 6]])

    Args:
        counts: for each feature, the number of training rows of each text.
        max_categories: see `categorize`.
        min_count: see `categorize`.
    """
    places = max_categories + 1
    texts, numbers = [], []
    for counted in counts:
        frequent = [text for text, count in counted.items() if text != MISSING_TEXT and count >= min_count]
        chosen = sorted(frequent, key=lambda text: (-counted[text], text))[:max_categories]
        if counted[MISSING_TEXT] >= min_count:
            chosen.append(MISSING_TEXT)
        own = [counted[text] for text in chosen]
        filled = places - len(chosen)
        texts.append([*chosen, *[MISSING_TEXT] * filled])
        numbers.append([*own, *[0] * filled, counted.total() - sum(own)])
    return texts, numbers


class _FindCategories(beam.PTransform):  # type: ignore[misc]
    """Finds the categories in batches of texts, each a tuple of an array [batch, features]."""

    def __init__(self, features: int, max_categories: int, min_count: int) -> None:
        super().__init__()
        self._features, self._max_categories, self._min_count = features, max_categories, min_count

    def expand(self, batches: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        """Returns the texts and the counts."""
        found = (
            batches
            | "Count" >> beam.CombineGlobally(_CountFn(self._features))
            | "Choose" >> beam.Map(find_categories, self._max_categories, self._min_count)
        )
        return (
            found | "Texts" >> beam.MapTuple(lambda texts, _: np.array(texts, object)),
            found | "Counts" >> beam.MapTuple(lambda _, counts: np.array(counts, np.int64)),
        )


class _CountFn(beam.CombineFn):  # type: ignore[misc]
    """Counts the rows of each text, by feature."""

    def __init__(self, features: int) -> None:
        self._features = features

    def create_accumulator(self) -> list[Counter[bytes]]:
        return [Counter() for _ in range(self._features)]

    def add_input(self, accumulator: list[Counter[bytes]], batch: Any) -> list[Counter[bytes]]:
        (texts,) = batch
        for counts, column in zip(accumulator, texts.T, strict=True):
            counts.update(column.tolist())
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Counter[bytes]]]) -> list[Counter[bytes]]:
        merged = self.create_accumulator()
        for accumulator in accumulators:
            for counts, more in zip(merged, accumulator, strict=True):
                counts.update(more)
        return merged

    def extract_output(self, accumulator: list[Counter[bytes]]) -> list[Counter[bytes]]:
        return accumulator
