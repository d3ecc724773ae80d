"""Reads serialized tf.Examples from TFRecord files, whole batches at a time."""

from collections.abc import Sequence

import tensorflow as tf


def serialized_batches(files: Sequence[str], rows: int) -> tf.data.Dataset:
    """Batches of at most `rows` serialized examples, string [batch], in the order of the files.

    Args:
        files: TFRecord files, gzipped where the name ends in .gz.
        rows: in a batch.
    """

    def read(name: tf.Tensor) -> tf.data.Dataset:
        gzipped = tf.strings.regex_full_match(name, r".*\.gz")
        return tf.data.TFRecordDataset(name, tf.where(gzipped, "GZIP", ""))

    return tf.data.Dataset.from_tensor_slices(tf.constant(files, tf.string)).flat_map(read).batch(rows)
