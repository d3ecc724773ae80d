"""The client for TF Serving over REST.

TF Serving's parser accepts the tokens NaN, Infinity and -Infinity, which are not in the JSON standard and which Python
writes (rapidjson's kParseNanAndInfFlag, in tensorflow_serving/util/json_tensor.cc). The parser does not use full
precision and may be off by three units in the last place of a double. Each float32 is therefore written as a double
with up to 17 digits, so that the server rounds it to the same float32. Responses have nine digits, which is enough.
Subnormal values (below 1.2e-38) are the exception: the server takes them for 0. Over gRPC they are exact.
Requests are columnar, `{"inputs": {name: [...]}}`, because rows would repeat all names.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import BadStatusLine, RemoteDisconnected
from typing import Any
from urllib.parse import quote

import numpy as np
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProtocolError, TimeoutError

from serving.client.endpoint import Endpoint, Tls
from serving.client.exceptions import ModelNotFound, RequestRejected, ServerUnavailable
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
)
from serving.client.retries import RetryPolicy, TransientError, with_retries

# Temporary errors: too many requests (RESOURCE_EXHAUSTED), a gateway without a server, UNAVAILABLE.
BUSY = {429, 502, 503}
# DEADLINE_EXCEEDED: tensorflow_serving/model_servers/http_server.cc has the whole mapping.
GATEWAY_TIMEOUT = 504
MAX_MESSAGE = 500  # characters of a server's message that are shown
THREADS = 16  # the maximum number of open connections


class RestClient:
    """Implements serving.client.predictor.Client over REST.

    Args:
        endpoint: the address of the model.
        headers: sent with each request.
        retry_policy: time-outs and retries.
        tls: the certificates, for https.
    """

    def __init__(
        self, endpoint: Endpoint, headers: Mapping[str, str], retry_policy: RetryPolicy, tls: Tls
    ) -> None:
        self._endpoint = endpoint
        self._retry_policy = retry_policy
        version = "" if endpoint.version is None else f"/versions/{endpoint.version}"
        self._path = f"{endpoint.path}/v1/models/{quote(endpoint.model, safe='')}{version}"
        self._pool = urllib3.connection_from_url(
            endpoint.url,
            headers={"Content-Type": "application/json", **headers},
            maxsize=THREADS,
            retries=False,
            timeout=urllib3.Timeout(total=retry_policy.timeout),
            **({"ssl_context": tls.ssl_context()} if endpoint.is_encrypted else {}),
        )
        self._inputs: list[str] | None = None

    def input_names(self) -> list[str]:
        """See Predictor."""
        return sorted(self._signature("inputs"))

    def text_inputs(self) -> frozenset[str]:
        """See Predictor."""
        return frozenset(
            name for name, info in self._signature("inputs").items() if info.get("dtype") == "DT_STRING"
        )

    def classes(self) -> tuple[str, ...]:
        """See Predictor. The names are those of one row without values, because only the signature has them."""
        if PROBABILITIES not in self._signature("outputs"):
            return ()
        body = {"signature_name": CLASSIFY, "examples": [{}]}
        response = self._request("POST", f":{CLASSIFY}", json.dumps(body))
        try:
            ((*pairs,),) = response["results"]
            return tuple(str(name) for name, _ in pairs)
        except (KeyError, TypeError, ValueError):
            raise self._unexpected("the classes of one row", response) from None

    def _signature(self, side: str) -> Mapping[str, Any]:
        """Returns the `inputs` or the `outputs` of the signature by name."""
        response = self._request("GET", "/metadata")
        try:
            signatures = response["metadata"]["signature_def"]["signature_def"]
            if SIGNATURE not in signatures:
                found = ", ".join(sorted(signatures))
                raise ModelNotFound(f"{self._endpoint}: there is no signature {SIGNATURE}, only {found}.")
            return dict(signatures[SIGNATURE][side])
        except (KeyError, TypeError):
            raise self._unexpected("the model's metadata", response) from None

    def predict(self, columns: Columns) -> Probabilities:
        """See Predictor."""
        rows = count_rows(columns)
        if not rows:
            return NO_PROBABILITIES
        self._reject_unknown(columns)
        inputs = {name: column.tolist() for name, column in columns.items()}
        response = self._request("POST", ":predict", json.dumps({"inputs": inputs}))
        try:
            outputs = response["outputs"]  # the values of the only output, or several outputs by name
            predicted = np.asarray(outputs[PROBABILITIES] if isinstance(outputs, dict) else outputs)
        except (KeyError, TypeError, ValueError):
            raise self._unexpected(f"predictions of {rows} rows", response) from None
        if not is_prediction(predicted, rows) or predicted.dtype.kind != "f":
            raise self._unexpected(f"predictions of {rows} rows", response)
        return predicted.astype(np.float32)

    def status(self) -> list[VersionStatus]:
        """See Client."""
        response = self._request("GET", "")
        try:
            return [
                VersionStatus(
                    int(one["version"]),
                    one["state"],
                    one["status"]["error_code"],
                    one["status"]["error_message"],
                )
                for one in response["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError):
            raise self._unexpected("the state of each version", response) from None

    def close(self) -> None:
        """See Predictor."""
        self._pool.close()

    def _reject_unknown(self, columns: Columns) -> None:
        """Rejects columns that are not inputs of the model, which TF Serving ignores in columnar requests."""
        if self._inputs is None or set(columns) != set(self._inputs):
            self._inputs = self.input_names()
        unknown = sorted(set(columns) - set(self._inputs))
        if unknown:
            raise RequestRejected(f"{self._endpoint}: the model has no input {', '.join(unknown)}.")

    def _request(self, method: str, resource: str, body: str | None = None) -> Any:
        return with_retries(
            lambda: self._attempt(method, self._path + resource, body),
            self._retry_policy,
            str(self._endpoint),
        )

    def _attempt(self, method: str, path: str, body: str | None) -> Any:
        try:
            response = self._pool.request(method, path, body=body, redirect=False)
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise TransientError(
                str(error).rpartition(": ")[2]
            ) from error  # The text before is the address of a Python object.
        except ProtocolError as error:
            cause = error.args[-1]
            if isinstance(cause, BadStatusLine) and not isinstance(cause, RemoteDisconnected):
                raise RequestRejected(
                    f"{self._endpoint}: this port does not support HTTP; it may be the gRPC port."
                ) from error
            raise TransientError(str(cause)) from error
        except TimeoutError as error:
            limit = self._retry_policy.timeout
            raise ServerUnavailable(f"{self._endpoint}: no response within {limit:g} s.") from error
        except HTTPError as error:  # Such as an invalid certificate: a retry would not help.
            raise ServerUnavailable(f"{self._endpoint}: {error}") from error
        return self._parse_response(response)

    def _parse_response(self, response: urllib3.BaseHTTPResponse) -> Any:
        text = response.data.decode(errors="replace")
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if response.status == 200 and body is not None:
            return body
        message = str(body["error"]) if isinstance(body, dict) and "error" in body else text
        reason = f"{response.status} {response.reason}: {message[:MAX_MESSAGE]}"
        if response.status in BUSY:
            raise TransientError(reason, _seconds(response.headers.get("Retry-After")))
        kind = {404: ModelNotFound, GATEWAY_TIMEOUT: ServerUnavailable}.get(response.status, RequestRejected)
        raise kind(f"{self._endpoint}: {reason}")

    def _unexpected(self, expected: str, response: Any) -> RequestRejected:
        return RequestRejected(
            f"{self._endpoint}: expected {expected}, got {json.dumps(response)[:MAX_MESSAGE]}"
        )


def _seconds(retry_after: str | None) -> float | None:
    """Parses a Retry-After header, which has seconds or a date (RFC 9110, 10.2.3); returns None if it is neither."""
    if retry_after is None:
        return None
    try:
        if retry_after.isdecimal():
            return float(retry_after)
        return (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
