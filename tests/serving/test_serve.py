"""`regpipe serve` finds a server, waits for the model, prints an example request, and leaves no process behind.

The server is a stand-in that accepts TF Serving's flags, and Docker is a script that records its arguments.
tests/e2e/test_serve.py uses the contract server and a published model.
"""

import json
import os
import shlex
import signal
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.common.file_names import WARMUP_FILE
from pipeline_def.cli.main import main
from pipeline_def.cli.serve import PROGRAM_VARIABLE
from serving.client.messages import CLASSES
from serving.curl_example import curl_command, first_warmup_row
from serving.launch import IMAGE, ModelOnPorts, docker_command
from tests.standins.tf_serving.stand_in import COMMAND, free_port

REPOSITORY = Path(__file__).parents[2]
VERSION = "1795177529"
ROW = {"f0": 1.5, "f1": float("nan")}
# Replaces Docker: it has no image until one is pulled, and runs the stand-in instead of the image.
DOCKER = """#!{python} -P
import json, pathlib, sys
calls = pathlib.Path({calls!r})
words = sys.argv[1:]
with calls.open("a") as file:
    file.write(json.dumps(words) + "\\n")
if words[0] == "version":
    sys.exit({error!r} or 0)
if words[:2] == ["image", "inspect"]:
    sys.exit(0 if '"pull"' in calls.read_text() else 1)
if words[0] == "run":
    import importlib.util
    spec = importlib.util.spec_from_file_location("stand_in", {stand_in!r})
    stand_in = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stand_in)
    published = [word.split(":") for word in words if word.startswith("127.0.0.1:")]
    source = next(word for word in words if word.startswith("type=bind")).split('"source=')[1].split('"')[0]
    outside = next(int(outside) for _, outside, inside in published if inside == "8501")
    sys.exit(stand_in.serve("regpipe", pathlib.Path(source), outside))
"""


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root folder with one published version that has a warm-up request of two rows."""
    warmup = tmp_path / "runs" / "serving" / VERSION / WARMUP_FILE
    warmup.parent.mkdir(parents=True)
    log = CLASSES["PredictionLog"]()
    log.predict_log.request.model_spec.signature_name = "serving_default"
    for name, value in ROW.items():
        log.predict_log.request.inputs[name].tensor_content = np.array([value, 7], np.float32).tobytes()
    record = log.SerializeToString()
    warmup.write_bytes(struct.pack("<Q", len(record)) + bytes(4) + record + bytes(4))
    return tmp_path / "runs"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for the PATH with a tensorflow_model_server."""
    text = f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n'
    return write_program(tmp_path / "bin" / "tensorflow_model_server", text).parent


