"""Parses blocks of a table into arrays. A rejected row keeps its line, the reason and its raw text.

Arrow parses a block without any unusual content at once (the fast path). Otherwise the cells are parsed as strings by
the rules of `cell_parsing` and `labels`. Those rules are the reference: the fast path accepts only cells that they
accept, and returns the same values.

Columns that only select a row's split (`ReadColumns.hash_only`) are always read as strings: an unreadable cell of
theirs is NaN, and neither rejects its row nor moves its block to the slower path.
"""

import dataclasses
import sys
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from components.example_gen import cell_parsing, parquet
from components.example_gen.csv_header import FileHeader
from components.example_gen.row_boundaries import RowBoundaries, find_rows, split_fields
from components.example_gen.row_validation import (
    ParsedBlock,
    RejectedRow,
    RowValidator,
    empty_block,
    has_weight,
)
from components.example_gen.table_columns import ReadColumns
from components.examples.text_column import TextColumn

NOT_UTF_8 = "not UTF-8"  # how the reason of such a row begins
CUT_OFF = "; the file ends in this row"  # how the reason ends if the last row has no line end either


class CsvBlockParser:
    """Parses blocks of one CSV file.

    Args:
        header: the file.
        columns: the columns that are read.
        most_rejected: if more rows of a block are rejected, the block is not parsed to its end; None: no limit.
    """

    def __init__(self, header: FileHeader, columns: ReadColumns, most_rejected: int | None = None) -> None:
        self._most_rejected = sys.maxsize if most_rejected is None else most_rejected
        self._columns = columns
        self._numbers = len(columns.numbers)
        self._cells = columns.cells
        self._delimiter = header.delimiter
        self._width = len(header.columns)
        position = {name: index for index, name in enumerate(header.columns)}
        self._used = [position[name] for name in columns.names]
        self._markers = numeric_markers(self._cells)
        names = [str(index) for index in range(self._width)]
        used = [names[index] for index in self._used]
        types: dict[str, Any] = dict.fromkeys(used, pa.string())
        types |= dict.fromkeys(used[: self._numbers], pa.float64())
        booleans = [name in columns.booleans for name in columns.names]
        self._booleans = booleans
        types |= {
            name: pa.bool_()
            for name, boolean in zip(used[: self._numbers], booleans, strict=False)
            if boolean
        }
        first_text = self._numbers + 1 + len(columns.hash_only)
        self._hash_only = slice(self._numbers + 1, first_text)
        self._texts = slice(first_text, first_text + len(columns.texts))
        dictionaries = [used[self._numbers], *used[self._texts]]
        types |= dict.fromkeys(dictionaries, pa.dictionary(pa.int32(), pa.string()))
        self._names = names
        self._parse = pacsv.ParseOptions(delimiter=header.delimiter, newlines_in_values=True)
        self._convert = pacsv.ConvertOptions(
            include_columns=used,
            column_types=types,
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=list(cell_parsing.common_spellings(self._cells.missing)),
            true_values=cell_parsing.boolean_spellings(1),
            false_values=cell_parsing.boolean_spellings(0),
            decimal_point=self._cells.decimal,
        )

    def parse(self, block: bytes, line: int) -> ParsedBlock:
        """Parses whole rows.

        Args:
            block: bytes as `row_boundaries.read_blocks` returns them.
            line: the number of the line in the file at which the block begins.
        """
        is_plain = b'"' not in block and block.count(b"\r") == block.count(b"\r\n")
        rows = None if is_plain else find_rows(block, self._delimiter)
        parsed = self._parse_with_arrow(block) if rows is None or not rows.irregular.any() else None
        return parsed or self._parse_row_by_row(
            NumberedRows(block, rows or find_rows(block, self._delimiter), line)
        )

    def _parse_with_arrow(self, block: bytes) -> ParsedBlock | None:
        """Parses the whole block at once; returns None if it has any unusual content."""
        if not block.strip(b"\r\n"):
            return empty_block(self._columns)
        try:
            if not block.isascii():
                block.decode()
            options = pacsv.ReadOptions(column_names=self._names, block_size=len(block) + 1)
            table = pacsv.read_csv(BytesIO(block), options, self._parse, self._convert)
        except (pa.ArrowInvalid, UnicodeDecodeError):
            return None
        codes = self._columns.label.codes(table.column(self._numbers).combine_chunks())
        if self._columns.label.unusable(codes).any():
            return None
        numbers = np.empty((self._numbers, table.num_rows), np.float32)
        exact = {}
        for index in range(self._numbers):
            doubles = parquet.as_doubles(table.column(index))
            numbers[index] = cell_parsing.to_float32(doubles)
            if cell_parsing.is_beyond_float32(numbers[index]):
                exact[index] = doubles
        # Arrow compares with missing values before it strips blanks, so it has parsed " -999" as a number.
        if np.isinf(numbers).any() or (self._markers.size and np.isin(numbers, self._markers).any()):
            return None
        if self._columns.weight is not None and not has_weight(numbers).all():
            return None
        splits = self._splits(table.columns[-1].combine_chunks())
        if splits is not None and (splits < 0).any():
            return None
        strings = [parquet.as_text(column) for column in table.columns[self._hash_only]]
        texts = self._read_texts([column.combine_chunks() for column in table.columns[self._texts]])
        return ParsedBlock(numbers, self._hashed(strings, table.num_rows), codes, [], exact, splits, texts)

    def _splits(self, last: cell_parsing.Array) -> npt.NDArray[np.int64] | None:
        """Returns `ParsedBlock.split` from the last column that is read."""
        return None if self._columns.split is None else self._columns.split.codes(last)

    def _read_texts(self, columns: list[Any]) -> tuple[TextColumn, ...]:
        return tuple(cell_parsing.to_texts(column, self._cells.missing) for column in columns)

    def _hashed(self, columns: list[cell_parsing.Array], rows: int) -> cell_parsing.Floats:
        """Converts the numbers that are only hashed; float32, shape [columns, rows]."""
        values = np.empty((len(columns), rows), np.float32)
        for index, column in enumerate(columns):
            boolean = self._booleans[self._numbers + 1 + index]
            values[index] = cell_parsing.to_floats_or_nan(column, self._cells, boolean=boolean)
        return values

    def _parse_row_by_row(self, text: "NumberedRows") -> ParsedBlock:
        """Parses every row by the rules of `cell_parsing` and `labels`."""
        text = text.until_wrong(self._most_rejected, self._delimiter, self._width)
        plain = [row for row in range(len(text.rows.ends)) if text.is_plain(row)]
        columns, kept = self._as_strings(text, plain)
        rejected: list[RejectedRow] = []
        single_cells: list[list[str]] = []
        single_rows = []
        for row in sorted(set(range(len(text.rows.ends))).difference(kept)):
            if len(rejected) > self._most_rejected:
                return dataclasses.replace(empty_block(self._columns), rejected=rejected)
            fields = split_row(text.row(row), self._delimiter, self._width)
            if isinstance(fields, str):
                # Only the last row of a file may have no line end.
                reason = fields if text.row(row).endswith(b"\n") else fields + CUT_OFF
                rejected.append(RejectedRow(text.line_of(row), reason, row_text(text.row(row))))
            elif fields:
                single_rows.append(row)
                single_cells.append([fields[index] for index in self._used])
        if single_cells:
            order = np.argsort([*kept, *single_rows])
            extra = [pa.array(column, pa.string()) for column in zip(*single_cells, strict=True)]
            columns = [pa.concat_arrays(pair).take(order) for pair in zip(columns, extra, strict=True)]
            kept = sorted([*kept, *single_rows])
        values = np.empty((self._numbers, len(kept)), np.float32)
        invalid = np.zeros(values.shape, np.bool_)
        exact = {}
        for index in range(self._numbers):
            values[index], invalid[index] = cell_parsing.to_floats(
                columns[index], self._cells, boolean=self._booleans[index]
            )
            doubles = cell_parsing.exact_doubles(columns[index], self._cells, values[index])
            if doubles is not None:
                exact[index] = doubles
        validator = RowValidator(
            self._columns,
            line=lambda row: text.line_of(kept[row]),
            raw=lambda row: row_text(text.row(kept[row])),
            cell=lambda row, column: columns[column][row].as_py(),
            most_rejected=self._most_rejected,
        )
        block = ParsedBlock(
            values,
            self._hashed(columns[self._hash_only], len(kept)),
            self._columns.label.codes(columns[self._numbers]),
            [],
            exact,
            self._splits(columns[-1]),
            self._read_texts(columns[self._texts]),
        )
        parsed = validator.validate(block, invalid)
        rejected = sorted([*rejected, *parsed.rejected], key=lambda one: one.line)
        return dataclasses.replace(parsed, rejected=rejected)

    def _as_strings(
        self, text: "NumberedRows", rows: list[int]
    ) -> tuple[list[cell_parsing.Array], list[int]]:
        """Returns the used columns of the rows that have the right number of cells, and the indices of these rows."""
        wrong: list[int] = []

        def skip(row: pacsv.InvalidRow) -> Literal["skip"]:
            wrong.append((row.number or 0) - 1)
            return "skip"

        block = text.block if len(rows) == len(text.rows.ends) else b"".join(text.row(row) for row in rows)
        if not rows:
            return [pa.array([], pa.string()) for _ in self._used], []
        names = [self._names[index] for index in self._used]
        table = pacsv.read_csv(
            BytesIO(block),
            # Arrow numbers the rows that it skips only when it uses one thread.
            pacsv.ReadOptions(column_names=self._names, block_size=len(block) + 1, use_threads=False),
            pacsv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=skip),
            pacsv.ConvertOptions(
                include_columns=names,
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
            ),
        )
        skipped = set(wrong)
        kept = [row for index, row in enumerate(rows) if index not in skipped]
        return [parquet.as_text(table.column(name)) for name in names], kept


