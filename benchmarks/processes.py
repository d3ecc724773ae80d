"""Runs a program in a new process and measures its time, its memory over time, and the machine's load before it."""

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
    """The resources of one process. `memory`: samples of (seconds since the epoch, MiB of process and children)."""

    seconds: float
    peak_mib: float
    load_before: float
    memory: list[tuple[float, float]]


def run_python(arguments: Sequence[str], folder: Path) -> tuple[str, Usage]:
    """Runs this Python with `arguments` from the project's folder; returns its output and its usage.

    PYTHONDONTWRITEBYTECODE is removed from its environment, because each process would compile its imports. TMPDIR is
    inside `folder`, because TFX does not remove the packages that it builds.

    Args:
        arguments: the arguments of Python.
        folder: for temporary files and the log.

    Raises:
        SystemExit: the process failed; the message has the end of its log.
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
    # The samples can miss a short peak. The kernel's value for the largest process of the tree cannot.
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
    """Sums the resident bytes of a process and its children, except children that have just started.

    Shared pages are counted once for each process. Between fork and exec a child still has all pages of its parent,
    which would double the sum.
    """
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            if process is parent or time.time() - process.create_time() > SAMPLE_SECONDS:
                total += process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0  # a process ended during the sample
    return total
