"""Shows the progress of a long prediction: one redrawn line on a terminal, a line every few seconds elsewhere."""

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from components.common.formatting import duration
from pipeline_def.terminal.control_characters import unescaped

_FIRST_AFTER = 3.0  # seconds; a shorter prediction prints no progress
_EVERY = 10.0  # seconds between two lines if there is no terminal


class RowProgress:
    """Shows the rows done, the rows per second and the time left. Use it as a context manager.

    Args:
        stream: the text stream to write to; if it is a terminal, one line is redrawn.
        clock: returns seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._read = self._done = 0
        self._total: float | None = None
        self._live: Live | None = None
        self._is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> Self:
        self._began = self._clock()
        self._next = self._began + _FIRST_AFTER
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began

    def read(self, rows: int, share: float | None) -> None:
        """See serving.predict.add_probabilities.ProgressListener."""
        self._read += rows
        self._total = self._read / share if share else None

    def scored(self, rows: int) -> None:
        """See serving.predict.add_probabilities.ProgressListener."""
        self._done += rows
        if self._clock() < self._next:
            return
        if self._is_terminal:
            self._redraw()
        else:
            self._next = self._clock() + _EVERY
            self._stream.write(f"{self._line()}\n")
            self._stream.flush()

    def _redraw(self) -> None:
        if self._live is None:
            console = Console(file=unescaped(self._stream))
            self._live = Live(
                console=console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                get_renderable=lambda: Text(self._line(), no_wrap=True, overflow="ellipsis"),
            )
            self._live.start()

    def _line(self) -> str:
        rate = self._done / max(self.elapsed, 1e-9)
        text = f"{self._done:,} rows, {rate:,.0f} rows/s"
        if self._total is None:
            return text
        left = max(self._total - self._done, 0) / rate
        return f"{text}, {self._done / max(self._total, self._done):.0%}, about {duration(left)} left"