class Serving:
    """Runs `regpipe serve` in its own process."""

    def __init__(self, root: Path, path: Path, *options: str) -> None:
        self.port = free_port()
        ports = ("--rest-port", str(self.port), "--grpc-port", str(free_port()))
        command = [
            sys.executable,
            "-m",
            "pipeline_def.cli",
            "serve",
            "--root",
            str(root),
            *ports,
            *options,
        ]
        environment = {**os.environ, "PATH": str(path)}
        environment.pop(PROGRAM_VARIABLE, None)
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=environment,
        )

    def answer(self) -> str:
        """Returns standard output up to the line that appears when the model is available."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line == "Ctrl-C stops it.\n":
                return "".join(lines)
        raise AssertionError(f"it ended: {self.process.communicate()[1]}")

    def end(self, how: int = signal.SIGINT) -> tuple[int, str]:
        """Sends a signal; returns the exit code and standard error."""
        self.process.send_signal(how)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        error = self.process.communicate(timeout=30)[1]
        return self.process.returncode, error


Serve = Callable[..., Serving]


@pytest.fixture
def serve(root: Path, programs: Path) -> Iterator[Serve]:
    """Starts `regpipe serve` with options. Processes that still run at the end of the test are stopped."""
    started: list[Serving] = []

    def start(*options: str, path: Path = programs) -> Serving:
        started.append(Serving(root, path, *options))
        return started[-1]

    yield start
    for one in started:
        one.process.terminate()
        one.process.communicate()


def is_listening(port: int) -> bool:
    import socket

    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_until_a_signal(root: Path, serve: Serve, how: int) -> None:
    """It prints the endpoints; the printed curl command works; the server is stopped with the command."""
    serving = serve()
    answer = serving.answer()
    url = f"http://127.0.0.1:{serving.port}"
    assert answer.startswith(f"Serving version {VERSION} of regpipe;")
    assert f"\nREST    {url}\n" in answer
    assert f"\nLog     {root / 'serve.log'}\n" in answer
    (line,) = (line for line in answer.splitlines() if line.startswith("curl"))
    answered = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    (row,) = json.loads(answered.stdout)["predictions"]
    assert repr(row) == repr(ROW)
    code, error = serving.end(how)
    assert code == 0, error
    assert f"regpipe: waiting for version {VERSION}, 0 s: no response yet" in error
    assert not is_listening(serving.port)
    assert (root / "serve.log").read_text().startswith("Building single TensorFlow model file config")


def test_a_newer_version_published_during_loading(root: Path, serve: Serve) -> None:
    """The command accepts it, even if the version that was newest at the start never becomes available."""
    (root / "serving" / "slow").touch()
    serving = serve()
    assert serving.process.stderr is not None
    assert f"waiting for version {VERSION}" in serving.process.stderr.readline()
    (root / "serving" / "1795177530").mkdir()
    (root / "serving" / "slow").unlink()
    assert serving.answer()


def test_a_model_that_does_not_load(root: Path, serve: Serve) -> None:
    """Exit code 1, with the last lines of the server's log."""
    (root / "serving" / "broken").touch()
    code, error = serve().ended()
    assert code == 1
    assert error.endswith(
        f"regpipe: the server ended with exit code 255 before version {VERSION} was available.\n"
        "  Building single TensorFlow model file config: model_name: regpipe\n"
        "  Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available\n"
        f"regpipe: log {root / 'serve.log'}\n"
    )


def test_a_model_that_never_becomes_available(root: Path, serve: Serve) -> None:
    """Exit code 1 after the time-out; the server is stopped."""
    (root / "serving" / "slow").touch()
    code, error = serve("--timeout", "0.01").ended()
    assert code == 1
    assert f"regpipe: version {VERSION} was not available after 0.01 s: no response yet.\n" in error


def test_a_version_that_ended(root: Path, serve: Serve) -> None:
    """Exit code 1 at once: a version does not leave the state END."""
    (root / "serving" / "gone").touch()
    code, error = serve().ended()
    assert code == 1
    assert f"regpipe: the server did not load version {VERSION}: END.\n" in error


