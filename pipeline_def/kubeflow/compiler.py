"""The pipeline for Kubeflow: one container for each step, which launches its node of the same compiled TFX pipeline.

TFX's own drivers, cache and lineage stay what decides; Kubeflow Pipelines knows the order, the containers and the
parameters. Its own cache is off, as it knows nothing of the data's content.
"""

import inspect
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kfp import compiler, dsl, kubernetes

from pipeline_def.config.kubeflow_steps import PASSWORD_VARIABLE, USER_VARIABLE, StepOverride, StepsConfig
from pipeline_def.config.load import ConfigError, PipelineConfig
from pipeline_def.kubeflow.notify import VARIABLE as NOTIFY_VARIABLE
from pipeline_def.kubeflow.parameters import RuntimeParameter, check_paths, runtime_parameters
from pipeline_def.steps import FIRST, LAST, TUNER, VERDICT, step_names

# What each step waits for, besides what those wait for: the edges of create_pipeline, without those that follow.
AFTER: Mapping[str, tuple[str, ...]] = {
    "ExampleGen": (),
    "StatisticsGen": ("ExampleGen",),
    "SchemaGen": ("StatisticsGen",),
    "ExampleValidator": ("SchemaGen",),
    "DataGate": ("ExampleValidator",),
    "Transform": ("DataGate",),
    TUNER: ("Transform",),
    "Trainer": ("Transform", TUNER),
    "BaselineTrainer": ("Transform", TUNER),
    "Evaluator": ("Trainer", "BaselineTrainer"),
    "Pusher": ("Evaluator",),
    "Report": ("Pusher",),
}
_NODE = ["python", "-m", "pipeline_def.kubeflow.step_entrypoint"]
_VERDICT = ["python", "-m", "pipeline_def.kubeflow.verdict_step"]
_NOTIFY = ["python", "-m", "pipeline_def.kubeflow.notify"]
# The open-source backend fills this in only where it is the whole value of an input, not among a container's words.
_JOB, _RUN_ID = dsl.PIPELINE_JOB_ID_PLACEHOLDER, "run_id"
# On the pods of the steps, so that a network policy can mean them and no other pipeline's.
POD_LABEL = ("app.kubernetes.io/name", "regpipe-step")
# What a container needs of the group `kubeflow`; the rest must not make another pipeline of the same one.
_BAKED = {"root", "metadata", "image"}


def compile_kubeflow(config: PipelineConfig) -> str:
    """The pipeline as YAML (pipeline spec 2.1.0 and the platform's part); the same input gives the same text.

    Raises:
        ConfigError: no image, or a path that no container can open.
    """
    if config.kubeflow.image is None:
        raise ConfigError(["kubeflow.image: expected the image that kubeflow/Dockerfile makes, got none"])
    check_paths(config)
    parameters = runtime_parameters(config)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(_pipeline(config, parameters), str(file))
        return file.read_text(encoding="utf-8")


def _pipeline(config: PipelineConfig, parameters: Sequence[RuntimeParameter]) -> Any:
    def graph(*channels: Any) -> None:
        values = {parameter.name: channel for parameter, channel in zip(parameters, channels, strict=True)}
        notify = _notify_task(config) if config.kubeflow.notify.secret else None
        if notify is None:
            _tasks(config, parameters, values)
        else:
            with dsl.ExitHandler(exit_task=notify, name="run"):
                _tasks(config, parameters, values)

    graph.__name__ = config.name
    _declare(graph, ((p.name, p.type, p.default) for p in parameters))
    return dsl.pipeline(name=config.name)(graph)


def _tasks(config: PipelineConfig, parameters: Sequence[RuntimeParameter], values: Mapping[str, Any]) -> None:
    tasks: dict[str, Any] = {}
    for step in step_names(config):
        tasks[step] = _task(config, step, parameters, values)
        tasks[step].after(*(tasks[name] for name in AFTER[step] if name in tasks))
    if config.kubeflow.fail_when_not_blessed:
        _verdict_task(config, tasks[LAST])


def _task(
    config: PipelineConfig, step: str, parameters: Sequence[RuntimeParameter], values: Mapping[str, Any]
) -> Any:
    override = next((o for o in config.kubeflow.overrides if o.step == step), StepOverride(step=step))
    image = override.image or config.kubeflow.image
    words = [*_NODE, "--root", config.kubeflow.root, "--run-id", _given(_RUN_ID), "--step", step]
    if step == FIRST:
        words += ["--config", _baked(config)]
        for parameter in parameters:
            words += ["--set", f"{parameter.key}={_given(parameter.name)}"]
        inputs = [(parameter.name, parameter.type) for parameter in parameters]
        task = _component(step, image, words, inputs)(run_id=_JOB, **values)
    elif step == LAST:
        task = _report_component(image, words)(run_id=_JOB)
    else:
        task = _component(step, image, words)(run_id=_JOB)
    settings = override.over(config.kubeflow.steps)
    _place(task, step, settings)
    _connect(task, config)
    if override.gpus:
        task.set_accelerator_type(override.gpu_type).set_accelerator_limit(override.gpus)
    return task


