"""`regpipe serve`."""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline_def.cli.arguments import add_config, add_root, new_parser, read_config, seconds
from pipeline_def.cli.usage_errors import UsageError, check_root

if TYPE_CHECKING:
    from serving.client.predictor import Client
    from serving.launch import ServedModel, ServerCommand

PROGRAM_VARIABLE = "TENSORFLOW_MODEL_SERVER"
LOG_TAIL_LINES = 15
_BETWEEN_WORDS = 5.0  # seconds
_ONE_ATTEMPT = 2.0  # seconds
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NO_SERVER = """\
neither tensorflow_model_server nor Docker was found. Install one of them:
  sudo apt-get install docker.io    (Debian, Ubuntu; elsewhere https://docs.docker.com/engine/install)
  tensorflow_model_server           (https://www.tensorflow.org/tfx/serving/setup; then put it on the PATH,
                                    or name it with --binary or in TENSORFLOW_MODEL_SERVER)"""

DESCRIPTION = """\
Serves the newest published version with TF Serving on this machine: a
tensorflow_model_server named by --binary or TENSORFLOW_MODEL_SERVER or found on
the PATH, otherwise Docker. Waits until the model is loaded, prints a request to
try it with, and serves until Ctrl-C. Newer versions are taken up by themselves.
Only this machine can reach what Docker serves; a binary listens everywhere."""
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
        metavar="DIR",
        help="the folder that holds the versions (default: where runs publish to)",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--binary", metavar="PATH", help="this tensorflow_model_server")
    how.add_argument("--docker", action="store_true", help="Docker, even if there is a binary")
    for protocol, port in (("rest", 8501), ("grpc", 8500)):
        parser.add_argument(
            f"--{protocol}-port", type=_port, default=port, metavar="PORT", help=f"(default: {port})"
        )
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=120.0,
        metavar="SECONDS",
        help="how long the model may take to load (default: 120)",
    )
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="the server's log (default: serve.log beside the folder)"
    )
    parser.set_defaults(command=serve)


def serve(args: argparse.Namespace) -> int:
    """`regpipe serve`: serves the newest version until Ctrl-C; says so, and how to ask it, on standard output.

    Raises:
        UsageError: no version, no server, a port that is in use, or a log that can't be written.
        KeyboardInterrupt: before the version was available; the server was stopped.
    """
    model, version = _model(args)
    _check_ports(model)
    launch = _launch(args, model)
    log = _empty_log(args, model)
    from serving.client.connect import connect
    from serving.client.exceptions import ServingError
    from serving.client.retries import RetryPolicy
    from serving.launch import ServerFailed, running_server, wait_until_available

    client = connect(model.url, model=model.name, retry_policy=RetryPolicy(timeout=_ONE_ATTEMPT, attempts=1))
    try:
        with contextlib.closing(client), _stop_on_signals(), running_server(launch, log) as server:
            wait_until_available(server, client, version, args.timeout, _Progress(version))
            try:
                print(_answer(model, version, client, log), flush=True)
                raise ServerFailed(f"the server ended with exit code {server.wait()}.")
            except KeyboardInterrupt:
                print("regpipe: stopping", file=sys.stderr, flush=True)
    except (ServerFailed, ServingError) as error:
        return _failed(error, log)
    return 0


class _Progress:
    """Says what is waited for: at once, when the state changes, and every few seconds."""

    def __init__(self, version: int) -> None:
        self._version = version
        self._said: tuple[float, str] = (-_BETWEEN_WORDS, "")

    def __call__(self, seconds: float, state: str) -> None:
        said_at, said = self._said
        if state != said or seconds - said_at >= _BETWEEN_WORDS:
            self._said = (seconds, state)
            print(
                f"regpipe: waiting for version {self._version}, {seconds:.0f} s: {state}",
                file=sys.stderr,
                flush=True,
            )


