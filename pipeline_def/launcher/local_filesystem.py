"""TFX reads and writes local files without TensorFlow, which it would otherwise load for the first of them.

TFX has a plugin for this and prefers TensorFlow's where there is one. The two differ in small things, in which this one
follows TensorFlow's: text is UTF-8 in any locale, line ends are left alone, `*` finds names with a leading dot, too.
And nothing is said of a file that is left to be closed by the garbage collector, as TFX leaves the schemas it reads.
Other paths, such as gs://, are TensorFlow's still.
"""

import glob
import io
from typing import Any

from tfx.dsl.io import filesystem
from tfx.dsl.io.filesystem_registry import DEFAULT_FILESYSTEM_REGISTRY
from tfx.dsl.io.plugins.local import LocalFilesystem

_BEFORE_TENSORFLOW = 0


class _File(io.FileIO):
    """Closed in silence when it is garbage; Python's own warns that it was not closed before."""

    def _dealloc_warn(self, source: Any) -> None:
        """Overrides what Python's buffers call of the file below them."""


class LocalFiles(LocalFilesystem):  # type: ignore[misc]
    """TFX's plugin for local files, where it differs from TensorFlow's."""

    @staticmethod
    def open(name: Any, mode: str = "r") -> Any:
        """A file object of Python's; text is UTF-8."""
        try:
            file = _File(name, mode.replace("b", "").replace("t", ""))
        except FileNotFoundError as error:
            raise filesystem.NotFoundError() from error
        buffer: Any
        if file.readable() and file.writable():
            buffer = io.BufferedRandom(file)
        else:
            buffer = io.BufferedReader(file) if file.readable() else io.BufferedWriter(file)
        return buffer if "b" in mode else io.TextIOWrapper(buffer, encoding="utf-8", newline="")

    @staticmethod
    def glob(pattern: Any) -> list[Any]:
        """The paths that match, in order."""
        return sorted(glob.glob(pattern, include_hidden=True))  # noqa: PTH207 (relative patterns stay so)


def prefer() -> None:
    """From now on TFX's `fileio` takes this for local paths."""
    DEFAULT_FILESYSTEM_REGISTRY.register(LocalFiles, priority=_BEFORE_TENSORFLOW)
