"""The connection to Kubeflow Pipelines: where its API is, who asks, and what its refusals mean to whoever asked.

Everything goes through kfp.Client, with three things changed: every request has a time-out, what is refused becomes a
sentence, and what is not an answer of Kubeflow Pipelines (a login page, say) is not taken for one.
"""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import urllib3
from kfp_server_api import ApiException

from pipeline_def.config.kubeflow import KubeflowConfig
from pipeline_def.kubeflow.auth import HOW_TO_REACH, KubeflowError, address, connected, how_to_log_in

_PAGE_VARIABLE = "KF_PIPELINES_UI_ENDPOINT"  # kfp reads it, too
_PAGE = 100  # the server gives at most 200 at once (list_request_util.go)
_LONGEST = 300  # characters of what the server has to say


class Unreachable(KubeflowError):
    """No answer, or not the API's own: it may answer later."""


class NotFound(KubeflowError):
    """There is no such thing."""


class AlreadyExists(KubeflowError):
    """Someone else was faster."""


class Kubeflow:
    """Kubeflow Pipelines' API, asked with time-outs.

    Attributes:
        client: kfp's; its `pipelines`, `runs`, ... have the calls that `ask` takes.
        host: the address, for messages.
        namespace: what to put into requests: the user's namespace in a multi-user installation, else None.
    """

    def __init__(self, config: KubeflowConfig) -> None:
        self._config = config
        self.host = address(config)
        self.client = connected(config)
        self._api = self.client.pipelines.pipeline_service_list_pipelines.__self__.api_client
        self.namespace = self._namespace()

    def ask(self, call: Callable[..., Any], /, **arguments: Any) -> Any:
        """The answer to one call of the API.

        Raises:
            KubeflowError: a sentence on why there is none.
        """
        timeout = (min(self._config.timeout, 10), self._config.timeout)  # to connect, to answer
        try:
            answer = call(**arguments, _request_timeout=timeout)
        except ApiException as error:
            raise self._refusal(error) from None
        except urllib3.exceptions.HTTPError as error:
            raise self._no_connection(error) from None
        except UnicodeDecodeError:
            raise self._not_the_api("text that is not UTF-8") from None
        kind = self._api.last_response.getheader("content-type") or "nothing"
        if not kind.startswith("application/json"):
            raise self._not_the_api(kind.partition(";")[0])
        return answer

    def pages(self, call: Callable[..., Any], items: str, /, **arguments: Any) -> Iterator[Any]:
        """Everything that a call lists, page by page.

        Args:
            call: it takes page_token and page_size.
            items: the field of its answer that holds the list.
            arguments: of the call.
        """
        token = ""
        while True:
            page = self.ask(call, page_token=token, page_size=_PAGE, **arguments)
            yield from getattr(page, items) or []
            token = page.next_page_token
            if not token:
                return

    def run_url(self, run_id: str) -> str:
        """The page of a run; without its host where the way there is a tunnel."""
        address = os.environ.get(_PAGE_VARIABLE) or (self.host if "://" in self.host else "")
        return f"{address.rstrip('/')}/#/runs/details/{run_id}"

    def _namespace(self) -> str | None:
        shared = self.ask(self.client.healthzs.healthz_service_get_healthz).multi_user
        if shared and self._config.namespace is None:
            raise KubeflowError(
                f"kubeflow.namespace: expected the name of your namespace, as several users share {self.host}, "
                "got nothing"
            )
        return self._config.namespace if shared else None

    def _refusal(self, error: ApiException) -> KubeflowError:
        said = self._without_token(_said(error))
        if not error.status:  # the client's own, on an answer that it can't read
            return self._not_the_api(said)
        if error.status == 401:
            return KubeflowError(f"{self.host}: not logged in (401): {said}. {how_to_log_in(self._config)}")
        if error.status == 403:
            where = f"namespace {self._config.namespace or self._config.installation!r}"
            return KubeflowError(
                f"{self.host}: access denied (403): {said}. Whoever asks needs the right to do this in {where}: the "
                f"role kubeflow-pipelines-edit there. {how_to_log_in(self._config)}"
            )
        kinds = {404: NotFound, 409: AlreadyExists, 502: Unreachable, 503: Unreachable, 504: Unreachable}
        return kinds.get(error.status, KubeflowError)(f"{self.host}: refused ({error.status}): {said}")

    def _not_the_api(self, found: str) -> KubeflowError:
        return Unreachable(
            f"{self.host}: expected the JSON of Kubeflow Pipelines' API, got {found}: the page of a login, or of "
            f"something else. Is kubeflow.host its address? {how_to_log_in(self._config)}"
        )

    def _no_connection(self, error: urllib3.exceptions.HTTPError) -> KubeflowError:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, urllib3.exceptions.SSLError):
            return self._not_trusted(str(reason))
        if isinstance(reason, urllib3.exceptions.ReadTimeoutError):
            return Unreachable(
                f"{self.host}: no answer within {self._config.timeout} seconds; kubeflow.timeout allows for more"
            )
        refused = isinstance(reason, urllib3.exceptions.NewConnectionError)
        if isinstance(reason, urllib3.exceptions.ConnectTimeoutError) and not refused:
            why = "no connection in time"
        else:
            why = str(reason).rpartition(": ")[2]
        return Unreachable(f"{self.host}: Kubeflow Pipelines can't be reached: {why}. {HOW_TO_REACH}")

    def _not_trusted(self, reason: str) -> KubeflowError:
        return KubeflowError(
            f"{self.host}: no trusted connection: {reason}. kubeflow.ca_file names a PEM file of "
            "the authority that signed its certificate; an address that is not encrypted begins with http://"
        )

    def _without_token(self, said: object) -> str:
        text = " ".join(str(said).split())
        token = self._api.configuration.api_key.get("authorization", "").removeprefix("Bearer ")
        return text.replace(token, "(the token)") if token else text


def _said(error: ApiException) -> str:
    """The server's own words: those meant for users if there are some (error.go, pipeline_upload_server.go)."""
    body = error.body or error.reason or ""
    try:
        answer = json.loads(body)
        details = [detail["message"] for detail in answer.get("details", []) if detail.get("message")]
        text = (details or [answer.get("error_message") or answer["message"]])[0]
    except (ValueError, LookupError, TypeError, AttributeError):
        text = str(error.reason) if "<" in body else body
    text = str(text).strip().rstrip(".")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
