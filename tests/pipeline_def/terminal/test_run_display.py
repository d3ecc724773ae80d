"""The display writes to its own stream only: plain lines, or a live table that restores the terminal."""

import fcntl
import io
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator

import pytest
from rich.console import Console

from pipeline_def.terminal.run_display import RunDisplay

EPOCH = "epoch 3/50 loss 0.41 accuracy 0.83 val_loss 0.45 val_accuracy 0.80"
TRIAL = "trial 3 of 10: l1 0.001, validation log loss 0.4112; best so far 0.4035 (trial 2)"
STEPS = ("ExampleGen", "StatisticsGen", "Trainer", "Pusher")
SHOW_CURSOR = "\x1b[?25h"
HIDE_CURSOR = "\x1b[?25l"


def show_a_run(display: RunDisplay) -> None:
    with display:
        display.note("Starting")
        display.start("ExampleGen")
        display.progress("ExampleGen", "20,000 rows")
        display.finish("ExampleGen", "done", 1.23)
        display.start("StatisticsGen")
        display.finish("StatisticsGen", "cached", 0.04)
        display.start("Trainer")
        display.progress("Trainer", EPOCH)
        display.progress("Trainer", TRIAL)
        display.finish("Trainer", "failed", 123.4)
        display.finish("Pusher", "skipped", 0.0)


def interrupt_a_run(display: RunDisplay) -> None:
    def run() -> None:
        with display:
            display.start("Trainer")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()


@pytest.fixture(autouse=True)
def _nothing_on_the_standard_streams(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    assert capfd.readouterr() == ("", "")


class Flushed(io.StringIO):
    """Keeps in `seen` only what was flushed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = ""

    def flush(self) -> None:
        self.seen = self.getvalue()


def test_plain_lines() -> None:
    stream = Flushed()
    show_a_run(RunDisplay(STEPS, stream))
    assert stream.seen.splitlines() == [
        "Starting",
        "ExampleGen     running",
        "ExampleGen     20,000 rows",
        "ExampleGen     done in 1.2 s",
        "StatisticsGen  running",
        "StatisticsGen  cached, 0.0 s",
        "Trainer        running",
        f"Trainer        {EPOCH}",
        f"Trainer        {TRIAL}",
        "Trainer        FAILED after 2 min 03 s",
        "Pusher         skipped",
    ]


def test_plain_lines_of_an_interrupted_run() -> None:
    stream = io.StringIO()
    interrupt_a_run(RunDisplay(STEPS, stream))
    assert re.fullmatch(r"Trainer        running\nTrainer        stopped after \d\.\d s\n", stream.getvalue())


def test_running_is_the_name_of_the_running_step() -> None:
    display = RunDisplay(STEPS, io.StringIO())
    assert display.running is None
    display.start("Trainer")
    assert display.running == "Trainer"
    display.finish("Trainer", "done", 1)
    assert display.running is None


def live(stream: io.StringIO, width: int = 80) -> RunDisplay:
    console = Console(file=stream, force_terminal=True, width=width, height=40, color_system=None)
    return RunDisplay(STEPS, stream, console)


def last_frame(stream: io.StringIO) -> list[str]:
    """Returns the lines of the table as it was last drawn."""
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "\x00", stream.getvalue()).rsplit("\x00", 1)[0]
    return [line.rpartition("\x00")[2].rstrip() for line in text.splitlines()[-len(STEPS) :]]


def test_live_table_ends_with_the_state_of_every_step() -> None:
    stream = io.StringIO()
    show_a_run(live(stream))
    assert last_frame(stream) == [
        "+  ExampleGen           1.2 s  done",
        "=  StatisticsGen        0.0 s  cached",
        "!  Trainer         2 min 03 s  FAILED",
        "-  Pusher                      skipped",
    ]
    assert stream.getvalue().endswith(SHOW_CURSOR)


def test_live_keeps_epochs_trials_and_notes_on_the_screen_and_other_progress_in_the_table() -> None:
    stream = io.StringIO()
    show_a_run(live(stream, width=100))
    lines = [
        re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", line).rstrip() for line in stream.getvalue().splitlines()
    ]
    assert f"Trainer        {EPOCH}" in lines
    assert f"Trainer        {TRIAL}" in lines
    assert "Starting" in lines
    assert "ExampleGen     20,000 rows" not in lines


def test_live_rows_never_wrap() -> None:
    stream = io.StringIO()
    display = live(io.StringIO())
    display.start("Trainer")
    display.progress("Trainer", EPOCH)
    Console(file=stream, width=60).print(display._table())
    lines = stream.getvalue().splitlines()
    assert len(lines) == len(STEPS)
    assert max(map(len, lines)) <= 60
    assert "running  epoch 3/50" in lines[2]
    assert lines[2].rstrip().endswith("…")


def test_ctrl_c_shows_the_cursor_again_and_marks_the_step() -> None:
    stream = io.StringIO()
    interrupt_a_run(live(stream))
    assert HIDE_CURSOR in stream.getvalue()
    assert stream.getvalue().endswith(SHOW_CURSOR)
    assert re.search(r"!  Trainer +\d\.\d s  stopped", last_frame(stream)[2])


def test_text_is_not_parsed_as_markup() -> None:
    stream = io.StringIO()
    with live(stream) as display:
        display.note("[red]x[/red]")
    assert "[red]x[/red]" in stream.getvalue()


def test_size_and_live_table_depend_on_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptors 0 to 2 can be files: the terminal of the stream decides."""
    monkeypatch.setenv("TERM", "xterm")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 67, 0, 0))
    with os.fdopen(slave, "w") as stream:
        display = RunDisplay(STEPS, stream)
        assert display._live is not None
        assert display._live.console.size == (67, 30)
        monkeypatch.setenv("TERM", "dumb")
        assert RunDisplay(STEPS, stream)._live is None
    os.close(master)
