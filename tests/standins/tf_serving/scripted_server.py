"""Servers that respond as a script says, over both protocols, for tests of a client's error handling."""

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import grpc
import numpy as np

from serving.client.messages import CLASSES, DT_FLOAT
from tests.standins.tf_serving.http import HttpServer

MAX_HANG = 10.0  # seconds
CODES = {
    400: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True)
class Fail:
    """An error response.

    Args:
        status: the HTTP status; over gRPC, the corresponding code of TF Serving.
        after: the seconds in Retry-After; None means no such header.
    """

    status: int
    after: float | None = None


HANG, RESET, GARBAGE, CONTENT, OK = "hang", "reset", "garbage", "content", "ok"


@dataclass
class Script:
    """The responses in order; after the last one, OK: 0.5 for each row.

    Args:
        steps: Fail, HANG, RESET (of the connection), GARBAGE (a response that is not a prediction), CONTENT (gRPC: with
            tensor_content, as with --enable_serialization_as_tensor_content) or OK.
        bodies: the bodies of the requests, as JSON or message.
        headers: the headers of the requests, in lower case.
        connections: the addresses of the clients' connections.
        stopped: ends HANG; set when the server stops.
    """

    steps: list[Any] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    stopped: threading.Event = field(default_factory=threading.Event)

    def next(self, body: Any, headers: Mapping[str, str], connection: Any) -> Any:
        """Records a request and returns the next step."""
        self.bodies.append(body)
        self.headers.append(headers)
        self.connections.add(connection)
        step = self.steps.pop(0) if self.steps else OK
        if step == HANG:
            self.stopped.wait(MAX_HANG)
            return OK
        return step


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    script: Script

    def do_GET(self) -> None:
        """Responds with the metadata of a model with the input `a`; this is not part of the script."""
        self._send(
            200,
            {"metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": {"a": {}}}}}}},
        )

    def do_POST(self) -> None:
        """Responds with the next step."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        step = self.script.next(body, headers, self.client_address)
        if step == RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif isinstance(step, Fail):
            self._send(step.status, {"error": f"scripted {step.status}"}, step.after)
        elif step == GARBAGE:
            self._send(200, {"outputs": [0.5, None]})
        else:
            self._send(200, {"outputs": [0.5] * len(json.loads(body)["inputs"]["a"])})

    def _send(self, status: int, answer: Any, after: float | None = None) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if after is not None:
            self.send_header("Retry-After", f"{after:g}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Logs nothing."""


@contextmanager
def rest(script: Script, context: Any = None) -> Iterator[str]:
    """Runs a REST server, with TLS if there is an ssl.SSLContext, and yields its endpoint."""
    server = HttpServer(0, type("Handler", (_Handler,), {"script": script}), context)
    server.start()
    try:
        yield f"http{'s' if context else ''}://localhost:{server.server_port}"
    finally:
        script.stopped.set()
        server.stop()


class _Service(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, script: Script) -> None:
        self._script = script

    def service(self, details: Any) -> Any:
        """Returns Predict for every method."""
        return grpc.unary_unary_rpc_method_handler(
            self._predict,
            request_deserializer=CLASSES["PredictRequest"].FromString,
            response_serializer=CLASSES["PredictResponse"].SerializeToString,
        )

    def _predict(self, request: Any, context: Any) -> Any:
        headers = dict(context.invocation_metadata())
        step = self._script.next(request, headers, context.peer())
        response = CLASSES["PredictResponse"]()
        rows = request.inputs["a"].tensor_shape.dim[0].size
        if step == RESET:  # a handler can't reset the connection, but this is what the client would get
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        elif isinstance(step, Fail):
            if step.after is not None:
                context.set_trailing_metadata((("grpc-retry-pushback-ms", f"{step.after * 1000:.0f}"),))
            context.abort(grpc.StatusCode[CODES[step.status]], f"scripted {step.status}")
        elif step != GARBAGE:
            tensor = response.outputs["probability"]
            tensor.dtype = DT_FLOAT
            tensor.tensor_shape.dim.add(size=rows)
            if step == CONTENT:
                tensor.tensor_content = np.full(rows, 0.5, "<f4").tobytes()
            else:
                tensor.float_val.extend([0.5] * rows)
        return response


@contextmanager
def grpc_server(script: Script, credentials: Any = None) -> Iterator[str]:
    """Runs a gRPC server, with TLS if there are credentials, and yields its endpoint."""
    server = grpc.server(ThreadPoolExecutor(2), handlers=[_Service(script)])
    address = "localhost:0"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    server.start()
    try:
        yield f"grpc{'s' if credentials else ''}://localhost:{port}"
    finally:
        script.stopped.set()
        server.stop(None).wait()
