"""Servers of small models: the contract server in this process, or the binary in TENSORFLOW_MODEL_SERVER.

TensorFlow is imported only in the fixtures.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.components.conftest import analyze, table, transformed

__all__ = ["analyze", "table", "transformed"]

BINARY = os.environ.get("TENSORFLOW_MODEL_SERVER")
SECONDS = 1.0 if BINARY else 0.02  # between two polls of the folder of versions; the binary takes integers
STARTED = 60.0


@dataclass(frozen=True)
class Running:
    """A server.

    Args:
        rest: its REST endpoint.
        grpc: its gRPC endpoint.
        stop: ends it; it may be called twice.
        wait_for_polls: returns after the server has polled the folder of versions at least twice.
    """

    rest: str
    grpc: str
    stop: Callable[[], Any]
    wait_for_polls: Callable[[], None]


Serve = Callable[[Path], Running]


def _start_binary(base_path: Path) -> Running:
    from serving.client.connect import connect
    from serving.client.exceptions import ServingError
    from serving.client.retries import RetryPolicy
    from tests.waiting import wait_until

    ports = _free_port(), _free_port()
    flags = {
        "model_name": "regpipe",
        "model_base_path": base_path,
        "port": ports[0],
        "rest_api_port": ports[1],
        "file_system_poll_wait_seconds": int(SECONDS),
        "max_num_load_retries": 0,
    }
    process = subprocess.Popen([str(BINARY), *(f"--{name}={value}" for name, value in flags.items())])
    running = Running(
        rest=f"http://127.0.0.1:{ports[1]}",
        grpc=f"grpc://127.0.0.1:{ports[0]}",
        stop=lambda: _end(process),
        wait_for_polls=lambda: time.sleep(4 * SECONDS),  # the binary reports no polls
    )
    client = connect(running.rest, retry_policy=RetryPolicy(attempts=1))

    def available() -> bool:
        with suppress(ServingError):  # The server does not listen before a version is available.
            return any(one.state == "AVAILABLE" for one in client.status())
        return False

    wait_until(available, STARTED)
    return running


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(STARTED)


def _start_contract_server(base_path: Path) -> Running:
    from tests.standins.tf_serving.contract_server import ContractServer
    from tests.standins.tf_serving.manager import Manager, Polling

    polling = Polling(seconds=SECONDS, load_retries=0)
    manager = Manager("regpipe", base_path, polling, None)
    server = ContractServer([manager])
    return Running(
        rest=f"http://127.0.0.1:{server.rest_port}",
        grpc=f"grpc://127.0.0.1:{server.port}",
        stop=server.stop,
        wait_for_polls=lambda: manager.wait_for_polls(2),
    )


@pytest.fixture(scope="session")
def serve() -> Iterator[Serve]:
    """Starts a server of the model `regpipe`: serve(base_path). All servers end with the session."""
    started = []

    def start(base_path: Path) -> Running:
        running = (_start_binary if BINARY else _start_contract_server)(base_path)
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def exported(transformed: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the versions of a logistic regression with three features, exported like by the Trainer."""
    import numpy as np

    from components.config.model import ModelConfig
    from components.saved_model.export import export
    from components.training.network import build_model

    base_path = tmp_path_factory.mktemp("exported")
    model = build_model(3, ModelConfig(hidden_units=(), l1=1e-4, l2=1e-3))
    model.set_weights([np.array([[1.0], [-2.0], [0.5]]), np.array([0.25])])
    export(model, transformed, "y", str(base_path / "1"))
    return base_path


@pytest.fixture(scope="session")
def server(serve: Serve, exported: Path) -> Running:
    """A server of `exported`."""
    return serve(exported)


@pytest.fixture(scope="session")
def echo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that returns its inputs: see models.py. Tests copy it."""
    from tests.serving.models import write_model

    path = tmp_path_factory.mktemp("echo") / "model"
    write_model(path)
    return path


@pytest.fixture(scope="session")
def echo(serve: Serve, echo_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A server of that model, as version 3."""
    base_path = tmp_path_factory.mktemp("versions")
    shutil.copytree(echo_model, base_path / "3")
    return serve(base_path)


@pytest.fixture(params=["rest", "grpc"])
def protocol(request: pytest.FixtureRequest) -> str:
    """Both protocols, as the names of attributes of Running."""
    name: str = request.param
    return name
