"""Infers which columns are numeric and which values the label has, from the first rows of the files."""

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from components.common.errors import DataRefused, reason
from components.config.data import DataConfig
from components.example_gen import cell_parsing, labels, parquet
from components.example_gen.cell_parsing import CellFormat
from components.example_gen.column_evidence import ColumnEvidence, find_number_format
from components.example_gen.csv_header import FileHeader, open_csv
from components.example_gen.row_boundaries import BLOCK_BYTES, find_rows, read_blocks
from components.example_gen.typed_files import typed_batches, typed_kinds

_FIRST_BYTES = 2**17
_JUDGED_ROWS = 10_000
_MAX_LABELS = 1_000


@dataclass(kw_only=True)
class ColumnTypes:
    """The types of the columns and the values of the label in the rows that were read.

    Attributes:
        columns: the evidence on each column whose type no file declares.
        declared: columns that a file declares as numbers, as Parquet does.
        others: columns of a declared type that is neither number nor text (times, lists), with that type.
        cells: how the cells of the table are written.
        label_counts: how often each value of the label occurred, without empty cells.
        rows: the number of rows that were read.
        categorical: data.categorical.
        max_categories: data.max_categories.
    """

    columns: dict[str, ColumnEvidence] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    others: dict[str, str] = field(default_factory=dict)
    cells: CellFormat = cell_parsing.PLAIN
    label_counts: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    categorical: frozenset[str] = frozenset()
    max_categories: int = 0

    def is_categorical(self, name: str) -> bool:
        """Returns whether a column is categorical: the configuration says so, or it contains a few repeated texts."""
        if name in self.categorical:
            return True
        column = self.columns.get(name)
        return column is not None and not column.is_boolean() and column.has_categories(self.max_categories)

    def is_number(self, name: str) -> bool:
        """Returns whether the cells of a column are numbers, or words for 0 and 1."""
        if name in self.categorical:
            return False
        if name in self.declared or name in self.others:
            return name in self.declared
        return self.columns[name].is_number(self.cells) or self.columns[name].is_boolean()

    def has_number(self, name: str) -> bool:
        """Returns whether a column has at least one number."""
        if name in self.categorical:
            return False
        if name in self.declared or name in self.others:
            return name in self.declared
        return self.columns[name].readable(self.cells) > 0 or self.columns[name].is_boolean()

    def is_empty(self, name: str) -> bool:
        """Returns whether all cells of a column are missing."""
        return name in self.columns and not self.columns[name].cells

    def booleans(self) -> frozenset[str]:
        """Returns the columns whose cells are words such as true and false."""
        return frozenset(
            name
            for name, column in self.columns.items()
            if column.is_boolean() and not column.is_number(self.cells) and name not in self.categorical
        )


def infer_types(
    headers: Sequence[FileHeader], candidates: Iterable[str], settings: DataConfig
) -> ColumnTypes:
    """Reads the first 10,000 rows, and more until each candidate has a value and the label has two.

    Args:
        headers: the files.
        candidates: the columns whose types to infer.
        settings: the label, the missing values, and how numbers are written.

    Raises:
        DataRefused: a compressed file is damaged.
    """
    inference = _TypeInference(candidates, settings)
    for header in headers:
        if not header.delimiter:
            inference.add_declared(typed_kinds(header.path))
    for header in headers:
        if header.delimiter:
            _read_csv(header, inference)
        else:
            _read_typed(header, inference)
    return inference.finish(headers[0].delimiter)


