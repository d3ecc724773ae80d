"""Trying again, for both protocols: what may be tried again, when, and how often.

A prediction changes nothing on the server, so a request that may have been received can be sent a second time, a POST
as well as a GET.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from serving.client.exceptions import ServerUnavailable

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long to wait for an answer, and how often to ask for it.

    Args:
        timeout: seconds for one attempt, > 0. What takes longer is not asked again: the server is at work on it.
        attempts: at most so many, >= 1.
        first_wait: seconds before the second attempt; twice as many before each further one.
        longest_wait: no wait is longer, in seconds; a server that asks for a longer one is not asked again.
    """

    timeout: float = 10.0
    attempts: int = 5
    first_wait: float = 0.2
    longest_wait: float = 20.0

    def __post_init__(self) -> None:
        if not self.timeout > 0:
            raise ValueError(f"timeout must be > 0, got {self.timeout!r}.")
        if not self.attempts >= 1:
            raise ValueError(f"attempts must be >= 1, got {self.attempts!r}.")

    def wait(self, attempt: int) -> float:
        """Seconds after the attempt of this number, from 1 on: a random part, at least half, of the full wait.

        The chance keeps clients that failed together from coming back together.
        """
        full = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        return full * random.uniform(0.5, 1)


class TransientError(Exception):
    """An attempt failed in a way that may pass.

    Args:
        reason: the code and the server's words.
        after: seconds that the server asks to wait, if it does.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


def with_retries(attempt: Callable[[], T], retry_policy: RetryPolicy, target: str) -> T:
    """The result of the first attempt that raises no TryAgain.

    Args:
        attempt: asks once.
        patience: when to ask again.
        target: the endpoint and the model, for the message.

    Raises:
        Unavailable: the last attempt raised TryAgain, too, or the server asks for too long a wait.
    """
    number = 0
    while True:
        number += 1
        try:
            return attempt()
        except TransientError as failed:
            wait = max(failed.after or 0.0, retry_policy.wait(number))
            if number < retry_policy.attempts and wait <= retry_policy.longest_wait:
                time.sleep(wait)
                continue
            tries = "1 attempt" if number == 1 else f"{number} attempts"
            asked = f" (the server asks to wait {failed.after:g} s)" if failed.after else ""
            raise ServerUnavailable(f"{target}: no answer after {tries}: {failed}{asked}") from failed
