"""Adds up the block reports, refuses the data if too many rows are rejected, and writes the ingest record."""

import json
import shutil
from collections import Counter
from contextlib import closing
from typing import Any

from components.common import storage
from components.common.errors import DataRefused
from components.common.file_names import REJECTED_FILE
from components.common.formatting import first_of
from components.common.ingest_record import (
    FileCounts,
    IngestRecord,
    LabelStatistics,
    PositiveCounts,
    RowCounts,
)
from components.config.data import SPLITS
from components.example_gen import labels, shards
from components.example_gen.cell_hints import cell_hint, missing_hint, most_frequent
from components.example_gen.column_evidence import EXAMPLES
from components.example_gen.data_warnings import (
    class_warnings,
    copies_warning,
    cut_off_warning,
    possible_ids,
    split_warning,
    whole_number_warnings,
)
from components.example_gen.label_moments import LabelMoments
from components.example_gen.labels import Labels
from components.example_gen.row_copies import RowCopies
from components.example_gen.shards import ConversionJob
from components.example_gen.split import split_record
from components.example_gen.whole_numbers import WholeNumbers


class IngestTotals:
    """The totals of all block reports.

    Attributes:
        rows: accepted rows by split, and `rejected`.
        class_rows: accepted rows of each class by split; empty if the label is a number.
        files: path, accepted rows and rejected rows of each file, in the order of the files.
        reasons: why rows were rejected: the first ten reasons, each with file and line.
        class_weights: the total weight of the accepted rows of each class; their numbers if the table has no weights.
        copies: the most frequent rows.
        whole_numbers: what is known of whole numbers in the features, in the training split.
    """

    def __init__(self, job: ConversionJob) -> None:
        self._job = job
        self._columns: Counter[str] = Counter()
        self._unknown_labels: Counter[str] = Counter()
        self._bad_labels = 0
        self._cells: Counter[str] = Counter()
        self._not_utf_8 = 0
        self._cut_off: list[str] = []
        self._stopped = False
        self.rows = dict.fromkeys((*SPLITS, "rejected"), 0)
        classes = len(job.table.labels.classes)
        self.class_rows = {split: [0] * classes for split in SPLITS}
        self.label_moments = {split: LabelMoments() for split in SPLITS}
        self.files: dict[str, dict[str, Any]] = {
            header.path: {"path": header.path, "rows": 0, "rejected": 0} for header in job.table.headers
        }
        self.reasons: list[str] = []
        self.class_weights = [0.0] * classes
        self.copies = RowCopies()
        self.whole_numbers = WholeNumbers(len(job.table.read_columns.features))
        for index in range(job.blocks):
            self._add(json.loads(storage.read(shards.block_report_path(job.uri, index))))

    def _add(self, report: dict[str, Any]) -> None:
        if report["refused"]:
            raise DataRefused(report["refused"])
        for split in SPLITS:
            self.rows[split] += report["rows"][split]
            for label, rows in enumerate(report["class_rows"][split]):
                self.class_rows[split][label] += rows
            if report["label_moments"][split] is not None:
                self.label_moments[split].merge(LabelMoments(report["label_moments"][split]))
        self.rows["rejected"] += report["rejected"]
        file = self.files[report["file"]]
        file["rows"] += sum(report["rows"].values())
        file["rejected"] += report["rejected"]
        self._columns.update(report["columns"])
        self._unknown_labels.update(report["unknown_labels"])
        self._bad_labels += report["bad_labels"]
        self._cells.update(report["cells"])
        self._not_utf_8 += report["not_utf_8"]
        self._cut_off += [report["file"]] if report["cut_off"] else []
        self._stopped |= report["stopped"]
        self.reasons += report["reasons"][: shards.FIRST_REASONS - len(self.reasons)]
        for label, weight in enumerate(report["class_weights"]):
            self.class_weights[label] += weight
        self.copies.merge(RowCopies.from_json(report["copies"]))
        if report["whole_numbers"] is not None:
            self.whole_numbers.merge(WholeNumbers.from_json(report["whole_numbers"]))

    def refusal(self) -> str:
        """Returns why the data can't be used, or an empty string."""
        rejected, total = self.rows["rejected"], sum(self.rows.values())
        limit = self._job.settings.max_bad_fraction
        label = self._job.table.labels
        if not total:
            return f"{self._job.settings.input}: expected rows, found none."
        if isinstance(label, Labels) and self._bad_labels / total > limit:
            return str(labels.unknown_values_error(label, [*self._unknown_labels])) + self._first_reasons()
        if self._stopped:
            return (
                f"More than {limit:.2%} of the rows can't be read (data.max_bad_fraction). After {rejected:,} such "
                "rows, the rest of the table was not read." + self._first_reasons()
            )
        if rejected == total:
            return f"None of the {total:,} rows can be read." + self._first_reasons()
        if rejected / total > limit:
            share = f"{rejected:,} of {total:,} rows can't be read, {rejected / total:.2%}"
            return f"{share}; at most {limit:.2%} may be bad (data.max_bad_fraction)." + self._first_reasons()
        return self._only_one_value() or self._empty_split()

    def _only_one_value(self) -> str:
        """Returns that all rows have the same label, or an empty string."""
        label = self._job.table.labels
        if label.classes:
            found = [
                value
                for value, *rows in zip(label.classes, *self.class_rows.values(), strict=True)
                if any(rows)
            ]
            if len(found) > 1:
                return ""
            only = f"only one class in the rows that can be read, {found[0]!r}"
            return f"The label {label.column!r} has {only}; expected two."
        low = min(moments.low for moments in self.label_moments.values())
        if low < max(moments.high for moments in self.label_moments.values()):
            return ""
        return (
            f"The label {label.column!r} is {low:g} in all rows that can be read; expected different numbers."
        )

    def _empty_split(self) -> str:
        """Returns which split has no row by the column of the split, and what to do, or an empty string."""
        split = self._job.table.split
        empty = [name for name in SPLITS if not self.rows[name]]
        if split is None or not empty:
            return ""
        found = ", ".join(f"{name} {self.rows[name]:,}" for name in SPLITS)
        return (
            f"By the column {split.name!r} (data.split.column), no row is in the split {first_of(empty, len(SPLITS))}; "
            f"expected rows in all three, found {found}. {split.advice}"
        )

    def _first_reasons(self) -> str:
        lines = [f"  {reason}" for reason in self.reasons]
        worst = self._columns.most_common(1)
        needed = (
            self._job.table.labels.column,
            self._job.table.weight,
            self._job.settings.split.column,
        )
        if self._not_utf_8 > self.rows["rejected"] / 2:
            lines.append(
                "Most rows that can't be read are not UTF-8: set data.encoding, for example to latin-1."
            )
        if self._cells:
            lines.append(self._unreadable_cells())
        if worst and worst[0][0] not in needed and worst[0][1] > self.rows["rejected"] / 2:
            lines.append(
                f"Most of them are in column {worst[0][0]!r}; to leave it out, add it to data.ignore."
            )
        return "\nThe first reasons:\n" + "\n".join(lines) if lines else ""

    def _unreadable_cells(self) -> str:
        """Returns the most frequent cells that are not numbers, and the key that may make them readable."""
        first, count = self._cells.most_common(1)[0]
        hint = cell_hint([text for text, _ in self._cells.most_common()])
        if not hint and 2 * count > self._cells.total():
            hint = missing_hint(first)
        listed = most_frequent(self._cells.most_common(EXAMPLES))
        return f"The most frequent cells that can't be read: {listed}. {hint}".rstrip()

    def data_warnings(self) -> tuple[str, ...]:
        """Returns the warnings that follow from the values of the table."""
        labels = self._job.table.labels
        rows = {split: self.rows[split] for split in SPLITS}
        return (
            *cut_off_warning(self._cut_off),
            *whole_number_warnings(self._job.table.read_columns.features, self.whole_numbers),
            *class_warnings(labels.task, labels.column, labels.classes, self.class_weights),
            *copies_warning(self.copies, sum(rows.values())),
            *split_warning(rows, self._job.settings.split),
        )

    def record(self, digest: str) -> IngestRecord:
        """Returns the ingest record; `digest` is the digest of the bytes of all files."""
        table, label = self._job.table, self._job.table.labels
        task, classes = label.task, label.classes
        return IngestRecord(
            rows=RowCounts(**self.rows),
            positives=PositiveCounts(**{split: rows[1] for split, rows in self.class_rows.items()})
            if task.has_positive
            else None,
            class_rows={split: tuple(rows) for split, rows in self.class_rows.items()}
            if task.label_is_class and not task.has_positive
            else None,
            label_statistics=None if classes else self._label_statistics(),
            features=table.features,
            categorical=table.read_columns.categorical,
            label=label.column,
            task=task.name,
            task_reason=label.task_reason,
            negative_label=classes[0] if task.has_positive else None,
            positive_label=classes[1] if task.has_positive else None,
            classes=classes,
            weight=table.weight,
            missing_values=self._job.settings.missing_values,
            decimal=table.cells.decimal,
            thousands=table.cells.thousands,
            booleans=tuple(name for name in table.features if name in table.booleans),
            left_out=table.left_out,
            empty=table.empty,
            warnings=table.warnings + self.data_warnings(),
            possible_ids=possible_ids(table.read_columns.features, self.whole_numbers),
            files=tuple(FileCounts(**counts) for counts in self.files.values()),
            span=table.span,
            reasons=tuple(self.reasons),
            split=split_record(
                self._job.settings.split, table.hashed, table.cells, table.booleans, table.categorical
            ),
            digest=digest,
        )

    def _label_statistics(self) -> dict[str, LabelStatistics]:
        found = {split: moments.statistics() for split, moments in self.label_moments.items()}
        return {split: statistics for split, statistics in found.items() if statistics is not None}

    def write_rejected(self, path: str) -> None:
        """Writes all rejected rows in the order of file and line; the file appears when it is complete."""
        with storage.new_file(path) as target:
            for index in range(self._job.blocks):
                part = shards.rejected_path(self._job.uri, index)
                if storage.exists(part):
                    with closing(storage.open_bytes(part)) as source:
                        shutil.copyfileobj(source, target)


def write_ingest_report(job: ConversionJob, digest: str, rejected_dir: str) -> IngestTotals:
    """Adds up the block reports; writes the ingest record and the rejected rows beside the splits.

    Args:
        job: the conversion.
        digest: the digest of the bytes of all files.
        rejected_dir: the folder for the rejected rows if the data is refused, because TFX deletes the artifact of a
            failed step.

    Raises:
        DataRefused: too many rows are rejected, or all are, or the label has only one class.
    """
    totals = IngestTotals(job)
    refusal = totals.refusal()
    if refusal:
        rejected_path = None
        if totals.rows["rejected"] and rejected_dir:
            rejected_path = f"{rejected_dir}/rejected_rows-{digest[:16]}.jsonl"
            totals.write_rejected(rejected_path)
        raise DataRefused(refusal, rejected_rows=rejected_path)
    totals.write_rejected(f"{job.uri}/{REJECTED_FILE}")
    totals.record(digest).write(job.uri)
    storage.remove_folder(f"{job.uri}/{shards.BLOCK_REPORTS}")
    return totals