class _TypeInference:
    """The column types known so far, and the columns whose type is still unknown."""

    def __init__(self, candidates: Iterable[str], settings: DataConfig) -> None:
        self._candidates = dict.fromkeys(candidates)
        self.types = ColumnTypes(
            columns={name: ColumnEvidence() for name in self._candidates},
            categorical=frozenset(settings.categorical),
            max_categories=settings.max_categories,
        )
        self._settings = settings
        self._missing = cell_parsing.missing_markers(settings.missing_values)

    def undecided(self) -> list[str]:
        """Returns the columns of which more rows must be read; [] if all types are known."""
        unsure = [
            name
            for name, column in self.types.columns.items()
            if not column.cells or self.types.rows < _JUDGED_ROWS
        ]
        counts = self.types.label_counts
        label_known = len(counts) > _MAX_LABELS or (
            self.types.rows >= _JUDGED_ROWS and labels.is_decided(counts, self._settings)
        )
        return sorted(unsure) if label_known else sorted([*unsure, self._settings.label])

    def add_declared(self, kinds: dict[str, str]) -> None:
        """Adds the types that a file declares; see `typed_kinds`."""
        for name in self._candidates.keys() & kinds.keys():
            if kinds[name] == parquet.NUMBER:
                self.types.declared.add(name)
            elif kinds[name] not in (parquet.TEXT, parquet.EMPTY):
                self.types.others[name] = kinds[name]
            if kinds[name] not in (parquet.TEXT, parquet.EMPTY):
                self.types.columns.pop(name, None)

    def update(self, batch: pa.Table) -> None:
        """Adds a batch of string columns."""
        self.types.rows += batch.num_rows
        for name in batch.column_names:
            column = parquet.as_text(batch.column(name))
            if name == self._settings.label:
                self._count(column)
            else:
                self.types.columns[name].add(column, self._missing)

    def finish(self, delimiter: str) -> ColumnTypes:
        """Returns the types after all rows were read, with the way in which numbers are written."""
        decimal, thousands = find_number_format(self.types.columns.values(), delimiter)
        chosen = self._settings
        decimal = decimal if chosen.decimal == "auto" else chosen.decimal
        thousands = thousands if chosen.thousands == "auto" else chosen.thousands
        if thousands == decimal:
            thousands = ""
        self.types.cells = CellFormat(missing=self._missing, decimal=decimal, thousands=thousands)
        return self.types

    def _count(self, column: cell_parsing.Array) -> None:
        values: Any = pc.value_counts(column)
        for entry in values.to_pylist():
            text = (entry["values"] or "").strip()
            if text.lower() not in ("", "nan"):
                self.types.label_counts[text] += entry["counts"]


def _read_csv(header: FileHeader, inference: _TypeInference) -> None:
    try:
        with open_csv(header) as stream:
            stream.seek(header.offset)
            for block in read_blocks(stream, header.delimiter, BLOCK_BYTES, first=_FIRST_BYTES):
                for part in _parts(block, header, _JUDGED_ROWS - inference.types.rows):
                    names = inference.undecided()
                    if not names:
                        return
                    inference.update(as_strings(part, header, names))
    except (EOFError, OSError, zlib.error) as error:
        raise DataRefused(f"{header.path}: can't be read to its end: {reason(error)}.") from error


def _parts(block: bytes, header: FileHeader, rows: int) -> list[bytes]:
    """Divides a block after a number of rows, if it has more and the number is positive."""
    if rows <= 0:
        return [block]
    ends = find_rows(block, header.delimiter).ends
    if len(ends) <= rows:
        return [block]
    cut = int(ends[rows - 1])
    return [block[:cut], block[cut:]]


def as_strings(block: bytes, header: FileHeader, names: list[str]) -> pa.Table:
    """Returns the named columns of all rows that have the right number of cells, without further row validation."""
    if not block.isascii():
        block = block.decode(errors="replace").encode()
    rows = find_rows(block, header.delimiter)
    if rows.irregular.any():
        starts = [0, *rows.ends[:-1]]
        block = b"".join(
            block[a:b]
            for a, b, irregular in zip(starts, rows.ends, rows.irregular, strict=True)
            if not irregular
        )
    columns = [f"{index}" for index in range(len(header.columns))]
    wanted = [columns[header.columns.index(name)] for name in names]
    if not block.strip(b"\r\n"):
        return pa.table({name: pa.array([], pa.string()) for name in names})
    table = pacsv.read_csv(
        BytesIO(block),
        read_options=pacsv.ReadOptions(column_names=columns, block_size=len(block) + 1),
        parse_options=pacsv.ParseOptions(
            delimiter=header.delimiter, newlines_in_values=True, invalid_row_handler=_skip
        ),
        convert_options=pacsv.ConvertOptions(
            include_columns=wanted,
            column_types={name: pa.string() for name in wanted},
            strings_can_be_null=False,
        ),
    )
    return table.rename_columns(names)


def _skip(row: pacsv.InvalidRow) -> Literal["skip"]:
    del row
    return "skip"


def _read_typed(header: FileHeader, inference: _TypeInference) -> None:
    for batch in typed_batches(header, inference.undecided):
        inference.update(batch)
