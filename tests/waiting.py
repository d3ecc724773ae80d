"""Waits for something that happens in another thread or process."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Returns as soon as the condition holds.

    Raises:
        TimeoutError: the condition did not hold within that many seconds.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s.")
        time.sleep(0.01)
