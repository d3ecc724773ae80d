"""The stand-in server through kfp's own client: the rules that the tests of tests/pipeline_def/kubeflow rely on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kfp
import pytest
from kfp_server_api import ApiException

from tests.pipeline_def.kubeflow.conftest import compiled
from tests.standins.kfp_api.api_server import ApiServer


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


@pytest.fixture
def client(api: ApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> kfp.Client:
    monkeypatch.setattr("kfp.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))
    return kfp.Client(host=api.host)


def refusal(method: Any, /, **arguments: Any) -> tuple[int, str]:
    """Calls a method, which the server must refuse, and returns the status and the message for users."""
    with pytest.raises(ApiException) as refused:
        method(**arguments)
    return refused.value.status, json.loads(refused.value.body)["details"][0]["message"]


@pytest.fixture
def ids(client: kfp.Client, tmp_path: Path) -> dict[str, str]:
    """An experiment and a version of a pipeline, created by kfp's methods."""
    file = tmp_path / "pipeline.yaml"
    compiled(tmp_path)
    made = client.pipelines.pipeline_service_create_pipeline(
        pipeline=client.api_models.V2beta1Pipeline(display_name="churn")
    )
    version = client.upload_pipeline_version(str(file), "v1", pipeline_id=made.pipeline_id)
    return {
        "experiment_id": client.create_experiment("e").experiment_id,
        "pipeline_id": made.pipeline_id,
        "version_id": version.pipeline_version_id,
    }


def test_kfp_finds_what_it_created(client: kfp.Client, ids: dict[str, str]) -> None:
    """By name, with the filters that kfp's client sends."""
    assert client.get_pipeline_id("churn") == ids["pipeline_id"]
    assert client.get_pipeline_id("ads") is None
    assert client.get_experiment(experiment_name="e").experiment_id == ids["experiment_id"]
    version = client.get_pipeline_version(ids["pipeline_id"], ids["version_id"])
    assert version.pipeline_spec["pipelineInfo"] == {"name": "churn"}


def test_a_recurring_run_created_and_read_by_kfp(client: kfp.Client, ids: dict[str, str]) -> None:
    """kfp's client sends no no_catchup by default, so it is not returned either."""
    made = client.create_recurring_run(
        job_name="nightly", cron_expression="0 0 3 * * *", params={"epochs": 3}, **ids
    )
    read = client.get_recurring_run(made.recurring_run_id)
    assert (read.trigger.cron_schedule.cron, read.max_concurrency, read.status) == (
        "0 0 3 * * *",
        "1",
        "ENABLED",
    )
    assert read.no_catchup is None
    assert read.runtime_config.parameters == {"epochs": 3}
    client.disable_recurring_run(made.recurring_run_id)
    assert client.get_recurring_run(made.recurring_run_id).status == "DISABLED"
    client.enable_recurring_run(made.recurring_run_id)
    assert client.list_recurring_runs().recurring_runs[0].status == "ENABLED"
    client.delete_recurring_run(made.recurring_run_id)
    assert client.list_recurring_runs().recurring_runs is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"max_concurrency": 11},
            "Max concurrency of a recurring run must be at least 1 and at most 10. Received 11",
        ),
        (
            {"cron_expression": "0 0 3 * *  * *"},
            "Schedule cron is not a supported format(https://godoc.org/github.com/robfig/cron). Error: Expected 5 to 6 "
            "fields, found 7: 0 0 3 * *  * *",
        ),
        ({"params": {"epochs": "3"}}, "input parameter epochs requires type double or integer"),
        ({"params": {"epoch": 3}}, "parameter(s) provided are not required by pipeline: epoch"),
    ],
)
def test_wrong_settings_are_refused(
    client: kfp.Client, ids: dict[str, str], settings: dict[str, Any], message: str
) -> None:
    """Status 400, with the server's message."""
    arguments = {"job_name": "nightly", "cron_expression": "0 0 3 * * *", **settings, **ids}
    assert refusal(client.create_recurring_run, **arguments) == (400, message)


def test_names_that_are_required(client: kfp.Client, ids: dict[str, str]) -> None:
    """Of runs, experiments and recurring runs: status 500, whose message has no reason."""
    models = client.api_models
    version = models.V2beta1PipelineVersionReference(
        pipeline_id=ids["pipeline_id"], pipeline_version_id=ids["version_id"]
    )
    run = models.V2beta1Run(pipeline_version_reference=version)
    assert refusal(client.runs.run_service_create_run, run=run) == (500, "Internal Server Error")
    create = client.experiments.experiment_service_create_experiment
    assert refusal(create, experiment=models.V2beta1Experiment()) == (500, "Internal Server Error")


def test_a_run_without_an_experiment(api: ApiServer, client: kfp.Client, ids: dict[str, str]) -> None:
    """Belongs to the default experiment, which is created; in multi-user mode it is refused."""
    models = client.api_models
    version = models.V2beta1PipelineVersionReference(
        pipeline_id=ids["pipeline_id"], pipeline_version_id=ids["version_id"]
    )
    run = models.V2beta1Run(display_name="r", pipeline_version_reference=version)
    first, second = (client.runs.run_service_create_run(run=run) for _ in range(2))
    assert first.experiment_id == second.experiment_id
    assert client.get_experiment(first.experiment_id).display_name == "Default"
    api.resources.multi_user = True
    refused = (400, "Experiment id can not be empty in multi-user mode")
    assert refusal(client.runs.run_service_create_run, run=run) == refused


