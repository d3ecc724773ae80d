"""Redirects the output of this process, including that of C++ libraries, to log files."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import TextIO

_STREAMS = (1, 2)


class OutputCapture:
    """Redirects file descriptors 1 and 2 to a log file, within the context. `terminal` is the former descriptor 2.

    It redirects descriptors, not sys.stdout and sys.stderr, because TensorFlow's libraries write to descriptors.

    Args:
        path: the log file, which is created or appended to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> "OutputCapture":
        self._flush()
        self._saved = [os.dup(stream) for stream in _STREAMS]
        self.terminal: TextIO = os.fdopen(
            os.dup(self._saved[1]),
            "w",
            buffering=1,
            encoding=sys.stderr.encoding,
            errors="backslashreplace",  # A column name that the terminal can't encode must not end the run.
        )
        self.switch(self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()
        for stream, saved in zip(_STREAMS, self._saved, strict=True):
            os.dup2(saved, stream)
            os.close(saved)
        self.terminal.close()

    def switch(self, path: Path) -> None:
        """Redirects the output to this file, which is created or appended to."""
        self._flush()
        self.path = path
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for stream in _STREAMS:
            os.dup2(log, stream)
        os.close(log)

    @staticmethod
    def _flush() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