class NumberedRows:
    """The rows of a block, by index."""

    def __init__(self, block: bytes, rows: RowBoundaries, line: int) -> None:
        self.block, self.rows = block, rows
        self._line = line
        self._edges = [0, *rows.ends.tolist()]
        self._newlines = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))

    def until_wrong(self, number: int, delimiter: str, width: int) -> "NumberedRows":
        """Returns the rows up to and with the one after `number` rows with a wrong number of fields.

        Only rows of a block without quotes are counted.
        """
        ends = self.rows.ends
        if len(ends) <= number or b'"' in self.block:
            return self
        data = np.frombuffer(self.block, np.uint8)
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        delimiters = np.searchsorted(np.flatnonzero(data == ord(delimiter)), ends)
        is_wrong = np.diff(delimiters, prepend=0) != width - 1
        is_wrong &= ~np.isin(data[starts], (ord("\n"), ord("\r")))  # blank lines are skipped
        wrong = np.flatnonzero(is_wrong)
        if len(wrong) <= number:
            return self
        last = int(wrong[number])
        rows = RowBoundaries(ends[: last + 1], self.rows.irregular[: last + 1])
        return NumberedRows(self.block[: ends[last]], rows, self._line)

    def row(self, row: int) -> bytes:
        """Returns the bytes of a row, including its line end."""
        return self.block[self._edges[row] : self._edges[row + 1]]

    def line_of(self, row: int) -> int:
        """Returns the number of the line in the file at which a row starts."""
        return self._line + int(np.searchsorted(self._newlines, self._edges[row]))

    def is_plain(self, row: int) -> bool:
        """Returns whether Arrow splits the row as `split_row` does: the row is regular, UTF-8 and not blank."""
        if self.rows.irregular[row]:
            return False
        raw = self.row(row)
        return bool(raw.strip(b"\r\n")) and (raw.isascii() or _is_utf8(raw))


