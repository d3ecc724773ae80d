"""Turns Ctrl-C (SIGINT), SIGTERM and SIGHUP into one exception, and keeps them from interrupting the clean-up."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A key that is pressed twice, or a terminal that sends two signals, means one interruption. A later signal raises
# again, because a library may have swallowed the first exception.
_SAME_INTERRUPTION = 5.0  # seconds


class Interrupted(KeyboardInterrupt):
    """One of these signals was received.

    Attributes:
        signal: which one.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = signal.Signals(number)


class RunInterrupted(Interrupted):
    """One of these signals was received while a run was in progress.

    Attributes:
        run_id: the id of the run.
    """

    def __init__(self, run_id: str, error: KeyboardInterrupt) -> None:
        super().__init__(error.signal if isinstance(error, Interrupted) else signal.SIGINT)
        self.run_id = run_id


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raises Interrupted at these signals, within the context. Signals that are ignored, as by nohup, stay ignored.

    Outside the main thread, which alone can set handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    last = time.monotonic() - 2 * _SAME_INTERRUPTION

    def interrupt(number: int, _: object) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before > _SAME_INTERRUPTION:
            raise Interrupted(number)

    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    handlers = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}
    for number in handlers:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def ignore_signals() -> None:
    """Ignores these signals until the end of `interruptible`, so that they don't interrupt the clean-up."""
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
