"""Loads the configuration from a YAML file and `--set key=value`, and reports all errors at once."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError, model_validator

from components.config.base import Settings, key
from components.config.data import DataConfig
from components.config.evaluation import EvaluationConfig
from components.config.model import ModelConfig
from components.config.serving import ServingConfig
from components.config.task_keys import check_task_keys
from components.config.training import NEWTON, TrainingConfig
from components.config.tuning import TuningConfig
from components.tasks.known_tasks import AUTO, TASKS, task_of
from components.tasks.task import Task
from pipeline_def.config import describe, yaml_text
from pipeline_def.config.beam import BeamConfig
from pipeline_def.config.config_print import config_yaml
from pipeline_def.config.kubeflow import KubeflowConfig
from pipeline_def.config.notification import NotifyConfig
from pipeline_def.config.tracking import TrackingConfig
from pipeline_def.steps import SERVED_MODEL, STEPS, TUNER

__all__ = ["KEYS", "ConfigError", "Flag", "PipelineConfig", "config_yaml", "load_config"]


class PipelineConfig(Settings):
    """The whole configuration. The defaults are the recommended values."""

    name: str = key(
        "regpipe",
        "The name of the pipeline in the metadata store. Runs under another name have their own history and cache.",
        expects="lower-case letters, digits and hyphens (at most 63)",
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        max_length=63,
    )
    # `regpipe config` prints the docstring of each class above its group.
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    tuning: TuningConfig = TuningConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    serving: ServingConfig = ServingConfig()
    beam: BeamConfig = BeamConfig()
    notify: NotifyConfig = NotifyConfig()
    tracking: TrackingConfig = TrackingConfig()
    kubeflow: KubeflowConfig = KubeflowConfig()

    @model_validator(mode="after")
    def _can_be_tuned(self) -> "PipelineConfig":
        self.tuning.check(self.model)
        return self

    @model_validator(mode="after")
    def _optimizer_fits(self) -> "PipelineConfig":
        if self.training.optimizer == NEWTON and self.model.hidden_units:
            raise ValueError(
                f"training.optimizer: expected another optimizer for a network with hidden layers (model.hidden_units: "
                f"{list(self.model.hidden_units)}), got {NEWTON}"
            )
        return self

    @model_validator(mode="after")
    def _keys_fit_the_task(self) -> "PipelineConfig":
        # With auto, the task follows from the table: then DataGate checks the keys.
        if self.data.task != AUTO:
            self._check_task(task_of(self.data.task))
        return self

    @model_validator(mode="after")
    def _workers_have_an_image(self) -> "PipelineConfig":
        if self.beam.needs_image() and self.kubeflow.image is None:
            raise ValueError("beam.worker: expected the image of the workers, or kubeflow.image, got neither")
        return self

    def _check_task(self, task: Task) -> None:
        self.training.for_task(task)
        check_task_keys("evaluation", self.evaluation, task)

    def task_problems(self) -> dict[str, str]:
        """Returns what a task can't have of this configuration, by the name of the task; empty if all keys fit."""
        found = {}
        for task in TASKS if self.data.task == AUTO else ():
            try:
                self._check_task(task)
            except ValueError as error:
                found[task.name] = str(error)
        return found

    def step_names(self) -> tuple[str, ...]:
        """Returns the names of the steps, in their order, without the optional ones that this configuration leaves out.

        There is a Tuner only where it has a strength to choose, and ServedModel unless `evaluation.served` is off.
        """
        used = {TUNER: bool(self.model.to_choose()), SERVED_MODEL: self.evaluation.served != "off"}
        return tuple(step.name for step in STEPS if used.get(step.name, True))

    def beam_args(self) -> list[str]:
        """Returns Beam's command-line arguments for the steps that use it."""
        return self.beam.args(self.kubeflow.image)


KEYS = describe.keys(PipelineConfig)
_LIST_EXAMPLE = '[a, "?"]'
_GROUPS = dict(describe.groups(PipelineConfig))


