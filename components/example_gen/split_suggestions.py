"""Suggests a split other than by row, by what the first rows of a table contain, for `regpipe init`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from components.common import storage
from components.config.split_settings import COLUMN, GROUP, TIME, SplitConfig
from components.example_gen.cell_parsing import Array, CellFormat
from components.example_gen.cell_texts import cell_texts
from components.example_gen.column_evidence import MIN_SHARE
from components.example_gen.csv_header import FileHeader
from components.example_gen.parquet import NUMBER, TEXT
from components.example_gen.split_column import is_split_name, times
from components.example_gen.split_edges import proposed_edges
from components.example_gen.typed_files import typed_kinds

_ROWS = 10_000
_MAX_BYTES = 64 * 2**20  # larger tables are not read for edges, which would take seconds
_MIN_GROUPS, _ROWS_OF_A_GROUP = 10, 1.5
_DATE = re.compile(r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TYPES = ("date", "timestamp")
# The last word of the name of a column that says whose row it is: customer_id, patientId, "User".
_OWNERS = re.compile(
    r"(?:^|[\W_]|(?<=[a-z])(?=[A-Z]))"
    r"(?i:id|uuid|key|patient|customer|client|user|subject|person|member|account|device|household|session)$"
)


@dataclass(frozen=True)
class SplitSuggestion:
    """A split that fits a table.

    Attributes:
        keys: by name, the keys under `data.split` that select it.
        reason: what was found in the table, a sentence.
    """

    keys: dict[str, str]
    reason: str


def suggest_splits(
    headers: Sequence[FileHeader], names: Sequence[str], cells: CellFormat
) -> list[SplitSuggestion]:
    """Looks for names of splits, dates, and ids that repeat, in the first 10,000 rows of the first file.

    Args:
        headers: the files.
        names: the columns to look at.
        cells: how the cells are written.

    Raises:
        DataRefused: a file can't be read.
    """
    first = headers[0]
    if not first.delimiter:
        kinds = typed_kinds(first.path)
        names = [
            name for name in names if kinds[name] in (NUMBER, TEXT) or kinds[name].startswith(_DATE_TYPES)
        ]
    rows = next(cell_texts(first, list(names)), {})
    suggestions = []
    for name, column in rows.items():
        texts = pc.drop_null(column.slice(0, _ROWS))
        values = [text for text in pc.unique(texts).to_pylist() if text and text.strip()]
        if len(values) < 2:
            continue
        if all(map(is_split_name, values)):
            suggestions.append(_by_column(name, values))
        elif _are_dates(texts, values, cells):
            suggestions.append(_by_time(name, headers, cells))
        elif _OWNERS.search(name) and _MIN_GROUPS <= len(values) <= len(texts) / _ROWS_OF_A_GROUP:
            suggestions.append(_by_group(name, len(values), len(texts)))
    return suggestions


def _by_column(name: str, values: list[str]) -> SplitSuggestion:
    found = ", ".join(sorted(values))
    return SplitSuggestion({"by": COLUMN, "column": name}, f"{name!r} names splits ({found})")


def _by_group(name: str, groups: int, rows: int) -> SplitSuggestion:
    return SplitSuggestion(
        {"by": GROUP, "column": name},
        f"{name!r} has {groups:,} values in {rows:,} rows: rows of one are not in both train and test",
    )


def _by_time(name: str, headers: Sequence[FileHeader], cells: CellFormat) -> SplitSuggestion:
    keys = {"by": TIME, "column": name}
    if _are_small(headers):
        edges = proposed_edges(headers, SplitConfig.model_validate(keys), cells)
        keys |= dict(zip(("eval_from", "test_from"), edges or (), strict=False))
    return SplitSuggestion(keys, f"{name!r} has dates: the newest rows become the test split")


def _are_small(headers: Sequence[FileHeader]) -> bool:
    paths = [header.path for header in headers]
    return (
        not any(map(storage.is_remote, paths))
        and sum(Path(path).stat().st_size for path in paths) <= _MAX_BYTES
    )


def _are_dates(texts: Array, values: list[str], cells: CellFormat) -> bool:
    if not _DATE.match(values[0]) or len(values) < 3:
        return False
    found, is_given = times(texts, cells, numbers=False)
    return bool(np.count_nonzero(~np.isnan(found)) >= MIN_SHARE * is_given.sum())
