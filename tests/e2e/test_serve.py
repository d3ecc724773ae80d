"""From a run to an answered request, served by the contract server or by what TENSORFLOW_MODEL_SERVER names."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Any  # of conftest.py
REPOSITORY = Path(__file__).parents[2]
SECONDS = 60


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def pushed(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the one version of a run."""
    done = run(tmp_path_factory.mktemp("serve"), *run.quick)
    assert done.code == 0, done.verdict
    return Path(done.summary["pushed_path"]).parent


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> str:
    if named := os.environ.get("TENSORFLOW_MODEL_SERVER"):
        return named
    program = tmp_path_factory.mktemp("bin") / "tensorflow_model_server"
    words = shlex.join([sys.executable, "-m", "tests.standins.tf_serving.contract_server"])
    program.write_text(f'#!/bin/sh\ncd {shlex.quote(str(REPOSITORY))} && exec {words} "$@"\n')
    program.chmod(0o755)
    return str(program)


@pytest.fixture(scope="module")
def answer(run: Run, pushed: Path, binary: str) -> Iterator[str]:
    """What `regpipe serve` says; in the end Ctrl-C, and exit code 0."""
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
    """The code and the answer of a GET."""
    try:
        with urllib.request.urlopen(url) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_line_for_curl_is_answered(answer: str) -> None:
    """As it was printed, by a shell, with a real row: a probability."""
    (line,) = (line for line in answer.splitlines() if line.startswith("curl"))
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    (probability,) = json.loads(done.stdout)["predictions"]
    assert 0 < probability < 1
    (row,) = json.loads(shlex.split(line)[-1])["instances"]
    assert sorted(row) == sorted(f"f{i}" for i in range(20))
    assert len(set(row.values())) > 10


def test_only_the_metadata_tells_whether_a_version_is_available(answer: str, pushed: Path) -> None:
    """Why the probes ask for it: without any version the status is still 200, and says END; the metadata are 404.

    A version that is published then is served without a restart.
    """
    url = (
        next(line.split()[1] for line in answer.splitlines() if line.startswith("REST"))
        + "/v1/models/regpipe"
    )
    assert status(f"{url}/metadata")[0] == 200
    (version,) = (path for path in pushed.iterdir() if path.name.isdecimal())
    hidden = version.rename(pushed / "hidden")
    until(lambda: status(f"{url}/metadata")[0] == 404)
    code, known = status(url)
    assert code == 200
    assert [one["state"] for one in known["model_version_status"]] == ["END"]
    shutil.copytree(hidden, pushed / "incoming")
    (pushed / "incoming").rename(pushed / str(int(version.name) + 1))
    until(lambda: status(f"{url}/metadata")[0] == 200)
    hidden.rename(version)


def until(condition: Any) -> None:
    """Returns once it holds; fails after a minute."""
    for _ in range(10 * SECONDS):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never held")