def _model(args: argparse.Namespace) -> "tuple[ServedModel, int]":
    """What to serve, and its newest version."""
    check_root(args.root)
    from components.common.storage import is_remote
    from components.pusher.local_folder import LocalFolder
    from pipeline_def.config.destination import destination
    from serving.launch import ServedModel

    place = destination(read_config(args), args.root)
    directory = args.model_dir or place.directory
    if is_remote(directory):
        raise UsageError(f"{directory}: expected a folder on this machine; docs/serving.md serves from gs://")
    folder = Path(directory).absolute()
    version = LocalFolder(str(folder)).current()
    if version is None and (folder / "saved_model.pb").exists():
        raise UsageError(f"{folder}: expected the folder that holds the versions, got one of them")
    if version is None:
        raise UsageError(f"{folder}: no version is published there yet; `regpipe run` publishes the first")
    ports = {"grpc_port": args.grpc_port, "rest_port": args.rest_port}
    return ServedModel(name=place.model_name, folder=folder, **ports), version


def _check_ports(model: "ServedModel") -> None:
    from serving.launch import is_free

    if model.rest_port == model.grpc_port:
        raise UsageError(
            f"--rest-port: expected another port than --grpc-port {model.grpc_port}, got the same"
        )
    for option, port in (("--rest-port", model.rest_port), ("--grpc-port", model.grpc_port)):
        if not is_free(port):
            raise UsageError(f"{option}: port {port} is in use; stop what uses it, or choose another")


def _launch(args: argparse.Namespace, model: "ServedModel") -> "ServerCommand":
    """A named program, then one on the PATH, then Docker."""
    from serving.launch import PROGRAM, binary_command, docker_command

    named = [("--binary", args.binary), (PROGRAM_VARIABLE, os.environ.get(PROGRAM_VARIABLE))]
    for source, name in named if not args.docker else []:
        if name:
            program = shutil.which(name)
            if program is None:
                raise UsageError(f"{source}: expected a program that can be run, got {name!r}")
            return binary_command(str(Path(program).absolute()), model)
    program = None if args.docker else shutil.which(PROGRAM)
    if program is not None:
        return binary_command(program, model)
    docker = shutil.which("docker")
    if docker is None:
        raise UsageError(_NO_SERVER)
    _prepare(docker)
    return docker_command(docker, model)


def _prepare(docker: str) -> None:
    """Sees to it that Docker runs and has the image. Its download shows its own progress."""
    from serving.launch import IMAGE, docker_problem, has_image

    if (lack := docker_problem(docker)) is not None:
        raise UsageError(f"Docker is installed, but can't be used: {lack}")
    if not has_image(docker):
        print(f"regpipe: downloading {IMAGE}", file=sys.stderr, flush=True)
        if subprocess.run([docker, "pull", "--platform", "linux/amd64", IMAGE], stdout=sys.stderr).returncode:
            raise UsageError(f"{IMAGE} can't be downloaded; Docker says why above")


def _empty_log(args: argparse.Namespace, model: "ServedModel") -> Path:
    log: Path = args.log or model.folder.parent / "serve.log"
    try:
        log.write_bytes(b"")
    except OSError as error:
        raise UsageError(f"--log: {log} can't be written: {(error.strerror or str(error)).lower()}") from None
    return log


def _answer(model: "ServedModel", version: int, client: "Client", log: Path) -> str:
    from serving.curl_example import curl_command, first_warmup_row
    from serving.launch import HOST

    row = first_warmup_row(model.folder / str(version)) or dict.fromkeys(client.input_names(), 0.0)
    return f"""\
Serving version {version} of {model.name}; a newer one takes its place when it is published.

REST    {model.url}
gRPC    {HOST}:{model.grpc_port}
Log     {log}

{curl_command(model.url, model.name, row)}

Ctrl-C ends it."""


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end the server as Ctrl-C does; SIGINT, too, where a shell had it ignored."""
    before = {one: signal.signal(one, signal.default_int_handler) for one in _SIGNALS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _failed(error: Exception, log: Path) -> int:
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
