"""The ingest record: what ExampleGen read from the table. It is stored as `ingest.json` in the examples artifact.

ExampleGen writes it; StatisticsGen, the trainers, the Evaluator, the model card, the summary, the report and the study
read it.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from components.common.file_names import INGEST_FILE
from components.common.split_record import SplitRecord
from components.common.stored_record import StoredRecord


class RowCounts(BaseModel):
    """The number of rows in each split, and the number of rows that were rejected."""

    model_config = ConfigDict(frozen=True)

    train: int
    eval: int
    test: int
    rejected: int = 0

    @property
    def accepted(self) -> int:
        """The number of rows in all splits."""
        return self.train + self.eval + self.test


class PositiveCounts(BaseModel):
    """The number of rows with label 1 in each split."""

    model_config = ConfigDict(frozen=True)

    train: int
    eval: int
    test: int


class FileCounts(BaseModel):
    """The number of accepted and of rejected rows of one file."""

    model_config = ConfigDict(frozen=True)

    path: str
    rows: int
    rejected: int


class LabelStatistics(BaseModel):
    """The mean, the standard deviation, the smallest and the largest value of a label that is a number; no weights."""

    model_config = ConfigDict(frozen=True)

    mean: float
    deviation: float
    low: float
    high: float


class IngestRecord(StoredRecord):
    """What ExampleGen read from the table.

    Attributes:
        format_version: the version of the format; a record without this key has version 1.
        rows: the rows of each split.
        positives: the rows with label 1 of each split; None in a record that does not have them.
        class_rows: the rows of each class of each split, if the label has classes none of which counts as positive;
            otherwise None.
        label_statistics: by split with rows, if the label is a number; otherwise None.
        features: the names of the features, in the order of the table.
        categorical: those of them that are categorical: the examples have texts, not numbers.
        label: the name of the label column.
        task: the name of the task (see `components.tasks`), which follows from the label's values.
        task_reason: why; None in a record that does not have it.
        classes: the values of the label by their numbers, spelled as in the table; empty if the label is a number.
        negative_label: with two classes, the value that counts as 0; otherwise None.
        positive_label: the value that counts as 1, likewise.
        weight: the name of the weight column; None if all rows weigh the same.
        missing_values: data.missing_values.
        decimal: the decimal mark of numbers in text.
        thousands: the separator between groups of three digits in text; '' for none.
        booleans: the features whose cells are words such as true and false.
        left_out: columns that are neither features nor the label nor the weight nor in data.ignore.
        empty: those of them that have no value.
        warnings: sentences for the owner of the data.
        possible_ids: the features that may be ids; empty in a record of an earlier version.
        files: the rows of each file, in the order of the files.
        span: the newest span that was read; None if data.input has no {SPAN}.
        reasons: why rows were rejected: the first ten, each with file and line.
        split: how the rows were assigned to splits; None in a record that does not have it.
        digest: a digest of the bytes of all files.
    """

    file_name = INGEST_FILE
    description = "an ingest record"

    format_version: Literal[1] = 1
    rows: RowCounts
    positives: PositiveCounts | None = None
    class_rows: dict[str, tuple[int, ...]] | None = None
    label_statistics: dict[str, LabelStatistics] | None = None
    features: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    label: str
    task: str = "binary"
    task_reason: str | None = None
    classes: tuple[str, ...] = ()
    negative_label: str | None = None
    positive_label: str | None = None
    weight: str | None = None
    missing_values: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    booleans: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    possible_ids: tuple[str, ...] = ()
    files: tuple[FileCounts, ...] = ()
    span: int | None = None
    reasons: tuple[str, ...] = ()
    split: SplitRecord | None = None
    digest: str

    @model_validator(mode="before")
    @classmethod
    def _add_classes(cls, values: Any) -> Any:
        # A record of an earlier version has only these two.
        pair = (values.get("negative_label"), values.get("positive_label"))
        return {"classes": pair, **values} if None not in pair else values

    @property
    def label_rate(self) -> float | None:
        """The share of label 1 among the rows of all splits; None if the record does not have it, or without rows."""
        if self.positives is None or not self.rows.accepted:
            return None
        return (self.positives.train + self.positives.eval + self.positives.test) / self.rows.accepted

    def class_counts(self, split: str) -> tuple[int, ...] | None:
        """Returns the rows of each class in a split; None if the record does not have them."""
        if self.class_rows is not None:
            return self.class_rows[split]
        if self.positives is None:
            return None
        positives: int = getattr(self.positives, split)
        return getattr(self.rows, split) - positives, positives
