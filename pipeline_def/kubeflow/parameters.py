"""The runtime parameters of the pipeline on Kubeflow: what a schedule or a single run may change without compiling."""

from typing import Any, NamedTuple

from pipeline_def.config.kubeflow import UNREADABLE, UNREADABLE_STORES
from pipeline_def.config.load import ConfigError, PipelineConfig

_KEYS = {
    "data_input": "data.input",
    "span": "data.span",
    "epochs": "training.epochs",
    "learning_rate": "training.learning_rate",
    "l1": "model.l1",
    "l2": "model.l2",
    "dropout": "model.dropout",
    "min_auc": "evaluation.min_auc",
    "max_auc_drop": "evaluation.max_auc_drop",
    "max_log_loss_rise": "evaluation.max_log_loss_rise",
    "max_gap": "evaluation.max_gap",
    "push_destination": "serving.directory",
}


class RuntimeParameter(NamedTuple):
    """A parameter of the pipeline on Kubeflow: the key that it sets, its type there, and its default."""

    name: str
    key: str
    type: type
    default: Any


def runtime_parameters(config: PipelineConfig) -> list[RuntimeParameter]:
    """One for each key above, with the configuration's value as its default and the type of that.

    A penalty that has one value for each layer is a list there, too. A threshold that is off has no parameter, as
    there is no number for that.
    """
    found = []
    for name, key in _KEYS.items():
        group, _, field = key.partition(".")
        value = getattr(getattr(config, group), field)
        if name == "push_destination":
            value = value or f"{config.kubeflow.root}/serving"
        elif name == "span":
            value = str(value)  # a number or "latest"
        elif isinstance(value, tuple):
            value = list(value)
        elif name != "epochs" and isinstance(value, int):
            value = float(value)  # YAML's 0 is a number like any other
        if value is not None:
            found.append(RuntimeParameter(name, key, type(value), value))
    return found


def check_paths(config: PipelineConfig) -> None:
    """Refuses paths that no container can open: those that start at a working directory, and s3:// and minio://.

    Raises:
        ConfigError: naming each such key.
    """
    paths = [
        ("data.input", config.data.input, ("/", "gs://")),
        ("data.schema_file", config.data.schema_file, ("/", "gs://")),
        ("serving.directory", config.serving.directory, ("/", "gs://")),
    ]
    problems = [
        f"{key}: {_problem(path, beginnings)}"
        for key, path, beginnings in paths
        if path is not None and not path.startswith(beginnings)
    ]
    if problems:
        raise ConfigError(problems)


def _problem(path: str, beginnings: tuple[str, ...]) -> str:
    expected = f"expected a path in the containers that begins with {' or '.join(beginnings)}, got {path!r}"
    return f"{expected}: {UNREADABLE}" if path.startswith(UNREADABLE_STORES) else expected
