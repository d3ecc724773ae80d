"""Converts one block of a table to TFRecord shards, one for each split, and writes a block report with its counts.

The names of all files follow from the number of the block, and a file gets its name when it is complete, so a worker
may be restarted at any time. Beam transfers only descriptions of blocks, no rows.
"""

import contextlib
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from components.common import storage
from components.common.errors import DataRefused, reason
from components.config.data import SPLITS, DataConfig
from components.config.split_settings import GROUP
from components.example_gen import typed_blocks
from components.example_gen.block_parsing import CUT_OFF, NOT_UTF_8, CsvBlockParser, parse_typed_batch
from components.example_gen.block_plan import Block, read_block
from components.example_gen.csv_header import open_csv
from components.example_gen.label_moments import LabelMoments
from components.example_gen.row_boundaries import BLOCK_BYTES, read_blocks
from components.example_gen.row_copies import RowCopies
from components.example_gen.row_validation import ParsedBlock, RejectedRow
from components.example_gen.split import (
    HashedColumn,
    Hashes,
    extend_hashes,
    hash_rows,
    split_of,
    split_of_groups,
    text_hashes,
)
from components.example_gen.table import InputTable
from components.example_gen.table_columns import ReadColumns
from components.example_gen.whole_numbers import WholeNumbers
from components.examples.codec import example_template
from components.examples.group_ids import GROUPED_SPLIT, Ids, path_of_ids, to_bytes
from components.examples.text_codec import text_example_encoder

# A folder beside those of the splits, which readers of a split ignore. It is removed at the end.
BLOCK_REPORTS = "_block_reports"
FIRST_REASONS = 10
_ALWAYS_READ = 10_000  # rejected rows; so the message about a table of usual size counts all of them
_MAX_UNKNOWN_LABELS, _MAX_TEXTS = 100, 1_000


@dataclass(frozen=True)
class ConversionJob:
    """The data that every worker needs.

    Attributes:
        table: the table.
        settings: how it is read.
        uri: the URI of the artifact.
        blocks: the number of blocks.
        most_rows: see `BlockPlan`; None if unknown.
    """

    table: InputTable
    settings: DataConfig
    uri: str
    blocks: int
    most_rows: int | None = None

    @property
    def most_rejected(self) -> int | None:
        """The number of rejected rows above which their share is too large, however many good rows follow."""
        limit = self.settings.max_bad_fraction
        if self.most_rows is None or limit >= 1:
            return None
        # R / (R + G) > limit for all G <= most_rows if R > limit * most_rows / (1 - limit).
        return max(int(limit * self.most_rows / (1 - limit)), _ALWAYS_READ)


class ConvertBlock(beam.DoFn):  # type: ignore[misc]
    """Converts each input `Block` with `convert`; its output is empty."""

    def __init__(self, job: ConversionJob) -> None:
        self._job = job
        self._rejected: dict[int, int] = {}  # by block, because a block may be converted again

    def process(self, block: Block) -> Iterator[None]:
        """Writes the shards and the report of the block."""
        before = sum(rejected for index, rejected in self._rejected.items() if index != block.index)
        self._rejected[block.index] = convert(self._job, block, before)
        return iter(())


def shard_path(uri: str, split: str, index: int, total: int) -> str:
    """Returns the path of a block's shard, in the form that TFX uses.

    Shards are not compressed: gzip would take more time than everything else. TFX's readers
    detect compression by the suffix .gz.
    """
    return f"{uri}/Split-{split}/data_tfrecord-{index:05d}-of-{total:05d}"


def block_report_path(uri: str, index: int) -> str:
    """Returns the path of the report on a block, a JSON file."""
    return f"{uri}/{BLOCK_REPORTS}/{index:05d}.json"


def rejected_path(uri: str, index: int) -> str:
    """Returns the path of the rejected rows of a block, a file of JSON lines."""
    return f"{uri}/{BLOCK_REPORTS}/{index:05d}.rejected.jsonl"


def convert(job: ConversionJob, block: Block, rejected_before: int = 0) -> int:
    """Writes the shards, the rejected rows and the report of a block; returns how many rows were rejected.

    It stops reading as soon as so many rows were rejected that the data will be refused, so that a bad file costs no
    more than that. DataRefused is not raised but stored in the report, because Beam would wrap it in another error.

    Args:
        job: the conversion.
        block: the block.
        rejected_before: how many rows this worker has rejected in other blocks.
    """
    report = _BlockReport(job.table.headers[block.file].path, block, len(job.table.labels.classes))
    most = None if job.most_rejected is None else max(job.most_rejected - rejected_before, 0)
    try:
        with contextlib.ExitStack() as files:
            writers = _Writers(job, block.index, files)
            for parsed in parse_block(job.table, block, most):
                _write(job, parsed, writers, report)
                if most is not None and report.rejected > most:
                    report.stopped = True
                    break
    except DataRefused as refusal:
        report.refused = str(refusal)
    storage.write(block_report_path(job.uri, block.index), report.to_json())
    return report.rejected


