"""A compiled pipeline: its parameters, and its upload to Kubeflow Pipelines.

A version is named by the digest of its content. So the same content is uploaded only once, and the version of a run can
be compared with a local file.
"""

import functools
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline_def.config import yaml_text
from pipeline_def.kubeflow.auth import KubeflowError
from pipeline_def.kubeflow.kfp_client import AlreadyExists, KubeflowApi

# The parameter types of pipeline spec 2.1.0: the expectation in a message, and the Python types.
_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "STRING": ("text", (str,)),
    "NUMBER_INTEGER": ("a whole number", (int,)),
    "NUMBER_DOUBLE": ("a number", (int, float)),
    "BOOLEAN": ("true or false", (bool,)),
    "LIST": ("a list such as [1, 2]", (list,)),
    "STRUCT": ('a JSON object such as {"a": 1}', (dict,)),
}


class BadPackage(ValueError):
    """The text is not a compiled pipeline, or arguments do not match its parameters; `problems` are the sentences."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class PipelineVersion:
    """The ids of an uploaded version of a pipeline."""

    pipeline_id: str
    version_id: str


@dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Args:
        name: the name of the pipeline on Kubeflow Pipelines.
        text: the output of kfp's compiler (YAML).
    """

    name: str
    text: str

    @property
    def version(self) -> str:
        """The name of its version, which contains a digest of the text."""
        return f"sha256-{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """The runtime parameters by name, each with parameterType, and defaultValue or isOptional.

        Raises:
            BadPackage: the text is not a compiled pipeline.
        """
        return dict(self._spec["root"].get("inputDefinitions", {}).get("parameters", {}))

    @property
    def steps(self) -> Mapping[str, str]:
        """The display names of its container tasks, by task name."""
        components = self._spec.get("components", {})
        parts = [self._spec["root"], *components.values()]
        tasks = [task for part in parts for task in part.get("dag", {}).get("tasks", {}).items()]
        return {
            name: task["taskInfo"]["name"]
            for name, task in tasks
            if "executorLabel" in components[task["componentRef"]["name"]]
        }

    @functools.cached_property
    def _spec(self) -> Mapping[str, Any]:
        try:
            spec = next(iter(yaml.safe_load_all(self.text)), None)  # the second document is the platform spec
        except yaml.YAMLError:
            spec = None
        if not isinstance(spec, dict) or not isinstance(spec.get("root"), dict):
            raise BadPackage("expected a pipeline compiled for Kubeflow Pipelines, with a mapping `root`")
        return spec

    def arguments(self, assignments: Sequence[str]) -> dict[str, Any]:
        """Returns the values of runtime parameters, converted to the types that the pipeline declares.

        Args:
            assignments: each name=value; the last one of a name is used.

        Raises:
            BadPackage: parameters do not exist, values have the wrong type, or required ones are missing; it has one
                problem for each.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for assignment in assignments:
            name, _, text = assignment.partition("=")
            name = name.strip()
            try:
                values[name] = self._argument(assignment, name, text)
            except BadPackage as error:
                problems += error.problems
                values[name] = None  # given, although wrongly
        problems += [
            f"{name}: expected a value, because the pipeline has no default for it, got nothing"
            for name, declared in self.parameters.items()
            if name not in values and "defaultValue" not in declared and not declared.get("isOptional")
        ]
        if problems:
            raise BadPackage(*problems)
        return values

    def _argument(self, assignment: str, name: str, text: str) -> Any:
        """Returns the value in an assignment, name=text."""
        if "=" not in assignment or not name:
            raise BadPackage(f"expected name=value, got {assignment!r}")
        if name not in self.parameters:
            known = ", ".join(sorted(self.parameters)) or "none"
            raise BadPackage(f"{name}: no such parameter; the pipeline has {known}")
        return _value(name, text, str(self.parameters[name].get("parameterType")))

    def find(self, kubeflow: KubeflowApi) -> PipelineVersion | None:
        """Returns its version on Kubeflow Pipelines, or None if it has not been uploaded."""
        pipeline_id = self._pipeline_id(kubeflow)
        return self._version(kubeflow, pipeline_id) if pipeline_id else None

    def upload(self, kubeflow: KubeflowApi) -> PipelineVersion:
        """Returns its version on Kubeflow Pipelines, after uploading it if necessary."""
        pipeline_id = self._pipeline_id(kubeflow) or self._new_pipeline(kubeflow)
        return self._version(kubeflow, pipeline_id) or self._new_version(kubeflow, pipeline_id)

    def _pipeline_id(self, kubeflow: KubeflowApi) -> str | None:
        pipelines = kubeflow.client.pipelines.pipeline_service_list_pipelines
        found = kubeflow.list_all(
            pipelines, "pipelines", filter=equals("name", self.name), namespace=kubeflow.namespace or ""
        )
        return next((str(pipeline.pipeline_id) for pipeline in found), None)

    def _new_pipeline(self, kubeflow: KubeflowApi) -> str:
        # The server uses the display name as the name, too; before 2.14 it refuses requests with a name.
        body = kubeflow.client.api_models.V2beta1Pipeline(
            display_name=self.name, namespace=kubeflow.namespace
        )
        try:
            created = kubeflow.call(kubeflow.client.pipelines.pipeline_service_create_pipeline, pipeline=body)
        except AlreadyExists:
            found = self._pipeline_id(kubeflow)
            if found is None:
                raise
            return found
        return str(created.pipeline_id)

    def _version(self, kubeflow: KubeflowApi, pipeline_id: str) -> PipelineVersion | None:
        versions = kubeflow.client.pipelines.pipeline_service_list_pipeline_versions
        found = kubeflow.list_all(
            versions, "pipeline_versions", pipeline_id=pipeline_id, filter=equals("name", self.version)
        )
        return next((PipelineVersion(pipeline_id, str(one.pipeline_version_id)) for one in found), None)

    def _new_version(self, kubeflow: KubeflowApi, pipeline_id: str) -> PipelineVersion:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pipeline.yaml"
            file.write_text(self.text, encoding="utf-8")
            try:
                created = kubeflow.call(
                    kubeflow.client.pipeline_uploads.upload_pipeline_version,
                    uploadfile=str(file),
                    name=self.version,
                    pipelineid=pipeline_id,
                )
            except AlreadyExists:
                found = self._version(kubeflow, pipeline_id)
                if found is None:
                    raise
                return found
        return PipelineVersion(pipeline_id, str(created.pipeline_version_id))


