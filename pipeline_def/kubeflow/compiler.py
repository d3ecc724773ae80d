"""Compiles the pipeline for Kubeflow: one container for each step, which launches its node of the TFX pipeline.

TFX's drivers, cache and lineage are used as in a local run; Kubeflow Pipelines provides the order, the containers and
the parameters. Its own cache is off, because its keys don't depend on the content of the data.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kfp import dsl, kubernetes

from pipeline_def.config.kubeflow_steps import StepOverride, StepsConfig
from pipeline_def.config.load import ConfigError, PipelineConfig
from pipeline_def.config.notification import URL_VARIABLE
from pipeline_def.kubeflow.container_settings import (
    add_tracking_secret,
    add_volume_and_secret,
    compiled_text,
    config_json,
    configure,
    limit_pod,
    mount_volume,
    placeholder,
    small,
)
from pipeline_def.kubeflow.parameters import RuntimeParameter, path_problems, runtime_parameters
from pipeline_def.kubeflow.step_attempts import NODE_ANNOTATION, NODE_VARIABLE
from pipeline_def.steps import FIRST, LAST, VERDICT, direct_predecessors

_STEP_COMMAND = ["python", "-m", "pipeline_def.kubeflow.step_attempts"]
_VERDICT_COMMAND = ["python", "-m", "pipeline_def.kubeflow.verdict_step"]
_EXIT_COMMAND = ["python", "-m", "pipeline_def.kubeflow.exit_step"]
_EXIT = "ExitStep"
# The open-source backend replaces this placeholder only if it is the whole value of an input, not inside an argument.
_JOB_ID, _RUN_ID = dsl.PIPELINE_JOB_ID_PLACEHOLDER, "run_id"


def compile_kubeflow(config: PipelineConfig) -> str:
    """Returns the pipeline as YAML (pipeline spec 2.1.0 and platform spec); equal configurations give equal text.

    Raises:
        ConfigError: there is no image, or there are paths that containers can't open; it has all these problems.
    """
    problems = path_problems(config)
    if config.kubeflow.image is None:
        problems.insert(0, "kubeflow.image: expected the image built from kubeflow/Dockerfile, got none")
    if config.notify.when in ("always", "problem") and config.notify.secret is None:
        problems.append(
            f"notify.secret: expected the Kubernetes secret with the URL, because notify.when is {config.notify.when}, "
            "got none"
        )
    if config.tracking.mlflow.enabled and config.tracking.mlflow.uri is None:
        problems.append(
            "tracking.mlflow.uri: expected the address of the MLflow server as the cluster reaches it, because "
            "tracking.mlflow.enabled is true, got none"
        )
    if problems:
        raise ConfigError(problems)
    parameters = runtime_parameters(config)
    pipeline = _pipeline(config, parameters)
    _set_retry_windows(pipeline.pipeline_spec, config)
    return compiled_text(pipeline)


def _set_retry_windows(spec: Any, config: PipelineConfig) -> None:
    """Sets the time for all pods of each task, which kfp limits to an hour (structures.RetryPolicy.to_proto)."""
    graphs = [spec.root.dag, *(component.dag for component in spec.components.values())]
    for graph in graphs:
        for task in graph.tasks.values():
            if task.HasField("retry_policy"):
                window = _settings(config, task.task_info.name).retry_window
                task.retry_policy.backoff_max_duration.FromSeconds(window)


def _settings(config: PipelineConfig, step: str) -> StepsConfig:
    return _override(config, step).merged_with(config.kubeflow.steps)


def _override(config: PipelineConfig, step: str) -> StepOverride:
    """Returns the settings of one step; those of every step have no value."""
    found = (override for override in config.kubeflow.overrides if override.step == step)
    return next(found, StepOverride(step=FIRST))


def _pipeline(config: PipelineConfig, parameters: Sequence[RuntimeParameter]) -> Any:
    def graph(*channels: Any) -> None:
        values = {parameter.name: channel for parameter, channel in zip(parameters, channels, strict=True)}
        if not (_notifies(config) or config.tracking.mlflow.enabled):
            _tasks(config, parameters, values)
        else:
            with dsl.ExitHandler(exit_task=_exit_task(config), name="run"):
                _tasks(config, parameters, values)

    graph.__name__ = config.name
    _set_signature(graph, ((p.name, p.type, p.default) for p in parameters))
    return dsl.pipeline(name=config.name)(graph)


def _tasks(config: PipelineConfig, parameters: Sequence[RuntimeParameter], values: Mapping[str, Any]) -> None:
    tasks: dict[str, Any] = {}
    for step in config.step_names():
        tasks[step] = _task(config, step, parameters, values)
        tasks[step].after(*(tasks[name] for name in direct_predecessors(step) if name in tasks))
    if config.kubeflow.fail_when_not_blessed:
        _verdict_task(config, tasks[LAST])


def _task(
    config: PipelineConfig, step: str, parameters: Sequence[RuntimeParameter], values: Mapping[str, Any]
) -> Any:
    override, settings = _override(config, step), _settings(config, step)
    image = override.image or config.kubeflow.image
    command = [
        *_STEP_COMMAND,
        "--retries", str(settings.retries), "--backoff", str(settings.backoff),
        "--retry-window", str(settings.retry_window), "--timeout", str(settings.timeout),
        "--root", config.kubeflow.root, "--run-id", placeholder(_RUN_ID), "--step", step, "--",
    ]  # fmt: skip
    if step == FIRST:
        command += ["--config", config_json(config)]
        for parameter in parameters:
            command += ["--set", f"{parameter.key}={placeholder(parameter.name)}"]
        inputs = [(parameter.name, parameter.type) for parameter in parameters]
        task = _component(step, image, command, inputs)(run_id=_JOB_ID, **values)
    elif step == LAST:
        task = _report_component(image, command)(run_id=_JOB_ID)
    else:
        task = _component(step, image, command)(run_id=_JOB_ID)
    configure(task, step, settings)
    kubernetes.use_field_path_as_env(task, NODE_VARIABLE, f"metadata.annotations['{NODE_ANNOTATION}']")
    add_volume_and_secret(task, config)
    if override.gpus:
        task.set_accelerator_type(override.gpu_type).set_accelerator_limit(override.gpus)
    return task


def _verdict_task(config: PipelineConfig, report: Any) -> None:
    command = [*_VERDICT_COMMAND, "--status", placeholder("status"), "--message", placeholder("message")]
    make = _component(VERDICT, config.kubeflow.image, command, [("status", str), ("message", str)])
    task = make(run_id=_JOB_ID, **{name: report.outputs[name] for name in ("status", "message")})
    # A retry would have the same result.
    configure(task, VERDICT, small(config.kubeflow.steps).model_copy(update={"retries": 0}))
    limit_pod(task, config.kubeflow.steps)


def _notifies(config: PipelineConfig) -> bool:
    return config.notify.secret is not None and config.notify.when != "never"


def _exit_task(config: PipelineConfig) -> Any:
    command = [
        *_EXIT_COMMAND, "--run-id", placeholder(_RUN_ID), "--pipeline", config.name,
        "--status", placeholder("status"), "--root", config.kubeflow.root,
    ]  # fmt: skip
    if _notifies(config):
        command += ["--notify", config.notify.when or "always"]
    if config.tracking.mlflow.enabled:
        command += ["--mlflow", config.tracking.mlflow.model_dump_json()]
    make = _component(_EXIT, config.kubeflow.image, command, [("status", dsl.PipelineTaskFinalStatus)])
    task = make(run_id=_JOB_ID)
    configure(task, _EXIT, small(config.kubeflow.steps))
    limit_pod(task, config.kubeflow.steps)
    mount_volume(task, config)
    if _notifies(config):
        kubernetes.use_secret_as_env(task, config.notify.secret, {config.notify.secret_key: URL_VARIABLE})
    add_tracking_secret(task, config)
    return task


def _component(
    step: str, image: str | None, command: Sequence[str], inputs: Iterable[tuple[str, Any]] = ()
) -> Any:
    def make(*_: Any) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image=image, command=list(command[:3]), args=list(command[3:]))

    make.__name__ = _snake_case(step)
    _set_signature(make, ((name, kind, inspect.Parameter.empty) for name, kind in [(_RUN_ID, str), *inputs]))
    make.__annotations__["return"] = dsl.ContainerSpec
    return dsl.container_component(make)


def _report_component(image: str | None, command: Sequence[str]) -> Any:
    def report(
        run_id: str,  # noqa: ARG001
        report: dsl.Output[dsl.HTML],
        metrics: dsl.Output[dsl.Metrics],  # noqa: ARG001
        status: dsl.OutputPath(str),  # type: ignore[valid-type] # noqa: ARG001
        message: dsl.OutputPath(str),  # type: ignore[valid-type] # noqa: ARG001
    ) -> dsl.ContainerSpec:
        outputs = ["--report", report.path, "--executor-input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER]
        return dsl.ContainerSpec(image=image, command=list(command[:3]), args=[*command[3:], *outputs])

    return dsl.container_component(report)


def _set_signature(function: Callable[..., Any], parameters: Iterable[tuple[str, Any, Any]]) -> None:
    """Sets the signature that kfp inspects: keyword parameters, each with its type and default."""
    declared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, kind, default in parameters
    ]
    function.__signature__ = inspect.Signature(declared)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in declared}


def _snake_case(step: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in step).lstrip("_")
