"""The common part of Flink and Spark clusters on this machine: Java processes, two of them with Python workers."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

INSTALLED = Path(
    os.environ.get("REGPIPE_BEAM_CLUSTERS") or Path.home() / ".cache" / "regpipe" / "beam-2.62.0"
)
WORKERS = ("worker-0", "worker-1")
# The packages of java.base that the start scripts of both open in Java 17.
_OPENED = (
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
)
_LOG = """
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} %m%n
"""


class BeamCluster(ABC):
    """A manager, two workers, and Beam's job server. Each has a log file in the folder."""

    release: ClassVar[str]  # the folder that .ci/beam_clusters installs
    outlives_its_workers: ClassVar[bool]  # whether a job without workers waits until there is one again
    _opened: ClassVar[Sequence[str]]  # the packages that its scripts open besides _OPENED

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = {name: _free_port() for name in ("rpc", "rest", "job")}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.job_endpoint = f"localhost:{self._port['job']}"
        self._temp = folder / "temp"
        self._temp.mkdir()
        (folder / "log4j.properties").write_text(_LOG)

    @classmethod
    def home(cls) -> Path:
        """The folder with `jars` and `job-server`."""
        return INSTALLED / cls.release

    def start(self) -> None:
        """Starts all processes, and returns when they are ready."""
        self._start_manager()
        self.wait(self._is_up)
        for name in WORKERS:
            self.start_worker(name)
        self._start_job_server(
            "--job-host=localhost",
            f"--job-port={self._port['job']}",
            "--artifact-port=0",
            "--expansion-port=0",
            f"--artifacts-dir={self._folder}/artifacts",
        )
        self.wait(self.is_whole)
        self.wait(lambda: "now running" in (self._folder / "jobs.log").read_text())

    def kill(self, name: str) -> None:
        """Kills a worker and all its child processes at once, as if its machine was lost."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in list(self._processes):
            self.kill(name)
        shutil.rmtree(self._temp)

    def wait(self, done: Any, seconds: float = 300.0) -> None:
        """Waits until `done()` returns true; it is an error if a process of the cluster ends."""
        end = time.monotonic() + seconds
        while not done():
            for name, process in self._processes.items():
                assert process.poll() is None, (self._folder / f"{name}.log").read_text()[-3_000:]
            assert time.monotonic() < end, f"timed out after {seconds:.0f} s"
            time.sleep(0.2)

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The keys under `beam`."""

    @abstractmethod
    def start_worker(self, name: str) -> None:
        """Starts one of `WORKERS`."""

    @abstractmethod
    def is_whole(self) -> bool:
        """Returns whether the manager has two workers."""

    @abstractmethod
    def jobs(self) -> list[str]:
        """Returns the ids of all jobs, the oldest first."""

    @abstractmethod
    def has_succeeded(self, job: str) -> bool:
        """Returns whether a job has ended successfully, possibly after retries."""

    @abstractmethod
    def busy(self, job: str) -> set[str]:
        """Returns the workers that have run tasks of a job."""

    @abstractmethod
    def failures(self, job: str) -> list[str]:
        """Returns the failures in a job, including those of tasks that were retried successfully."""

    @abstractmethod
    def _start_manager(self) -> None: ...

    @abstractmethod
    def _is_up(self) -> bool: ...

    @abstractmethod
    def _start_job_server(self, *arguments: str) -> None: ...

    def _get(self, path: str) -> Any:
        """Returns a response of the manager's REST API; None if it is not ready."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._port['rest']}/{path}", timeout=30
            ) as response:
                return json.load(response)
        except OSError:
            return None

    def _launch(self, name: str, jars: Sequence[str], options: Sequence[str], *command: str) -> None:
        """Starts a Java class with its arguments, with folders of jars as its class path, and options for Java."""
        java = [
            "java",
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in (*_OPENED, *self._opened)),
            "-Xmx512m",
            "-XX:MaxDirectMemorySize=1g",
            f"-Dlog4j.configurationFile=file:{self._folder}/log4j.properties",
            *options,
        ]
        class_path = ":".join(f"{self.home()}/{folder}/*" for folder in jars)
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*java, "-cp", class_path, *command],
                env=os.environ | self._environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        return {}


@contextmanager
def running(kind: type[BeamCluster], folder: Path) -> Iterator[BeamCluster]:
    """Starts a cluster and stops it; its logs stay in the folder."""
    cluster = kind(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
