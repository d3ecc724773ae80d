"""Checks of the services that a configuration names: Kubeflow Pipelines, the image's registry, webhook, MLflow."""

import contextlib
import importlib.util
import os
import urllib.error
import urllib.request
from typing import Any

from pipeline_def.config.load import PipelineConfig
from pipeline_def.config.notification import URL_VARIABLE
from pipeline_def.config.tracking import URI_VARIABLE
from pipeline_def.doctor.check_result import CheckResult, optional
from pipeline_def.doctor.image_reference import manifest_status, parse_image

_TIMEOUT = 10.0  # seconds


def kubeflow(config: PipelineConfig) -> CheckResult:
    """Checks that Kubeflow Pipelines answers, its version, and that these credentials may list runs."""
    if config.kubeflow.image is None and config.kubeflow.host is None:
        return optional(CheckResult("missing", "not configured", "set kubeflow.host; see docs/kubeflow.md"))
    from pipeline_def.kubeflow.auth import KubeflowError
    from pipeline_def.kubeflow.kfp_client import KubeflowApi

    required = config.kubeflow.image is not None
    try:
        api = KubeflowApi(config.kubeflow)
        namespace = {"namespace": api.namespace} if api.namespace else {}
        api.call(api.client.runs.run_service_list_runs, page_size=1, **namespace)
    except KubeflowError as error:
        found, _, advice = str(error).partition(". ")
        finding = CheckResult("problem", found, advice or "see docs/kubeflow.md")
        return finding if required else optional(finding)
    version = _version(api)
    # Without several users the API server checks no rights (resource/resource_manager.go, IsAuthorized).
    rights = "may list runs" if api.namespace else "may list and create runs"
    return CheckResult("ok", f"{api.host}{f', version {version}' if version else ''}, {rights}")


def _version(api: Any) -> str | None:
    """Returns the version of the API server, which only an older API has (apiserver/main.go); None if it is unknown."""
    client = api.client.pipelines.pipeline_service_list_pipelines.__self__.api_client
    with contextlib.suppress(Exception):
        answer, *_ = client.call_api(
            "/apis/v1beta1/healthz",
            "GET",
            response_type="object",
            auth_settings=["Bearer"],
            _request_timeout=_TIMEOUT,
        )
        return str(answer["tag_name"])
    return None


def image(config: PipelineConfig) -> CheckResult:
    """Checks that the registry has the image of the steps."""
    name = config.kubeflow.image
    if name is None:
        return optional(
            CheckResult("missing", "kubeflow.image is not set", "build it: docs/kubeflow.md, step 2")
        )
    parsed = parse_image(name)
    try:
        status = manifest_status(parsed)
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        # The cluster may reach a registry that this machine does not.
        return optional(
            CheckResult("problem", f"{parsed.registry}: {reason}", "check that the cluster reaches it")
        )
    if status == 200:
        return CheckResult("ok", name)
    if status in (401, 403):
        advice = "give the service account the registry's secret: docs/kubeflow.md, step 2"
        return optional(CheckResult("problem", f"{name}: the registry wants a login ({status})", advice))
    if status == 404:
        return CheckResult("missing", name, "push it, or correct kubeflow.image")
    return optional(CheckResult("problem", f"{name}: the registry answers with {status}", "try again later"))


def webhook(config: PipelineConfig) -> CheckResult:
    """Checks that the URL of the notification is in the environment; it is neither shown nor requested."""
    if config.notify.when == "never":
        return optional(CheckResult("ok", "notify.when is never"))
    if os.environ.get(URL_VARIABLE, "").strip():
        return CheckResult("ok", f"{URL_VARIABLE} is set")
    finding = CheckResult("missing", f"{URL_VARIABLE} is not set", "set it to be told how runs end")
    # With a secret, the messages are those of runs on Kubeflow.
    return finding if config.notify.when and config.notify.secret is None else optional(finding)


def mlflow(config: PipelineConfig) -> CheckResult:
    """Checks that the client is installed and the server answers."""
    settings = config.tracking.mlflow
    if not settings.enabled:
        return optional(CheckResult("missing", "tracking.mlflow.enabled is false", "see docs/mlflow.md"))
    if importlib.util.find_spec("mlflow") is None:
        return CheckResult("missing", "no client", "install regpipe[mlflow]")
    uri = settings.uri or os.environ.get(URI_VARIABLE, "").strip()
    if not uri.startswith(("http://", "https://")):
        return CheckResult(
            "missing", f"no address of a server in {URI_VARIABLE}", "set it, or tracking.mlflow.uri"
        )
    host = uri.partition("://")[2].rpartition("@")[2]
    shown = f"{uri.partition('://')[0]}://{host}"
    try:
        with urllib.request.urlopen(f"{shown}/health", timeout=_TIMEOUT) as response:
            return CheckResult("ok", f"{shown} answers ({response.status})")
    except urllib.error.HTTPError as error:
        if error.code in (401, 403, 404):  # a proxy before it, which answers to a token or has no such path
            return CheckResult("ok", f"{shown} answers ({error.code})")
        return CheckResult("problem", f"{shown}: it answers with {error.code}", "look at the server's log")
    except (OSError, ValueError) as error:
        return CheckResult(
            "problem",
            f"{shown}: {getattr(error, 'reason', None) or type(error).__name__}",
            "start the server",
        )
