"""Signals that end a command: exit code, message, and a clean-up that no signal interrupts."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_def.cli.main import main
from pipeline_def.local import runner as local_runner
from pipeline_def.local.interruption import Interrupted, ignore_signals, interruptible


@pytest.mark.parametrize(
    ("number", "code", "how"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 129, "ended by SIGHUP"),
    ],
)
def test_the_exit_code_is_128_plus_the_signal(
    number: signal.Signals,
    code: int,
    how: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The message is one line, and the handlers are those from before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local_runner, "run", lambda *_: signal.raise_signal(number))
    before = signal.signal(number, signal.default_int_handler)
    try:
        assert main(["run"]) == code
        assert capsys.readouterr().err == (
            f"regpipe: {how}; the next run takes finished steps from the cache\n"
        )
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def raised(send: Callable[[], None]) -> bool:
    try:
        send()
    except Interrupted:
        return True
    return False


def test_a_second_signal_soon_after_the_first_is_the_same_interruption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A later one raises again, because a library may have swallowed the first exception."""
    now = time.monotonic()
    monkeypatch.setattr("pipeline_def.local.interruption.time.monotonic", lambda: now)
    with interruptible():
        assert raised(lambda: signal.raise_signal(signal.SIGTERM))
        now += 4
        assert not raised(lambda: signal.raise_signal(signal.SIGHUP))
        now += 6
        assert raised(lambda: signal.raise_signal(signal.SIGTERM))


def test_no_signal_interrupts_the_clean_up() -> None:
    """Until the end of the context, which sets the handlers from before."""
    before = signal.getsignal(signal.SIGTERM)
    with interruptible():
        ignore_signals()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            assert not raised(lambda number=number: signal.raise_signal(number))  # type: ignore[misc]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As SIGHUP is by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            assert not raised(lambda: signal.raise_signal(signal.SIGHUP))
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
