"""The command `regpipe serve`: serves the newest version with TF Serving on this machine."""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline_def.cli.arguments import add_config, add_root, local_path, new_parser, path_text, seconds
from pipeline_def.cli.push_destination import read_destination
from pipeline_def.cli.usage_errors import UsageError

if TYPE_CHECKING:
    from serving.client.predictor import Client
    from serving.launch import ModelOnPorts, ServerCommand

PROGRAM_VARIABLE = "TENSORFLOW_MODEL_SERVER"
LOG_TAIL_LINES = 15
_REPORT_EVERY = 5.0  # seconds
_ATTEMPT_TIMEOUT = 2.0  # seconds
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NO_SERVER = """\
neither tensorflow_model_server nor Docker was found. Install one of them:
  sudo apt-get install docker.io    (Debian, Ubuntu; other systems: https://docs.docker.com/engine/install)
  tensorflow_model_server           (https://www.tensorflow.org/tfx/serving/setup; then put it on the PATH,
                                    or name it with --binary or in TENSORFLOW_MODEL_SERVER)"""

DESCRIPTION = """\
Serves the newest published version with TF Serving on this machine. The server
is the tensorflow_model_server that --binary or TENSORFLOW_MODEL_SERVER names or
that is on the PATH, or else a Docker container. The command waits until the
model is loaded, prints an example request, and serves until Ctrl-C. Newer
versions are loaded as they are published. A Docker server accepts connections
from this machine only; a binary accepts them from any machine."""
EPILOG = """\
examples:
  regpipe serve
  regpipe serve --docker --rest-port 9501 --grpc-port 9500
  regpipe serve --model-dir /models/churn --binary ./tensorflow_model_server

exit codes: 0 stopped with Ctrl-C; 1 the server ended, or did not load the
model; 2 wrong arguments, no version, no server, or a port in use; 130 stopped
before the model was loaded"""


def add_command(subparsers: Any) -> None:
    """Adds `serve` to argparse's subparsers."""
    parser = new_parser(subparsers, "serve", "serve the newest version on this machine", DESCRIPTION, EPILOG)
    add_config(parser)
    add_root(parser)
    parser.add_argument(
        "--model-dir",
        type=path_text,
        metavar="DIR",
        help="the folder that contains the versions (default: the folder that runs publish to)",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--binary", type=path_text, metavar="PATH", help="the tensorflow_model_server to run")
    how.add_argument("--docker", action="store_true", help="use Docker, also if there is a binary")
    for protocol, protocol_name, port in (("rest", "REST", 8501), ("grpc", "gRPC", 8500)):
        parser.add_argument(
            f"--{protocol}-port",
            type=_port,
            default=port,
            metavar="PORT",
            help=f"the {protocol_name} port (default: {port})",
        )
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=120.0,
        metavar="SECONDS",
        help="how long the server may take to load the model (default: 120)",
    )
    parser.add_argument(
        "--log",
        type=local_path,
        metavar="FILE",
        help="the server's log (default: serve.log next to the folder of the versions)",
    )
    parser.set_defaults(command=serve)


def serve(args: argparse.Namespace) -> int:
    """`regpipe serve`: serves the newest version until Ctrl-C, and prints an example request.

    Raises:
        UsageError: no version, no server, a port that is in use, or a log that can't be written.
        KeyboardInterrupt: Ctrl-C before the version was available; the server has been stopped.
    """
    model, version = _model(args)
    _check_ports(model)
    launch = _launch(args, model)
    log = _empty_log(args, model)
    from serving.client.connect import connect
    from serving.client.exceptions import ServingError
    from serving.client.retries import RetryPolicy
    from serving.launch import ServerFailed, running_server, wait_until_available

    client = connect(
        model.url, model=model.name, retry_policy=RetryPolicy(timeout=_ATTEMPT_TIMEOUT, attempts=1)
    )
    try:
        with contextlib.closing(client), _stop_on_signals(), running_server(launch, log) as server:
            wait_until_available(server, client, version, args.timeout, _WaitReport(version))
            try:
                print(_example_request(model, version, client, log), flush=True)
                raise ServerFailed(f"the server ended with exit code {server.wait()}.")
            except KeyboardInterrupt:
                print("regpipe: stopping", file=sys.stderr, flush=True)
    except (ServerFailed, ServingError) as error:
        return _print_failure(error, log)
    return 0


class _WaitReport:
    """Prints the state of the version: when it changes, and every `_REPORT_EVERY` seconds."""

    def __init__(self, version: int) -> None:
        self._version = version
        self._last: tuple[float, str] = (-_REPORT_EVERY, "")

    def __call__(self, seconds: float, state: str) -> None:
        last_seconds, last_state = self._last
        if state != last_state or seconds - last_seconds >= _REPORT_EVERY:
            self._last = (seconds, state)
            print(
                f"regpipe: waiting for version {self._version}, {seconds:.0f} s: {state}",
                file=sys.stderr,
                flush=True,
            )