def equals(key: str, value: str) -> str:
    """Returns a filter for the list methods of the API: the key must equal the value."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "stringValue": value}]})


class ArchivedExperiment(KubeflowError):
    """The experiment is archived, so its runs would not be visible, and its schedules are paused."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"kubeflow.experiment: expected one that is not archived, got {name!r}; restore it in Kubeflow's user "
            "interface"
        )


def get_or_create_experiment(kubeflow: KubeflowApi, name: str) -> str:
    """Returns the id of an experiment, which is created if it does not exist.

    Raises:
        ArchivedExperiment: the experiment is archived.
        KubeflowError: a request failed.
    """
    api = kubeflow.client.experiments
    found = kubeflow.list_all(
        api.experiment_service_list_experiments,
        "experiments",
        filter=equals("display_name", name),
        namespace=kubeflow.namespace or "",
    )
    for known in found:
        if known.storage_state == "ARCHIVED":
            raise KubeflowError(
                f"kubeflow.experiment: expected one that is not archived, got {name!r}; restore it in Kubeflow's "
                "user interface"
            )
        return str(known.experiment_id)
    body = kubeflow.client.api_models.V2beta1Experiment(display_name=name, namespace=kubeflow.namespace)
    return str(kubeflow.call(api.experiment_service_create_experiment, experiment=body).experiment_id)


def _value(name: str, text: str, kind: str) -> Any:
    expected, types = _TYPES.get(kind, ("text", (str,)))
    if types == (str,):
        return text
    try:
        value = (
            json.loads(text)
            if kind in ("LIST", "STRUCT")
            else yaml_text.argument(text, text=False, is_list=False).data
        )
    except ValueError:
        value = None
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "BOOLEAN"):
        raise BadPackage(f"{name}: expected {expected}, got {text!r}")
    return value
