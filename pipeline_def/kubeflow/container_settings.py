"""The settings of a task on Kubeflow and of its container: resources, environment, volume, secrets, configuration."""

import json
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from kfp import compiler, kubernetes

from pipeline_def.config.kubeflow_metadata import PASSWORD_VARIABLE, USER_VARIABLE
from pipeline_def.config.kubeflow_steps import StepsConfig
from pipeline_def.config.load import PipelineConfig
from pipeline_def.config.tracking import TOKEN_VARIABLE

# A label of the steps' pods, by which network policies select them.
POD_LABEL = ("app.kubernetes.io/name", "regpipe-step")
# The resources of Verdict and ExitStep. For a root on gs://, ExitStep imports TensorFlow, which takes 0.5 GiB.
_SMALL = {"cpu": "100m", "memory": "1Gi"}
# The keys of `kubeflow` that containers read. Others are left out, so that they don't change the pipeline's digest.
_CONTAINER_KEYS = {"root", "metadata", "image"}


def configure(task: Any, step: str, settings: StepsConfig) -> None:
    """Sets the name, resources, retries, node selection and environment of a task's container."""
    task.set_display_name(step)
    task.set_caching_options(False)
    kubernetes.add_pod_label(task, *POD_LABEL)
    if settings.cpu:
        task.set_cpu_request(settings.cpu)
    if settings.memory:
        task.set_memory_request(settings.memory).set_memory_limit(settings.memory)
    if settings.retries:
        # For lost pods, which need no wait: the waits between attempts are those of step_attempts.
        task.set_retry(settings.retries, backoff_duration="1s", backoff_factor=1.0)
    for label, _, value in (text.partition("=") for text in settings.node_selector):
        kubernetes.add_node_selector(task, label, value)
    for taint, _, effect in (text.rpartition(":") for text in settings.tolerations):
        name, equals, value = taint.partition("=")
        kubernetes.add_toleration(
            task, key=name, operator="Equal" if equals else "Exists", value=value or None, effect=effect
        )
    for name, _, value in (text.partition("=") for text in settings.env):
        task.set_env_variable(name, value)
    for variable, _, source in (text.partition("=") for text in settings.secrets):
        secret, _, name = source.partition(":")
        kubernetes.use_secret_as_env(task, secret, {name: variable})


def small(settings: StepsConfig) -> StepsConfig:
    """Returns the settings for a container that computes nothing, with small requests where the settings have any."""
    small = {name: value for name, value in _SMALL.items() if getattr(settings, name) is not None}
    return settings.model_copy(update=small)


def limit_pod(task: Any, settings: StepsConfig) -> None:
    """Sets the time limit of a pod that makes one attempt; `step_attempts` limits each attempt of the others."""
    if settings.timeout:
        kubernetes.set_timeout(task, settings.timeout)


def add_volume_and_secret(task: Any, config: PipelineConfig) -> None:
    """Adds access to the shared volume and the credentials of the shared metadata store."""
    mount_volume(task, config)
    metadata = config.kubeflow.metadata
    if metadata.kind == "mysql":
        variables = {metadata.user_key: USER_VARIABLE, metadata.password_key: PASSWORD_VARIABLE}
        kubernetes.use_secret_as_env(task, metadata.secret, variables)


def mount_volume(task: Any, config: PipelineConfig) -> None:
    """Mounts the shared volume at the root, if there is one."""
    if config.kubeflow.volume:
        kubernetes.mount_pvc(task, config.kubeflow.volume, config.kubeflow.root)


def add_tracking_secret(task: Any, config: PipelineConfig) -> None:
    """Adds the token of the MLflow server, if the runs are logged there and it needs one."""
    mlflow = config.tracking.mlflow
    if mlflow.enabled and mlflow.secret:
        kubernetes.use_secret_as_env(task, mlflow.secret, {mlflow.secret_key: TOKEN_VARIABLE})


def placeholder(name: str) -> str:
    """Returns the placeholder that Kubeflow Pipelines replaces by the value of an input in a container's arguments."""
    return f"{{{{$.inputs.parameters['{name}']}}}}"


def config_json(config: PipelineConfig, unread: Collection[str] = ("notify", "tracking")) -> str:
    """Returns the configuration without the keys that containers don't read; it has no secrets.

    Args:
        config: the configuration.
        unread: the groups of keys to leave out, so that they don't change the digest of the package.
    """
    plain = config.model_dump(mode="json", exclude=set(unread))
    plain["kubeflow"] = {name: plain["kubeflow"][name] for name in sorted(_CONTAINER_KEYS)}
    return json.dumps(plain, ensure_ascii=False)


def compiled_text(pipeline: Any) -> str:
    """Returns a pipeline of kfp as YAML: the pipeline spec 2.1.0 and the platform spec."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline, str(file))
        return file.read_text(encoding="utf-8")
