"""A compiled pipeline on its way to Kubeflow Pipelines: its parameters, and its version there.

A version is named by the digest of its content: what has been uploaded once is not uploaded again, and who looks at a
run can tell whether it ran what lies in front of them.
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
from pipeline_def.kubeflow.kfp_client import AlreadyExists, Kubeflow

# Pipeline spec 2.1.0's types: what is expected, and of what Python type that is.
_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "STRING": ("text", (str,)),
    "NUMBER_INTEGER": ("a whole number", (int,)),
    "NUMBER_DOUBLE": ("a number", (int, float)),
    "BOOLEAN": ("true or false", (bool,)),
    "LIST": ("a list such as [1, 2]", (list,)),
    "STRUCT": ('a JSON object such as {"a": 1}', (dict,)),
}


class BadPackage(ValueError):
    """The text is no compiled pipeline, or an argument is not what it takes."""


@dataclass(frozen=True)
class Version:
    """A version of a pipeline that the API knows, by its ids."""

    pipeline_id: str
    version_id: str


@dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Args:
        name: of the pipeline, under which its versions are uploaded.
        text: what kfp's compiler wrote: YAML.
    """

    name: str
    text: str

    @property
    def version(self) -> str:
        """The name of its version: the same text, the same name."""
        return f"sha256-{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """The runtime parameters, by name: parameterType, and defaultValue or isOptional.

        Raises:
            BadPackage: this is no compiled pipeline.
        """
        return dict(self._spec["root"].get("inputDefinitions", {}).get("parameters", {}))

    @property
    def steps(self) -> Mapping[str, str]:
        """Its tasks that are containers: what the nodes of a run are called, and what a person calls them."""
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
            spec = next(iter(yaml.safe_load_all(self.text)), None)  # a second document is the platform's
        except yaml.YAMLError:
            spec = None
        if not isinstance(spec, dict) or not isinstance(spec.get("root"), dict):
            raise BadPackage("expected a pipeline compiled for Kubeflow Pipelines, which has a group `root`")
        return spec

    def arguments(self, assignments: Sequence[str]) -> dict[str, Any]:
        """The values of runtime parameters, typed as the pipeline declares them.

        Args:
            assignments: each name=value; a later one wins.

        Raises:
            BadPackage: no such parameter, not its type, or one without a default that is missing.
        """
        values = {}
        for assignment in assignments:
            name, equals, text = assignment.partition("=")
            name = name.strip()
            if not equals or not name:
                raise BadPackage(f"expected name=value, got {assignment!r}")
            if name not in self.parameters:
                known = ", ".join(sorted(self.parameters)) or "none"
                raise BadPackage(f"{name}: no such parameter; the pipeline has {known}")
            values[name] = _value(name, text, str(self.parameters[name].get("parameterType")))
        for name, declared in self.parameters.items():
            if name not in values and "defaultValue" not in declared and not declared.get("isOptional"):
                raise BadPackage(
                    f"{name}: expected a value, as the pipeline has no default for it, got nothing"
                )
        return values

    def find(self, kubeflow: Kubeflow) -> Version | None:
        """Its version, if that has been uploaded."""
        pipeline_id = self._pipeline_id(kubeflow)
        return self._version(kubeflow, pipeline_id) if pipeline_id else None

    def upload(self, kubeflow: Kubeflow) -> Version:
        """Its version; uploaded if it has not been."""
        pipeline_id = self._pipeline_id(kubeflow) or self._new_pipeline(kubeflow)
        return self._version(kubeflow, pipeline_id) or self._new_version(kubeflow, pipeline_id)

    def _pipeline_id(self, kubeflow: Kubeflow) -> str | None:
        pipelines = kubeflow.client.pipelines.pipeline_service_list_pipelines
        found = kubeflow.pages(
            pipelines, "pipelines", filter=named("name", self.name), namespace=kubeflow.namespace or ""
        )
        return next((str(pipeline.pipeline_id) for pipeline in found), None)

    def _new_pipeline(self, kubeflow: Kubeflow) -> str:
        # Its name becomes that, too; servers before 2.14 refuse one that is given.
        wanted = kubeflow.client.api_models.V2beta1Pipeline(
            display_name=self.name, namespace=kubeflow.namespace
        )
        try:
            made = kubeflow.ask(kubeflow.client.pipelines.pipeline_service_create_pipeline, pipeline=wanted)
        except AlreadyExists:
            found = self._pipeline_id(kubeflow)
            if found is None:
                raise
            return found
        return str(made.pipeline_id)

    def _version(self, kubeflow: Kubeflow, pipeline_id: str) -> Version | None:
        versions = kubeflow.client.pipelines.pipeline_service_list_pipeline_versions
        found = kubeflow.pages(
            versions, "pipeline_versions", pipeline_id=pipeline_id, filter=named("name", self.version)
        )
        return next((Version(pipeline_id, str(version.pipeline_version_id)) for version in found), None)

    def _new_version(self, kubeflow: Kubeflow, pipeline_id: str) -> Version:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pipeline.yaml"
            file.write_text(self.text, encoding="utf-8")
            try:
                made = kubeflow.ask(
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
        return Version(pipeline_id, str(made.pipeline_version_id))


def named(key: str, name: str) -> str:
    """The filter of a list call that leaves what has this very name."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "stringValue": name}]})


def experiment(kubeflow: Kubeflow, name: str) -> str:
    """The id of an experiment, which is made where it is missing."""
    api = kubeflow.client.experiments
    found = kubeflow.pages(
        api.experiment_service_list_experiments,
        "experiments",
        filter=named("display_name", name),
        namespace=kubeflow.namespace or "",
    )
    for known in found:
        if known.storage_state == "ARCHIVED":
            raise KubeflowError(
                f"kubeflow.experiment: expected one that is not archived, got {name!r}; restore it on Kubeflow's page"
            )
        return str(known.experiment_id)
    wanted = kubeflow.client.api_models.V2beta1Experiment(display_name=name, namespace=kubeflow.namespace)
    return str(kubeflow.ask(api.experiment_service_create_experiment, experiment=wanted).experiment_id)


def _value(name: str, text: str, kind: str) -> Any:
    words, types = _TYPES.get(kind, ("text", (str,)))
    if types == (str,):
        return text
    try:
        value = (
            json.loads(text)
            if kind in ("LIST", "STRUCT")
            else yaml_text.argument(text, text=False, several=False).data
        )
    except ValueError:
        value = None
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "BOOLEAN"):
        raise BadPackage(f"{name}: expected {words}, got {text!r}")
    return value
