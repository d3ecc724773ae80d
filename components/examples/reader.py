"""Reads the output of ExampleGen: batches of serialized tf.Examples, and the ingest record."""

import os
from collections.abc import Sequence

import tensorflow as tf

from components.common.ingest_record import IngestRecord


# The annotation is a string, because evaluating it would load TensorFlow in steps that do not need it.
def serialized_batches(files: Sequence[str], rows: int) -> "tf.data.Dataset":
    """Reads batches of at most `rows` serialized examples, string [batch], in the order of the files.

    Args:
        files: TFRecord files, gzipped where the name ends in .gz.
        rows: the maximum number of rows in a batch.
    """

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def read(name: tf.Tensor) -> tf.data.Dataset:
        gzipped = tf.strings.regex_full_match(name, r".*\.gz")
        return tf.data.TFRecordDataset(name, tf.where(gzipped, "GZIP", ""))

    examples = tf.data.Dataset.from_tensor_slices(tf.constant(files, tf.string)).flat_map(read)
    return examples.batch(rows)


def read_ingest(pattern: str) -> IngestRecord:
    """Reads the ingest record in the examples artifact.

    Args:
        pattern: a glob of the files of one split, as TFX passes it to a step.

    Raises:
        FileNotFoundError: there is no record.
        ValueError: the record is damaged, or its format version is unknown.
    """
    # Not a Path: it may be on gs://.
    return IngestRecord.read(os.path.dirname(os.path.dirname(pattern)))  # noqa: PTH120


def first_rows(patterns: Sequence[str], rows: int) -> list[bytes]:
    """Reads at most `rows` serialized examples from the beginning of the files, in the order of their names.

    Args:
        patterns: globs of TFRecord files, gzipped where the name ends in .gz.
        rows: the maximum number of rows to read.
    """
    files = sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))
    found = list(serialized_batches(files, rows).take(1).as_numpy_iterator())
    return found[0].tolist() if found else []
