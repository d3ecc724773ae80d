"""Ctrl-C, where it can do no harm."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def defer_sigint() -> Iterator[Callable[[], None]]:
    """Holds Ctrl-C back until the function that this gives is called, or until the context ends.

    Python raises KeyboardInterrupt wherever the main thread is. Where C++ of TensorFlow's has called Python, as when it
    makes a tensor of a list, TensorFlow goes on without what it asked for: one training in thirty that were interrupted
    ended in a segmentation fault.

    Outside the main thread, and where SIGINT is ignored or somebody else's, nothing changes.

    Raises:
        KeyboardInterrupt: from the function, or at the end.
    """
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: None
        return
    # Not a threading.Event: a second Ctrl-C while the first holds its lock would wait for itself.
    came: list[int] = []

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    check()
