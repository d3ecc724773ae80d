"""Retries for both protocols: which errors are retried, when, and how often.

A prediction does not change the server, so every request can be repeated, also a POST that may have been received.
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
    """How long to wait for a response and how often to retry.

    Args:
        timeout: seconds for one attempt, > 0. A request that takes longer is not retried, because the server is still
            processing it.
        attempts: the maximum number of attempts, >= 1.
        first_wait: seconds before the second attempt; doubled before each further attempt.
        longest_wait: the longest wait in seconds; if the server asks for a longer wait, there is no retry.
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
        """Returns the seconds to wait after an attempt (counted from 1): at random between half and all of the wait.

        The randomness prevents clients that failed at the same time from retrying at the same time.
        """
        full = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        return full * random.uniform(0.5, 1)


class TransientError(Exception):
    """An attempt failed in a way that a retry may avoid.

    Args:
        reason: the code and the server's message.
        after: the seconds that the server asks to wait; None if it does not.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


def with_retries(attempt: Callable[[], T], retry_policy: RetryPolicy, target: str) -> T:
    """Returns the result of the first attempt that does not raise TransientError.

    Args:
        attempt: sends one request.
        retry_policy: when to retry.
        target: the endpoint and the model, for the message.

    Raises:
        ServerUnavailable: the last attempt raised TransientError, or the server asks for too long a wait.
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
            raise ServerUnavailable(f"{target}: no response after {tries}: {failed}{asked}") from failed