def _verdict_task(config: PipelineConfig, report: Any) -> None:
    words = [*_VERDICT, "--status", _given("status"), "--message", _given("message")]
    make = _component(VERDICT, config.kubeflow.image, words, [("status", str), ("message", str)])
    task = make(run_id=_JOB, **{name: report.outputs[name] for name in ("status", "message")})
    # Another attempt would end alike.
    _place(task, VERDICT, config.kubeflow.steps.model_copy(update={"retries": 0}))


def _notify_task(config: PipelineConfig) -> Any:
    summary = f"{config.kubeflow.root}/runs/{_given(_RUN_ID)}/summary.json"
    words = [
        *_NOTIFY, "--run-id", _given(_RUN_ID), "--pipeline", config.name, "--status", _given("status"),
        "--summary", summary,
    ]  # fmt: skip
    make = _component("Notify", config.kubeflow.image, words, [("status", dsl.PipelineTaskFinalStatus)])
    task = make(run_id=_JOB)
    _place(task, "Notify", config.kubeflow.steps)
    _mount(task, config)
    notify = config.kubeflow.notify
    kubernetes.use_secret_as_env(task, notify.secret, {notify.secret_key: NOTIFY_VARIABLE})
    return task


def _component(
    step: str, image: str | None, words: Sequence[str], inputs: Iterable[tuple[str, Any]] = ()
) -> Any:
    def make(*_: Any) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image=image, command=list(words[:3]), args=list(words[3:]))

    make.__name__ = _snake(step)
    _declare(make, ((name, kind, inspect.Parameter.empty) for name, kind in [(_RUN_ID, str), *inputs]))
    make.__annotations__["return"] = dsl.ContainerSpec
    return dsl.container_component(make)


def _report_component(image: str | None, words: Sequence[str]) -> Any:
    def report(
        run_id: str,  # noqa: ARG001
        report: dsl.Output[dsl.HTML],
        metrics: dsl.Output[dsl.Metrics],  # noqa: ARG001
        status: dsl.OutputPath(str),  # type: ignore[valid-type] # noqa: ARG001
        message: dsl.OutputPath(str),  # type: ignore[valid-type] # noqa: ARG001
    ) -> dsl.ContainerSpec:
        handed = ["--report", report.path, "--executor-input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER]
        return dsl.ContainerSpec(image=image, command=list(words[:3]), args=[*words[3:], *handed])

    return dsl.container_component(report)


def _given(name: str) -> str:
    """Where a container's words get the value of an input."""
    return f"{{{{$.inputs.parameters['{name}']}}}}"


def _declare(function: Callable[..., Any], parameters: Iterable[tuple[str, Any, Any]]) -> None:
    """Gives a function the named parameters that kfp looks for, each with its type and default."""
    declared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, kind, default in parameters
    ]
    function.__signature__ = inspect.Signature(declared)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in declared}


def _place(task: Any, step: str, settings: StepsConfig) -> None:
    """What Kubernetes is told of the container."""
    task.set_display_name(step)
    task.set_caching_options(False)
    kubernetes.add_pod_label(task, *POD_LABEL)
    if settings.cpu:
        task.set_cpu_request(settings.cpu)
    if settings.memory:
        task.set_memory_request(settings.memory).set_memory_limit(settings.memory)
    if settings.retries:
        task.set_retry(settings.retries, backoff_duration=f"{settings.backoff}s", backoff_factor=2.0)
    if settings.timeout:
        kubernetes.set_timeout(task, settings.timeout)
    for label, _, value in (text.partition("=") for text in settings.node_selector):
        kubernetes.add_node_selector(task, label, value)
    for taint, _, effect in (text.rpartition(":") for text in settings.tolerations):
        name, equals, value = taint.partition("=")
        kubernetes.add_toleration(
            task, key=name, operator="Equal" if equals else "Exists", value=value or None, effect=effect
        )
    for name, _, value in (text.partition("=") for text in settings.env):
        task.set_env_variable(name, value)
    for variable, _, place in (text.partition("=") for text in settings.secrets):
        secret, _, name = place.partition(":")
        kubernetes.use_secret_as_env(task, secret, {name: variable})


def _connect(task: Any, config: PipelineConfig) -> None:
    """What the steps share: the volume and the metadata store."""
    _mount(task, config)
    metadata = config.kubeflow.metadata
    if metadata.kind == "mysql":
        variables = {metadata.user_key: USER_VARIABLE, metadata.password_key: PASSWORD_VARIABLE}
        kubernetes.use_secret_as_env(task, metadata.secret, variables)


def _mount(task: Any, config: PipelineConfig) -> None:
    if config.kubeflow.volume:
        kubernetes.mount_pvc(task, config.kubeflow.volume, config.kubeflow.root)


def _baked(config: PipelineConfig) -> str:
    """The configuration without what only the compiler and the schedule read. There are no secrets in it."""
    plain = config.model_dump(mode="json")
    plain["kubeflow"] = {name: plain["kubeflow"][name] for name in sorted(_BAKED)}
    return json.dumps(plain, ensure_ascii=False)


def _snake(step: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in step).lstrip("_")