def split_row(raw: bytes, delimiter: str, width: int) -> list[str] | str:
    """Splits a row into its cells. Returns [] for a blank line, and the reason as a string if the row is invalid."""
    try:
        row = raw.decode()
    except UnicodeDecodeError as error:
        return f"{NOT_UTF_8}: byte 0x{raw[error.start]:02x} at position {error.start + 1} of the row"
    if not row.strip("\r\n") or (delimiter not in row and not row.strip()):
        return []
    fields = split_fields(row, delimiter)
    if fields is None:
        return "a quote that is not closed, or text after a closing quote"
    if len(fields) != width:
        return f"expected {width} fields, found {len(fields)}"
    return fields


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def parse_typed_batch(batch: pa.Table, row: int, columns: ReadColumns) -> ParsedBlock:
    """Parses a batch of rows whose columns have types into arrays; `row` is the number of the first row."""
    numbers, label = columns.numbers, columns.label
    values, invalid, exact = _typed_numbers(batch, numbers, columns)
    hashed, unreadable, _ = _typed_numbers(batch, columns.hash_only, columns)
    hashed[unreadable] = np.nan
    categories = tuple(
        cell_parsing.to_texts(parquet.as_text(batch.column(name)), columns.cells.missing)
        for name in columns.texts
    )
    split = () if columns.split is None else (columns.split.name,)
    texts = {name: parquet.as_text(batch.column(name)) for name in (label.column, *split)}
    batch = batch.select([*numbers, *texts])
    splits = None if columns.split is None else columns.split.codes(texts[columns.split.name])
    validator = RowValidator(
        columns,
        line=lambda at: row + at,
        raw=lambda at: parquet.row_as_json(batch, at),
        cell=lambda at, column: (texts if (name := columns.names[column]) in texts else batch)[name][
            at
        ].as_py(),
    )
    block = ParsedBlock(values, hashed, label.codes(texts[label.column]), [], exact, splits, categories)
    return validator.validate(block, invalid)


