"""The gRPC service of ML Metadata. The package `ml_metadata` has the store (in C++) and a client, but no server."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as cpp
from ml_metadata.proto import metadata_store_pb2 as mlmd

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class _Service(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Passes each request as bytes to the store's method of the same name, one at a time."""

    def __init__(self, file: Path) -> None:
        source = mlmd.SqliteMetadataSourceConfig(filename_uri=str(file))
        config = mlmd.ConnectionConfig(sqlite=source)
        self._store = cpp.CreateMetadataStore(config.SerializeToString(), b"")
        self._turn = threading.Lock()

    def service(self, details: Any) -> Any:
        service, _, method = details.method.removeprefix("/").partition("/")
        if service != "ml_metadata.MetadataStoreService":
            return None

        def answer(request: bytes, context: Any) -> Any:
            with self._turn:
                response, message, code = getattr(cpp, method)(self._store, request)
            if code:
                context.abort(_CODES[code], message.decode())
            return response

        return grpc.unary_unary_rpc_method_handler(answer)


@contextlib.contextmanager
def metadata_service(file: Path) -> Iterator[int]:
    """Runs a service with this SQLite file as its store, and yields its port on 127.0.0.1."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([_Service(file)])
    port: int = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(grace=None).wait()
