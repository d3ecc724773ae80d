"""Reads the headers of all files of a table, and checks that they have the columns that are needed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from components.common.errors import DataRefused
from components.common.suggestions import column_hint, composed, look_alike_hint
from components.config.data import DataConfig
from components.example_gen.csv_header import FileHeader, read_csv_header
from components.example_gen.input_files import find_input_files, quoted
from components.example_gen.no_rows_error import open_with_rows
from components.example_gen.typed_files import read_typed_header

_COMMENTS = ("#", "%", "//", "--")


@dataclass(frozen=True, kw_only=True)
class TableFiles:
    """The files of a table that have rows.

    Attributes:
        headers: those of the files, sorted by path.
        common: the named columns that all files have, in the first file's order.
        span: the newest span; None without {SPAN} in data.input.
        warnings: sentences about files that are skipped.
    """

    headers: tuple[FileHeader, ...]
    common: tuple[str, ...]
    span: int | None
    warnings: tuple[str, ...]


def read_table_files(settings: DataConfig) -> TableFiles:
    """Finds the files of a table and reads their headers. Files without rows are skipped.

    Every file must have the label, the weight, the column of the split, data.features and data.categorical; without
    data.features, all columns that are not in data.ignore.

    Raises:
        DataRefused: there are no files with rows, a file can't be read, or a file lacks a column.
    """
    files = find_input_files(settings)

    def header_of(path: str) -> FileHeader:
        return read_csv_header(path, settings) if files.is_text else read_typed_header(path)

    headers, skipped = open_with_rows(files.paths, header_of)
    for header in headers:
        _expect_names_that_differ(header)
    first = headers[0]
    for name, key in _needed(settings):
        _expect_column(name, key, first)
    _expect_same_form(settings.ignore, first)
    for header in headers[1:]:
        _expect_same_columns(first, header, settings)
    common = [name for name in first.columns if name and all(name in header.columns for header in headers)]
    return TableFiles(
        headers=tuple(headers),
        common=tuple(common),
        span=files.span,
        warnings=(skipped,) if skipped else (),
    )


def _needed(settings: DataConfig) -> list[tuple[str, str]]:
    """Returns the columns that the configuration names, each with its key."""
    roles = (
        (settings.label, "data.label"),
        (settings.weight, "data.weight"),
        (settings.split.column, "data.split.column"),
        *((name, "data.features") for name in settings.features),
        *((name, "data.categorical") for name in settings.categorical),
    )
    return [(name, key) for name, key in roles if name is not None]


def _expect_names_that_differ(header: FileHeader) -> None:
    repeated = [name for name, times in Counter(header.columns).items() if name and times > 1]
    if repeated:
        raise DataRefused(
            f"{header.path}: expected column names that differ, found {quoted(repeated)} more than once."
        )
    by_form: dict[str, str] = {}
    for name in header.columns:
        other = by_form.setdefault(composed(name), name)
        if other != name:
            raise DataRefused(
                f"{header.path}: expected column names that differ, found two that look the same, {name!r}, "
                f"but consist of other Unicode characters, {other!a} and {name!a}."
            )


def _expect_same_columns(first: FileHeader, other: FileHeader, settings: DataConfig) -> None:
    needed = {name for name, _ in _needed(settings)}
    # With data.features, only these matter; without it, all that are not ignored.
    matter = needed if settings.features else {*first.columns, *other.columns} - {"", *settings.ignore}
    expected, found = set(first.columns), set(other.columns)
    missing = [name for name in first.columns if name in matter and name not in found]
    added = [name for name in other.columns if name in matter and name not in expected]
    if missing:
        hint = look_alike_hint(missing[0], other.columns)
        advice = "" if needed & set(missing) else " To leave it out, add it to data.ignore."
        raise DataRefused(
            f"{other.path}: expected the columns of {first.path}, but {quoted(missing)} is missing.{hint or advice}"
        )
    if added:
        raise DataRefused(
            f"{other.path}: expected the columns of {first.path}, but found {quoted(added)} as well. To leave it out, "
            "add it to data.ignore."
        )


def _expect_same_form(ignored: Iterable[str], header: FileHeader) -> None:
    """Refuses a name in data.ignore that looks like that of a column, but is another one, so that it has no effect."""
    looks, names = {composed(column) for column in header.columns}, set(header.columns)
    for name in ignored:
        if name not in names and composed(name) in looks:
            _expect_column(name, "data.ignore", header)


def _expect_column(name: str, key: str, header: FileHeader) -> None:
    named = [column for column in header.columns if column]
    if name in named:
        return
    hint = column_hint(name, named)
    comment = next((mark for mark in _COMMENTS if header.columns[0].startswith(mark)), None)
    if comment:
        hint = f" To skip lines that begin with {comment!r}, set data.comment to {comment!r}."
    raise DataRefused(
        f"{header.path}: expected a column {name!r} ({key}), found {quoted(named, limit=10)}.{hint}"
    )
