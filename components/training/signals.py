"""Defers Ctrl-C (SIGINT) and the signals that end a process to points where an interruption is safe."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def defer_signals() -> Iterator[Callable[[], None]]:
    """Defers what the handlers of these signals do until the yielded function is called, or until the context ends.

    Python raises KeyboardInterrupt at any point of the main thread. If TensorFlow's C++ code has called Python at that
    point (for example to convert a list to a tensor), TensorFlow continues without the result: one of thirty
    interrupted trainings ended in a segmentation fault.

    Outside the main thread, and for signals that Python does not handle, nothing changes.

    Raises:
        KeyboardInterrupt: or whatever else a handler raises, from the yielded function, or at the end of the context.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
    for each in _SIGNALS:
        handler = signal.getsignal(each)
        if callable(handler):  # signal.SIG_DFL and signal.SIG_IGN are not
            handlers[each] = handler
    # Not a threading.Event: a second Ctrl-C while the handler holds the lock of the Event would be a deadlock.
    received: list[tuple[int, FrameType | None]] = []

    def check() -> None:
        if received:
            number, frame = received[0]
            handlers[number](number, frame)

    for number in handlers:
        signal.signal(number, lambda number, frame: received.append((number, frame)))
    try:
        yield check
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    check()
