"""Defers Ctrl-C (SIGINT) to points where an interruption is safe."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def defer_sigint() -> Iterator[Callable[[], None]]:
    """Defers KeyboardInterrupt until the yielded function is called, or until the context ends.

    Python raises KeyboardInterrupt at any point of the main thread. If TensorFlow's C++ code has called Python at that
    point (for example to convert a list to a tensor), TensorFlow continues without the result: one of thirty
    interrupted trainings ended in a segmentation fault.

    Outside the main thread, and if SIGINT is ignored or has another handler, nothing changes.

    Raises:
        KeyboardInterrupt: from the yielded function, or at the end of the context.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: None
        return
    # Not a threading.Event: a second Ctrl-C while the handler holds the lock of the Event would be a deadlock.
    received: list[int] = []

    def check() -> None:
        if received:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    check()
