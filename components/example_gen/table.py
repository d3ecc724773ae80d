"""Determines the files, the features, the weight and the label of a table, and the columns that are left out."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from components.common.errors import DataRefused
from components.config.data import MAX_FEATURES, DataConfig
from components.config.split_settings import TIME
from components.example_gen import labels
from components.example_gen.cell_hints import cell_hint
from components.example_gen.cell_parsing import CellFormat
from components.example_gen.column_evidence import EXAMPLES
from components.example_gen.csv_header import FileHeader
from components.example_gen.input_files import quoted
from components.example_gen.split_column import SplitColumn
from components.example_gen.split_edges import missing_edges_error
from components.example_gen.table_columns import ReadColumns
from components.example_gen.table_files import read_table_files
from components.example_gen.task_choice import Label, choose_label
from components.example_gen.text_stream import UTF_8
from components.example_gen.type_inference import ColumnTypes, infer_types

_MAX_MIXED = 5  # columns with a warning of their own


@dataclass(frozen=True, kw_only=True)
class InputTable:
    """A table with known columns.

    Attributes:
        headers: those of the files, sorted by path.
        columns: the names of all columns of the first file, in its order.
        features: the columns that are used as features: as in data.features, otherwise in the first file's order.
        categorical: all categorical columns, also those that are not features.
        weight: the column with the weights of the rows; None if all rows weigh the same.
        labels: the name of the label and its values, and the task that follows from them.
        split: the column that selects the split of a row; None if a hash does.
        hashed: the columns of numbers and the categorical ones, without the label and the weight, whose hash selects
            the split of a row. They do not depend on data.features and data.ignore, so that two configurations of one
            table have the same splits.
        left_out: columns that are neither features nor the label nor the weight nor in data.ignore, nor that of the
            split.
        empty: those of them that have no value.
        cells: how the cells are written.
        booleans: the columns whose cells are words such as true and false.
        span: the newest span read; None without {SPAN} in data.input.
        warnings: sentences for the owner of the data.
    """

    headers: tuple[FileHeader, ...]
    columns: tuple[str, ...]
    features: tuple[str, ...]
    categorical: frozenset[str]
    weight: str | None
    labels: Label
    split: SplitColumn | None
    hashed: tuple[str, ...]
    left_out: tuple[str, ...]
    empty: tuple[str, ...]
    cells: CellFormat
    booleans: frozenset[str]
    span: int | None
    warnings: tuple[str, ...]

    @property
    def hash_only(self) -> tuple[str, ...]:
        """The columns in `hashed` that are not features."""
        features = set(self.features)
        return tuple(name for name in self.hashed if name not in features)

    @property
    def read_columns(self) -> ReadColumns:
        """The columns that are read of every row."""
        categorical, hash_only = self.categorical, self.hash_only
        return ReadColumns(
            features=tuple(name for name in self.features if name not in categorical),
            categorical=tuple(name for name in self.features if name in categorical),
            weight=self.weight,
            label=self.labels,
            hash_only=tuple(name for name in hash_only if name not in categorical),
            hash_only_texts=tuple(name for name in hash_only if name in categorical),
            split=self.split,
            cells=self.cells,
            booleans=self.booleans,
        )

    @property
    def delimiter(self) -> str:
        """The first CSV file's delimiter; '' if the columns have types."""
        return self.headers[0].delimiter


@dataclass(frozen=True, kw_only=True)
class TableReport:
    """A description of a table, for `regpipe init`.

    Attributes:
        files: the paths.
        columns: the names of all columns.
        numeric: columns of numbers other than the label and the weight.
        categorical: columns of a few repeated texts.
        left_out: all other columns: text, mixed cells, no value, times, lists.
        label_values: the values of the label, most frequent first; if there are very many, only those read first.
        needs_positive_label: whether data.positive_label must be set to select which of the two values counts as 1.
        kind: the format of the first file.
        encoding: the encoding of the first file, '' for UTF-8.
        cells: how the cells are written.
        missing_texts: texts among the numbers that seem to mean a missing value and are not in data.missing_values.
        span: the newest span.
        warnings: sentences about columns that are left out.
    """

    files: tuple[str, ...]
    columns: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    left_out: tuple[str, ...]
    label_values: tuple[str, ...]
    needs_positive_label: bool
    kind: str
    encoding: str
    cells: CellFormat
    missing_texts: tuple[str, ...]
    span: int | None
    warnings: tuple[str, ...]


