"""Infers which columns are numeric and which values the label has; reads only as much of the files as needed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from components.common import storage
from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen import cell_parsing, labels, parquet
from components.example_gen.csv_header import FileHeader
from components.example_gen.row_boundaries import BLOCK_BYTES, find_rows, read_blocks

_FIRST_BYTES = 2**17
_MAX_LABELS = 1_000


@dataclass(kw_only=True)
class ColumnTypes:
    """The types of the columns and the values of the label in the rows that were read.

    Attributes:
        numbers: columns with at least one cell that is a number.
        text: columns with at least one cell that is neither a number nor missing.
        others: columns of a Parquet type that is neither number nor text (times, lists), with that type.
        label_counts: how often each value of the label occurred, without missing ones.
    """

    numbers: set[str] = field(default_factory=set)
    text: set[str] = field(default_factory=set)
    others: dict[str, str] = field(default_factory=dict)
    label_counts: Counter[str] = field(default_factory=Counter)


def infer_types(
    headers: Sequence[FileHeader], candidates: Iterable[str], settings: DataConfig
) -> ColumnTypes:
    """Reads rows until all candidates are known to be numeric and the label has two values, or until the end.

    Args:
        headers: the files; all have the same columns.
        candidates: the columns whose types to infer.
        settings: the label and the missing values.

    Raises:
        DataRefused: a compressed file is damaged.
    """
    inference = _TypeInference(set(candidates), settings)
    for header in headers:
        if not header.delimiter:
            inference.add_declared(parquet.kinds(header.path))
    for header in headers:
        if header.delimiter:
            _read_csv(header, inference)
        else:
            _read_parquet(header, inference)
    return inference.types


class _TypeInference:
    """The column types known so far, and the columns whose type is still unknown."""

    def __init__(self, candidates: set[str], settings: DataConfig) -> None:
        self.types = ColumnTypes()
        self._candidates = candidates
        self._settings = settings
        self._missing = cell_parsing.missing_markers(settings.missing_values)

    def undecided(self) -> list[str]:
        """Returns the columns of which more rows must be read; [] if all types are known."""
        counts, positive = self.types.label_counts, self._settings.positive_label
        label_known = len(counts) > _MAX_LABELS or labels.is_decided(counts, positive)
        unsure = self._candidates - self.types.numbers - self.types.others.keys()
        return sorted(unsure | (set() if label_known else {self._settings.label}))

    def add_declared(self, kinds: dict[str, str]) -> None:
        """Adds the types that the schema of a Parquet file declares."""
        for name in self._candidates & kinds.keys():
            if kinds[name] == parquet.NUMBER:
                self.types.numbers.add(name)
            elif kinds[name] not in (parquet.TEXT, parquet.EMPTY):
                self.types.others[name] = kinds[name]

    def update(self, batch: pa.Table) -> None:
        """Adds a batch of string columns."""
        for name in batch.column_names:
            column = parquet.as_text(batch.column(name))
            if name == self._settings.label:
                self._count(column)
                continue
            texts = cell_parsing.trimmed(column)
            empty = cell_parsing.is_missing(texts, self._missing)
            number = pc.and_not(cell_parsing.matches(texts, cell_parsing.NUMBER), empty)
            if pc.any(number).as_py():
                self.types.numbers.add(name)
            if pc.all(pc.or_(number, empty)).as_py() is False:
                self.types.text.add(name)

    def _count(self, column: cell_parsing.Array) -> None:
        values: Any = pc.value_counts(column)
        for entry in values.to_pylist():
            text = (entry["values"] or "").strip()
            if text.lower() not in self._missing | {"nan"}:
                self.types.label_counts[text] += entry["counts"]


def _read_csv(header: FileHeader, inference: _TypeInference) -> None:
    try:
        with storage.open_text(header.path) as stream:
            stream.seek(header.offset)
            for block in read_blocks(stream, header.delimiter, BLOCK_BYTES, first=_FIRST_BYTES):
                names = inference.undecided()
                if not names:
                    return
                inference.update(_as_strings(block, header, names))
    except (EOFError, OSError) as error:
        raise DataRefused(f"{header.path}: can't be read to its end: {error}.") from error


def _as_strings(block: bytes, header: FileHeader, names: list[str]) -> pa.Table:
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


def _read_parquet(header: FileHeader, inference: _TypeInference) -> None:
    with parquet.open_file(header.path) as file:
        groups = file.num_row_groups
    for group in range(groups):
        names = inference.undecided()
        if not names:
            return
        for batch in parquet.batches(header, group, names):
            inference.update(batch)