def _model(args: argparse.Namespace) -> "tuple[ModelOnPorts, int]":
    """Returns the model to serve and its newest version."""
    from components.common.storage import is_remote
    from components.pusher.local_folder import LocalFolder
    from serving.launch import ModelOnPorts

    destination = read_destination(args)
    directory = args.model_dir or destination.directory
    if is_remote(directory):
        raise UsageError(f"{directory}: expected a folder on this machine; docs/serving.md serves from gs://")
    folder = Path(directory).absolute()
    version = LocalFolder(str(folder)).current()
    if version is None and (folder / "saved_model.pb").exists():
        raise UsageError(f"{folder}: expected the folder that contains the versions, got one of the versions")
    if version is None:
        raise UsageError(
            f"{folder}: no version is published in it yet; `regpipe run` publishes the first one"
        )
    ports = {"grpc_port": args.grpc_port, "rest_port": args.rest_port}
    return ModelOnPorts(name=destination.model_name, folder=folder, **ports), version


def _check_ports(model: "ModelOnPorts") -> None:
    from serving.launch import is_free

    if model.rest_port == model.grpc_port:
        raise UsageError(
            f"--rest-port: expected another port than --grpc-port {model.grpc_port}, got the same"
        )
    for option, port in (("--rest-port", model.rest_port), ("--grpc-port", model.grpc_port)):
        if not is_free(port):
            raise UsageError(
                f"{option}: port {port} is in use; stop the program that uses it, or choose another port"
            )


def _launch(args: argparse.Namespace, model: "ModelOnPorts") -> "ServerCommand":
    """Returns the command that starts the server: the named program, else the one on the PATH, else Docker."""
    from serving.launch import PROGRAM, binary_command, docker_command

    named = [("--binary", args.binary), (PROGRAM_VARIABLE, os.environ.get(PROGRAM_VARIABLE))]
    for source, name in named if not args.docker else []:
        if name:
            program = shutil.which(name)
            if program is None:
                raise UsageError(f"{source}: expected an executable program, got {name!r}")
            return binary_command(str(Path(program).absolute()), model)
    program = None if args.docker else shutil.which(PROGRAM)
    if program is not None:
        return binary_command(program, model)
    docker = shutil.which("docker")
    if docker is None:
        raise UsageError(_NO_SERVER)
    _prepare_docker(docker)
    return docker_command(docker, model)


def _prepare_docker(docker: str) -> None:
    """Checks that Docker can be used, and downloads the image if it is missing; Docker prints the progress.

    Raises:
        UsageError: Docker can't be used, or the image can't be downloaded.
    """
    from serving.launch import IMAGE, docker_problem, has_image

    if (problem := docker_problem(docker)) is not None:
        raise UsageError(f"Docker is installed, but can't be used: {problem}")
    if not has_image(docker):
        print(f"regpipe: downloading {IMAGE}", file=sys.stderr, flush=True)
        if subprocess.run([docker, "pull", "--platform", "linux/amd64", IMAGE], stdout=sys.stderr).returncode:
            raise UsageError(f"{IMAGE} can't be downloaded; Docker's error is above")


def _empty_log(args: argparse.Namespace, model: "ModelOnPorts") -> Path:
    """Creates or empties the server's log."""
    log: Path = args.log or model.folder.parent / "serve.log"
    try:
        log.write_bytes(b"")
    except OSError as error:
        raise UsageError(f"--log: {log} can't be written: {(error.strerror or str(error)).lower()}") from None
    return log


def _example_request(model: "ModelOnPorts", version: int, client: "Client", log: Path) -> str:
    from serving.curl_example import curl_command, first_warmup_row
    from serving.launch import HOST

    row: Mapping[str, float | str] | None = first_warmup_row(model.folder / str(version))
    if not row:
        texts = client.text_inputs()
        row = {name: "" if name in texts else 0.0 for name in client.input_names()}
    return f"""\
Serving version {version} of {model.name}; newer versions are loaded as they are published.

REST    {model.url}
gRPC    {HOST}:{model.grpc_port}
Log     {log}

{curl_command(model.url, model.name, row)}

Ctrl-C stops it."""


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[None]:
    """Raises KeyboardInterrupt at SIGTERM, SIGHUP and SIGINT, also if the shell made this process ignore SIGINT."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_failure(error: Exception, log: Path) -> int:
    """Prints the error and the end of the server's log; returns the exit code."""
    lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    print(f"regpipe: {error}", file=sys.stderr)
    for line in lines:
        print(f"  {line}", file=sys.stderr)
    print(f"regpipe: log {log}", file=sys.stderr)
    return 1


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got {text!r}")
    return port
