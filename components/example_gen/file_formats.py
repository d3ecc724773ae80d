"""Recognizes, by the name of a file, the formats whose columns have types: Parquet and the files of records."""

import posixpath

PARQUET, AVRO, TF_RECORD = "Parquet", "Avro", "TFRecord"
AVRO_SUFFIX = ".avro"


def typed_format(path: str) -> str | None:
    """Returns `PARQUET`, `AVRO` or `TF_RECORD`; None for text.

    >>> typed_format("days/rows.avro"), typed_format("data_tfrecord-00000-of-00001.gz"), typed_format("rows.csv")
    ('Avro', 'TFRecord', None)
    """
    return PARQUET if path.endswith(".parquet") else record_format(path)


def record_format(path: str) -> str | None:
    """Returns the format of a file of records, `AVRO` or `TF_RECORD`; None for other files."""
    name = posixpath.basename(path).lower().removesuffix(".gz")
    if name.endswith(AVRO_SUFFIX):
        return AVRO
    return TF_RECORD if "tfrecord" in name else None
