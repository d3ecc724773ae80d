"""The gRPC server: model_servers/prediction_service_impl.cc and model_service_impl.cc."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from tests.standins.tf_serving.core import Core
from tests.standins.tf_serving.status import Status

UNLIMITED = -1  # model_servers/server.cc: SetMaxMessageSize
THREADS = 8


def _answer(method: Callable[[Any], Any], request: Any, context: Any) -> Any:
    try:
        return method(request)
    except Status as error:
        context.abort(error.code, error.grpc_details)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
    """The prediction service; MultiInference is UNIMPLEMENTED."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Responds to one call."""
        return _answer(self._core.predict, request, context)

    def Classify(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Responds to one call."""
        return _answer(self._core.classify, request, context)

    def Regress(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Responds to one call."""
        return _answer(self._core.regress, request, context)

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Responds to one call."""
        return _answer(self._core.metadata, request, context)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[misc]
    """The model service; HandleReloadConfigRequest is UNIMPLEMENTED."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Responds to one call."""
        return _answer(self._core.status, request, context)


def serve(port: int, core: Core) -> tuple[Any, int]:
    """Starts a server and returns it with its port.

    Args:
        port: the port to listen on; 0 selects a free one.
        core: the models.

    Raises:
        RuntimeError: the port is taken.
    """
    options = [
        ("grpc.max_send_message_length", UNLIMITED),
        ("grpc.max_receive_message_length", UNLIMITED),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.server(ThreadPoolExecutor(THREADS), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(core), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(core), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, port
