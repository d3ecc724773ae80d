"""Runs TF Serving on this machine, from a binary or in Docker, and waits until a version is available."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from serving.client.exceptions import ServingError
from serving.client.predictor import Client

IMAGE = "tensorflow/serving:2.21.0"  # as in compose.yaml and the manifests
PROGRAM = "tensorflow_model_server"
HOST = "127.0.0.1"
_PORTS_INSIDE = (8500, 8501)
_FOLDER_INSIDE = "/models"
_POLL = 0.2  # seconds
_GRACE = 10.0  # seconds until a terminated server is killed
_DOCKER_TIMEOUT = 20.0  # seconds


class ServerFailed(Exception):
    """The server ended or did not load the model. The server's log has the details."""


@dataclass(frozen=True, kw_only=True)
class ModelOnPorts:
    """A model and the ports to serve it on.

    Args:
        name: the model's name in requests.
        folder: the absolute path of the folder with `<version>/` in it.
        grpc_port: the port for gRPC on this machine.
        rest_port: the port for REST on this machine.
    """

    name: str
    folder: Path
    grpc_port: int
    rest_port: int

    @property
    def url(self) -> str:
        """The endpoint of REST."""
        return f"http://{HOST}:{self.rest_port}"


@dataclass(frozen=True)
class ServerCommand:
    """A command that runs a server, and one that removes what the server may leave behind."""

    command: tuple[str, ...]
    cleanup: tuple[str, ...] = ()


def binary_command(program: str, model: ModelOnPorts) -> ServerCommand:
    """Returns the command for a `tensorflow_model_server` on this machine."""
    return ServerCommand(
        (program, *_flags(model.name, str(model.folder), (model.grpc_port, model.rest_port)))
    )


def docker_command(docker: str, model: ModelOnPorts) -> ServerCommand:
    """Returns the command for a read-only container, reachable only from this machine and removed when it ends.

    It runs as the current user, who can read the model.
    """
    container = f"regpipe-serving-{os.getpid()}"
    grpc_inside, rest_inside = _PORTS_INSIDE
    inside = f"{_FOLDER_INSIDE}/{model.name}"
    command = (
        *(docker, "run", "--rm", "--init", "--name", container, "--platform", "linux/amd64"),
        *("--user", f"{os.getuid()}:{os.getgid()}", "--read-only", "--tmpfs", "/tmp"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--publish", f"{HOST}:{model.grpc_port}:{grpc_inside}"),
        *("--publish", f"{HOST}:{model.rest_port}:{rest_inside}"),
        *(
            "--mount",
            f'type=bind,"source={model.folder}",target={inside},readonly',
        ),  # Docker parses this value as CSV.
        *("--entrypoint", PROGRAM, IMAGE),
        *_flags(model.name, inside, _PORTS_INSIDE),
    )
    return ServerCommand(command, cleanup=(docker, "rm", "--force", container))


def _flags(name: str, folder: str, ports: tuple[int, int]) -> tuple[str, ...]:
    grpc_port, rest_port = ports
    return (
        f"--port={grpc_port}",
        f"--rest_api_port={rest_port}",
        f"--model_name={name}",
        f"--model_base_path={folder}",
        # Retries don't help for a model on a local disk; by default, the server retries for five minutes.
        "--max_num_load_retries=0",
        # With one loading thread, a version that is slow or broken would delay a newer one.
        "--num_load_threads=2",
    )


def is_free(port: int) -> bool:
    """Returns whether a port is free. TF Serving reports a used port only in its log, or shares the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def docker_problem(docker: str) -> str | None:
    """Returns the error of Docker if it can't start containers; None if it can."""
    try:
        result = subprocess.run(
            [docker, "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=_DOCKER_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no response within {_DOCKER_TIMEOUT:g} s"
    return None if result.returncode == 0 else result.stderr.strip()


def has_image(docker: str) -> bool:
    """Returns whether the image is already on this machine."""
    result = subprocess.run([docker, "image", "inspect", IMAGE], capture_output=True, check=False)
    return result.returncode == 0


@contextlib.contextmanager
def running_server(launch: ServerCommand, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server within the context, with its output in the log, and stops it at the end.

    The server has its own session, so Ctrl-C does not reach it directly.

    Raises:
        ServerFailed: the command can't be run on this machine.
    """
    with log.open("wb") as output:
        try:
            server = subprocess.Popen(
                launch.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ServerFailed(f"{launch.command[0]} can't be started: {error.strerror}.") from None
    try:
        yield server
    finally:
        _stop(server)
        if launch.cleanup:
            subprocess.run(launch.cleanup, capture_output=True, check=False)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_GRACE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):  # KeyboardInterrupt: a second Ctrl-C
        server.kill()
        server.wait()


def wait_until_available(
    server: subprocess.Popen[bytes],
    client: Client,
    version: int,
    timeout: float,
    report: Callable[[float, str], None],
) -> None:
    """Waits until the version, or a newer one, is available.

    TF Serving opens its ports only after its first model is loaded: BuildAndStart in
    https://github.com/tensorflow/serving/blob/master/tensorflow_serving/model_servers/server.cc.

    Args:
        server: the process that `running_server` started.
        client: a client of the server, without retries and with a short time-out.
        version: the newest version in the folder.
        timeout: seconds to wait.
        report: called after each request with the seconds so far and the state.

    Raises:
        ServerFailed: the server ended, the version can't be loaded, or the time is over.
    """
    began = time.monotonic()
    while True:
        ended = server.poll()
        if ended is not None:
            raise ServerFailed(
                f"the server ended with exit code {ended} before version {version} was available."
            )
        state = _state(client, version)
        seconds = time.monotonic() - began
        if state == "AVAILABLE":
            return
        if state.startswith("END"):
            raise ServerFailed(f"the server did not load version {version}: {state}.")
        if seconds > timeout:
            raise ServerFailed(f"version {version} was not available after {timeout:g} s: {state}.")
        report(seconds, state)
        time.sleep(_POLL)


def _state(client: Client, version: int) -> str:
    """Returns the state of this version, or of the newest one if newer versions were published since."""
    try:
        newer = [status for status in client.status() if status.version >= version]
    except ServingError:
        return "no response yet"
    available = any(status.state == "AVAILABLE" for status in newer)
    if available or not newer:
        return "AVAILABLE" if available else "not found yet"
    status = max(newer, key=lambda status: status.version)
    return f"{status.state} ({status.message})" if status.message else status.state
