"""A registry of images on 127.0.0.1: answers to HEAD requests for manifests, with anonymous tokens on demand.

Rules: the OCI distribution specification, and distribution.github.io/distribution/spec/auth/token.
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

TOKEN = "anonymous-token"


@contextlib.contextmanager
def registry(image: str, *, login: str = "none") -> Iterator[str]:
    """Runs a registry that has one image.

    Args:
        image: its repository and tag, such as "team/regpipe:1".
        login: `none`; `anonymous`: everyone gets a token; `account`: nobody without an account does.

    Yields:
        Its host and port.
    """
    repository, _, tag = image.partition(":")

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            if login != "none" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.send_response(401)
                realm = f'Bearer realm="http://{host}/token",service="{host}",scope="repository:{repository}:pull"'
                self.send_header("WWW-Authenticate", realm)
            else:
                self.send_response(200 if self.path == f"/v2/{repository}/manifests/{tag}" else 404)
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200 if login == "anonymous" else 401)
            self.end_headers()
            if (
                login == "anonymous"
                and f"scope=repository%3A{repository.replace('/', '%2F')}%3Apull" in self.path
            ):
                self.wfile.write(json.dumps({"token": TOKEN}).encode())

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
