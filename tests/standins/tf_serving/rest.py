"""The REST server: model_servers/http_server.cc, http_rest_api_handler.cc and http_rest_api_util.cc."""

import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

from google.protobuf.json_format import MessageToDict
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.regression_pb2 import RegressionRequest

from tests.standins.tf_serving import json_response, json_tensor
from tests.standins.tf_serving.core import Core
from tests.standins.tf_serving.http import HttpServer
from tests.standins.tf_serving.status import Status, invalid

MODEL = r"/v1/models/(?P<name>[^/:]+)"
VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
METHODS = ("classify", "regress", "predict")
POST = re.compile(rf"{MODEL}{VERSION}:(?P<method>{'|'.join(METHODS)})", re.IGNORECASE)
GET = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{VERSION}(?:/(?P<method>metadata))?", re.IGNORECASE)
API = re.compile(r"/v1/.*", re.IGNORECASE)


class RestServer(HttpServer):
    """The REST server of some models.

    Args:
        port: the port to listen on; 0 selects a free one.
        core: the models.
        prometheus: the path of the metrics; None means no metrics.
        threads: --rest_api_num_threads: requests that are answered at the same time; by default 4 for each CPU.
    """

    def __init__(self, port: int, core: Core, prometheus: str | None, threads: int | None = None) -> None:
        super().__init__(port, Handler)
        self.core = core
        self.prometheus = prometheus
        self.threads = threading.Semaphore(threads or 4 * (os.cpu_count() or 1))


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"  # keeps the connection open
    wbufsize = -1
    disable_nagle_algorithm = True
    server: RestServer

    def do_GET(self) -> None:
        """Status, metadata, metrics."""
        if self.path == self.server.prometheus:
            self._send(200, "# TYPE :tensorflow:serving:request_count counter\n", "text/plain")
        else:
            self._dispatch(GET, "")

    def do_POST(self) -> None:
        """Predict, classify."""
        self._dispatch(POST, self._body())

    def do_PUT(self) -> None:
        """Refused, like all other methods."""
        self._body()
        self._dispatch(None, "")

    do_DELETE = do_PATCH = do_PUT  # noqa: N815

    def _body(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")

    def _dispatch(self, form: re.Pattern[str] | None, body: str) -> None:
        with self.server.threads:
            self._respond(form, body)

    def _respond(self, form: re.Pattern[str] | None, body: str) -> None:
        path = self.path  # with the query, which TF Serving does not separate
        if not API.fullmatch(path):  # util/net_http/server/internal/evhttp_server.cc: libevent's own page
            self._send(404, "<html><head><title>404 Not Found</title></head></html>", "text/html")
            return
        try:
            parsed = form.fullmatch(path) if form else None
            if parsed is None:
                raise invalid(f"Malformed request: {self.command} {path}")
            if int(parsed["version"] or 0) >= 2**63:  # ParseModelInfo fails, and nothing writes its message.
                self._send(400, "", "application/json")
                return
            self._send(200, self._answer(parsed, body), "application/json")
        except Status as error:
            self._send(error.http, json.dumps({"error": error.message}, indent=4), "application/json")

    def _answer(self, parsed: re.Match[str], body: str) -> str:
        method = parsed["method"]
        core = self.server.core
        if self.command == "GET":
            if parsed["name"] is None:
                raise invalid("Missing model name in request.")
            if method != "metadata":  # also /METADATA
                status = get_model_status_pb2.GetModelStatusRequest()
                _fill_spec(status.model_spec, parsed)
                return _status_json(core.status(status))
            metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
            _fill_spec(metadata.model_spec, parsed)
            return _metadata_json(core.metadata(metadata))
        if method not in METHODS:  # The paths are case-insensitive, the methods are not.
            raise invalid(f"Malformed request: {self.command} {self.path}")
        document = json_tensor.parse(body)
        if method == "predict":
            return self._predict(parsed, document)
        kind = RegressionRequest if method == "regress" else ClassificationRequest
        request = json_tensor.fill_examples(kind(), method, document)
        _fill_spec(request.model_spec, parsed)
        request.model_spec.signature_name = document.get("signature_name", "")
        if method == "regress":
            return json_response.regress_response(core.regress(request))
        return json_response.classify_response(core.classify(request))

    def _predict(self, parsed: re.Match[str], document: dict[str, Any]) -> str:
        core = self.server.core
        lookup = get_model_metadata_pb2.GetModelMetadataRequest()
        _fill_spec(lookup.model_spec, parsed)
        _, bundle = core.bundle(lookup)
        name = document.get("signature_name", "") or "serving_default"
        if name not in bundle.signatures:
            raise invalid(f'Serving signature name: "{name}" not found in signature def')
        request, by_row = json_tensor.predict_request(document, bundle.signatures[name].inputs)
        _fill_spec(request.model_spec, parsed)
        request.model_spec.signature_name = name
        return json_response.predict_response(core.predict(request), by_row)

    def _send(self, status: int, text: str, content_type: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Logs nothing, as TF Serving."""


def _fill_spec(spec: Any, parsed: re.Match[str]) -> None:
    spec.name = unquote(parsed["name"])
    if parsed["version"] is not None:
        spec.version.value = int(parsed["version"])
    if parsed["label"] is not None:
        spec.version_label = unquote(parsed["label"])


def _status_json(response: Any) -> str:
    """Also writes fields with default values (always_print_fields_with_no_presence): "OK", "" and 0."""
    return json.dumps(MessageToDict(response, always_print_fields_with_no_presence=True), indent=1)


def _metadata_json(response: Any) -> str:
    """ToJsonString(GetModelMetadataResponse): the signatures are nested in `signature_def` twice."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    as_dict = {"always_print_fields_with_no_presence": True, "preserving_proto_field_name": True}
    return json.dumps(
        {
            "model_spec": MessageToDict(response.model_spec, **as_dict),
            "metadata": {"signature_def": MessageToDict(signatures, **as_dict)},
        },
        indent=1,
    )