class ConfigError(ValueError):
    """The configuration is not valid. The message has a line for each problem; `problems` has the same lines."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Flag(NamedTuple):
    """An option for one text key, such as --label. Its value is taken literally, not parsed as YAML."""

    option: str
    key: str
    text: str


@dataclass(frozen=True)
class _Given:
    """A given value and its source, such as "pipeline.yaml:7" or "--set"."""

    value: yaml_text.Value
    source: str

    def item_source(self, index: int) -> str:
        lines = self.value.item_lines
        return (
            f"{self.source.rpartition(':')[0]}:{lines[index]}"
            if lines and ":" in self.source
            else self.source
        )


@dataclass
class _Collected:
    """The values given so far, by dotted key, and the problems found."""

    given: dict[str, _Given] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def in_order(self) -> list[str]:
        """Returns each problem once, in the order of the file's lines; those of the command line come last."""

        def line(problem: str) -> float:
            found = re.match(r"\S.*?:(\d+): ", problem)
            return int(found[1]) if found else float("inf")

        return sorted(dict.fromkeys(self.problems), key=line)


def load_config(path: Path | None, overrides: Sequence[str | Flag] = ()) -> PipelineConfig:
    """Loads the configuration and reports all errors at once.

    Args:
        path: a YAML file; None: the defaults.
        overrides: "key=value" as in `--set`, or a Flag. A later one overrides earlier ones and the file.

    Raises:
        ConfigError: lists every problem with its source, key, expectation and the value found.

    >>> load_config(None, ["training.epochs=5"]).training.epochs
    5
    """
    collected = _Collected()
    if path is not None:
        _read_file(path, collected)
    for override in overrides:
        _read_override(override, collected)
    config = _validate(collected.given, collected.problems)
    if config is None or collected.problems:
        raise ConfigError(collected.in_order())
    return config


