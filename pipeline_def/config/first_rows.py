"""Looks for ids and leaks in the first rows of a table, for `regpipe init`. A run looks at the training split."""

from collections.abc import Iterator

import numpy as np

from components.common.feature_auc_record import FeatureAucRecord
from components.common.next_steps import leave_out_step
from components.example_gen.block_plan import Block
from components.example_gen.data_warnings import possible_ids, whole_number_warnings
from components.example_gen.row_validation import ParsedBlock
from components.example_gen.shards import parse_block
from components.example_gen.table import InputTable
from components.example_gen.whole_numbers import WholeNumbers
from components.statistics.columns import Columns, several

_ROWS = 10_000


def first_row_warnings(table: InputTable) -> Iterator[str]:
    """Yields what a run would say of ids and leaks if the table had only its first 10,000 rows, and what to do.

    Raises:
        DataRefused: the first file can't be read.
    """
    header = table.headers[0]
    block = Block(0, 0, header.offset if header.delimiter else 0, 0, header.line)
    parsed = next(parse_block(table, block), None)
    if parsed is None:
        return
    names = table.read_columns.features  # those of numbers
    whole = WholeNumbers(len(names))
    whole.add(parsed, np.arange(min(_ROWS, len(parsed.label))))
    aucs = _feature_aucs(table, parsed)
    yield from whole_number_warnings(names, whole)
    yield from aucs.warnings()
    if step := leave_out_step(tuple(aucs.leaks()), possible_ids(names, whole)):
        yield step


def _feature_aucs(table: InputTable, parsed: ParsedBlock) -> FeatureAucRecord:
    names, label = table.read_columns.features, parsed.label[:_ROWS]
    values = np.vstack([parsed.numbers[: len(names), :_ROWS], label]).astype(np.float32)
    categorical = table.read_columns.categorical
    texts = np.empty((len(categorical), len(label)), np.object_)
    for row, column in zip(texts, parsed.texts[: len(categorical)], strict=True):
        row[:] = np.array(column.texts, np.object_)[column.codes[:_ROWS]]
    columns = Columns(
        (*names, table.labels.column),
        table.labels.column,
        number=not table.labels.classes,
        classes=several(table.labels.classes),
        categorical=tuple(categorical),
    )
    sample = columns.sample()
    # The keys are not random: the rows are the first ones anyway.
    sample.add(values, np.arange(len(label), dtype=np.float64), texts)
    return columns.feature_aucs(sample)