def test_a_file_that_is_not_a_pipeline(client: kfp.Client, ids: dict[str, str], tmp_path: Path) -> None:
    """Status 400; here the message has the reason."""
    file = tmp_path / "wrong.yaml"
    file.write_text("a: 1")
    with pytest.raises(ApiException) as refused:
        client.upload_pipeline_version(str(file), "v2", pipeline_id=ids["pipeline_id"])
    assert refused.value.status == 400
    assert json.loads(refused.value.body)["error_message"] == "unknown template format"


def test_objects_of_a_single_user_have_no_namespace(
    api: ApiServer, client: kfp.Client, ids: dict[str, str]
) -> None:
    """Except recurring runs, which have that of the pods (resource_manager.go, CreateJob)."""
    client.create_recurring_run(job_name="nightly", cron_expression="0 0 3 * * *", **ids)
    (recurring,) = client.list_recurring_runs().recurring_runs
    assert recurring.namespace == "kubeflow"
    for known in (api.resources.pipelines, api.resources.experiments):
        assert all("namespace" not in one for one in known.values())
    assert client.get_experiment(ids["experiment_id"]).namespace is None


def test_archiving_an_experiment_pauses_its_recurring_runs(client: kfp.Client, ids: dict[str, str]) -> None:
    """Restoring it does not resume them. A change is seen by updated_at."""
    made = client.create_recurring_run(job_name="nightly", cron_expression="0 0 3 * * *", **ids)
    assert made.updated_at is not None
    client.archive_experiment(ids["experiment_id"])
    archived = client.get_recurring_run(made.recurring_run_id)
    assert (archived.status, archived.mode) == ("DISABLED", "DISABLE")
    assert archived.updated_at > made.updated_at
    assert client.get_experiment(ids["experiment_id"]).storage_state == "ARCHIVED"
    client.unarchive_experiment(ids["experiment_id"])
    assert client.get_experiment(ids["experiment_id"]).storage_state == "AVAILABLE"
    assert client.get_recurring_run(made.recurring_run_id).status == "DISABLED"


def test_names_that_must_be_unique(client: kfp.Client, ids: dict[str, str], tmp_path: Path) -> None:
    """Those of pipelines, versions and experiments, but not those of recurring runs."""
    model = client.api_models.V2beta1Pipeline(display_name="churn")
    create = client.pipelines.pipeline_service_create_pipeline
    assert refusal(create, pipeline=model)[0] == 409
    experiment = client.api_models.V2beta1Experiment(display_name="e")
    assert refusal(client.experiments.experiment_service_create_experiment, experiment=experiment)[0] == 409
    file = str(tmp_path / "pipeline.yaml")
    with pytest.raises(ApiException) as refused:
        client.upload_pipeline_version(file, "v1", pipeline_id=ids["pipeline_id"])
    assert refused.value.status == 409
    assert json.loads(refused.value.body)["error_message"] == "Failed to create a pipeline version"
    for _ in range(2):
        client.create_recurring_run(job_name="nightly", cron_expression="0 0 3 * * *", **ids)
    assert client.list_recurring_runs().total_size == 2


def test_pages(api: ApiServer, client: kfp.Client) -> None:
    """A token continues the list in the same order, and is refused with another filter."""
    for number in range(5):
        api.resources.create_experiment({"display_name": f"e{number}"})
    names, token = [], ""
    while True:
        found = client.list_experiments(page_token=token, page_size=2, sort_by="display_name desc")
        names.append([one.display_name for one in found.experiments])
        token = found.next_page_token
        if not token:
            break
    assert names == [["e4", "e3"], ["e2", "e1"], ["e0"]]
    token = client.list_experiments(page_size=2).next_page_token
    other = json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": "e1"}]})
    status, message = refusal(client.list_experiments, page_token=token, filter=other)
    assert (status, message) == (
        400,
        "page token does not match the supplied sort by and/or filtering criteria",
    )
    unknown = json.dumps({"predicates": [{"operation": "EQUALS", "key": "colour", "stringValue": "red"}]})
    assert refusal(client.list_experiments, filter=unknown) == (
        400, 'no support for filtering on unrecognized field "colour"'
    )  # fmt: skip


def test_a_recurring_run_cannot_be_updated(api: ApiServer, client: kfp.Client, ids: dict[str, str]) -> None:
    """The API has no method for it, so `schedule apply` creates a new one and deletes the old one."""
    made = client.create_recurring_run(job_name="nightly", cron_expression="0 0 3 * * *", **ids)
    connection = client.recurring_runs.recurring_run_service_list_recurring_runs.__self__.api_client
    path = f"/apis/v2beta1/recurringruns/{made.recurring_run_id}"
    for method in ("PATCH", "PUT"):
        with pytest.raises(ApiException) as refused:
            connection.call_api(
                path,
                method,
                body={"max_concurrency": "2"},
                header_params={"Content-Type": "application/json"},
            )
        assert refused.value.status == 501


def test_deleting_also_deletes_current_workflows(
    api: ApiServer, client: kfp.Client, ids: dict[str, str]
) -> None:
    """Unless the policy is to orphan them."""
    for policy, remaining in ((None, 0), ("ORPHAN", 1)):
        made = client.create_recurring_run(job_name="nightly", cron_expression="0 0 3 * * *", **ids)
        api.resources.trigger(made.recurring_run_id)
        client.recurring_runs.recurring_run_service_delete_recurring_run(
            recurring_run_id=made.recurring_run_id, propagation_policy=policy
        )
        assert len(api.resources.workflows) == remaining
