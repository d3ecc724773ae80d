"""Starts TF Serving on this machine, from a binary or in Docker, waits until a version is available, and stops it."""

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
_GRACE = 10.0  # seconds, for a server that was asked to end
_DOCKER_ANSWERS = 20.0  # seconds


class ServerFailed(Exception):
    """The server ended, or did not come to serve the model. The message is a sentence; its log says more."""


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """What is to be served, and where.

    Args:
        name: under which requests ask for it.
        folder: absolute; holds `<version>/`.
        grpc_port: of this machine.
        rest_port: of this machine.
    """

    name: str
    folder: Path
    grpc_port: int
    rest_port: int

    @property
    def url(self) -> str:
        """Where REST answers."""
        return f"http://{HOST}:{self.rest_port}"


@dataclass(frozen=True)
class ServerCommand:
    """The command that runs a server until it is told to end, and one that clears away what may be left of it."""

    command: tuple[str, ...]
    cleanup: tuple[str, ...] = ()


def binary_command(program: str, model: ServedModel) -> ServerCommand:
    """A `tensorflow_model_server` of this machine."""
    return ServerCommand(
        (program, *_flags(model.name, str(model.folder), (model.grpc_port, model.rest_port)))
    )


def docker_command(docker: str, model: ServedModel) -> ServerCommand:
    """A container that only this machine reaches, that may write nothing, and that is gone when it ends.

    It runs as the user who starts it, who may read the model.
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
        ),  # its parser is one of CSV
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
        # A model on a local disk that does not load will not a minute later; the server would try for five.
        "--max_num_load_retries=0",
    )


def is_free(port: int) -> bool:
    """Whether nobody listens on a port. TF Serving would say so in its log only, or share the port with another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def docker_problem(docker: str) -> str | None:
    """Why Docker can start no container, in its own words; None if it can."""
    try:
        asked = subprocess.run(
            [docker, "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=_DOCKER_ANSWERS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_DOCKER_ANSWERS:g} s"
    return None if asked.returncode == 0 else asked.stderr.strip()


def has_image(docker: str) -> bool:
    """Whether the image is on this machine already."""
    asked = subprocess.run([docker, "image", "inspect", IMAGE], capture_output=True, check=False)
    return asked.returncode == 0


@contextlib.contextmanager
def running_server(launch: ServerCommand, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Within the context the server runs, and writes to the log; at its end it is gone.

    The server is in a session of its own, so a Ctrl-C reaches it through here only.

    Raises:
        NotServing: the command is no program of this machine.
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
    except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C
        server.kill()
        server.wait()


def wait_until_available(
    server: subprocess.Popen[bytes],
    client: Client,
    version: int,
    timeout: float,
    tell: Callable[[float, str], None],
) -> None:
    """Returns once the version, or a newer one, answers requests.

    Until its first model is loaded, TF Serving opens no port: BuildAndStart in
    https://github.com/tensorflow/serving/blob/master/tensorflow_serving/model_servers/server.cc.

    Args:
        server: as `started` gives it.
        client: of the server; should ask once at a time, not for long.
        version: the newest in the folder.
        timeout: seconds.
        tell: called with the seconds so far and the state, every time that the server was asked.

    Raises:
        NotServing: the server ended, the version can't be loaded, or the time is over.
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
        tell(seconds, state)
        time.sleep(_POLL)


def _state(client: Client, version: int) -> str:
    """That of the newest version from this one on, which may have come since."""
    try:
        newer = [status for status in client.status() if status.version >= version]
    except ServingError:
        return "no answer yet"
    available = any(status.state == "AVAILABLE" for status in newer)
    if available or not newer:
        return "AVAILABLE" if available else "not found yet"
    status = max(newer, key=lambda status: status.version)
    return f"{status.state} ({status.message})" if status.message else status.state
