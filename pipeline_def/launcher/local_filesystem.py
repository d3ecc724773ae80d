"""A file system for TFX that reads and writes local files without importing TensorFlow.

TFX has such a plugin, but uses TensorFlow's if TensorFlow is installed. The two differ in details, in which the class
here follows TensorFlow's: text is UTF-8 in any locale, line ends are not translated, and `*` also matches names with a
leading dot. It does not warn about a file that the garbage collector closes, because TFX leaves schema files open.
TensorFlow's plugin still opens other paths, such as gs://.
"""

import glob
import io
from typing import Any

from tfx.dsl.io import filesystem
from tfx.dsl.io.filesystem_registry import DEFAULT_FILESYSTEM_REGISTRY
from tfx.dsl.io.plugins.local import LocalFilesystem

_BEFORE_TENSORFLOW = 0


class _File(io.FileIO):
    """A file without Python's ResourceWarning when the garbage collector closes it."""

    def _dealloc_warn(self, source: Any) -> None:
        """Overrides the hook by which Python's buffers issue the warning."""


class LocalFiles(LocalFilesystem):  # type: ignore[misc]
    """TFX's plugin for local files, with the details of TensorFlow's."""

    @staticmethod
    def open(name: Any, mode: str = "r") -> Any:
        """Returns a Python file object; text is UTF-8."""
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
        """Returns the matching paths, sorted."""
        return sorted(glob.glob(pattern, include_hidden=True))  # noqa: PTH207 (keeps relative patterns relative)


def register() -> None:
    """Makes TFX's `fileio` use this file system for local paths."""
    DEFAULT_FILESYSTEM_REGISTRY.register(LocalFiles, priority=_BEFORE_TENSORFLOW)
