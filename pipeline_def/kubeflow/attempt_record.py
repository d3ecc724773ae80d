"""The attempts at one step of a run, in a file below the shared root.

The file outlives the pod of the step. So a new pod, which Kubeflow starts after a pod was lost, continues the count.
"""

import dataclasses
import json
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from components.common import storage


@dataclass(frozen=True)
class Attempt:
    """One attempt at a step.

    Attributes:
        started: when it started, in seconds since 1970.
        exit_code: its exit code, which is 128 + the number of the signal that killed it; None: it did not end, because
            its pod was lost, or because it is still running.
    """

    started: float
    exit_code: int | None = None


@dataclass(frozen=True)
class AttemptRecord:
    """All attempts at a step, the first one first; `final` means that no further one may be started for them."""

    attempts: tuple[Attempt, ...] = ()
    final: bool = False

    def start(self, now: float) -> "AttemptRecord":
        """Returns the record with a further attempt, which has just started."""
        return AttemptRecord((*self.attempts, Attempt(now)))

    def end(self, exit_code: int, *, final: bool) -> "AttemptRecord":
        """Returns the record with the end of the last attempt."""
        *earlier, last = self.attempts
        return AttemptRecord((*earlier, dataclasses.replace(last, exit_code=exit_code)), final)


def path_of(root: str, run_id: str, step: str) -> str:
    """Returns the path of the record of a step."""
    return f"{root}/runs/{run_id}/attempts/{step}.json"


def read(path: str) -> AttemptRecord:
    """Returns the record in a file; an empty one if there is no file, or if its content is damaged."""
    try:
        found = json.loads(_on_storage(path, storage.read, path))
        attempts = tuple(Attempt(**attempt) for attempt in found["attempts"])
        return AttemptRecord(attempts, bool(found["final"]))
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return AttemptRecord()


def write(path: str, record: AttemptRecord) -> None:
    """Writes a record to a file.

    Raises:
        OSError: the file can't be written.
    """
    _on_storage(path, storage.write, path, json.dumps(dataclasses.asdict(record)).encode())


def _on_storage(path: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of `storage`. For a path on gs:// it is called in a process that ends at once.

    That process imports TensorFlow, whose memory would otherwise be taken from the step for as long as the step runs.
    """
    if not storage.is_remote(path):
        return function(*arguments)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)
