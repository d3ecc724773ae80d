"""A stand-in for tensorflow_model_server without TensorFlow: it starts at once, and has status, metadata and predict.

It has TF Serving's flags and, like TF Serving, opens its REST port only when the model is loaded. A file in the model's
folder makes it fail: `broken` (the model can't be loaded), `slow` (loading does not finish), `gone` (no version is
available any more).
"""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-P", __file__)  # -P: this file's folder, which has an http.py, is not on sys.path


class Handler(BaseHTTPRequestHandler):
    """The REST API of one model, whose newest version is available."""

    name: str
    folder: Path

    def do_GET(self) -> None:
        gone = (self.folder / "gone").exists()
        if self.path == f"/v1/models/{self.name}/metadata":
            signature: Any = {"serving_default": {"inputs": {"f0": {}, "f1": {}}}}
            self._send(404 if gone else 200, {"metadata": {"signature_def": {"signature_def": signature}}})
        elif self.path == f"/v1/models/{self.name}":
            state = {"version": self._version(), "state": "END" if gone else "AVAILABLE"}
            self._send(
                200,
                {"model_version_status": [{**state, "status": {"error_code": "OK", "error_message": ""}}]},
            )
        else:
            self._send(404, {"error": f"Malformed request: GET {self.path}"})

    def do_POST(self) -> None:
        """Responds with the instances of the request, so that a test can compare them."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._send(200, {"predictions": body["instances"]})

    def _version(self) -> str:
        return str(max(int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()))

    def _send(self, code: int, answer: Any) -> None:
        text = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def serve(name: str, folder: Path, rest_port: int) -> int:
    """Serves until the process is stopped; returns an exit code if the model can't be loaded."""
    print(f"Building single TensorFlow model file config: model_name: {name}", flush=True)
    if (folder / "broken").exists():
        print("Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available", flush=True)
        return 255
    while (folder / "slow").exists():
        time.sleep(0.1)
    Handler.name, Handler.folder = name, folder
    HTTPServer(("127.0.0.1", rest_port), Handler).serve_forever()
    return 0


def free_port() -> int:
    """Returns a free port."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextlib.contextmanager
def running(folder: Path, rest_port: int) -> Iterator[None]:
    """Runs a stand-in for the model `regpipe`."""
    flags = ("--model_name=regpipe", f"--model_base_path={folder}", f"--rest_api_port={rest_port}")
    server = subprocess.Popen([*COMMAND, *flags], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(urllib.error.URLError):
                urllib.request.urlopen(f"http://127.0.0.1:{rest_port}/v1/models/regpipe").close()
                break
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    flags = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[1:])
    sys.exit(serve(flags["model_name"], Path(flags["model_base_path"]), int(flags["rest_api_port"])))
