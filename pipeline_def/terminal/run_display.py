"""Shows the progress of a run: a live table on a terminal, plain lines elsewhere."""

import contextlib
import logging
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, TextIO

from rich.console import Console, ConsoleDimensions
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from components.common.formatting import duration
from pipeline_def.terminal.control_characters import escape_controls

Status = Literal["done", "cached", "failed", "skipped"]
_STYLES = {"waiting": "dim", "running": "cyan", "done": "green", "cached": "blue", "skipped": "dim"}
_SECONDS_WIDTH = len("12 min 05 s")
_KEPT_LINE = re.compile(r"(epoch|trial) \d")


class _StreamConsole(Console):
    """A console with the size of its stream's terminal. rich reads descriptors 0 to 2, which are redirected."""

    @property
    def size(self) -> ConsoleDimensions:
        try:
            columns, lines = os.get_terminal_size(self.file.fileno())
        except (OSError, ValueError):
            return super().size
        return ConsoleDimensions(columns or 80, lines or 25)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        raise AttributeError(f"expected the size of the terminal, got {new_size}")


@dataclass
class _Step:
    """The state of a step. `began` is time.monotonic() in seconds."""

    state: str = "waiting"
    began: float = 0.0
    seconds: float = 0.0
    text: str = ""


class RunDisplay:
    """Shows whether each step is waiting, running, done, cached, failed or skipped. Use it as a context manager.

    Writes only to `stream`; a terminal that is closed meanwhile does not end the run. Progress lines of epochs and
    trials stay on the screen above the live table; other progress lines are shown in the table, the latest of each
    step. Without a terminal, every line is printed.

    Args:
        step_names: the names of all steps, in order.
        stream: the text stream to write to, with a descriptor of its own.
        console: for tests: a console makes the table live.
    """

    def __init__(self, step_names: Sequence[str], stream: TextIO, console: Console | None = None) -> None:
        self._steps = {name: _Step() for name in step_names}
        self._width = max(map(len, step_names), default=0)
        self._stream = stream
        self._live: Live | None = None
        if console is None and stream.isatty() and os.environ.get("TERM") != "dumb":
            console = _StreamConsole(file=stream)
        if console is not None:
            # rich would otherwise replace sys.stdout and sys.stderr, which belong to the runner.
            self._live = Live(
                console=console,
                get_renderable=self._table,
                refresh_per_second=4,
                redirect_stdout=False,
                redirect_stderr=False,
            )
        self._spinner = Spinner("dots")

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, step in self._steps.items():
            if step.state == "running":  # interrupted, or failed outside the step
                step.state, step.seconds = "stopped", time.monotonic() - step.began
                self._print_plain(name, f"stopped after {duration(step.seconds)}")
        if self._live:
            with contextlib.suppress(OSError):
                self._live.stop()  # draws the last state and shows the cursor again

    @property
    def running(self) -> str | None:
        """The name of the step that is running, or None."""
        return next((name for name, step in self._steps.items() if step.state == "running"), None)

    def start(self, step: str) -> None:
        """Shows that the step is running."""
        self._steps[step] = _Step("running", time.monotonic())
        self._print_plain(step, "running")
        self._refresh()

    def progress(self, step: str, text: str) -> None:
        """Shows one line of progress of a running step, such as "epoch 3/50  loss 0.41  val_loss 0.45"."""
        text = escape_controls(text)
        self._steps[step].text = text
        self._print_plain(step, text)
        if self._live and _KEPT_LINE.match(text):
            self._print_above(f"{step:<{self._width}}  {text}")

    def finish(self, step: str, status: Status, seconds: float) -> None:
        """Shows that the step has ended after `seconds`."""
        self._steps[step] = _Step(status, seconds=seconds)
        self._print_plain(step, _end_text(status, seconds))
        self._refresh()

    def note(self, text: str) -> None:
        """Prints a line that stays on the screen, such as a warning."""
        text = escape_controls(text)
        if self._live:
            self._print_above(text)
        else:
            self._write_line(text)

    def _print_plain(self, step: str, text: str) -> None:
        if not self._live:
            self._write_line(f"{step:<{self._width}}  {text}")

    def _write_line(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(line + "\n")
            self._stream.flush()

    def _print_above(self, line: str) -> None:
        if self._live:
            with contextlib.suppress(OSError):
                self._live.console.print(Text(line), soft_wrap=True)

    def _refresh(self) -> None:
        if self._live:
            with contextlib.suppress(OSError):
                self._live.refresh()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False, expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True, min_width=self._width)
        table.add_column(no_wrap=True, min_width=_SECONDS_WIDTH, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for name, step in self._steps.items():
            style = _STYLES.get(step.state, "bold red")
            running = step.state == "running"
            seconds = time.monotonic() - step.began if running else step.seconds
            shown = "" if step.state in ("waiting", "skipped") else duration(seconds)
            label = "FAILED" if step.state == "failed" else step.state
            table.add_row(
                self._spinner if running else Text(_symbol(step.state), style),
                Text(name, "bold" if running else ""),
                Text(shown),
                Text.assemble(
                    (label, style), "  " if step.text else "", (step.text, "dim"), overflow="ellipsis"
                ),
            )
        return table


def _symbol(state: str) -> str:
    return {"waiting": " ", "skipped": "-", "done": "+", "cached": "="}.get(state, "!")


def _end_text(status: Status, seconds: float) -> str:
    if status == "skipped":
        return "skipped"
    if status == "cached":
        return f"cached, {duration(seconds)}"
    return f"done in {duration(seconds)}" if status == "done" else f"FAILED after {duration(seconds)}"


@contextlib.contextmanager
def progress_sent_to(handler: logging.Handler) -> Iterator[None]:
    """Adds the handler, within the context, to the logger on which the steps report their progress."""
    logger = logging.getLogger("regpipe.progress")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
