"""The objects of Kubeflow Pipelines' API server, and the checks of requests.

Each rule has its source, a file under backend/src/apiserver of github.com/kubeflow/pipelines at 2.16.1; those for bad
uploads, missing names, default and archived experiments at 2.17.0, where they were also seen on the real server. As in
the real responses, empty fields, false and 0 are left out, and 64-bit integers are strings (protojson).
"""

import datetime
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.standins.kfp_api import robfig
from tests.standins.kfp_api.api_errors import ApiError, UploadError, exists, internal, invalid, missing
from tests.standins.kfp_api.containers import run_containers

Resource = dict[str, Any]
# The fields that each message may have (api/v2beta1/*.proto); unknown fields are refused: common/utils.go,
# CustomMarshaler, DiscardUnknown false.
_PIPELINE = {"display_name", "name", "description", "namespace"}
_EXPERIMENT = {"display_name", "description", "namespace"}
_RUN = {
    "display_name", "description", "experiment_id", "pipeline_version_reference", "pipeline_spec", "runtime_config",
    "service_account",
}  # fmt: skip
_RECURRING_RUN = {*_RUN, "max_concurrency", "trigger", "mode", "no_catchup", "namespace"}
POD_NAMESPACE, DEFAULT_ACCOUNT = "kubeflow", "pipeline-runner"


