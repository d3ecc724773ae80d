"""The error for a file without rows, and how several files are opened without these."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from components.common.errors import DataRefused
from components.common.formatting import first_of

_MAX_NAMED = 3
Opened = TypeVar("Opened")


class NoRows(DataRefused):
    """A file has no rows; a table of several files skips it.

    Args:
        path: the file.
        message: the sentence for the owner of the data.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


def open_with_rows(paths: Iterable[str], opening: Callable[[str], Opened]) -> tuple[list[Opened], str]:
    """Opens the files of a table and skips those without rows.

    Args:
        paths: at least one.
        opening: opens one file, or raises NoRows.

    Returns:
        What `opening` returned, in order, and a sentence about the files that are skipped; '' if there are none.

    Raises:
        NoRows: no file has rows.
    """
    opened: list[Opened] = []
    empty: list[NoRows] = []
    for path in paths:
        try:
            opened.append(opening(path))
        except NoRows as error:
            empty.append(error)
    if not opened:
        raise empty[0]
    if not empty:
        return opened, ""
    return opened, f"Skipped, because without rows: {first_of([error.path for error in empty], _MAX_NAMED)}."