def test_a_server_that_ends_by_itself(serve: Serve) -> None:
    """Exit code 1, also after the model was available."""
    serving = serve()
    serving.answer()
    children = Path(f"/proc/{serving.process.pid}/task/{serving.process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    code, error = serving.ended()
    assert code == 1
    assert "regpipe: the server ended with exit code -9.\n" in error


def test_an_interrupt_before_the_model_is_available(root: Path, serve: Serve) -> None:
    """Exit code 130, as for any command; the server is stopped, too."""
    (root / "serving" / "slow").touch()
    serving = serve()
    assert serving.process.stderr is not None
    serving.process.stderr.readline()
    children = Path(f"/proc/{serving.process.pid}/task/{serving.process.pid}/children").read_text().split()
    code, error = serving.end()
    assert code == 130
    assert error.endswith("regpipe: interrupted\n")
    assert not Path(f"/proc/{children[0]}").exists()


def docker(folder: Path, *, error: str = "") -> Path:
    """Returns a folder for the PATH with a Docker that records its arguments in the file `calls`."""
    stand_in = COMMAND[-1]
    calls = str(folder / "calls")
    text = DOCKER.format(python=sys.executable, calls=calls, stand_in=stand_in, error=error)
    return write_program(folder / "docker" / "docker", text).parent


def test_docker_runs_a_restricted_container(root: Path, serve: Serve, tmp_path: Path) -> None:
    """Without a binary, the image is pulled and run, and the container is removed."""
    serving = serve(path=docker(tmp_path))
    assert "curl" in serving.answer()
    code, error = serving.end()
    assert code == 0, error
    calls = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    assert [words[0] for words in calls] == ["version", "image", "pull", "run", "rm"]
    assert calls[2] == ["pull", "--platform", "linux/amd64", IMAGE]
    assert f"regpipe: downloading {IMAGE}\n" in error
    run, remove = calls[3], calls[4]
    name = run[run.index("--name") + 1]
    assert remove == ["rm", "--force", name]
    assert run[run.index("--publish") + 1 : run.index("--mount")][-1] == f"127.0.0.1:{serving.port}:8501"


def test_the_command_for_docker() -> None:
    """The whole command. A folder's name may contain a comma, which separates the fields of --mount."""
    model = ModelOnPorts(name="churn", folder=Path("/data/a,b"), grpc_port=9500, rest_port=9501)
    launch = docker_command("/usr/bin/docker", model)
    name = f"regpipe-serving-{os.getpid()}"
    assert shlex.join(launch.command) == (
        f"/usr/bin/docker run --rm --init --name {name} --platform linux/amd64 "
        f"--user {os.getuid()}:{os.getgid()} --read-only --tmpfs /tmp "
        "--cap-drop ALL --security-opt no-new-privileges "
        "--publish 127.0.0.1:9500:8500 --publish 127.0.0.1:9501:8501 "
        "--mount 'type=bind,\"source=/data/a,b\",target=/models/churn,readonly' "
        f"--entrypoint tensorflow_model_server {IMAGE} "
        "--port=8500 --rest_api_port=8501 --model_name=churn --model_base_path=/models/churn --max_num_load_retries=0"
        " --num_load_threads=2"
    )
    assert launch.cleanup == ("/usr/bin/docker", "rm", "--force", name)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Returns the message of `regpipe serve` for invalid arguments."""
    assert main(["serve", *map(str, arguments)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.delenv(PROGRAM_VARIABLE, raising=False)


@pytest.mark.usefixtures("nothing_installed")
class TestRefusals:
    def test_neither_binary_nor_docker(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The message says what to install and how."""
        message = refused(capsys, "--root", root, *self.ports())
        assert message.startswith(
            "regpipe: neither tensorflow_model_server nor Docker was found. Install one of them:\n"
        )
        assert "sudo apt-get install docker.io" in message
        assert "--binary or in TENSORFLOW_MODEL_SERVER" in message

    def test_no_version(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        message = refused(capsys, "--root", tmp_path)
        where = tmp_path / "serving"
        assert (
            message
            == f"regpipe: {where}: no version is published in it yet; `regpipe run` publishes the first one\n"
        )

    def test_a_version_in_place_of_the_folder(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        version = root / "serving" / VERSION
        (version / "saved_model.pb").touch()
        message = refused(capsys, "--model-dir", version)
        assert (
            message
            == f"regpipe: {version}: expected the folder that contains the versions, got one of the versions\n"
        )

    def test_a_bucket(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        message = refused(capsys, "--root", root, "--set", "serving.directory=gs://bucket/models")
        assert message == (
            "regpipe: gs://bucket/models: expected a folder on this machine; docs/serving.md serves from gs://\n"
        )

    @pytest.mark.parametrize("option", ["rest", "grpc"])
    def test_a_port_in_use(self, root: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
        """The message has the option and the port."""
        import socket

        with socket.socket() as used:
            used.bind(("127.0.0.1", 0))
            used.listen()
            port = used.getsockname()[1]
            other = "grpc" if option == "rest" else "rest"
            message = refused(
                capsys, "--root", root, f"--{option}-port", port, f"--{other}-port", free_port()
            )
        assert message.startswith(f"regpipe: --{option}-port: port {port} is in use; ")

    def test_one_port_for_both(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        message = refused(capsys, "--root", root, "--rest-port", 8500)
        assert message == "regpipe: --rest-port: expected another port than --grpc-port 8500, got the same\n"

    @pytest.mark.parametrize("source", ["--binary", PROGRAM_VARIABLE])
    def test_a_program_that_is_not_there(
        self, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, source: str
    ) -> None:
        """The message has the option or the variable."""
        monkeypatch.setenv(PROGRAM_VARIABLE, "/opt/none" if source == PROGRAM_VARIABLE else "")
        options = ["--binary", "/opt/none"] if source == "--binary" else []
        message = refused(capsys, "--root", root, *self.ports(), *options)
        assert message == f"regpipe: {source}: expected an executable program, got '/opt/none'\n"

    def test_docker_that_does_not_run(
        self, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(docker(tmp_path, error="Cannot connect to the Docker daemon.")))
        message = refused(capsys, "--root", root, *self.ports())
        assert (
            message
            == "regpipe: Docker is installed, but can't be used: Cannot connect to the Docker daemon.\n"
        )

    def test_a_log_that_can_not_be_written(
        self, root: Path, programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        program, log = programs / "tensorflow_model_server", tmp_path / "none" / "log"
        message = refused(capsys, "--root", root, *self.ports(), "--binary", program, "--log", log)
        assert message == f"regpipe: --log: {log} can't be written: no such file or directory\n"

    def test_a_program_of_another_machine(
        self, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Exit code 1: the file is executable, but not for this machine."""
        program = write_program(tmp_path / "bin" / "server", "\0ELF of another machine")
        assert main(["serve", "--root", str(root), *self.ports(), "--binary", str(program)]) == 1
        message = capsys.readouterr().err
        assert message.startswith(f"regpipe: {program} can't be started: Exec format error.\n")

    @pytest.mark.parametrize(
        ("option", "value", "expected"),
        [
            ("--rest-port", "0", "expected a port from 1 to 65535, got '0'"),
            ("--grpc-port", "x", "expected a port from 1 to 65535, got 'x'"),
            ("--timeout", "nan", "expected a number of seconds > 0, got 'nan'"),
        ],
    )
    def test_no_such_number(
        self, capsys: pytest.CaptureFixture[str], option: str, value: str, expected: str
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["serve", option, value])
        assert caught.value.code == 2
        assert capsys.readouterr().err.endswith(f"error: argument {option}: {expected}\n")

    @staticmethod
    def ports() -> tuple[str, ...]:
        return ("--rest-port", str(free_port()), "--grpc-port", str(free_port()))


@pytest.mark.parametrize("rows", [1, 2])
def test_the_row_is_the_first_warmup_row(tmp_path: Path, rows: int) -> None:
    """TensorFlow writes one value and several values to different fields; -0.1 is printed as -0.1."""
    import tensorflow as tf

    from components.saved_model.warmup import write_warmup

    def example(a: float) -> bytes:
        feature = {"a b": tf.train.Feature(float_list=tf.train.FloatList(value=[a]))}
        message = tf.train.Example(features=tf.train.Features(feature=feature))
        return bytes(message.SerializeToString())

    write_warmup(str(tmp_path), [example(-0.1), example(2.0)][-rows:], ["a b", "c"])
    row = first_warmup_row(tmp_path)
    assert repr(row) == repr({"a_b": 2.0 if rows == 1 else -0.1, "c": float("nan")})


@pytest.mark.parametrize(
    "content", [None, b"", b"no TFRecord file", struct.pack("<Q", 3) + bytes(4) + b"\xff\xff\xff"]
)
def test_a_model_without_a_row(tmp_path: Path, content: bytes | None) -> None:
    """Without a valid file there is no row and no error."""
    (tmp_path / WARMUP_FILE).parent.mkdir()
    if content is not None:
        (tmp_path / WARMUP_FILE).write_bytes(content)
    assert first_warmup_row(tmp_path) is None


def test_without_a_row_the_example_has_zeros(root: Path, serve: Serve) -> None:
    """The names are those in the model's metadata."""
    (root / "serving" / VERSION / WARMUP_FILE).unlink()
    assert """-d '{"instances": [{"f0": 0.0, "f1": 0.0}]}'""" in serve().answer()


def test_the_curl_command_is_quoted_for_a_shell() -> None:
    """Special characters in names stay unchanged."""
    line = curl_command("http://127.0.0.1:1", "m", {"it's $HOME": 1.0})
    words: list[Any] = shlex.split(line)
    assert words[:5] == ["curl", "-sS", "-X", "POST", "http://127.0.0.1:1/v1/models/m:predict"]
    assert json.loads(words[-1]) == {"instances": [{"it's $HOME": 1.0}]}