def _read_file(path: Path, into: _Collected) -> None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([f"{path}: can't be read: {(error.strerror or str(error)).lower()}"]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise ConfigError([f"{path}:{line}: expected text in UTF-8, got the byte 0x{byte:02x}"]) from None
    try:
        root = yaml_text.compose(text)
    except yaml_text.NotYamlError as error:
        raise ConfigError([f"{path}:{error.line}: not YAML: {error}"]) from None
    if root is None or yaml_text.is_null(root):
        return
    if not isinstance(root, yaml.MappingNode):
        shown = yaml_text.value_of(root, text=True).shown
        line = yaml_text.line_of(root)
        raise ConfigError(
            [f"{path}:{line}: expected keys such as data: and model: at the top level, got {shown}"]
        )
    _read_group(root, "", str(path), into)


def _read_group(node: yaml.MappingNode, place: str, file: str, into: _Collected) -> None:
    first_lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = yaml_text.line_of(key_node)
        source = f"{file}:{line}"
        if not isinstance(key_node, yaml.ScalarNode):
            into.problems.append(f"{source}: {place or 'top level'}: expected a key, got a list or group")
            continue
        name = describe.join(place, key_node.value)
        if name in first_lines:
            into.problems.append(f"{source}: {name}: given twice, first in line {first_lines[name]}")
            continue
        first_lines[name] = line
        if "." in key_node.value and name in KEYS:
            above, _, leaf = name.rpartition(".")
            into.problems.append(
                f"{source}: {name}: expected {leaf}: indented under {above}:, got a dotted key"
            )
        elif name in KEYS:
            into.given[name] = _Given(yaml_text.value_of(value_node, text=KEYS[name].is_text), source)
        elif name not in _GROUPS:
            into.problems.append(f"{source}: {name}: unknown key; {describe.hint(PipelineConfig, name)}")
        elif isinstance(value_node, yaml.MappingNode):
            _read_group(value_node, name, file, into)
        elif not yaml_text.is_null(value_node):  # a group whose keys are all commented out is allowed
            shown = yaml_text.value_of(value_node, text=False).shown
            names = ", ".join(_GROUPS[name].model_fields)
            into.problems.append(f"{source}: {name}: expected a group of keys ({names}), got {shown}")


def _read_override(override: str | Flag, into: _Collected) -> None:
    if isinstance(override, Flag):
        into.given[override.key] = _Given(
            yaml_text.Value(override.text, repr(override.text)), override.option
        )
        return
    name, equals, raw = override.partition("=")
    name = name.strip()
    if not equals:
        into.problems.append(f"--set: expected key=value, got {override!r}")
    elif name in KEYS:
        value = yaml_text.argument(raw, text=KEYS[name].is_text, is_list=KEYS[name].is_list)
        into.given[name] = _Given(value, "--set")
    elif name in _GROUPS and name:
        example = describe.join(name, next(iter(_GROUPS[name].model_fields)))
        into.problems.append(
            f"--set: {name}: expected a key inside this group, such as {example}, got the group"
        )
    else:
        into.problems.append(f"--set: {name}: unknown key; {describe.hint(PipelineConfig, name)}")


def _validate(
    given: dict[str, _Given], problems: list[str], known: frozenset[str] = frozenset()
) -> PipelineConfig | None:
    """Returns the configuration, or None after adding to `problems` the errors of values and of their combinations.

    `known`: the keys whose errors are reported already. They are left out of `given`; that is not an error.
    """
    try:
        return PipelineConfig.model_validate(_nested(given))
    except ValidationError as error:
        invalid = dict(_problems(error, given))
    problems.extend(
        problem for name, problem in invalid.items() if name not in known and not _mentions(problem, known)
    )
    valid = {name: value for name, value in given.items() if name not in invalid}
    if len(valid) < len(given):  # pydantic checks combinations of keys only if each key is valid
        _validate(valid, problems, known | invalid.keys())
    return None


def _mentions(problem: str, known: frozenset[str]) -> bool:
    """Whether a message about a combination of keys names one of these keys: it is then about their defaults."""
    return any(re.search(rf"\b{re.escape(name.rpartition('.')[2])}\b", problem) for name in known)


def _nested(given: dict[str, _Given]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in given.items():
        *places, leaf = name.split(".")
        node = tree
        for place in places:
            node = node.setdefault(place, {})
        node[leaf] = value.value.data
    return tree


def _problems(error: ValidationError, given: dict[str, _Given]) -> Iterator[tuple[str, str]]:
    """Yields the invalid key and the message about it, for each of pydantic's errors."""
    seen: set[str] = set()
    for detail in error.errors(include_url=False, include_input=False):
        location = detail["loc"]
        depth = next((n for n in range(1, len(location) + 1) if ".".join(map(str, location[:n])) in KEYS), 0)
        name = ".".join(map(str, location[:depth]))
        cause = detail.get("ctx", {}).get("error")
        message = str(cause) if detail["type"] == "value_error" else ""
        if not name:  # a validator of several keys begins its message with the invalid one
            name, _, message = message.partition(": ")
        if name in seen:  # one message for each key: a union has an error for each of its types
            continue
        seen.add(name)
        source = given[name].source if name in given else "default"
        if not message:
            item = location[depth] if depth < len(location) and KEYS[name].is_list else None
            source, message = _error_message(KEYS[name], given[name], item)
        yield name, f"{source}: {name}: {message}"


def _error_message(wanted: describe.Key, found: _Given, item: int | str | None) -> tuple[str, str]:
    hint = _list_hint(wanted, found) if wanted.is_list else ""
    if isinstance(item, int):
        return found.item_source(
            item
        ), f"expected {wanted.expects}, got {found.value.items_shown[item]} as item {item + 1}{hint}"
    return found.source, f"expected {wanted.expects}, got {found.value.shown}{hint}"


def _list_hint(wanted: describe.Key, found: _Given) -> str:
    """Returns how to write the value as a list, and for `--set` as a shell passes it on."""
    data = found.value.data
    written, quotes = _LIST_EXAMPLE, ", with quotes around special characters"
    if isinstance(data, str | bool | int | float):
        written, quotes = f"[{yaml_text.scalar_text(data)}]", ""
    elif not wanted.is_text:
        return ""
    if found.source == "--set":
        written = f"--set {shlex.quote(f'{wanted.path}={written}')}"
    return f"; a list is written {written}{quotes}"
