"""The progress of a long prediction; the test sets the clock."""

import io

from pipeline_def.terminal.prediction_progress import RowProgress


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_lines_are_printed() -> None:
    """No line in the first 3 s, then one every 10 s; the time left follows from the share that was read."""
    clock, stream = Clock(), io.StringIO()
    with RowProgress(stream, clock) as progress:
        progress.read(2_000, 0.1)  # 2,000 rows are a tenth of the input
        clock.now = 102.9
        progress.scored(1_000)
        assert stream.getvalue() == ""
        clock.now = 104.0
        progress.scored(1_000)
        assert stream.getvalue() == "2,000 rows, 500 rows/s, 10%, about 36.0 s left\n"
        clock.now = 113.9
        progress.scored(1)
        clock.now = 114.1
        progress.read(18_000, 1.0)
        progress.scored(17_999)
    assert stream.getvalue().splitlines()[1:] == ["20,000 rows, 1,418 rows/s, 100%, about 0.0 s left"]


def test_of_an_input_of_unknown_size_there_is_no_time_left() -> None:
    """As of standard input: the line has rows and rows per second only."""
    clock, stream = Clock(), io.StringIO()
    with RowProgress(stream, clock) as progress:
        progress.read(500, None)
        clock.now = 105.0
        progress.scored(500)
    assert stream.getvalue() == "500 rows, 100 rows/s\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_is_redrawn_and_removed_at_the_end() -> None:
    clock, stream = Clock(), Terminal()
    with RowProgress(stream, clock) as progress:
        progress.read(500, 0.5)
        progress.scored(250)
        assert stream.getvalue() == ""
        clock.now = 105.0
        progress.scored(250)
    text = stream.getvalue()
    assert "500 rows, 100 rows/s, 50%, about 5.0 s left" in text
    assert text.endswith("\x1b[2K")