class Resources:
    """Pipelines, versions, experiments, runs and recurring runs, by id.

    Args:
        multi_user: whether namespaces are used (resource/resource_manager.go, ReplaceNamespace).

    Attributes:
        story: the state of a run and of its tasks at each request for the run; the last one is repeated.
        workflows: the current runs in the cluster, each with the recurring run that owns it.
        containers: the folder for the outputs of containers; None: runs are not executed.
        logs: the logs of the pods, by their names.
        nodes: the ids of the workflow's nodes, which are the children of the tasks in the story.
        interface: whether the requests go through the user interface, which has another path for logs and does not pass
            on that of the API server (frontend/server/app.ts).
    """

    def __init__(self, multi_user: bool = False) -> None:
        self.multi_user = multi_user
        self.pipelines: dict[str, Resource] = {}
        self.versions: dict[str, Resource] = {}
        self.experiments: dict[str, Resource] = {}
        self.runs: dict[str, Resource] = {}
        self.recurring_runs: dict[str, Resource] = {}
        self.workflows: dict[str, str] = {}
        self.containers: Path | None = None
        self.logs: dict[str, str] = {}
        self.interface = False
        self.nodes: list[str] = []
        self.story: list[tuple[str, dict[str, str]]] = []
        self._clock = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)

    def create_pipeline(self, body: Mapping[str, Any]) -> Resource:
        """server/pipeline_server.go, createPipeline; storage/pipeline_store.go."""
        _known(body, _PIPELINE)
        name = body.get("name") or body.get("display_name") or ""
        namespace = self.namespace(body.get("namespace", ""))
        if not name:
            raise invalid("name is required")
        if len(name) > 128:  # validation/length.go
            raise invalid("Pipeline.Name length cannot exceed 128")
        if any(
            (known["name"], known.get("namespace", "")) == (name, namespace)
            for known in self.pipelines.values()
        ):
            raise exists(f"Failed to create a new pipeline. The name {name} already exists")
        made = self._new("pipeline_id", {**body, "name": name, "namespace": namespace})
        made.setdefault("display_name", name)
        return self.pipelines.setdefault(made["pipeline_id"], made)

    def upload_version(self, query: Mapping[str, str], content: bytes) -> Resource:
        """server/pipeline_upload_server.go, uploadPipelineVersion; template/template.go, New."""
        pipeline, name = query.get("pipelineid", ""), query.get("name") or query.get("display_name", "")
        if pipeline not in self.pipelines:
            raise UploadError(400, "Failed to create a pipeline version")
        same = [
            one for one in self.versions.values() if (one["pipeline_id"], one["name"]) == (pipeline, name)
        ]
        if same:
            raise UploadError(409, "Failed to create a pipeline version")
        try:
            spec = next(yaml.safe_load_all(content))
            spec["root"]
        except (yaml.YAMLError, LookupError, TypeError):
            raise UploadError(400, "unknown template format") from None
        made = self._new(
            "pipeline_version_id", {"pipeline_id": pipeline, "name": name, "pipeline_spec": spec}
        )
        made["display_name"] = query.get("display_name") or name
        return self.versions.setdefault(made["pipeline_version_id"], made)

    def create_experiment(self, body: Mapping[str, Any]) -> Resource:
        """server/experiment_server.go, storage/experiment_store.go."""
        _known(body, _EXPERIMENT)
        name, namespace = body.get("display_name", ""), self.namespace(body.get("namespace", ""))
        if not name:  # server/api_converter.go, toModelExperiment
            raise internal("Failed to convert API experiment to model experiment")
        of_namespace = [one for one in self.experiments.values() if one.get("namespace", "") == namespace]
        if any(one["display_name"] == name for one in of_namespace):
            raise exists(f"Failed to create a new experiment. The name {name} already exists")
        made = self._new("experiment_id", {**body, "namespace": namespace, "storage_state": "AVAILABLE"})
        return self.experiments.setdefault(made["experiment_id"], made)

    def create_run(self, body: Mapping[str, Any]) -> Resource:
        """server/api_converter.go, toModelRun; server/run_server.go; resource/resource_manager.go, CreateRun."""
        _known(body, _RUN)
        if not body.get("display_name"):
            raise internal("Failed to convert a API run detail to its internal representation")
        experiment = self._check_pipeline_and_experiment(body)
        made = self._new("run_id", {**body, "experiment_id": experiment["experiment_id"], "state": "PENDING"})
        self.workflows[made["run_id"]] = ""
        if self.containers is not None:
            threading.Thread(target=self._execute, args=(made, self.containers)).start()
        return self.runs.setdefault(made["run_id"], made)

    def run(self, run_id: str) -> Resource:
        """Returns a run in the next state of the story."""
        found = self.get("Run", self.runs, run_id)
        if self.story:
            state, tasks = self.story.pop(0) if len(self.story) > 1 else self.story[0]
            # server/api_converter.go, toApiPipelineTaskDetail: a task has neither message nor exit code.
            details = [
                {
                    "run_id": run_id,
                    "display_name": name,
                    "state": task,
                    "child_tasks": [{"pod_name": node} for node in self.nodes],
                }
                for name, task in tasks.items()
            ]
            found |= {"state": state, "run_details": {"task_details": details}}
        return found

    def _execute(self, run: Resource, folder: Path) -> None:
        """Runs the containers of a run; each is the child of the task of its step (api_converter.go, toModelTask)."""
        version = run["pipeline_version_reference"]["pipeline_version_id"]
        spec = self.versions[version]["pipeline_spec"]
        parameters = run.get("runtime_config", {}).get("parameters", {})
        succeeded, logs = run_containers(spec, parameters, folder / run["run_id"])
        workflow = f"{spec['pipelineInfo']['name']}-x7x7x"
        children = []
        for number, log in enumerate(logs):
            children.append({"pod_name": f"{workflow}-{number}"})
            # workflow/util/pod_name.go of Argo: GeneratePodName
            self.logs[f"{workflow}-system-container-impl-{number}"] = log
        state = "SUCCEEDED" if succeeded else "FAILED"
        (task,) = spec["root"]["dag"]["tasks"]
        details = [{"run_id": run["run_id"], "display_name": task, "state": state, "child_tasks": children}]
        run |= {"state": state, "run_details": {"task_details": details}}

    def create_recurring_run(self, body: Mapping[str, Any]) -> Resource:
        """server/api_converter.go, toModelJob; resource/resource_manager.go, CreateJob."""
        _known(body, _RECURRING_RUN)
        if not body.get("display_name"):
            raise internal("Failed to convert a API recurring run to its internal representation")
        concurrency = int(body.get("max_concurrency", 0))
        if not 1 <= concurrency <= 10:
            raise invalid(
                f"Max concurrency of a recurring run must be at least 1 and at most 10. Received {concurrency}"
            )
        trigger = body.get("trigger", {})
        if "cron_schedule" in trigger:
            try:
                robfig.parse(trigger["cron_schedule"].get("cron", ""))
            except ValueError as error:
                raise invalid(
                    f"Schedule cron is not a supported format(https://godoc.org/github.com/robfig/cron). Error: {error}"
                ) from None
        seconds = int(trigger.get("periodic_schedule", {}).get("interval_second", 1))
        if seconds < 1:
            raise invalid(
                f"Found invalid period schedule interval {seconds}. Set at interval to least 1 second"
            )
        experiment = self._check_pipeline_and_experiment(body)
        made = self._new("recurring_run_id", {**body, "experiment_id": experiment["experiment_id"]})
        self._set_mode(made, body.get("mode") == "ENABLE")
        made["namespace"] = experiment.get("namespace", POD_NAMESPACE)  # resource_manager.go, CreateJob
        made["max_concurrency"] = str(concurrency)
        made.setdefault("service_account", DEFAULT_ACCOUNT)  # template/template.go, setDefaultServiceAccount
        for schedule in made.get("trigger", {}).values():
            for moment in {"start_time", "end_time"} & set(schedule):
                schedule[moment] = _timestamp(schedule[moment])
        if not made.get("no_catchup"):
            made.pop("no_catchup", None)
        if not made.get("runtime_config", {}).get("parameters"):  # toApiRecurringRun
            made.pop("runtime_config", None)
        return self.recurring_runs.setdefault(made["recurring_run_id"], made)

    def change_mode(self, recurring_run_id: str, enabled: bool) -> Resource:
        """resource/resource_manager.go, ChangeJobMode."""
        self._set_mode(self.get("Job", self.recurring_runs, recurring_run_id), enabled)
        return {}

    def archive_experiment(self, experiment_id: str) -> Resource:
        """resource/resource_manager.go, ArchiveExperiment: also pauses its recurring runs."""
        self.get("Experiment", self.experiments, experiment_id)["storage_state"] = "ARCHIVED"
        for known in self.recurring_runs.values():
            if known["experiment_id"] == experiment_id:
                self._set_mode(known, False)
        return {}

    def unarchive_experiment(self, experiment_id: str) -> Resource:
        """resource/resource_manager.go, UnarchiveExperiment: its recurring runs stay paused."""
        self.get("Experiment", self.experiments, experiment_id)["storage_state"] = "AVAILABLE"
        return {}

    def delete_recurring_run(self, recurring_run_id: str, policy: str) -> Resource:
        """resource/resource_manager.go, DeleteJob: also deletes the workflows it owns, unless they are orphaned."""
        self.get("Job", self.recurring_runs, recurring_run_id)
        del self.recurring_runs[recurring_run_id]
        if policy != "ORPHAN":
            self.workflows = {
                run: owner for run, owner in self.workflows.items() if owner != recurring_run_id
            }
        return {}

    def trigger(self, recurring_run_id: str) -> str:
        """Starts a run owned by the recurring run, as the scheduled workflow controller does."""
        known = self.recurring_runs[recurring_run_id]
        run = self.create_run({name: known[name] for name in _RUN & set(known)})
        self.workflows[run["run_id"]] = recurring_run_id
        return str(run["run_id"])

    def get(self, kind: str, among: Mapping[str, Resource], name: str) -> Resource:
        """storage/*_store.go."""
        if name not in among:
            raise missing(kind, name)
        return among[name]

    def namespace(self, given: str) -> str:
        """resource/resource_manager.go, ReplaceNamespace."""
        return given if self.multi_user else ""

    def _set_mode(self, recurring_run: Resource, enabled: bool) -> None:
        """server/api_converter.go, toApiRecurringRun; storage/job_store.go, ChangeJobMode."""
        recurring_run["status"] = "ENABLED" if enabled else "DISABLED"
        recurring_run["mode"] = "ENABLE" if enabled else "DISABLE"
        recurring_run["updated_at"] = self._now()

    def _check_pipeline_and_experiment(self, body: Mapping[str, Any]) -> Resource:
        """Returns the experiment, in single-user mode by default the one named Default.

        resource/resource_manager.go, GetValidExperimentNamespacePair.
        """
        if body.get("experiment_id"):
            experiment = self.get("Experiment", self.experiments, body["experiment_id"])
        elif self.multi_user:
            raise invalid("Experiment id can not be empty in multi-user mode")
        else:
            experiment = self._default_experiment()
        version = self.versions.get(body.get("pipeline_version_reference", {}).get("pipeline_version_id", ""))
        if version is None:
            raise internal("Failed to create a recurring run with an invalid pipeline spec manifest")
        declared = version["pipeline_spec"]["root"].get("inputDefinitions", {}).get("parameters", {})
        _check_parameters(declared, body.get("runtime_config", {}).get("parameters", {}))
        return experiment

    def _default_experiment(self) -> Resource:
        """resource/resource_manager.go, CreateDefaultExperiment."""
        known = (one for one in self.experiments.values() if one["display_name"] == "Default")
        return next(known, None) or self.create_experiment({"display_name": "Default"})

    def _now(self) -> str:
        self._clock += datetime.timedelta(seconds=1)
        return self._clock.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _new(self, key: str, fields: Mapping[str, Any]) -> Resource:
        made = {**fields, key: str(uuid.uuid4()), "created_at": self._now()}
        if not made.get("namespace"):  # of single-user mode
            made.pop("namespace", None)
        return made


