"""The gRPC service of ML Metadata. The package `ml_metadata` has the store (in C++) and a client, but no server."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as cpp
from ml_metadata.proto import metadata_store_pb2 as mlmd

_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True)
class _Hold:
    """A request to come that is not answered: the first one after the condition has become true."""

    condition: Callable[[], bool]
    received: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class MetadataService(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Passes each request as bytes to the store's method of the same name, one at a time; `port` is on 127.0.0.1."""

    port: int

    def __init__(self, file: Path) -> None:
        source = mlmd.SqliteMetadataSourceConfig(filename_uri=str(file))
        config = mlmd.ConnectionConfig(sqlite=source)
        self._store = cpp.CreateMetadataStore(config.SerializeToString(), b"")
        self._turn = threading.Lock()
        self._hold: _Hold | None = None

    @contextlib.contextmanager
    def holding(self, condition: Callable[[], bool]) -> Iterator[threading.Event]:
        """Does not answer the first request after the condition has become true: its sender waits, and can be killed.

        The yielded event is set when that request is received. It is never passed to the store.
        """
        self._hold = hold = _Hold(condition)
        try:
            yield hold.received
        finally:
            self._hold = None
            hold.over.set()

    def service(self, details: Any) -> Any:
        service, _, method = details.method.removeprefix("/").partition("/")
        if service != "ml_metadata.MetadataStoreService":
            return None

        def answer(request: bytes, context: Any) -> Any:
            with self._turn:
                hold = self._taken_hold()
                if hold is None:
                    response, message, code = getattr(cpp, method)(self._store, request)
            if hold is not None:
                hold.received.set()
                hold.over.wait()
                context.abort(grpc.StatusCode.UNAVAILABLE, "held")
            if code:
                context.abort(_CODES[code], message.decode())
            return response

        return grpc.unary_unary_rpc_method_handler(answer)

    def _taken_hold(self) -> _Hold | None:
        """Returns the hold if this request is the one to hold, and holds no further one."""
        hold = self._hold
        if hold is None or not hold.condition():
            return None
        self._hold = None
        return hold


@contextlib.contextmanager
def metadata_service(file: Path) -> Iterator[MetadataService]:
    """Runs a service with this SQLite file as its store."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    service = MetadataService(file)
    server.add_generic_rpc_handlers([service])
    service.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield service
    finally:
        server.stop(grace=None).wait()
