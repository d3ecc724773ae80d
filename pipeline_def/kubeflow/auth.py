"""Who asks Kubeflow Pipelines, and where: kfp's client, made from the configuration and the environment."""

import logging
import os
import warnings
from pathlib import Path
from typing import Any

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
HOW_TO_REACH = (
    "kubeflow.host is its address: behind `kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80`, say, "
    "http://localhost:8080"
)
_HOST_VARIABLE = "KF_PIPELINES_ENDPOINT"  # kfp reads it, too


class KubeflowError(Exception):
    """Kubeflow Pipelines could not be asked, or refused. The message says what to do about it."""


def address(config: KubeflowConfig) -> str:
    """Where Kubeflow Pipelines is: its URL, or, through a kubeconfig, what to call it in a message.

    Raises:
        KubeflowError: nothing says where.
    """
    given = config.host or os.environ.get(_HOST_VARIABLE)
    if config.auth == "kubeconfig":
        if given:  # kfp would follow it without the kubeconfig
            raise KubeflowError(f"kubeflow.auth: kubeconfig: expected {_HOST_VARIABLE} to be unset")
        try:
            kubernetes.config.list_kube_config_contexts()
        except kubernetes.config.ConfigException as error:
            raise KubeflowError(f"kubeflow.auth: kubeconfig: {error}") from None
        return f"ml-pipeline in {config.installation!r}, through your kubeconfig"
    if given:
        return given.rstrip("/")
    if "KUBERNETES_SERVICE_HOST" in os.environ:  # a pod
        return f"http://ml-pipeline.{config.installation}.svc.cluster.local:8888"
    raise KubeflowError(
        "kubeflow.host: expected the address of Kubeflow Pipelines, or kubeflow.auth: kubeconfig, got nothing. "
        f"{HOW_TO_REACH}"
    )


def connected(config: KubeflowConfig) -> kfp.Client:
    """A client of kfp that asks as `kubeflow.auth` says; nothing has been asked yet.

    Raises:
        KubeflowError: nothing says where or who, or a file that should say it is not there.
    """
    by_kubeconfig = config.auth == "kubeconfig"
    if config.ca_file is not None and not Path(config.ca_file).is_file():
        raise KubeflowError(f"kubeflow.ca_file: expected a file, got {config.ca_file!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # that it works with KFP 2 only: so does this
            client = _Client(
                host=None if by_kubeconfig else address(config),
                namespace=config.installation,
                existing_token=_token(config),
                credentials=ServiceAccountTokenVolumeCredentials()
                if config.auth == "service_account"
                else None,
                ssl_ca_cert=config.ca_file,
            )
    except (OSError, ValueError, kubernetes.config.ConfigException) as error:
        raise KubeflowError(f"kubeflow.auth: {config.auth}: {error}") from None
    api = client.pipelines.pipeline_service_list_pipelines.__self__.api_client
    # What may be asked again: a connection that was not made, a read, a deletion.
    api.rest_client.pool_manager.connection_pool_kw["retries"] = urllib3.Retry(
        total=2,
        read=1,
        other=0,
        status_forcelist=(502, 503, 504),
        backoff_factor=0.3,
        raise_on_status=False,
    )
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it would tell of each attempt
    if by_kubeconfig:
        _keep_path(api.configuration)
    return client


def how_to_log_in(config: KubeflowConfig) -> str:
    """A sentence for whoever is not let in."""
    if config.auth == "bearer":
        return f"The token in {TOKEN_VARIABLE} may have expired, or be another host's."
    if config.auth == "service_account":
        return f"The service account's token is read from {_token_file()}."
    if config.auth == "kubeconfig":
        return "`kubectl auth whoami` says whom your kubeconfig stands for."
    return "kubeflow.auth is none: bearer, service_account or kubeconfig say who asks."


class _Client(kfp.Client):  # type: ignore[misc]
    """kfp's asks for the server's health when it is made: five times, each failure with its traceback."""

    def get_kfp_healthz(self, sleep_duration: int = 5) -> V2beta1GetHealthzResponse:  # noqa: ARG002
        """Nothing yet: `Kubeflow` asks."""
        return V2beta1GetHealthzResponse(multi_user=False)


def _keep_path(settings: Any) -> None:
    """Keeps the way through the Kubernetes API server, which kfp has put behind its address.

    Before each request, kubernetes.config sets the address as it stands in the kubeconfig, when it renews the token.
    """
    host, renew = settings.host.rstrip("/"), settings.refresh_api_key_hook

    def renew_and_keep(settings: Any) -> None:
        renew(settings)
        settings.host, settings.refresh_api_key_hook = host, renew_and_keep

    settings.host = host
    if renew:
        settings.refresh_api_key_hook = renew_and_keep


def _token(config: KubeflowConfig) -> str | None:
    if config.auth == "bearer":
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token or any(map(str.isspace, token)):
            raise KubeflowError(
                f"kubeflow.auth: bearer: expected a token in the environment variable {TOKEN_VARIABLE}, "
                f"got {'several words' if token else 'nothing'}"
            )
        return token
    if config.auth == "service_account" and not Path(_token_file()).is_file():
        raise KubeflowError(
            f"kubeflow.auth: service_account: expected a token in {_token_file()}: a projected volume with the "
            f"audience pipelines.kubeflow.org in this pod, or another file that {KF_PIPELINES_SA_TOKEN_ENV} names"
        )
    return None


def _token_file() -> str:
    return os.environ.get(KF_PIPELINES_SA_TOKEN_ENV) or KF_PIPELINES_SA_TOKEN_PATH
