"""The error for a file without rows."""

from components.common.errors import DataRefused


class NoRows(DataRefused):
    """A file has no rows; a table of several files skips it.

    Args:
        path: the file.
        message: the sentence for the owner of the data.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