def find_table(settings: DataConfig) -> InputTable:
    """Finds the files, and determines the features and which label value counts as 1.

    Raises:
        DataRefused: the table can't be used; the message gives the reason.
    """
    files = read_table_files(settings)
    headers, columns = files.headers, files.headers[0].columns
    numbers = [name for name in files.common if name not in (settings.label, settings.split.column)]
    candidates = [name for name in numbers if name != settings.weight]
    others = [name for name in candidates if name not in settings.ignore]
    types = infer_types(headers, numbers, settings)
    _expect_rows(headers[0], types)
    if settings.weight is not None and not types.has_number(settings.weight):
        raise DataRefused(
            f"{headers[0].path}: expected numbers in the column {settings.weight!r} (data.weight), found none."
        )
    _check_categorical(headers[0], types)
    categorical = frozenset(filter(types.is_categorical, candidates))
    features = settings.features or tuple(
        name for name in others if types.is_number(name) or name in categorical
    )
    left_out = () if settings.features else tuple(name for name in others if name not in features)
    if not features:
        only_text = all(name in types.columns and types.columns[name].is_text() for name in others)
        found = f"only columns without numbers: {quoted(others)}." if others else "no other column."
        if only_text and others:
            found += " data.categorical makes columns of text features."
        if not only_text:
            found = "none.\n" + "\n".join(_warnings(headers[0], others, types))
        weight = "" if settings.weight is None else f" and the weight {settings.weight!r}"
        raise DataRefused(
            f"{headers[0].path}: expected a column of numbers or categories besides the label {settings.label!r}"
            f"{weight}, found {found}"
        )
    if len(features) > MAX_FEATURES:
        raise DataRefused(
            f"{headers[0].path}: expected at most {MAX_FEATURES:,} features, found {len(features):,}. "
            "List some in data.features or leave some out with data.ignore."
        )
    return InputTable(
        headers=headers,
        columns=columns,
        features=features,
        weight=settings.weight,
        split=_split_column(headers, settings, types.cells),
        categorical=categorical,
        hashed=tuple(
            name
            for name in candidates
            if types.has_number(name) or types.is_empty(name) or name in categorical
        ),
        left_out=left_out,
        empty=tuple(filter(types.is_empty, left_out)),
        cells=types.cells,
        booleans=types.booleans(),
        span=files.span,
        labels=choose_label(types.label_counts, settings, types.cells),
        warnings=files.warnings
        + _format_warning(settings, types.cells)
        + _warnings(headers[0], left_out, types),
    )


def _split_column(
    headers: Sequence[FileHeader], settings: DataConfig, cells: CellFormat
) -> SplitColumn | None:
    if settings.split.column is None:
        return None
    if settings.split.by == TIME and settings.split.edges() is None:
        raise missing_edges_error(headers, settings.split, cells)
    return SplitColumn(settings.split.column, settings.split, cells)


def inspect_table(settings: DataConfig) -> TableReport:
    """Describes a table. The label need not be usable; `settings.features` is ignored.

    Raises:
        DataRefused: the files can't be read, or the label's column is missing.
    """
    files = read_table_files(settings)
    headers = files.headers
    no_features = {settings.label, settings.weight, settings.split.column, *settings.ignore}
    others = [name for name in files.common if name not in no_features]
    types = infer_types(headers, others, settings)
    _expect_rows(headers[0], types)
    numeric = tuple(filter(types.is_number, others))
    categorical = tuple(filter(types.is_categorical, others))
    left_out = tuple(name for name in others if name not in {*numeric, *categorical})
    present = labels.present(types.label_counts, settings)
    values = sorted(labels.merge_spellings(present).values(), key=lambda value: -value[1])
    decided = settings.positive_label is not None or labels.is_decided(types.label_counts, settings)
    return TableReport(
        files=tuple(header.path for header in headers),
        columns=headers[0].columns,
        numeric=numeric,
        categorical=categorical,
        left_out=left_out,
        label_values=tuple(spelling for spelling, _ in values),
        needs_positive_label=len(values) == 2 and not decided,
        kind=headers[0].kind,
        encoding=headers[0].text.encoding if headers[0].text.encoding != UTF_8 else "",
        cells=types.cells,
        missing_texts=_missing_texts(numeric, types),
        span=files.span,
        warnings=files.warnings
        + _format_warning(settings, types.cells)
        + _warnings(headers[0], left_out, types),
    )


