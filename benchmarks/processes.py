"""Runs a program as a new process, and watches what it takes: seconds, memory over time, the machine's load before."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[1]
SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class Usage:
    """What one process took. `memory`: (seconds since the epoch, MiB of the process and its children) over time."""

    seconds: float
    peak_mib: float
    load_before: float
    memory: list[tuple[float, float]]


def run_python(arguments: Sequence[str], folder: Path) -> tuple[str, Usage]:
    """Runs this Python with `arguments` from the project's folder; returns what it printed and what it took.

    PYTHONDONTWRITEBYTECODE is taken out of its environment: with it each process compiles its imports. TMPDIR leads
    into `folder`: TFX leaves the packages it builds behind.

    Args:
        arguments: of Python.
        folder: for temporary files and the log.

    Raises:
        SystemExit: it failed; shows the end of the log.
    """
    scratch = folder / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "TMPDIR": str(scratch),
        "PYTHONPATH": str(PROJECT),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    output, log = folder / "stdout", folder / "stderr"
    load = os.getloadavg()[0]
    with output.open("wb") as stdout, log.open("wb") as stderr:
        command = [sys.executable, *arguments]
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=stdout, stderr=stderr)
        memory, largest, code = _wait_and_watch(process)
        seconds = time.perf_counter() - start
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise SystemExit(
            f"{' '.join(arguments[:3])} ended with exit code {code}; the end of its log:\n{tail}"
        )
    # The samples can miss a short peak; what the kernel noted for the largest process of the tree can not.
    peak = max(largest, *(mib for _, mib in memory))
    return output.read_text(errors="replace"), Usage(seconds, peak, load, memory)


def _wait_and_watch(process: subprocess.Popen[bytes]) -> tuple[list[tuple[float, float]], float, int]:
    """Waits for the process; returns its memory over time, its largest process's peak in MiB, and its exit code."""
    samples = [(time.time(), 0.0)]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            samples.append((time.time(), _tree_memory(process.pid) / 2**20))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    ended.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    return samples, usage.ru_maxrss / 2**10, process.returncode


def _tree_memory(pid: int) -> int:
    """Sums the resident bytes of a process and its children, but for those just born.

    Pages that processes share are counted for each. Between fork and exec a child shows all of its parent's pages, and
    the sum would be twice the truth.
    """
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            if process is parent or time.time() - process.create_time() > SAMPLE_SECONDS:
                total += process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0  # one ended while it was looked at: the next sample counts again
    return total
