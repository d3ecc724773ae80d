"""An HTTP server that closes its open connections when it stops, as a process does when it ends."""

import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class HttpServer(ThreadingHTTPServer):
    """Serves each connection in a thread. Python's server would keep serving open connections after it has stopped.

    Args:
        port: the port of 127.0.0.1 to listen on; 0 selects a free one.
        handler: the handler of requests.
        context: an ssl.SSLContext, for HTTPS.
    """

    daemon_threads = False  # so server_close waits for them
    request_queue_size = (
        64  # with Python's default of 5, the sixth simultaneous client would wait for a second
    )

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler], context: Any = None) -> None:
        super().__init__(("127.0.0.1", port), handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self._open: set[Any] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def start(self) -> None:
        """Starts serving in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stops serving and aborts current requests."""
        self.shutdown()
        self._thread.join()
        for connection in list(self._open):
            with suppress(OSError):  # the client has closed it already
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Records the connection as open."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Records the connection as closed."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that closed the connection or refused the certificate."""
