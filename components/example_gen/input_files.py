"""Finds the files of a table: data.input is a file, a folder, a glob or a span pattern."""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from components.common import storage
from components.common.errors import DataRefused, reason
from components.common.formatting import first_of
from components.config.data import DataConfig
from components.example_gen.cell_parsing import shorten
from components.example_gen.file_formats import AVRO_SUFFIX, record_format, typed_format

SPAN = "{SPAN}"
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".parquet", AVRO_SUFFIX)
_JSON_IN_FOLDER = (*JSON_SUFFIXES, *(f"{suffix}.gz" for suffix in JSON_SUFFIXES))
_ABOUT = ("readme", "license", "licence", "notice", "changelog", "copying")
_ABOUT_SUFFIXES = ("", ".txt", ".md", ".rst", ".html", ".pdf")
_MAX_NAMED, _MAX_LENGTH = 6, 100


@dataclass(frozen=True, kw_only=True)
class InputFiles:
    """The files of one table, sorted.

    Attributes:
        paths: at least one path.
        is_text: whether all files are text; otherwise all are of one format whose columns have types.
        span: the newest span read; None without {SPAN} in data.input.
    """

    paths: tuple[str, ...]
    is_text: bool
    span: int | None


def find_input_files(settings: DataConfig) -> InputFiles:
    """Finds the files that `data.input` refers to.

    Raises:
        DataRefused: no file is found or can be read, a span does not exist, or formats are mixed.
    """
    try:
        return _find(settings)
    except OSError as error:
        raise DataRefused(
            f"{settings.input}: expected a path on this machine, or an address that TensorFlow can read, such as "
            f"gs://; it can't be read: {error.strerror}."
        ) from error
    except re.error as error:
        raise DataRefused(
            f"{settings.input}: expected a pattern, but it can't be read as one: {reason(error)}."
        ) from error


def _find(settings: DataConfig) -> InputFiles:
    span = None
    if SPAN in settings.input:
        span, found = _newest_spans(settings)
        paths = [path for one in found for path in (_in_folder(one) if storage.is_folder(one) else [one])]
    elif storage.is_folder(settings.input):
        paths = _in_folder(settings.input)
    elif storage.exists(settings.input):
        paths = [settings.input]
    else:
        paths = table_files(storage.glob(settings.input))
    if not paths:
        raise DataRefused(
            f"{settings.input}: expected a file, a folder or a pattern that matches files, found nothing."
        )
    paths.sort()
    formats = [typed_format(path) for path in paths]
    other = next((path for path, kind in zip(paths, formats, strict=True) if kind != formats[0]), None)
    if other is not None:
        raise DataRefused(
            f"{settings.input}: expected either files of text or files of one other format, found {paths[0]} and "
            f"{other}."
        )
    return InputFiles(paths=tuple(paths), is_text=formats[0] is None, span=span)


def quoted(names: Iterable[str], limit: int = _MAX_NAMED) -> str:
    """Returns names for use in a message: the first few in quotes, and how many more there are."""
    return first_of([repr(shorten(name, _MAX_LENGTH)) for name in names], limit)


def _in_folder(folder: str) -> list[str]:
    names = [name for name in storage.list_folder(folder) if name[0] not in "._"]
    paths = [posixpath.join(folder, name) for name in names if _is_table(name)]
    paths = [path for path in paths if not storage.is_folder(path)]
    if not paths:
        # Beside CSV files, they describe the table.
        paths = [posixpath.join(folder, name) for name in names if name.lower().endswith(_JSON_IN_FOLDER)]
    paths = _without_descriptions(paths)
    if not paths:
        found = quoted(names) if names else "an empty folder"
        raise DataRefused(f"{folder}: expected files that end in {', '.join(SUFFIXES)}, found {found}.")
    return paths


def _is_table(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) or record_format(name) is not None


def table_files(paths: Iterable[str]) -> list[str]:
    """Returns the files among the paths that a pattern matches which may be part of a table, in the same order."""
    # Spark's _SUCCESS and editors' hidden files are not part of a table.
    files = [path for path in paths if posixpath.basename(path)[:1] not in ("_", ".")]
    return _without_descriptions([path for path in files if not storage.is_folder(path)])


def _without_descriptions(paths: list[str]) -> list[str]:
    """Returns the paths without README.txt, LICENSE and the like; all paths if there are no others."""
    return [path for path in paths if not _is_description(path)] or paths


def _is_description(path: str) -> bool:
    stem, suffix = posixpath.splitext(posixpath.basename(path).lower())
    return stem.startswith(_ABOUT) and suffix in _ABOUT_SUFFIXES


def _newest_spans(settings: DataConfig) -> tuple[int, list[str]]:
    by_span: dict[int, dict[str, list[str]]] = {}  # By number, and by how it is written.
    as_regex = _span_regex(settings.input)
    for path in storage.glob(settings.input.replace(SPAN, "*")):
        match = as_regex.fullmatch(path)
        if match and posixpath.basename(path)[:1] not in ("_", "."):
            number = int(match["span"].replace("-", ""))
            by_span.setdefault(number, {}).setdefault(match["span"], []).append(path)
    if not by_span:
        raise DataRefused(
            f"{settings.input}: expected paths with a number or a date (yyyy-mm-dd) in place of {SPAN}, found none."
        )
    for number, written in by_span.items():
        if len(written) > 1:
            first, second = (paths[0] for paths in list(written.values())[:2])
            raise DataRefused(
                f"{settings.input}: expected one path for the span {number}, found {first} and {second}. Merge "
                "them, or move one away."
            )
    newest = max(by_span) if settings.span == "latest" else settings.span
    if newest not in by_span:
        existing = quoted_numbers(sorted(by_span))
        raise DataRefused(
            f"{settings.input}: expected span {newest} (data.span), found the spans {existing}."
        )
    chosen = sorted(number for number in by_span if number <= newest)[-settings.last_spans :]
    return newest, [path for number in chosen for paths in by_span[number].values() for path in paths]


def quoted_numbers(numbers: list[int], limit: int = 10) -> str:
    """Returns numbers for use in a message; if there are many, only the last few."""
    text = ", ".join(str(number) for number in numbers[-limit:])
    return f"{len(numbers) - limit:,} older ones and {text}" if len(numbers) > limit else text


def _span_regex(pattern: str) -> re.Pattern[str]:
    r"""Returns the pattern as a regex: days/{SPAN}/*.csv becomes days/(?P<span>...)/[^/]*\.csv."""
    wildcards = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    regex, has_span = "", False
    for part in re.split(r"(\{SPAN\}|\*\*|\*|\?|\[[^\]]+\])", pattern):
        if part == SPAN:
            regex += "(?P=span)" if has_span else r"(?P<span>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]+)"
            has_span = True
        elif part.startswith("[") and part.endswith("]"):
            regex += "[^" + part[2:] if part.startswith("[!") else part
        else:
            regex += wildcards.get(part, re.escape(part))
    return re.compile(regex)
