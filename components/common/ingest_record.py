"""The ingest record: what ExampleGen found in the table. It is stored as `ingest.json` beside the splits.

ExampleGen writes it; StatisticsGen, the trainers, the model card, the summary, the report and the study read it.
"""

import os
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from components.common import storage
from components.common.file_names import INGEST_FILE

FORMAT_VERSION: Literal[1] = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class RowCounts(_Record):
    """The number of rows in each split, and the number of rows that were rejected."""

    train: int
    eval: int
    test: int
    rejected: int = 0

    @property
    def accepted(self) -> int:
        """The number of rows in all splits."""
        return self.train + self.eval + self.test


class FileCounts(_Record):
    """The number of accepted and of rejected rows of one file."""

    path: str
    rows: int
    rejected: int


class IngestRecord(_Record):
    """What ExampleGen read.

    Attributes:
        format_version: of this record; a record without it has version 1.
        rows: the rows of each split.
        features: the names of the features, in the order of the table.
        label: the name of the label column.
        negative_label: the value of the label that counts as 0, as the table spells it.
        positive_label: the value of the label that counts as 1, as the table spells it.
        missing_values: data.missing_values.
        left_out: columns that are neither features nor the label nor in data.ignore.
        warnings: sentences for the owner of the data.
        files: the rows of each file, in the order of the files.
        span: the newest span that was read; None if data.input has no {SPAN}.
        reasons: why rows were rejected: the first ten, each with file and line.
        digest: a digest of the bytes of all files.
    """

    format_version: Literal[1] = FORMAT_VERSION
    rows: RowCounts
    features: tuple[str, ...]
    label: str
    negative_label: str
    positive_label: str
    missing_values: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[FileCounts, ...] = ()
    span: int | None = None
    reasons: tuple[str, ...] = ()
    digest: str

    def write(self, folder: str) -> None:
        """Writes the record into the folder of the examples artifact."""
        storage.write(os.path.join(folder, INGEST_FILE), f"{self.model_dump_json(indent=2)}\n".encode())

    @classmethod
    def read(cls, folder: str) -> "IngestRecord":
        """Reads the record from the folder of the examples artifact.

        Raises:
            FileNotFoundError: the folder has no such file.
            ValueError: the file is damaged, or its format version is unknown.
        """
        path = os.path.join(folder, INGEST_FILE)
        try:
            return cls.model_validate_json(storage.read(path))
        except ValidationError as error:
            raise ValueError(f"{path}: {_problem(error)}") from error


def _problem(error: ValidationError) -> str:
    first: Any = error.errors(include_url=False)[0]
    if first["loc"] == ("format_version",):
        return f"expected an ingest record of format version {FORMAT_VERSION}, found {first['input']!r}."
    where = f" at {'.'.join(map(str, first['loc']))}" if first["loc"] else ""
    return f"expected an ingest record, found a damaged one{where}: {first['msg']}."
