"""Reads what ExampleGen wrote: serialized tf.Examples, whole batches at a time, and the note beside the splits."""

import json
import os
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from components.common import storage
from components.common.file_names import INGEST_FILE


# The annotation is text: evaluated, it would load TensorFlow for steps that need none.
def serialized_batches(files: Sequence[str], rows: int) -> "tf.data.Dataset":
    """Batches of at most `rows` serialized examples, string [batch], in the order of the files.

    Args:
        files: TFRecord files, gzipped where the name ends in .gz.
        rows: in a batch.
    """

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def read(name: tf.Tensor) -> tf.data.Dataset:
        gzipped = tf.strings.regex_full_match(name, r".*\.gz")
        return tf.data.TFRecordDataset(name, tf.where(gzipped, "GZIP", ""))

    return tf.data.Dataset.from_tensor_slices(tf.constant(files, tf.string)).flat_map(read).batch(rows)


def read_ingest(pattern: str) -> dict[str, Any]:
    """What `ingest.json` says of the whole table: rows by split, the label's two values, the data's digest.

    Args:
        pattern: of the files of one split, as TFX gives it to a step.
    """
    examples = os.path.dirname(os.path.dirname(pattern))  # noqa: PTH120 (may lie on gs://, which is no Path)
    found: dict[str, Any] = json.loads(storage.read(os.path.join(examples, INGEST_FILE)))
    return found


def first_rows(patterns: Sequence[str], rows: int) -> list[bytes]:
    """The first serialized examples of the files, sorted by name: `rows` of them, or as many as there are.

    Args:
        patterns: globs of TFRecord files, gzipped where the name ends in .gz.
        rows: at most.
    """
    files = sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))
    found = list(serialized_batches(files, rows).take(1).as_numpy_iterator())
    return found[0].tolist() if found else []
