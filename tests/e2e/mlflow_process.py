"""Starts a real MLflow server, which has an environment of its own: its packages don't fit those of the pipeline."""

import contextlib
import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.needs import lacking
from tests.waiting import wait_until

VERSIONS = "mlflow>=3,<4"


@contextlib.contextmanager
def mlflow_process(folder: Path) -> Iterator[str]:
    """Yields the address of a server that keeps its files in a folder.

    MLFLOW is a command that exists already; otherwise uv installs the server.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = os.environ.get("MLFLOW")
    if not given and not shutil.which("uv"):
        lacking("uv, or an MLflow server in the environment variable MLFLOW")
    command = [given] if given else ["uv", "tool", "run", "--from", VERSIONS, "mlflow"]
    store = [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.sqlite",
        "--artifacts-destination",
        str(folder),
    ]
    environment = {name: text for name, text in os.environ.items() if name != "VIRTUAL_ENV"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", *store],
            stdout=log,
            stderr=log,
            env=environment | {"MLFLOW_DISABLE_TELEMETRY": "true"},
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError((folder / "server.log").read_text())
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
            return True
        return False

    try:
        wait_until(answers, 300)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(30)