def _typed_numbers(
    batch: pa.Table, names: Sequence[str], columns: ReadColumns
) -> tuple[cell_parsing.Floats, cell_parsing.Flags, dict[int, cell_parsing.Doubles]]:
    """Returns the named columns as `cell_parsing.to_floats` does, shape [names, rows] each; and `ParsedBlock.exact`."""
    values = np.empty((len(names), batch.num_rows), np.float32)
    invalid = np.zeros(values.shape, np.bool_)
    exact: dict[int, cell_parsing.Doubles] = {}
    markers = numeric_markers(columns.cells)
    for index, name in enumerate(names):
        column = batch.column(name)
        if parquet.kind_of(column.type) == parquet.TEXT:
            texts = parquet.as_text(column)
            values[index], invalid[index] = cell_parsing.to_floats(
                texts, columns.cells, boolean=name in columns.booleans
            )
            doubles = cell_parsing.exact_doubles(texts, columns.cells, values[index])
        else:
            given = parquet.as_doubles(column)
            values[index] = cell_parsing.to_float32(given)
            is_marker = np.isin(values[index], markers)
            values[index][is_marker] = np.nan
            invalid[index] = np.isinf(values[index])
            beyond = cell_parsing.is_beyond_float32(values[index])
            doubles = np.where(is_marker, np.nan, given) if beyond else None
        if doubles is not None:
            exact[index] = doubles
    return values, invalid, exact


def row_text(raw: bytes) -> str:
    """Returns a row as text without its line end; bytes that are not UTF-8 become \\xff."""
    return raw.removesuffix(b"\n").removesuffix(b"\r").decode(errors="backslashreplace")


def numeric_markers(cells: cell_parsing.CellFormat) -> npt.NDArray[np.float32]:
    """Returns the markers of missing values that are numbers, such as -999; see `cell_parsing.missing_markers`."""
    texts = pa.array(sorted(cells.missing), pa.string())
    values, invalid = cell_parsing.to_floats(texts, dataclasses.replace(cells, missing=frozenset()))
    return values[~invalid & ~np.isnan(values)]
