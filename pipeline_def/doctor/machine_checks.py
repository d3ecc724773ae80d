"""Checks of this machine: Python, glibc, processor, memory, disk, TensorFlow and its GPUs, Docker, Java."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline_def.config.beam import BeamConfig
from pipeline_def.doctor.check_result import CheckResult, optional, unused

_PYTHON = (3, 11)
_GLIBC = (2, 34)  # the oldest one on which the pipeline was run
_GIB = 2**30
_MEMORY = 2.0  # GiB; a run of up to 10 million rows takes 1.6 (docs/benchmarks.md)
_DISK = 2.0  # GiB
_CPU_INFO = Path("/proc/cpuinfo")
_MEMORY_INFO = Path("/proc/meminfo")
_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
_TENSORFLOW_CODE = (
    "import json, tensorflow as tf; "
    "print(json.dumps([tf.__version__, [d.name for d in tf.config.list_physical_devices('GPU')]]))"
)
_START = 180.0  # seconds for the first import of TensorFlow on a slow disk
_SHORT = 15.0  # seconds


def python() -> CheckResult:
    """Checks the version of Python."""
    found = platform.python_version()
    if sys.version_info[:2] == _PYTHON:
        return CheckResult("ok", found)
    return CheckResult("problem", found, "install regpipe with Python 3.11; uv does it by itself")


def glibc() -> CheckResult:
    """Checks the version of the C library, on which the wheels of TFX's libraries depend."""
    name, version = platform.libc_ver()
    if name != "glibc":
        return CheckResult(
            "missing", name or "unknown", "use a Linux with glibc: the libraries of TFX have no other wheels"
        )
    if tuple(int(part) for part in version.split(".")[:2]) >= _GLIBC:
        return CheckResult("ok", version)
    return CheckResult("problem", version, "use a newer Linux; 2.34 is the oldest version that was tested")


def processor() -> CheckResult:
    """Checks for AVX: on x86 TensorFlow's wheels end with "Illegal instruction" without it."""
    count = f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}"
    if platform.machine() != "x86_64":
        return CheckResult("ok", count)
    try:
        has_avx = " avx " in _CPU_INFO.read_text()
    except OSError:
        return optional(
            CheckResult("problem", f"{count}; {_CPU_INFO} can't be read", "nothing, if runs work")
        )
    if has_avx:
        return CheckResult("ok", f"{count} with AVX")
    return CheckResult(
        "missing", f"{count} without AVX", "use a processor, or a virtual machine's CPU type, with AVX"
    )


def memory() -> CheckResult:
    """Checks the free memory, within the limit of a container."""
    try:
        lines = dict(line.split(":", 1) for line in _MEMORY_INFO.read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024 / _GIB
    except (OSError, LookupError, ValueError):
        return optional(CheckResult("problem", f"{_MEMORY_INFO} can't be read", "nothing, if runs work"))
    limit = _MEMORY_LIMIT.read_text().strip() if _MEMORY_LIMIT.exists() else "max"
    if limit.isdecimal():
        free = min(free, int(limit) / _GIB)
    if free >= _MEMORY:
        return CheckResult("ok", f"{free:.1f} GiB free")
    return CheckResult("problem", f"{free:.1f} GiB free", f"free memory: a run takes up to {_MEMORY:g} GiB")


def disk(root: Path) -> CheckResult:
    """Checks the free space where the runs are stored."""
    existing = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free / _GIB
    if free >= _DISK:
        return CheckResult("ok", f"{free:.1f} GiB free")
    return CheckResult(
        "problem", f"{free:.1f} GiB free", "free space; `regpipe clean` shows what no later run needs"
    )


def tensorflow() -> CheckResult:
    """Starts TensorFlow in a process of its own, and asks it for its GPUs."""
    code, output = _output([sys.executable, "-c", _TENSORFLOW_CODE], _START)
    if code != 0:
        return CheckResult("problem", _last_line(output), "reinstall the dependencies: `uv sync`")
    version, gpus = json.loads(output.strip().splitlines()[-1])
    if gpus:
        return CheckResult("ok", f"{version}, {len(gpus)} GPU" + "s" * (len(gpus) > 1))
    found = f"{version}, no GPU"
    if shutil.which("nvidia-smi") is None:
        return CheckResult("ok", found)
    return optional(
        CheckResult(
            "problem", f"{found}, although there is nvidia-smi", "install regpipe[gpu]; see docs/scale.md"
        )
    )


def docker(beam: BeamConfig) -> CheckResult:
    """Checks the client and the engine; only Beam's workers in containers need them for a run."""
    required = beam.environment == "docker"
    found = _docker()
    return found if required else unused(found, "`regpipe serve --docker` and to build the image")


def _docker() -> CheckResult:
    if shutil.which("docker") is None:
        return CheckResult("missing", "no client", "install Docker")
    code, output = _output(["docker", "version", "--format", "{{.Server.Version}}"], _SHORT)
    if code == 0:
        return CheckResult("ok", _last_line(output))
    return CheckResult("problem", _last_line(output), "start the engine, or add yourself to the group docker")


def java(beam: BeamConfig) -> CheckResult:
    """Checks for Java, which the job server of Flink and Spark needs."""
    required = beam.runner in ("flink", "spark") and beam.job_endpoint is None
    code, output = _output(["java", "-version"], _SHORT)
    if code == 0:
        found = CheckResult("ok", output.strip().splitlines()[0])
    else:
        found = CheckResult("missing", "no Java", "install a Java runtime (17), or set beam.job_endpoint")
    return found if required else unused(found, "Beam on Flink or Spark")


def _output(command: Sequence[str], seconds: float) -> tuple[int, str]:
    """Returns the exit code of a command and its output; -1 and the reason if it did not start or end."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return -1, f"no answer within {seconds:g} s"
    except OSError as error:
        return -1, str(error.strerror)
    return done.returncode, done.stdout


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or ["no output"])[-1][:200]
