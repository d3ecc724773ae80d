"""Creates kfp's client from the configuration and the environment: address, credentials, retries."""

import ipaddress
import logging
import os
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kfp
import kubernetes
import urllib3
from kfp.client import (
    KF_PIPELINES_SA_TOKEN_ENV,
    KF_PIPELINES_SA_TOKEN_PATH,
    ServiceAccountTokenVolumeCredentials,
)
from kfp_server_api import V2beta1GetHealthzResponse

from pipeline_def.config.kubeflow import KubeflowConfig

TOKEN_VARIABLE = "KUBEFLOW_TOKEN"
HOST_HINT = (
    "Set kubeflow.host to its address, such as http://localhost:8080 behind "
    "`kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80`"
)
_HOST_VARIABLE = "KF_PIPELINES_ENDPOINT"  # also read by kfp
_CLUSTER_SERVICES = (".svc", ".svc.cluster.local")  # the ends of the names of services, seen from a pod


class KubeflowError(Exception):
    """A request to Kubeflow Pipelines failed. The message contains what to do about it."""


def api_address(config: KubeflowConfig) -> str:
    """Returns the URL of Kubeflow Pipelines or, with a kubeconfig, a description for messages.

    Raises:
        KubeflowError: no address is configured, or the kubeconfig can't be read.
    """
    given = config.host or os.environ.get(_HOST_VARIABLE)
    if config.auth == "kubeconfig":
        if given:  # kfp would use it instead of the kubeconfig
            raise KubeflowError(f"kubeflow.auth: kubeconfig: expected {_HOST_VARIABLE} to be unset")
        try:
            kubernetes.config.list_kube_config_contexts()
        except kubernetes.config.ConfigException as error:
            raise KubeflowError(f"kubeflow.auth: kubeconfig: {error}") from None
        return f"ml-pipeline in {config.installation!r}, through your kubeconfig"
    if given:
        return given.rstrip("/")
    if "KUBERNETES_SERVICE_HOST" in os.environ:  # in a pod
        return f"http://ml-pipeline.{config.installation}.svc.cluster.local:8888"
    raise KubeflowError(
        "kubeflow.host: expected the address of Kubeflow Pipelines, or kubeflow.auth: kubeconfig, got nothing. "
        f"{HOST_HINT}"
    )


def create_client(config: KubeflowConfig) -> kfp.Client:
    """Returns a kfp client with the credentials of `kubeflow.auth`, without sending a request.

    Raises:
        KubeflowError: the address or the credentials are missing, a file with them can't be read, or a token would be
            sent unencrypted to another host.
    """
    by_kubeconfig = config.auth == "kubeconfig"
    if config.ca_file is not None and not Path(config.ca_file).is_file():
        raise KubeflowError(f"kubeflow.ca_file: expected a file, got {config.ca_file!r}")
    address = None if by_kubeconfig else api_address(config)
    token = _token(config)
    if address is not None:
        _check_encrypted(address, config.auth)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it works with KFP 2 only, as does this project
            client = _Client(
                host=address,
                namespace=config.installation,
                existing_token=token,
                credentials=ServiceAccountTokenVolumeCredentials()
                if config.auth == "service_account"
                else None,
                ssl_ca_cert=config.ca_file,
            )
    except (OSError, ValueError, kubernetes.config.ConfigException) as error:
        raise KubeflowError(f"kubeflow.auth: {config.auth}: {error}") from None
    api = client.pipelines.pipeline_service_list_pipelines.__self__.api_client
    # Retries failed connections, and idempotent requests whose response was lost.
    api.rest_client.pool_manager.connection_pool_kw["retries"] = urllib3.Retry(
        total=2,
        read=1,
        other=0,
        status_forcelist=(502, 503, 504),
        backoff_factor=0.3,
        raise_on_status=False,
    )
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it logs a warning for each retry
    if by_kubeconfig:
        _keep_proxy_path(api.configuration)
    return client


def login_hint(config: KubeflowConfig) -> str:
    """Returns a sentence on what to check after a request was refused for its credentials."""
    if config.auth == "bearer":
        return f"The token in {TOKEN_VARIABLE} may have expired, or belong to another host."
    if config.auth == "service_account":
        return f"The service account's token is read from {_token_file()}."
    if config.auth == "kubeconfig":
        return "`kubectl auth whoami` prints the user of your kubeconfig."
    return "kubeflow.auth is none; set it to bearer, service_account or kubeconfig to log in."


class _Client(kfp.Client):  # type: ignore[misc]
    """kfp's client without the health check in its constructor, which prints five tracebacks if there is no server."""

    def get_kfp_healthz(self, sleep_duration: int = 5) -> V2beta1GetHealthzResponse:  # noqa: ARG002
        """Returns a placeholder; `KubeflowApi` sends the request."""
        return V2beta1GetHealthzResponse(multi_user=False)


def _keep_proxy_path(settings: Any) -> None:
    """Keeps the path of the service behind the Kubernetes API server, which kfp appends to the server's address.

    Before each request, kubernetes.config renews the token and resets the address to that of the kubeconfig.
    """
    host, renew = settings.host.rstrip("/"), settings.refresh_api_key_hook

    def renew_and_keep(settings: Any) -> None:
        renew(settings)
        settings.host, settings.refresh_api_key_hook = host, renew_and_keep

    settings.host = host
    if renew:
        settings.refresh_api_key_hook = renew_and_keep


def _check_encrypted(address: str, auth: str) -> None:
    """Raises a KubeflowError if a token would be sent unencrypted to another host.

    The token of a service account may go to a service of the cluster: pods reach Kubeflow Pipelines in this way.
    """
    parts = urlsplit(address if "://" in address else f"http://{address}")
    host = parts.hostname or ""
    inside = auth == "service_account" and host.endswith(_CLUSTER_SERVICES)
    if (
        auth in ("bearer", "service_account")
        and parts.scheme != "https"
        and not (inside or _is_this_machine(host))
    ):
        raise KubeflowError(
            f"kubeflow.host: expected https for the token of kubeflow.auth: {auth}, or this machine, as behind "
            f"`kubectl port-forward`, got {address!r}"
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token(config: KubeflowConfig) -> str | None:
    if config.auth == "bearer":
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token or any(map(str.isspace, token)):
            raise KubeflowError(
                f"kubeflow.auth: bearer: expected a token in the environment variable {TOKEN_VARIABLE}, "
                f"got {'text with spaces' if token else 'nothing'}"
            )
        return token
    if config.auth == "service_account" and not Path(_token_file()).is_file():
        raise KubeflowError(
            f"kubeflow.auth: service_account: expected a token in the file {_token_file()}, got no file. Mount a "
            "projected volume with the audience pipelines.kubeflow.org in this pod, or set "
            f"{KF_PIPELINES_SA_TOKEN_ENV} to another file"
        )
    return None


def _token_file() -> str:
    return os.environ.get(KF_PIPELINES_SA_TOKEN_ENV) or KF_PIPELINES_SA_TOKEN_PATH
