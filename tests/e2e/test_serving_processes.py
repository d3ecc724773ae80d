"""The contract server as a process, as TF Serving's binary runs: signals, restarts, and load during new versions."""

import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from serving.client.connect import connect
from serving.client.exceptions import ServerUnavailable
from serving.client.predictor import Client
from serving.client.retries import RetryPolicy
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
ONE = {"a": np.zeros(1, np.float32), "b": np.zeros(1, np.float32)}
RETRY_POLICY = RetryPolicy(attempts=100, first_wait=0.2, longest_wait=2)  # for a start on a busy machine
VERSIONS = 8
SECONDS = 300.0  # the limit of each wait, for a busy machine


class Process:
    """`python -m tests.standins.tf_serving.contract_server`, ready when it has printed its ports.

    Args:
        base_path: the folder of the versions.
        ports: the ports of gRPC and REST; 0 selects a free one.
    """

    def __init__(self, base_path: Path, ports: Sequence[int] = (0, 0)) -> None:
        flags = {
            "model_base_path": base_path,
            "model_name": "regpipe",
            "port": ports[0],
            "rest_api_port": ports[1],
        }
        flags |= {"file_system_poll_wait_seconds": 0.2, "max_num_load_retries": 0}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.standins.tf_serving.contract_server",
                *(f"--{n}={v}" for n, v in flags.items()),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        self.ports = [int(port) for port in re.findall(r"=(\d+)", self.first_line)]

    def end(self, number: int) -> int:
        """Sends a signal, and returns the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Waits for the process, and returns its exit code."""
        self.process.communicate(timeout=60)
        return self.process.returncode


Start = Callable[..., Process]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Models numbered from 1 whose prediction is their number divided by ten; written in a process with TensorFlow."""
    folder = tmp_path_factory.mktemp("constants")
    code = (
        "import pathlib, sys; from tests.serving.models import write_model\n"
        f"for n in range(1, {VERSIONS + 1}): write_model(pathlib.Path(sys.argv[1], str(n)), n / 10)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True, cwd=ROOT)
    return [folder / str(n) for n in range(1, VERSIONS + 1)]


@pytest.fixture
def base_path(models: list[Path], tmp_path: Path) -> Path:
    """A folder with version 1."""
    shutil.copytree(models[0], tmp_path / "models" / "1")
    return tmp_path / "models"


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Process, which is killed at the end of the test."""
    started: list[Process] = []

    def run(base_path: Path, ports: Sequence[int] = (0, 0)) -> Process:
        started.append(Process(base_path, ports))
        return started[-1]

    yield run
    for process in started:
        process.end(signal.SIGKILL)


def clients(process: Process) -> list[Client]:
    grpc, rest = process.ports
    return [
        connect(f"127.0.0.1:{grpc}", retry_policy=RETRY_POLICY),
        connect(f"http://127.0.0.1:{rest}", retry_policy=RETRY_POLICY),
    ]


def test_a_broken_model_at_the_start(base_path: Path, start: Start) -> None:
    """The process prints the reason, and exits with 255."""
    (base_path / "2").mkdir()
    process = start(base_path)
    assert process.first_line.startswith(
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: "
    )
    assert process.wait() == 255


def test_a_server_that_is_killed_and_restarted(base_path: Path, start: Start) -> None:
    """Over both protocols, the clients wait for it as long as their retry policy allows."""
    process = start(base_path)
    connected = clients(process)
    assert [client.predict(ONE).item() for client in connected] == [np.float32(0.1)] * 2
    process.end(signal.SIGKILL)
    for endpoint in (f"127.0.0.1:{process.ports[0]}", f"http://127.0.0.1:{process.ports[1]}"):
        with pytest.raises(ServerUnavailable, match="no response after 2 attempts"):
            connect(endpoint, retry_policy=RetryPolicy(attempts=2)).predict(ONE)
    answers: dict[int, float] = {}
    threads = [
        threading.Thread(target=lambda n=n, c=c: answers.update({n: c.predict(ONE).item()}))
        for n, c in enumerate(connected)
    ]
    for thread in threads:
        thread.start()
    process = start(base_path, process.ports)
    for thread in threads:
        thread.join()
    assert answers == dict.fromkeys((0, 1), np.float32(0.1).item())
    assert process.end(signal.SIGTERM) == 0


def is_available(client: Client, version: int) -> bool:
    newest = client.status()[0]
    return (newest.version, newest.state) == (version, "AVAILABLE")


def test_versions_change_under_load(base_path: Path, models: list[Path], start: Start) -> None:
    """Eight threads, eight versions, both protocols: no errors without retries, no prediction of an older version."""
    process = start(base_path)
    stop = threading.Event()
    answers: list[list[float]] = [[] for _ in range(8)]
    endpoints = [f"127.0.0.1:{process.ports[0]}", f"http://127.0.0.1:{process.ports[1]}"]

    def predict(number: int) -> None:
        client = connect(endpoints[number % 2], retry_policy=RetryPolicy(attempts=1))
        while not stop.is_set():
            answers[number].append(round(client.predict(ONE).item(), 3))

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    watching = clients(process)[0]
    for number, model in enumerate(models[1:], start=2):
        shutil.copytree(model, base_path / "incoming")
        (base_path / "incoming").rename(base_path / str(number))
        wait_until(partial(is_available, watching, number), SECONDS)
    wait_until(lambda: all(own and own[-1] == VERSIONS / 10 for own in answers), SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    assert process.end(signal.SIGINT) == 0
    for own in answers:
        assert own == sorted(own)
        assert {own[0], own[-1]} == {0.1, 0.8}