def parse_block(table: InputTable, block: Block, most_rejected: int | None = None) -> Iterator[ParsedBlock]:
    """Yields the rows of a block in parts.

    Args:
        table: the table.
        block: the block.
        most_rejected: the number of rejected rows after which no more are described; None: all are.

    Raises:
        DataRefused: the file can't be read, or has changed.
    """
    header = table.headers[block.file]
    if not header.delimiter:
        row = block.line
        columns = table.read_columns
        for batch in typed_blocks.typed_block(header, block, list(columns.names)):
            yield parse_typed_batch(batch, row, columns)
            row += batch.num_rows
        return
    parser = CsvBlockParser(header, table.read_columns, most_rejected)
    if block.length:
        yield parser.parse(read_block(header.path, block), block.line)
        return
    line = block.line
    try:
        with open_csv(header) as stream:
            stream.seek(block.offset)
            for data in read_blocks(stream, header.delimiter, BLOCK_BYTES):
                yield parser.parse(data, line)
                line += data.count(b"\n")
    except (EOFError, OSError, zlib.error) as error:
        raise DataRefused(f"{header.path}: can't be read to its end: {reason(error)}.") from error


def _write(job: ConversionJob, parsed: ParsedBlock, writers: "_Writers", report: "_BlockReport") -> None:
    table = job.table
    report.add_rejected(parsed.rejected)
    _refuse_wrong_split(table, parsed.rejected, report.file)
    writers.reject(parsed.rejected, report.file)
    columns: dict[str, HashedColumn] = dict(zip(table.read_columns.numbers, parsed.numbers, strict=True))
    columns |= dict(zip(table.read_columns.hash_only, parsed.hash_only, strict=True))
    columns |= {
        name: text_hashes(column) for name, column in zip(table.read_columns.texts, parsed.texts, strict=True)
    }
    hashed = {name: columns[name] for name in table.hashed}
    hashes = hash_rows(hashed, len(parsed.label), job.settings.split.seed)
    groups = parsed.split if job.settings.split.by == GROUP else None
    splits = parsed.split if groups is None else split_of_groups(groups, job.settings.split)
    if splits is None:
        splits = split_of(hashes, job.settings.split)
    for index, split in enumerate(SPLITS):
        rows = np.flatnonzero(splits == index)
        report.rows[split] += len(rows)
        if table.labels.classes:
            report.class_rows[split] += np.bincount(parsed.label[rows], minlength=len(table.labels.classes))
        else:
            report.label_moments[split].add(parsed.label[rows])
        if len(rows):
            writers.write(split, parsed, rows)
        if len(rows) and groups is not None and split == GROUPED_SPLIT:
            writers.write_groups(groups[rows])
    report.add_evidence(parsed, table.read_columns, hashes, np.flatnonzero(splits == SPLITS.index("train")))


def _refuse_wrong_split(table: InputTable, rejected: list[RejectedRow], file: str) -> None:
    """Refuses a table whose column names another split than the three."""
    if table.split is None or not table.split.refuses:
        return
    for one in rejected:
        if one.column == table.split.name:
            raise DataRefused(f"{file}:{one.line}: {one.reason}.")


