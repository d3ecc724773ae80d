"""A webhook on 127.0.0.1 that keeps what is posted to it."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple

SECRET = "T0KEN"


class Posted(NamedTuple):
    """One request: its path, its content type and its document."""

    path: str
    content_type: str | None
    document: Any


class Webhook:
    """Responds with the given statuses and then repeats the last one (0: closes the connection)."""

    def __init__(self, *statuses: int) -> None:
        self.received: list[Posted] = []
        left = list(statuses)
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.received.append(Posted(self.path, self.headers["Content-Type"], json.loads(body)))
                status = left.pop(0) if len(left) > 1 else left[0]
                if status:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    if 300 <= status < 400:
                        self.send_header("Location", "/login")
                    self.end_headers()

            def do_GET(self) -> None:
                """Answers as a login page does, which looks like a success to a client that was redirected."""
                self.send_response(200 if self.path == "/login" else 501)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/{SECRET}"


@contextlib.contextmanager
def webhook(*statuses: int) -> Iterator[Webhook]:
    """Runs a webhook in a thread; without statuses it responds with 204."""
    made = Webhook(*(statuses or (204,)))
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()
