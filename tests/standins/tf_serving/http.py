"""An HTTP server whose end is the end of its connections, as a process's is."""

import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class HttpServer(ThreadingHTTPServer):
    """Answers from the start on, a thread for each connection. Python's own would keep answering on open ones.

    Args:
        port: of 127.0.0.1 to listen on; 0 picks a free one.
        handler: what answers.
        context: an ssl.SSLContext, for HTTPS.
    """

    daemon_threads = False  # which has server_close wait for them
    request_queue_size = 64  # Python's 5 would have a sixth client that comes at once wait for a second

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler], context: Any = None) -> None:
        super().__init__(("127.0.0.1", port), handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self._open: set[Any] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def start(self) -> None:
        """In a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Breaks off what is under way."""
        self.shutdown()
        self._thread.join()
        for connection in list(self._open):
            with suppress(OSError):  # the other side was faster
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Notes the connection."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """The connection's end."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or did not trust the certificate, is no news."""
