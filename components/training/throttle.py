"""When it is time again for what is done beside a training, such as writing down how far it is."""

import contextlib
import time
from collections.abc import Iterator

MIN_INTERVAL_TO_DURATION = 10  # what is done takes at most one part in so many of the time


class Throttle:
    """Every so many seconds; less often where each time takes long, as on an object store, so that training goes on.

    Args:
        seconds: from the end of one time to the next, at least.
        due_at_start: whether the first is due from the start, and not only after those seconds.
    """

    def __init__(self, seconds: float, *, due_at_start: bool = False) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + (0.0 if due_at_start else seconds)

    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._next

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Around what is done."""
        started = time.monotonic()
        yield
        ended = time.monotonic()
        self._next = ended + max(self._seconds, (MIN_INTERVAL_TO_DURATION - 1) * (ended - started))
