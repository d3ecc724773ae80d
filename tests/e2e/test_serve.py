"""`regpipe serve` with the model of a run; the server is the contract server or the one in TENSORFLOW_MODEL_SERVER."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.waiting import wait_until

Run: TypeAlias = Any  # of conftest.py
Completed: TypeAlias = Any
REPOSITORY = Path(__file__).parents[2]
SECONDS = 60


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def pushed(published: tuple[Path, Completed], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the folder with the version that a run has published."""
    root, _ = published
    return Path(shutil.copytree(root / "serving", tmp_path_factory.mktemp("serve") / "serving"))


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> str:
    if binary := os.environ.get("TENSORFLOW_MODEL_SERVER"):
        return binary
    program = tmp_path_factory.mktemp("bin") / "tensorflow_model_server"
    command = shlex.join([sys.executable, "-m", "tests.standins.tf_serving.contract_server"])
    program.write_text(f'#!/bin/sh\ncd {shlex.quote(str(REPOSITORY))} && exec {command} "$@"\n')
    program.chmod(0o755)
    return str(program)


@pytest.fixture(scope="module")
def output(run: Run, pushed: Path, binary: str) -> Iterator[str]:
    """The output of `regpipe serve`, which is stopped by Ctrl-C at the end and must exit with 0."""
    ports = ("--rest-port", free_port(), "--grpc-port", free_port())
    command = run.command("serve", "--model-dir", pushed, "--binary", binary, *ports)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        yield "".join(lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0


def status(url: str) -> tuple[int, Any]:
    """Sends a GET request, and returns the status and the body."""
    try:
        with urllib.request.urlopen(url) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_printed_curl_command(output: str) -> None:
    """A shell runs it as printed; the response to its row is a probability."""
    (line,) = (line for line in output.splitlines() if line.startswith("curl"))
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    (probability,) = json.loads(done.stdout)["predictions"]
    assert 0 < probability < 1
    (row,) = json.loads(shlex.split(line)[-1])["instances"]
    assert sorted(row) == sorted(f"f{i}" for i in range(20))
    assert len(set(row.values())) > 10


def test_only_the_metadata_shows_whether_a_version_is_available(output: str, pushed: Path) -> None:
    """Without any version, the model's status is still 200 (with END), but its metadata is 404, so probes use that.

    A version that is published later is served without a restart.
    """
    url = (
        next(line.split()[1] for line in output.splitlines() if line.startswith("REST"))
        + "/v1/models/regpipe"
    )
    assert status(f"{url}/metadata")[0] == 200
    (version,) = (path for path in pushed.iterdir() if path.name.isdecimal())
    hidden = version.rename(pushed / "hidden")
    wait_until(lambda: status(f"{url}/metadata")[0] == 404, SECONDS)
    code, known = status(url)
    assert code == 200
    assert [one["state"] for one in known["model_version_status"]] == ["END"]
    shutil.copytree(hidden, pushed / "incoming")
    (pushed / "incoming").rename(pushed / str(int(version.name) + 1))
    wait_until(lambda: status(f"{url}/metadata")[0] == 200, SECONDS)
    hidden.rename(version)
