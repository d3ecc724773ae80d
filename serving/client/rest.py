"""TF Serving over REST.

TF Serving's parser takes the tokens NaN, Infinity and -Infinity, which JSON proper has not, and Python's writes them
(rapidjson's kParseNanAndInfFlag, in tensorflow_serving/util/json_tensor.cc). That parser may be wrong by three units in
the last place of a double, as it does not ask for full precision; so each float32 is written as the double that it is,
in up to 17 digits, and is the same float32 again after the server has rounded. Answers come in nine digits, which
is enough. Requests are columnar, `{"inputs": {name: [...]}}`: rows would repeat all names in each.
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
from serving.client.exceptions import NotFound, Refused, Unavailable
from serving.client.predictor import SIGNATURE, Columns, Probabilities, VersionStatus, batch_size
from serving.client.retries import Patience, TryAgain, with_retries

# What may pass: too many requests (RESOURCE_EXHAUSTED), a gateway that finds no server, UNAVAILABLE.
BUSY = {429, 502, 503}
# DEADLINE_EXCEEDED: tensorflow_serving/model_servers/http_server.cc has the whole mapping.
GATEWAY_TIMEOUT = 504
WORDS = 500  # more of a server's words are no help
THREADS = 16  # connections that are kept open at most


class RestClient:
    """See serving.client.predictor.Client.

    Args:
        endpoint: where the model is.
        headers: sent with each request.
        patience: time-outs and retries.
        tls: whom to trust.
    """

    def __init__(self, endpoint: Endpoint, headers: Mapping[str, str], patience: Patience, tls: Tls) -> None:
        self._endpoint = endpoint
        self._patience = patience
        version = "" if endpoint.version is None else f"/versions/{endpoint.version}"
        self._path = f"{endpoint.path}/v1/models/{quote(endpoint.model, safe='')}{version}"
        self._pool = urllib3.connection_from_url(
            endpoint.url,
            headers={"Content-Type": "application/json", **headers},
            maxsize=THREADS,
            retries=False,
            timeout=urllib3.Timeout(total=patience.timeout),
            **({"ssl_context": tls.context()} if endpoint.is_encrypted else {}),
        )
        self._inputs: list[str] | None = None

    def input_names(self) -> list[str]:
        """See Predictor."""
        answer = self._ask("GET", "/metadata")
        try:
            signatures = answer["metadata"]["signature_def"]["signature_def"]
            if SIGNATURE not in signatures:
                found = ", ".join(sorted(signatures))
                raise NotFound(f"{self._endpoint}: there is no signature {SIGNATURE}, only {found}.")
            return sorted(signatures[SIGNATURE]["inputs"])
        except (KeyError, TypeError):
            raise self._unexpected("the model's metadata", answer) from None

    def predict(self, columns: Columns) -> Probabilities:
        """See Predictor."""
        rows = batch_size(columns)
        self._refuse_unknown(columns)
        inputs = {name: column.tolist() for name, column in columns.items()}
        answer = self._ask("POST", ":predict", json.dumps({"inputs": inputs}))
        try:
            probabilities = np.asarray(answer["outputs"])
        except (KeyError, TypeError, ValueError):
            raise self._unexpected(f"{rows} probabilities", answer) from None
        if probabilities.shape != (rows,) or probabilities.dtype.kind != "f":
            raise self._unexpected(f"{rows} probabilities", answer)
        return probabilities.astype(np.float32)

    def status(self) -> list[VersionStatus]:
        """See Client."""
        answer = self._ask("GET", "")
        try:
            return [
                VersionStatus(
                    int(one["version"]),
                    one["state"],
                    one["status"]["error_code"],
                    one["status"]["error_message"],
                )
                for one in answer["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError):
            raise self._unexpected("the state of each version", answer) from None

    def close(self) -> None:
        """See Predictor."""
        self._pool.close()

    def _refuse_unknown(self, columns: Columns) -> None:
        """Raises Refused for a column that the model has no input for: in columnar requests, TF Serving skips it."""
        if self._inputs is None or set(columns) != set(self._inputs):
            self._inputs = self.input_names()
        unknown = sorted(set(columns) - set(self._inputs))
        if unknown:
            raise Refused(f"{self._endpoint}: the model has no input {', '.join(unknown)}.")

    def _ask(self, method: str, resource: str, body: str | None = None) -> Any:
        return with_retries(
            lambda: self._attempt(method, self._path + resource, body), self._patience, str(self._endpoint)
        )

    def _attempt(self, method: str, path: str, body: str | None) -> Any:
        try:
            response = self._pool.request(method, path, body=body, redirect=False)
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise TryAgain(str(error).rpartition(": ")[2]) from error  # before it stands the object's address
        except ProtocolError as error:
            cause = error.args[-1]
            if isinstance(cause, BadStatusLine) and not isinstance(cause, RemoteDisconnected):
                raise Refused(
                    f"{self._endpoint}: this port speaks no HTTP; gRPC has one of its own."
                ) from error
            raise TryAgain(str(cause)) from error
        except TimeoutError as error:
            limit = self._patience.timeout
            raise Unavailable(f"{self._endpoint}: no answer within {limit:g} s.") from error
        except HTTPError as error:  # the certificate, for one: it will be no other the next time
            raise Unavailable(f"{self._endpoint}: {error}") from error
        return self._answer(response)

    def _answer(self, response: urllib3.BaseHTTPResponse) -> Any:
        text = response.data.decode(errors="replace")
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if response.status == 200 and answer is not None:
            return answer
        words = str(answer["error"]) if isinstance(answer, dict) and "error" in answer else text
        reason = f"{response.status} {response.reason}: {words[:WORDS]}"
        if response.status in BUSY:
            raise TryAgain(reason, _seconds(response.headers.get("Retry-After")))
        kind = {404: NotFound, GATEWAY_TIMEOUT: Unavailable}.get(response.status, Refused)
        raise kind(f"{self._endpoint}: {reason}")

    def _unexpected(self, expected: str, answer: Any) -> Refused:
        return Refused(f"{self._endpoint}: expected {expected}, got {json.dumps(answer)[:WORDS]}")


def _seconds(retry_after: str | None) -> float | None:
    """The header in both its forms, seconds and a date (RFC 9110, 10.2.3); None for what is neither."""
    if retry_after is None:
        return None
    try:
        if retry_after.isdecimal():
            return float(retry_after)
        return (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
