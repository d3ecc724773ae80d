"""Compiles the package of one step that runs a command of regpipe on the cluster, for --on-cluster.

The command is a runtime parameter, so one uploaded version serves all commands of a configuration.
"""

import json
from collections.abc import Sequence
from typing import Any

from kfp import dsl

from pipeline_def.config.load import ConfigError, PipelineConfig
from pipeline_def.kubeflow.container_settings import (
    add_tracking_secret,
    add_volume_and_secret,
    compiled_text,
    config_json,
    configure,
    limit_pod,
    placeholder,
)
from pipeline_def.kubeflow.package import Package
from pipeline_def.kubeflow.parameters import path_problems

COMMAND = "command"
"""The runtime parameter: the command and its options, a list of texts."""
MAX_COMMAND_BYTES = 10_000
"""As JSON. The limit of Kubeflow Pipelines for all parameters of a run (MaxParameterBytes in consts.go)."""
_STEP = "Command"
# The groups of keys that the commands read. The others are left out, so that they don't change the package's digest.
_READ = {"name", "serving", "tracking", "kubeflow"}
_START = ["python", "-m", "pipeline_def.kubeflow.command_step"]


def command_bytes(command: Sequence[str]) -> int:
    """Returns the size of a command as Kubeflow Pipelines counts it.

    >>> command_bytes(["runs", "--json"])
    18
    """
    return len(json.dumps(list(command)).encode())


def command_package(config: PipelineConfig) -> Package:
    """Returns the compiled package; its step has the image, volume, secrets and settings of the pipeline's steps.

    Raises:
        ConfigError: there is no image, or the destination is a path that containers can't open.
    """
    problems = [problem for problem in path_problems(config) if problem.startswith("serving.")]
    if config.kubeflow.image is None:
        problems.insert(0, "kubeflow.image: expected the image built from kubeflow/Dockerfile, got none")
    if problems:
        raise ConfigError(problems)
    return Package(f"{config.name}-commands", compiled_text(_pipeline(config)))


def _pipeline(config: PipelineConfig) -> Any:
    image = config.kubeflow.image
    start = [*_START, "--config", config_json(config, unread=set(PipelineConfig.model_fields) - _READ)]

    def command(command: list, output: dsl.Output[dsl.HTML]) -> dsl.ContainerSpec:  # type: ignore[type-arg] # noqa: ARG001
        arguments = ["--command", placeholder(COMMAND), "--output", output.path]
        return dsl.ContainerSpec(image=image, command=start[:3], args=[*start[3:], *arguments])

    step = dsl.container_component(command)

    def graph(command: list) -> None:  # type: ignore[type-arg]
        task = step(command=command)
        # A second attempt would publish again, or fail because the first one has published.
        settings = config.kubeflow.steps.model_copy(update={"retries": 0})
        configure(task, _STEP, settings)
        limit_pod(task, settings)
        add_volume_and_secret(task, config)
        add_tracking_secret(task, config)

    return dsl.pipeline(name="regpipe-commands")(graph)
