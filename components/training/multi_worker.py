"""Trains a network in several processes, the workers, under TensorFlow's MultiWorkerMirroredStrategy.

The process of the training only starts the workers and watches them: TensorFlow can configure a cluster only before its
first operation, and this process has read the data. A worker that ends early ends all of them, because the others
would wait for it in the next step; the next run resumes from the last checkpoint.
"""

import contextlib
import json
import logging
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from components.common.errors import TrainingDiverged, WorkerLost
from components.training.dataset import Dataset
from components.training.history import EpochMetrics
from components.training.network import Array
from components.training.signals import defer_signals
from components.training.worker_files import Assignment, read_divergence, read_result, write_splits

progress = logging.getLogger("regpipe.progress")
_POLL_SECONDS = 0.1
_LOG_LINES = 15
# A worker imports from where this process does, which may be more than PYTHONPATH.
_WORKER = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from components.training.worker import main; main()"


def train_on_workers(
    workers: int, assignment: Assignment, train: Dataset, validation: Dataset
) -> tuple[list[EpochMetrics], list[Array], list[Array]]:
    """Trains in new processes on this machine; returns the history, the weights, and those of the best epoch.

    Args:
        workers: the number of processes, at least 2.
        assignment: what they do.
        train: the training split, as the objective reads it.
        validation: the validation split, likewise.

    Raises:
        TrainingDiverged: as `components.training.loop.run_training_loop`.
        WorkerLost: a worker ended early; the message has the end of its log.
        OSError: the rows can't be written to the folder for temporary files.
        KeyboardInterrupt: the workers are ended, too.
    """
    with tempfile.TemporaryDirectory(prefix="regpipe-workers-") as name, defer_signals() as check_interrupt:
        folder = Path(name)
        assignment.write(folder)
        write_splits(folder, train, validation)
        progress.info("trains with %d workers", workers)
        with _started(folder, workers) as processes:
            _wait(processes, folder, check_interrupt)
        diverged = read_divergence(folder)
        if diverged:
            raise TrainingDiverged(diverged)
        return read_result(folder)


@contextlib.contextmanager
def _started(folder: Path, workers: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Starts the workers; at the end of the block none of them is running."""
    addresses = [f"localhost:{port}" for port in _free_ports(workers)]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for index in range(workers):
            with (folder / f"worker-{index}.log").open("wb") as log:
                process = subprocess.Popen(
                    [
                        sys.executable,
                        "-c",
                        _WORKER,
                        json.dumps(sys.path),
                        str(folder),
                        str(index),
                        *addresses,
                    ],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE if index == 0 else log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C reaches this process only, which then ends them
                )
            processes.append(process)
        assert processes[0].stdout is not None
        reader = threading.Thread(target=_show, args=(processes[0].stdout,), daemon=True)
        reader.start()
        yield processes
        reader.join()
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()


def _wait(
    processes: Sequence[subprocess.Popen[bytes]], folder: Path, check_interrupt: Callable[[], None]
) -> None:
    """Waits until all workers have ended well.

    Raises:
        WorkerLost: one has not.
    """
    while True:
        check_interrupt()
        codes = [process.poll() for process in processes]
        for index, code in enumerate(codes):
            if code:
                raise WorkerLost(_lost_message(index, len(codes), code, folder))
        if all(code == 0 for code in codes):
            return
        time.sleep(_POLL_SECONDS)


def _lost_message(index: int, workers: int, code: int, folder: Path) -> str:
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    log = (folder / f"worker-{index}.log").read_text(errors="replace").splitlines()
    end = "\n".join(log[-_LOG_LINES:])
    return (
        f"worker {index + 1} of {workers} ended with {how}; expected it to train to the end. The next run resumes from "
        f"the last checkpoint. The end of its log:\n{end}"
    )


def _show(stream: IO[bytes]) -> None:
    for line in stream:
        progress.info("%s", line.decode(errors="replace").rstrip("\n"))


def _free_ports(count: int) -> list[int]:
    """Returns ports that no process of this machine listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]
