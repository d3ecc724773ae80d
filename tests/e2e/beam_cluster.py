"""What Flink and Spark on this machine have in common: processes of Java, two of them with Python workers."""

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
# What the scripts of both open in Java 17, as packages of java.base.
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
    """A manager, two workers, and Beam's job server in front; what they say goes to a file for each in the folder."""

    release: ClassVar[str]  # of what .ci/beam_clusters installs
    outlives_its_workers: ClassVar[bool]  # whether a job waits, however long, until there is a worker again
    _opened: ClassVar[Sequence[str]]  # what its own scripts open beside _OPENED

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
        """Where `jars` and `job-server` are."""
        return INSTALLED / cls.release

    def start(self) -> None:
        """Returns when all is up."""
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
        """As a machine that is lost: the worker and all that it started, at once."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in list(self._processes):
            self.kill(name)
        shutil.rmtree(self._temp)

    def wait(self, done: Any, seconds: float = 300.0) -> None:
        """Until `done()`; a process that has ended meanwhile is an error."""
        end = time.monotonic() + seconds
        while not done():
            for name, process in self._processes.items():
                assert process.poll() is None, (self._folder / f"{name}.log").read_text()[-3_000:]
            assert time.monotonic() < end, f"nothing after {seconds:.0f} s"
            time.sleep(0.2)

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The keys under `beam`."""

    @abstractmethod
    def start_worker(self, name: str) -> None:
        """One of `WORKERS`."""

    @abstractmethod
    def is_whole(self) -> bool:
        """Whether the manager knows two workers."""

    @abstractmethod
    def jobs(self) -> list[str]:
        """The identifiers of all of them, the oldest first."""

    @abstractmethod
    def has_ended_well(self, job: str) -> bool:
        """Whether it has ended, and nothing of it failed for good."""

    @abstractmethod
    def busy(self, job: str) -> set[str]:
        """Who works or worked for a job."""

    @abstractmethod
    def failures(self, job: str) -> list[str]:
        """What went wrong in a job, also where that was made up for."""

    @abstractmethod
    def _start_manager(self) -> None: ...

    @abstractmethod
    def _is_up(self) -> bool: ...

    @abstractmethod
    def _start_job_server(self, *arguments: str) -> None: ...

    def _get(self, path: str) -> Any:
        """What the manager's REST interface says; None while it is not up."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._port['rest']}/{path}", timeout=30
            ) as answer:
                return json.load(answer)
        except OSError:
            return None

    def _launch(self, name: str, jars: Sequence[str], options: Sequence[str], *words: str) -> None:
        """Starts a class with its arguments, given the folders of jars and options for Java."""
        java = [
            "java",
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in (*_OPENED, *self._opened)),
            "-Xmx512m",
            "-XX:MaxDirectMemorySize=1g",
            f"-Dlog4j.configurationFile=file:{self._folder}/log4j.properties",
            *options,
        ]
        places = ":".join(f"{self.home()}/{folder}/*" for folder in jars)
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*java, "-cp", places, *words],
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
