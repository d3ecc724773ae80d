"""Writes rows with their predictions as CSV, JSON lines or Parquet.

A file gets its name only when it is complete.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as papq

from components.common import storage
from components.common.errors import DataRefused, reason
from components.example_gen import parquet
from components.example_gen.cell_parsing import Array
from components.example_gen.input_files import quoted
from serving.client.predictor import Probabilities
from serving.predict.added_columns import AddedColumn
from serving.predict.features import FeatureColumns
from serving.predict.row_batches import RowBatch

CSV, JSON_LINES, PARQUET = "csv", "jsonl", "parquet"
SUFFIX = {CSV: ".csv", JSON_LINES: ".jsonl", PARQUET: ".parquet"}
FORMATS = {suffix: kind for kind, suffix in SUFFIX.items()}
_NEEDS_QUOTES = '[",\r\n]'
# What spreadsheets take for a formula (https://owasp.org/www-community/attacks/CSV_Injection), and what is a number.
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # the last four are full-width
_NUMBER = "^[+-]?[0-9., ]+([eE][+-]?[0-9]+)?$"  # with any separators of decimals and thousands

Scored = tuple[RowBatch, Probabilities]


@dataclass(frozen=True, kw_only=True)
class OutputLayout:
    """The columns of the output.

    Attributes:
        columns: the columns of the input, in their order.
        added: the columns after them.
        features: the columns that are numbers; JSON lines and Parquet distinguish numbers from text.
        classes: the number of probabilities that the model gives for each row; None: it gives one number.
        csv_safe: whether CSV has a `'` before a text that a spreadsheet would take for a formula.
    """

    columns: tuple[str, ...]
    added: tuple[AddedColumn, ...]
    features: FeatureColumns
    classes: int | None = None
    csv_safe: bool = False

    def csv_header(self) -> str:
        """Returns the first line."""
        names: Any = self._escaped(pa.array([*self.columns, *(column.name for column in self.added)]))
        return ",".join(names.to_pylist())

    def csv_lines(self, scored: Scored) -> str:
        """Returns rows as lines of CSV, without a newline at the end. Text is in quotes if necessary.

        Raises:
            DataRefused: a column has a type that CSV does not support, or a row has a column that others don't have.
        """
        batch, predicted = scored
        table = self._with_added(self._arranged(batch), predicted)
        columns = [self._cells(table.column(at), name) for at, name in enumerate(table.column_names)]
        comma: Any = ","
        lines: Any = pc.binary_join_element_wise(*columns, comma, null_handling="replace")
        return "\n".join(lines.to_pylist())

    def json_lines(self, scored: Scored) -> str:
        """Returns rows as JSON lines, without a newline at the end. The text of rows read from JSON is unchanged.

        Raises:
            DataRefused: a row already has a value with the name of an added column.
        """
        batch, predicted = scored
        added = [
            ", ".join(cells)
            for cells in zip(
                *(_json_cells(column.name, column.values(predicted)) for column in self.added), strict=True
            )
        ]
        objects = batch.objects()
        if objects is None:
            rows = _without_nan(self.features.typed(self._arranged(batch), batch)).to_pylist()
            objects = [(row, json.dumps(row, ensure_ascii=False, default=str)) for row in rows]
        for row, (record, _) in enumerate(objects):
            for column in self.added:
                if column.name in record:
                    raise DataRefused(f"{batch.where(row)}: {duplicate_column_message(column)}")
        return "\n".join(
            f"{text[:-1]}{', ' if record else ''}{more}}}"
            for (record, text), more in zip(objects, added, strict=True)
        )

    def parquet_table(self, scored: Scored) -> pa.Table:
        """Returns rows as a table. From CSV and JSON, features become numbers and all other columns text.

        Raises:
            DataRefused: a row has a column that others don't have.
        """
        batch, predicted = scored
        return self._with_added(self.features.typed(self._arranged(batch), batch), predicted)

    def parquet_schema(self, batch: RowBatch) -> pa.Schema:
        """Returns the schema of the tables of all batches, by one of them."""
        predicted = np.zeros((batch.rows, *([] if self.classes is None else [self.classes])), np.float32)
        return self.parquet_table((batch, predicted)).schema

    def _cells(self, column: "pa.ChunkedArray[Any]", name: str) -> Array:
        texts = _as_text(column, name)
        return texts if pa.types.is_primitive(column.type) else self._escaped(texts)

    def _escaped(self, texts: Array) -> Array:
        return _quoted(_without_formulas(texts) if self.csv_safe else texts)

    def _with_added(self, table: pa.Table, predicted: Probabilities) -> pa.Table:
        for column in self.added:
            table = table.append_column(column.name, column.values(predicted))
        return table

    def _arranged(self, batch: RowBatch) -> pa.Table:
        table = batch.table()
        more = [name for name in table.column_names if name not in self.columns]
        if more:
            cells = table.column(more[0]).to_pylist()
            row = next((row for row, cell in enumerate(cells) if cell is not None), 0)
            raise DataRefused(
                f"{batch.where(row)}: expected only columns that the first row has, found {quoted(more)}; "
                "only JSON lines can contain it."
            )
        return table.select(list(self.columns))


def duplicate_column_message(column: AddedColumn) -> str:
    """Returns the message for a table that already has a column with the name of an added one."""
    way = f"{column.option} gives the new one another name"
    return f"expected no column {column.name!r} in the table, found one; {way}."


def write_rows(kind: str, stream: BinaryIO, layout: OutputLayout, scores: Iterable[Scored]) -> int:
    """Writes rows in batches, as they are predicted.

    Args:
        kind: CSV, JSON_LINES or PARQUET.
        stream: the file to write to; stays open.
        layout: the columns.
        scores: the rows with their predictions.

    Returns:
        The number of rows.

    Raises:
        DataRefused: see `OutputLayout`.
    """
    if kind == PARQUET:
        return _write_parquet(stream, layout, scores)
    render = layout.csv_lines if kind == CSV else layout.json_lines
    rows = 0
    for scored in scores:
        if kind == CSV and not rows:
            stream.write(_encoded(layout.csv_header()))
        stream.write(_encoded(render(scored)))
        stream.flush()
        rows += scored[0].rows
    return rows


def _write_parquet(stream: BinaryIO, layout: OutputLayout, scores: Iterable[Scored]) -> int:
    rows = 0
    writer: papq.ParquetWriter | None = None
    with contextlib.ExitStack() as stack:
        for scored in scores:
            table = layout.parquet_table(scored)
            if writer is None:
                schema = table.schema
                writer = stack.enter_context(papq.ParquetWriter(stream, schema))
            try:
                writer.write_table(table.cast(schema))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
                raise DataRefused(
                    f"{scored[0].where(0)}: expected columns of the same types as before, found others: "
                    f"{reason(error)}."
                ) from error
            rows += table.num_rows
    return rows


@contextlib.contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for writing that appears when the block ends, and is removed if the block raises.

    Raises:
        OSError: the file can't be written.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():  # A device or a pipe, such as /dev/null, is not replaced.
        with path.open("wb") as device:
            yield device
        return
    path.parent.stat()  # A folder that does not exist is an error: the path may be mistyped.
    with storage.new_file(str(path), durable=True) as file:
        yield file


def _json_cells(name: str, values: Array) -> list[str]:
    """Returns the members of a JSON object, `"name": value`, for each row."""
    if pa.types.is_floating(values.type):
        # The shortest decimals that are the same float32.
        texts: Any = values.cast(pa.string())
        cells = [str(float(text)) for text in texts.to_pylist()]
    else:
        cells = [json.dumps(value, ensure_ascii=False) for value in values.to_pylist()]
    return [f"{json.dumps(name)}: {cell}" for cell in cells]


def _encoded(lines: str) -> bytes:
    # Half of a surrogate pair is valid in JSON, but not in UTF-8: it is written as an escape again.
    return f"{lines}\n".encode(errors="backslashreplace")


def _as_text(column: "pa.ChunkedArray[Any]", name: str) -> Array:
    """Returns the cells of a column as text; missing values are empty."""
    try:
        texts = parquet.as_text(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataRefused(
            f"column {name!r}: expected a type that CSV supports, found {column.type}; "
            "--format parquet or jsonl supports it."
        ) from None
    if pa.types.is_floating(column.type):
        nan: Any = "nan"
        return cast(Array, pc.if_else(pc.equal(texts, nan), "", texts))
    return texts


def _without_formulas(texts: Array) -> Array:
    number: Any = pc.match_substring_regex(texts, _NUMBER)
    formula: Any = pc.and_not(pc.match_substring_regex(texts, _FORMULA), number)
    mark: Any = "'"
    return cast(Array, pc.if_else(formula, pc.binary_join_element_wise(mark, texts, ""), texts))


def _quoted(texts: Array) -> Array:
    odd = pc.match_substring_regex(texts, _NEEDS_QUOTES)
    if not pc.any(odd).as_py():
        return texts
    doubled: Any = pc.replace_substring(texts, '"', '""')
    quote: Any = '"'
    return cast(Array, pc.if_else(odd, pc.binary_join_element_wise(quote, doubled, quote, ""), texts))


def _without_nan(table: pa.Table) -> pa.Table:
    for at, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            # JSON's encoder does not know NumPy's float16.
            wide = pa.float32() if pa.types.is_float16(field.type) else field.type
            column: Any = table.column(at).cast(wide)
            table = table.set_column(at, field.name, pc.if_else(pc.is_nan(column), None, column))
    return table
