"""The runtime parameters of the pipeline on Kubeflow, which a schedule or a run can change without recompiling."""

from typing import Any, NamedTuple

from components.config.regularization import MODEL_REGULARIZATIONS
from components.config.task_keys import keys_of_other_tasks
from components.tasks.known_tasks import AUTO, METRICS, task_of
from pipeline_def.config.kubeflow import UNREADABLE, UNREADABLE_STORES
from pipeline_def.config.load import ConfigError, PipelineConfig

_KEYS = {
    "data_input": "data.input",
    "span": "data.span",
    "epochs": "training.epochs",
    "learning_rate": "training.learning_rate",
    **{item.name: item.key for item in MODEL_REGULARIZATIONS},
    **{name: f"evaluation.{name}" for metric in METRICS.values() for name in metric.thresholds},
    "max_gap": "evaluation.max_gap",
    "push_destination": "serving.directory",
}


class RuntimeParameter(NamedTuple):
    """A runtime parameter: its name, the configuration key that it sets, its Python type, and its default."""

    name: str
    key: str
    type: type
    default: Any


def runtime_parameters(config: PipelineConfig) -> list[RuntimeParameter]:
    """Returns one parameter for each key in `_KEYS`, with the value and the type of the configuration as its default.

    If data.task names the task, there is none for the thresholds of other tasks. A penalty with one value for each
    layer becomes a list. A threshold that is null (no limit) has no parameter, because the value of a number parameter
    can't be null.
    """
    found = []
    task = config.data.task
    others = frozenset[str]() if task == AUTO else keys_of_other_tasks(task_of(task))
    for name, key in _KEYS.items():
        if key in others:
            continue
        group, _, field = key.partition(".")
        value = getattr(getattr(config, group), field)
        if name == "push_destination":
            value = value or f"{config.kubeflow.root}/serving"
        elif name == "span":
            value = str(value)  # a number or "latest"
        elif isinstance(value, tuple):
            value = list(value)
        elif name != "epochs" and isinstance(value, int):
            value = float(value)  # a 0 in YAML is an int, but the parameter must accept 0.5
        if value is not None:
            found.append(RuntimeParameter(name, key, type(value), value))
    return found


def check_paths(config: PipelineConfig) -> None:
    """Checks that containers can open the configured paths: no relative paths, no s3:// and no minio://.

    Raises:
        ConfigError: with the messages of `path_problems`.
    """
    problems = path_problems(config)
    if problems:
        raise ConfigError(problems)


def path_problems(config: PipelineConfig) -> list[str]:
    """Returns one message for each key with a path that containers can't open."""
    paths = [
        ("data.input", config.data.input, ("/", "gs://")),
        ("data.schema_file", config.data.schema_file, ("/", "gs://")),
        ("serving.directory", config.serving.directory, ("/", "gs://")),
    ]
    return [
        f"{key}: {_problem(path, beginnings)}"
        for key, path, beginnings in paths
        if path is not None and not path.startswith(beginnings)
    ]


def _problem(path: str, beginnings: tuple[str, ...]) -> str:
    expected = f"expected a path in the containers that begins with {' or '.join(beginnings)}, got {path!r}"
    return f"{expected}: {UNREADABLE}" if path.startswith(UNREADABLE_STORES) else expected
