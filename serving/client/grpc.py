"""The client for TF Serving over gRPC."""

import math
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from serving.client.endpoint import Endpoint, Tls
from serving.client.exceptions import ModelNotFound, RequestRejected, ServerUnavailable
from serving.client.messages import CLASSES, DT_FLOAT, DT_STRING, STATES
from serving.client.predictor import (
    CLASSIFY,
    NO_PROBABILITIES,
    PROBABILITIES,
    SIGNATURE,
    Columns,
    Probabilities,
    VersionStatus,
    count_rows,
    is_prediction,
    is_text,
)
from serving.client.retries import RetryPolicy, TransientError, with_retries

BUSY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}
CODES = {code.value[0]: code.name for code in grpc.StatusCode}
# tensor_content has the byte order of the machines that TF Serving runs on.
LITTLE_ENDIAN = np.dtype("<f4")
OPTIONS = {
    # While a channel waits to reconnect, by default up to two minutes, it fails all calls at once. Reconnect quickly:
    # `RetryPolicy` decides how long to wait.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    # No limit, as on the server.
    "grpc.max_send_message_length": -1,
    "grpc.max_receive_message_length": -1,
    # No proxy, as over REST: http_proxy is meant for connections to other networks.
    "grpc.enable_http_proxy": 0,
}


class GrpcClient:
    """Implements serving.client.predictor.Client over gRPC.

    Args:
        endpoint: the address of the model.
        headers: sent with each request as metadata.
        retry_policy: time-outs and retries.
        tls: the certificates, for grpcs.
    """

    def __init__(
        self, endpoint: Endpoint, headers: Mapping[str, str], retry_policy: RetryPolicy, tls: Tls
    ) -> None:
        self._endpoint = endpoint
        self._metadata = tuple((name.lower(), value) for name, value in headers.items())
        self._retry_policy = retry_policy
        options = list(OPTIONS.items())
        if endpoint.is_encrypted:
            credentials = grpc.ssl_channel_credentials(**tls.grpc_arguments())
            self._channel = grpc.secure_channel(endpoint.authority, credentials, options)
        else:
            self._channel = grpc.insecure_channel(endpoint.authority, options)

    def input_names(self) -> list[str]:
        """See Predictor."""
        return sorted(self._signature().inputs)

    def text_inputs(self) -> frozenset[str]:
        """See Predictor."""
        return frozenset(name for name, info in self._signature().inputs.items() if info.dtype == DT_STRING)

    def classes(self) -> tuple[str, ...]:
        """See Predictor. The names are those of one row without values, because only the signature has them."""
        if PROBABILITIES not in self._signature().outputs:
            return ()
        response = self._call(
            "PredictionService", "Classify", CLASSIFY, input={"example_list": {"examples": [{}]}}
        )
        found = [tuple(one.label for one in row.classes) for row in response.result.classifications]
        if len(found) != 1:
            raise self._unexpected("the classes of one row", f"{len(found)} rows")
        return found[0]

    def _signature(self) -> Any:
        response = self._call("PredictionService", "GetModelMetadata", metadata_field=["signature_def"])
        signatures = (
            CLASSES["SignatureDefMap"].FromString(response.metadata["signature_def"].value).signature_def
        )
        if SIGNATURE not in signatures:
            found = ", ".join(sorted(signatures))
            raise ModelNotFound(f"{self._endpoint}: there is no signature {SIGNATURE}, only {found}.")
        return signatures[SIGNATURE]

    def predict(self, columns: Columns) -> Probabilities:
        """See Predictor."""
        rows = count_rows(columns)
        if not rows:
            return NO_PROBABILITIES
        shape = {"dim": [{"size": rows}]}
        inputs = {
            name: CLASSES["TensorProto"](tensor_shape=shape, **_content(column))
            for name, column in columns.items()
        }
        response = self._call("PredictionService", "Predict", SIGNATURE, inputs=inputs)
        outputs = dict(response.outputs)
        if len(outputs) != 1 and PROBABILITIES not in outputs:
            raise self._unexpected("one output", ", ".join(sorted(outputs)))
        tensor = outputs.get(PROBABILITIES) or next(iter(outputs.values()))
        if tensor.tensor_content:  # The server runs with --enable_serialization_as_tensor_content.
            values = np.frombuffer(tensor.tensor_content, LITTLE_ENDIAN).astype(np.float32)
        else:
            values = np.array(tensor.float_val, np.float32)
        shape_given = [dim.size for dim in tensor.tensor_shape.dim]
        if tensor.dtype == DT_FLOAT and len(values) == math.prod(shape_given):
            predicted = values.reshape(shape_given)
            if is_prediction(predicted, rows):
                return predicted
        raise self._unexpected(
            f"predictions of {rows} rows", f"a tensor of type {tensor.dtype}, shape {shape_given}"
        )

    def status(self) -> list[VersionStatus]:
        """See Client."""
        response = self._call("ModelService", "GetModelStatus")
        return [
            VersionStatus(
                one.version,
                STATES.get(one.state, str(one.state)),
                CODES.get(one.status.error_code, str(one.status.error_code)),
                one.status.error_message,
            )
            for one in response.model_version_status
        ]

    def close(self) -> None:
        """See Predictor."""
        self._channel.close()

    def _call(self, service: str, method: str, signature: str = "", **fields: Any) -> Any:
        message = "Classification" if method == "Classify" else method
        call = self._channel.unary_unary(
            f"/tensorflow.serving.{service}/{method}",
            request_serializer=CLASSES[f"{message}Request"].SerializeToString,
            response_deserializer=CLASSES[f"{message}Response"].FromString,
        )
        spec = CLASSES["ModelSpec"](name=self._endpoint.model, signature_name=signature)
        if self._endpoint.version is not None:
            spec.version.value = self._endpoint.version
        request = CLASSES[f"{message}Request"](model_spec=spec, **fields)
        return with_retries(lambda: self._attempt(call, request), self._retry_policy, str(self._endpoint))

    def _attempt(self, call: Any, request: Any) -> Any:
        try:
            return call(
                request, timeout=self._retry_policy.timeout, metadata=self._metadata, wait_for_ready=False
            )
        except grpc.RpcError as error:
            code = error.code()
            reason = f"{code.name}: {error.details()}"
            if "parsing HTTP/2" in reason:
                raise RequestRejected(
                    f"{self._endpoint}: this port does not support gRPC; for REST, begin with http://."
                ) from error
            if code in BUSY:
                raise TransientError(reason, _pushback(error)) from error
            if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                limit = self._retry_policy.timeout
                raise ServerUnavailable(f"{self._endpoint}: no response within {limit:g} s.") from error
            kind = ModelNotFound if code is grpc.StatusCode.NOT_FOUND else RequestRejected
            raise kind(f"{self._endpoint}: {reason}") from error

    def _unexpected(self, expected: str, got: str) -> RequestRejected:
        return RequestRejected(f"{self._endpoint}: expected {expected}, got {got or 'nothing'}.")


def _content(column: NDArray[Any]) -> dict[str, Any]:
    if is_text(column):
        return {"dtype": DT_STRING, "string_val": [text.encode() for text in column]}
    return {"dtype": DT_FLOAT, "tensor_content": column.astype(LITTLE_ENDIAN, copy=False).tobytes()}


def _pushback(error: Any) -> float | None:
    """Returns the seconds that the server asks to wait, from gRPC's retry pushback in milliseconds (gRFC A6)."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-retry-pushback-ms" and value.isdecimal():
            return int(value) / 1000
    return None
