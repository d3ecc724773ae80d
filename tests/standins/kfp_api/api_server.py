"""A stand-in for the API server of Kubeflow Pipelines, as far as this project uses it.

Its rules come from github.com/kubeflow/pipelines at 2.16.1 and 2.17.0. They are, each with its file, in `resources`
(objects and their checks), `listing` (filters and pages), `api_errors`, `robfig` (cron) and `routes` (paths). `Fault`
makes it fail.
"""

import json
import re
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.standins.kfp_api.api_errors import ApiError, UploadError
from tests.standins.kfp_api.resources import Resources
from tests.standins.kfp_api.routes import Answer, Query, answer


@dataclass
class Fault:
    """A failure of the requests whose "METHOD path" matches.

    Attributes:
        request: a regular expression for the whole "METHOD path".
        skip: the number of matching requests that succeed first.
        times: the number of requests that fail then.
        error: the error to respond with.
        page: HTML to respond with, such as a login page.
        drop: whether to close the connection without a response.
        delay: seconds to wait first.
        done: whether the request has its effect nevertheless.
        empty: whether to respond with an empty object, as a list request just before another client's change.
    """

    request: str
    skip: int = 0
    times: int = 1_000_000
    error: ApiError | None = None
    page: str = ""
    drop: bool = False
    delay: float = 0.0
    done: bool = False
    empty: bool = False


@dataclass
class ApiServer:
    """The server, in threads of this process; it runs while used as a context manager.

    Attributes:
        resources: its objects, which tests may read and change.
        tokens: None: no authentication. Else whether each bearer token has access, as in a multi-user installation
            (auth/, resource_manager.go IsAuthorized).
        tls: certificate and key, PEM files; None: plain HTTP.
        proxy: the prefix of every path, as behind the Kubernetes API server.
        faults: the failures.
        calls: all requests so far, as "METHOD path".
    """

    resources: Resources = field(default_factory=Resources)
    tokens: dict[str, bool] | None = None
    tls: tuple[str, str] | None = None
    proxy: str = ""
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": self}))
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.lock = threading.Lock()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self._server.server_port}"

    def writes(self) -> list[str]:
        """Returns the requests that may change something."""
        return [call for call in self.calls if not call.startswith("GET")]

    def fault(self, request: str) -> Fault | None:
        """Returns the fault of a request, if any, and counts the request."""
        for fault in self.faults:
            if re.fullmatch(fault.request, request):
                if fault.skip:
                    fault.skip -= 1
                elif fault.times:
                    fault.times -= 1
                    return fault
        return None

    def check(self, authorization: str) -> None:
        """Checks the token of a request."""
        if self.tokens is None:
            return
        token = authorization.removeprefix("Bearer ")
        if token not in self.tokens:  # auth/authenticator_token_review.go
            raise ApiError(16, f"Review.Status.Authenticated is false for the token {token}" if token else
                           "Request header error: there is no user identity header.")  # fmt: skip
        if not self.tokens[token]:  # resource/resource_manager.go, IsAuthorized
            raise ApiError(7, "User 'ann' is not authorized with reason: (request: kubeflow.org pipelines)")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client may close the connection
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    api: ApiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # header and body are two packets

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = f"{self.command} {parts.path}"
        with self.api.lock:
            self.api.calls.append(request)
            fault = self.api.fault(request)
        if fault:
            time.sleep(fault.delay)
        status, found = self._outcome(parts.path, dict(parse_qsl(parts.query)), content, fault)
        if fault and fault.drop:
            self.close_connection = True
            return
        kind = "text/html" if isinstance(found, str) else "application/json"
        text = (found if isinstance(found, str) else json.dumps(found)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = _serve  # noqa: N815

    def _outcome(
        self, path: str, query: Query, content: bytes, fault: Fault | None
    ) -> tuple[int, Answer | str]:
        if fault and (fault.page or fault.empty):
            return 200, fault.page or {}
        try:
            if fault and fault.error and not fault.done:
                raise fault.error
            with self.api.lock:
                if not path.endswith("/healthz"):
                    self.api.check(self.headers.get("Authorization") or "")
                if fault and fault.drop and not fault.done:
                    return 0, {}
                path = path.removeprefix(self.api.proxy) if path.startswith(self.api.proxy) else ""
                found = answer(self.api.resources, f"{self.command} {path}", query, self._body(content))
            if fault and fault.error:
                raise fault.error
        except ApiError as error:
            return error.status, error.body
        return 200, found

    def _body(self, content: bytes) -> Any:
        if not content:
            return {}
        if self.headers.get_content_type() != "multipart/form-data":
            return json.loads(content)
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        (part,) = message_from_bytes(head + content, policy=policy.HTTP).iter_parts()
        if part.get_param("name", header="content-disposition") != "uploadfile":
            raise UploadError(400, "Failed to read pipeline from file")
        return part.get_payload(decode=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing; `calls` has the requests."""