def _known(body: Mapping[str, Any], fields: set[str]) -> None:
    unknown = sorted(set(body) - fields)
    if unknown:
        raise ApiError(3, f'proto: (line 1:2): unknown field "{unknown[0]}"')


def _check_parameters(declared: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """template/v2_template.go, validatePipelineJobInputs."""
    kinds: dict[str, tuple[tuple[type, ...], str]] = {
        "NUMBER_INTEGER": ((int, float), "double or integer"),
        "NUMBER_DOUBLE": ((int, float), "double or integer"),
        "STRING": ((str,), "string"),
        "BOOLEAN": ((bool,), "bool"),
        "LIST": ((list,), "list"),
        "STRUCT": ((dict,), "struct"),
    }
    for name, parameter in declared.items():
        if name in given:
            types, word = kinds[parameter["parameterType"]]
            value = given[name]
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise invalid(f"input parameter {name} requires type {word}")
        elif "defaultValue" not in parameter and not parameter.get("isOptional"):
            raise invalid(
                f"parameter {name} is not optional, yet has neither default value nor user provided value"
            )
    extra = ", ".join(sorted(set(given) - set(declared)))
    if extra:
        raise invalid(f"parameter(s) provided are not required by pipeline: {extra}")


def _timestamp(text: str) -> str:
    """Returns a google.protobuf.Timestamp in JSON, in whole seconds as the server stores it (toModelTrigger)."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ApiError(3, f'proto: invalid google.protobuf.Timestamp value "{text}"')
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
