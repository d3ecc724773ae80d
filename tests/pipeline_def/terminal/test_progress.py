"""What a long prediction says of how far it has got; the clock is a list."""

import io

from pipeline_def.terminal.progress import RowProgress


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_lines_where_there_is_no_terminal() -> None:
    """Nothing in the first 3 s; then a line, and the next after 10 s, with what is left by the share that was read."""
    clock, stream = Clock(), io.StringIO()
    with RowProgress(stream, clock) as progress:
        progress.read(2_000, 0.1)  # so there are 20,000
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


def test_without_a_known_end() -> None:
    """Standard input: rows and rows a second."""
    clock, stream = Clock(), io.StringIO()
    with RowProgress(stream, clock) as progress:
        progress.read(500, None)
        clock.now = 105.0
        progress.scored(500)
    assert stream.getvalue() == "500 rows, 100 rows/s\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_is_redrawn_and_goes_away() -> None:
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
