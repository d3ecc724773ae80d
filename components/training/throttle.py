"""Limits how often a training is interrupted by other work, such as writing checkpoints, and for how long."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import ParamSpec

MIN_INTERVAL_TO_DURATION = 10  # so the work takes at most a tenth of the time


_SECONDS_BETWEEN_LINES = 1.0

Arguments = ParamSpec("Arguments")


class Throttle:
    """Makes work due every few seconds, and less often if it takes long, as on an object store.

    Args:
        seconds: the minimum time between the end of the work and its next start.
        due_at_start: whether the work is due at once, and not only after `seconds`.
    """

    def __init__(self, seconds: float, *, due_at_start: bool = False) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + (0.0 if due_at_start else seconds)

    def due(self) -> bool:
        """Returns whether the work is due."""
        return time.monotonic() >= self._next

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Measures the duration of the work inside the context, and schedules the next time."""
        started = time.monotonic()
        yield
        ended = time.monotonic()
        self._next = ended + max(self._seconds, (MIN_INTERVAL_TO_DURATION - 1) * (ended - started))


def throttled(show: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Returns a function that calls `show`, which shows the progress, the first time and then once a second at most."""
    throttle = Throttle(_SECONDS_BETWEEN_LINES, due_at_start=True)

    def show_if_due(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        if throttle.due():
            with throttle.timed():
                show(*args, **kwargs)

    return show_if_due