class _BlockReport:
    """The counts of a block, and the evidence for warnings. The attributes are the keys of the JSON file."""

    def __init__(self, file: str, block: Block, classes: int) -> None:
        self.file = file
        self.block = block.index
        self.rows = dict.fromkeys(SPLITS, 0)
        self.class_rows = {split: np.zeros(classes, np.int64) for split in SPLITS}
        self.label_moments = {split: LabelMoments() for split in SPLITS}  # of a label that is a number
        self.rejected = 0
        self.reasons: list[str] = []
        self.columns: Counter[str] = Counter()
        self.unknown_labels: Counter[str] = Counter()
        self.bad_labels = 0
        self.cells: Counter[str] = Counter()
        self.not_utf_8 = 0
        self.cut_off = False  # whether the file ends in the middle of a row
        self.refused = ""
        self.stopped = False
        self.class_weights = np.zeros(classes)
        self.copies = RowCopies()
        self.whole_numbers: WholeNumbers | None = None  # None if there is no row

    def add_evidence(
        self, parsed: ParsedBlock, columns: ReadColumns, hashes: Hashes, training: npt.NDArray[np.int64]
    ) -> None:
        """Adds what the warnings about the data are derived from, see `data_warnings`.

        Args:
            parsed: the rows.
            columns: their columns.
            hashes: the hash of each row without label and weight, [rows].
            training: the indices of the rows in the training split.
        """
        others = {columns.label.column: parsed.label.astype(np.float32)}
        weights = np.ones(len(parsed.label))
        if columns.weight is not None:
            others[columns.weight] = parsed.numbers[-1]
            weights = parsed.numbers[-1].astype(np.float64)
        if self.class_weights.size:
            self.class_weights += np.bincount(parsed.label, weights, self.class_weights.size)
        self.copies.add(extend_hashes(hashes, others), columns.numbers, parsed.numbers)
        self.whole_numbers = self.whole_numbers or WholeNumbers(len(columns.features))
        self.whole_numbers.add(parsed, training)

    def to_json(self) -> bytes:
        """Returns the content of the file."""
        return json.dumps(vars(self), default=_json).encode()

    def add_rejected(self, rejected: list[RejectedRow]) -> None:
        """Counts rejected rows and keeps the first few reasons."""
        self.rejected += len(rejected)
        for one in rejected:
            if len(self.reasons) < FIRST_REASONS:
                self.reasons.append(f"{self.file}:{one.line}: {one.reason}")
            self.columns[one.column] += bool(one.column)
            self.bad_labels += bool(one.unknown_label)
            self.not_utf_8 += one.reason.startswith(NOT_UTF_8)
            self.cut_off |= one.reason.endswith(CUT_OFF)
            if one.cell in self.cells or (one.cell and len(self.cells) < _MAX_TEXTS):
                self.cells[one.cell] += 1
            if one.unknown_label and len(self.unknown_labels) < _MAX_UNKNOWN_LABELS:
                self.unknown_labels[one.unknown_label] += 1


def _json(part: Any) -> Any:
    """Returns a part of the report as JSON values."""
    return part.tolist() if isinstance(part, np.ndarray) else part.to_json()


class _Writers:
    """The output files of a block. Each is opened at its first row, and gets its name when `files` is closed."""

    def __init__(self, job: ConversionJob, index: int, files: contextlib.ExitStack) -> None:
        self._job, self._index = job, index
        self._columns = job.table.read_columns
        self._files, self._open = files, dict[str, BinaryIO]()

    def write(self, split: str, parsed: ParsedBlock, rows: npt.NDArray[np.int64]) -> None:
        """Appends rows to a split, given by their indices."""
        path = shard_path(self._job.uri, split, self._index, self._job.blocks)
        self._file(path).write(self._encode(parsed, rows))

    def _encode(self, parsed: ParsedBlock, rows: npt.NDArray[np.int64]) -> bytes:
        columns, rows_of = self._columns, (parsed.numbers[:, rows], parsed.label[rows])
        label, number = columns.label.column, not columns.label.classes
        if not columns.categorical:
            return example_template(columns.numbers, label, number=number).encode(*rows_of).tobytes()
        # The first ones: those that are features.
        texts = [text.select(rows) for text, _ in zip(parsed.texts, columns.categorical, strict=False)]
        encoder = text_example_encoder(columns.numbers, label, columns.categorical, number=number)
        return encoder.encode(*rows_of, texts)

    def write_groups(self, ids: Ids) -> None:
        """Appends the ids of the groups of rows that were appended to their split."""
        shard = shard_path(self._job.uri, GROUPED_SPLIT, self._index, self._job.blocks)
        self._file(path_of_ids(shard)).write(to_bytes(ids))

    def reject(self, rejected: list[RejectedRow], file: str) -> None:
        """Appends rejected rows to the block's file of rejected rows."""
        for one in rejected:
            record = {"file": file, "line": one.line, "reason": one.reason, "raw": one.raw}
            line = json.dumps(record, ensure_ascii=False) + "\n"
            self._file(rejected_path(self._job.uri, self._index)).write(line.encode())

    def _file(self, path: str) -> BinaryIO:
        if path not in self._open:
            creating = storage.new_file(path, scratch=f"{self._job.uri}/{BLOCK_REPORTS}")
            self._open[path] = self._files.enter_context(creating)
        return self._open[path]