def _missing_texts(numeric: Sequence[str], types: ColumnTypes) -> tuple[str, ...]:
    """Returns the texts in columns of numbers, if there are only a few different ones and each occurs repeatedly."""
    counts: Counter[str] = Counter()
    for name in numeric:
        if name in types.columns and name not in types.booleans():
            unreadable = types.columns[name].unreadable(types.cells)
            counts.update({text: types.columns[name].texts[text] for text in unreadable})
    is_text = re.compile(r"[^0-9]+")
    repeated = [text for text, count in counts.most_common() if count > 1 and is_text.fullmatch(text)]
    return tuple(repeated) if len(counts) == len(repeated) <= EXAMPLES else ()


def _check_categorical(header: FileHeader, types: ColumnTypes) -> None:
    """Refuses columns in data.categorical that contain neither text nor numbers."""
    for name in sorted(types.categorical & types.others.keys()):
        raise DataRefused(
            f"{header.path}: expected text or numbers in the column {name!r} (data.categorical), found "
            f"{types.others[name]}."
        )


def _expect_rows(header: FileHeader, types: ColumnTypes) -> None:
    if not types.rows and header.row_fields not in (0, len(header.columns)):
        raise DataRefused(
            f"{header.path}: expected rows with as many fields as the header, {len(header.columns)}, found rows "
            f"with {header.row_fields}."
        )


def _format_warning(settings: DataConfig, cells: CellFormat) -> tuple[str, ...]:
    """Returns how numbers are read, if it was found and is not the usual way."""
    chosen = (settings.decimal, settings.thousands)
    found = [
        f"the {name} {mark!r} (data.{key})"
        for key, name, mark, usual, given in (
            ("decimal", "decimal mark", cells.decimal, ".", chosen[0]),
            ("thousands", "thousands separator", cells.thousands, "", chosen[1]),
        )
        if given == "auto" and mark != usual
    ]
    return (f"Numbers are read with {' and '.join(found)}.",) if found else ()


def _warnings(header: FileHeader, left_out: Sequence[str], types: ColumnTypes) -> tuple[str, ...]:
    warnings = []
    unnamed = [str(index) for index, name in enumerate(header.columns, 1) if not name]
    if unnamed:
        warnings.append(f"Left out, because it has no name: column {', '.join(unnamed)} of {header.path}.")
    empty = [name for name in left_out if types.is_empty(name)]
    if empty:
        warnings.append(f"Left out, because all their cells are missing: {quoted(empty, limit=10)}.")
    judged = [name for name in left_out if name not in types.others and name not in empty]
    text = [name for name in judged if types.columns[name].is_text()]
    if text:
        warnings.append(
            f"Left out, because they contain only text, and not 2 to {types.max_categories} different texts "
            f"(data.max_categories) that repeat: {quoted(text, limit=10)}. data.categorical makes such columns "
            "features."
        )
    mixed = [name for name in judged if name not in text]
    warnings += [_mixed_warning(name, types) for name in mixed[:_MAX_MIXED]]
    if len(mixed) > _MAX_MIXED:
        more = quoted(mixed[_MAX_MIXED:], limit=10)
        warnings.append(f"Left out, because many of their cells are not numbers: {more}.")
    typed = [f"{name!r} ({types.others[name]})" for name in sorted(left_out) if name in types.others]
    if typed:
        warnings.append(f"Left out, because they are neither numbers nor text: {', '.join(typed[:20])}.")
    return tuple(warnings)


def _mixed_warning(name: str, types: ColumnTypes) -> str:
    column = types.columns[name]
    share = 1 - column.share(types.cells)
    examples = quoted(column.unreadable(types.cells)[:EXAMPLES])
    return (
        f"Left out, because {share:.0%} of its cells are not numbers, such as {examples}: {name!r}. "
        f"{cell_hint(column.unreadable(types.cells))}To use it as categories, list it in data.categorical. To use it "
        "as numbers nevertheless, list it in data.features, not in data.ignore; rows with such cells are then bad rows."
    )
