"""Calls the API of Kubeflow Pipelines through kfp.Client.

Differs from kfp.Client in three ways: every request has a timeout; every failure becomes a one-sentence KubeflowError;
and a response that is not JSON, such as a login page, is an error.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import urllib3
from kfp_server_api import ApiException

from pipeline_def.config.kubeflow import KubeflowConfig
from pipeline_def.kubeflow.auth import HOST_HINT, KubeflowError, api_address, create_client, login_hint

_UI_VARIABLE = "KF_PIPELINES_UI_ENDPOINT"  # also read by kfp
_PAGE_SIZE = 100  # the server returns at most 200 items in a page (list_request_util.go)
_MAX_MESSAGE_LENGTH = 300  # characters of the server's message


class Unreachable(KubeflowError):
    """There was no response, or not one of the API. A later request may succeed."""


class KubeflowNotFound(KubeflowError):
    """The object does not exist."""


class AlreadyExists(KubeflowError):
    """An object of this name exists, for example because another client has just created it."""


class KubeflowApi:
    """The API of Kubeflow Pipelines, called with timeouts.

    Attributes:
        client: kfp's client; its attributes `pipelines`, `runs`, ... have the methods to pass to `call`.
        host: the address, for messages.
        namespace: the user's namespace in a multi-user installation, else None; requests contain it.
    """

    def __init__(self, config: KubeflowConfig) -> None:
        self._config = config
        self.host = api_address(config)
        self.client = create_client(config)
        self._api = self.client.pipelines.pipeline_service_list_pipelines.__self__.api_client
        self.namespace = self._namespace()

    def call(self, method: Callable[..., Any], /, **arguments: Any) -> Any:
        """Calls a method of the API and returns its response.

        Raises:
            KubeflowError: the call failed; the message is a sentence with the reason.
        """
        try:
            response = method(**arguments, _request_timeout=self._timeout)
        except ApiException as error:
            raise self._api_error(error) from None
        except urllib3.exceptions.HTTPError as error:
            raise self._connection_error(error) from None
        except UnicodeDecodeError:
            raise self._unexpected_response("text that is not UTF-8") from None
        content_type = self._api.last_response.getheader("content-type") or "nothing"
        if not content_type.startswith("application/json"):
            raise self._unexpected_response(content_type.partition(";")[0])
        return response

    def read_text(self, path: str, query: Mapping[str, str]) -> str:
        """Returns the text at a path that is not part of the API, or empty text if it can't be read."""
        try:
            self._api.call_api(
                path,
                "GET",
                query_params=list(query.items()),
                auth_settings=["Bearer"],
                _request_timeout=self._timeout,
            )
        except (ApiException, urllib3.exceptions.HTTPError, UnicodeDecodeError):
            return ""
        return str(self._api.last_response.data)

    def list_all(self, method: Callable[..., Any], items: str, /, **arguments: Any) -> Iterator[Any]:
        """Yields all items that a method of the API lists, page by page.

        Args:
            method: the method; it has the parameters page_token and page_size.
            items: the field of its response that contains the list.
            arguments: further arguments of the method.
        """
        token = ""
        while True:
            page = self.call(method, page_token=token, page_size=_PAGE_SIZE, **arguments)
            yield from getattr(page, items) or []
            token = page.next_page_token
            if not token:
                return

    @property
    def _timeout(self) -> tuple[int, int]:
        """The limits for connecting and for reading, in seconds."""
        return min(self._config.timeout, 10), self._config.timeout

    def run_url(self, run_id: str) -> str:
        """Returns the URL of a run's page; without a host if the API is reached through a kubeconfig."""
        address = os.environ.get(_UI_VARIABLE) or (self.host if "://" in self.host else "")
        return f"{address.rstrip('/')}/#/runs/details/{run_id}"

    def _namespace(self) -> str | None:
        multi_user = self.call(self.client.healthzs.healthz_service_get_healthz).multi_user
        if multi_user and self._config.namespace is None:
            raise KubeflowError(
                f"kubeflow.namespace: expected the name of your namespace, because {self.host} is a multi-user "
                "installation, got nothing"
            )
        return self._config.namespace if multi_user else None

    def _api_error(self, error: ApiException) -> KubeflowError:
        message = self._without_token(_server_message(error))
        if not error.status:  # kfp's client could not parse the response
            return self._unexpected_response(message)
        if error.status == 401:
            return KubeflowError(f"{self.host}: not logged in (401): {message}. {login_hint(self._config)}")
        if error.status == 403:
            namespace = self._config.namespace or self._config.installation
            return KubeflowError(
                f"{self.host}: access denied (403): {message}. This needs the role kubeflow-pipelines-edit in "
                f"namespace {namespace!r}. {login_hint(self._config)}"
            )
        kinds = {
            404: KubeflowNotFound,
            409: AlreadyExists,
            502: Unreachable,
            503: Unreachable,
            504: Unreachable,
        }
        return kinds.get(error.status, KubeflowError)(f"{self.host}: refused ({error.status}): {message}")

    def _unexpected_response(self, found: str) -> KubeflowError:
        return Unreachable(
            f"{self.host}: expected JSON from the API of Kubeflow Pipelines, got {found}, for example a login page. "
            f"Check that kubeflow.host is its address. {login_hint(self._config)}"
        )

    def _connection_error(self, error: urllib3.exceptions.HTTPError) -> KubeflowError:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, urllib3.exceptions.SSLError):
            return self._tls_error(str(reason))
        if isinstance(reason, urllib3.exceptions.ReadTimeoutError):
            return Unreachable(
                f"{self.host}: no response within {self._config.timeout} seconds; kubeflow.timeout is the limit"
            )
        refused = isinstance(reason, urllib3.exceptions.NewConnectionError)
        if isinstance(reason, urllib3.exceptions.ConnectTimeoutError) and not refused:
            why = "the connection timed out"
        else:
            why = str(reason).rpartition(": ")[2]
        return Unreachable(f"{self.host}: Kubeflow Pipelines can't be reached: {why}. {HOST_HINT}")

    def _tls_error(self, reason: str) -> KubeflowError:
        return KubeflowError(
            f"{self.host}: TLS error: {reason}. Set kubeflow.ca_file to a CA bundle (PEM) that verifies the server's "
            "certificate, or use an address with http:// if the server does not use TLS"
        )

    def _without_token(self, message: str) -> str:
        text = " ".join(message.split())
        token = self._api.configuration.api_key.get("authorization", "").removeprefix("Bearer ")
        return text.replace(token, "(the token)") if token else text


def _server_message(error: ApiException) -> str:
    """Returns the server's message, preferably that for users (error.go, pipeline_upload_server.go)."""
    body = error.body or error.reason or ""
    try:
        response = json.loads(body)
        details = [detail["message"] for detail in response.get("details", []) if detail.get("message")]
        text = (details or [response.get("error_message") or response["message"]])[0]
    except (ValueError, LookupError, TypeError, AttributeError):
        text = str(error.reason) if "<" in body else body
    text = str(text).strip().rstrip(".")
    return text if len(text) <= _MAX_MESSAGE_LENGTH else f"{text[:_MAX_MESSAGE_LENGTH]}..."
