"""The test server's own rules, seen through kfp's client as a user has it: what the others build on."""

import json
from pathlib import Path
from typing import Any

import kfp
import pytest
from kfp_server_api import ApiException

from tests.standins.kfp_api import robfig
from tests.standins.kfp_api.api_server import ApiServer


@pytest.fixture
def client(api: ApiServer) -> kfp.Client:
    return kfp.Client(host=api.host)


def refusal(call: Any, /, *arguments: Any, **named: Any) -> tuple[int, str]:
    """The status and the message for users of what the server refuses."""
    with pytest.raises(ApiException) as refused:
        call(*arguments, **named)
    return refused.value.status, json.loads(refused.value.body)["details"][0]["message"]


@pytest.fixture
def ids(client: kfp.Client, pipeline: str, tmp_path: Path) -> dict[str, str]:
    """An experiment and a version of a pipeline, made by kfp's own methods."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(pipeline)
    made = client.pipelines.pipeline_service_create_pipeline(
        pipeline=client.api_models.V2beta1Pipeline(display_name="churn")
    )
    version = client.upload_pipeline_version(str(file), "v1", pipeline_id=made.pipeline_id)
    return {
        "experiment_id": client.create_experiment("e").experiment_id,
        "pipeline_id": made.pipeline_id,
        "version_id": version.pipeline_version_id,
    }


def test_kfp_finds_what_it_made(client: kfp.Client, ids: dict[str, str]) -> None:
    """Its own look-ups by name, whose filters it writes in its own way."""
    assert client.get_pipeline_id("churn") == ids["pipeline_id"]
    assert client.get_pipeline_id("ads") is None
    assert client.get_experiment(experiment_name="e").experiment_id == ids["experiment_id"]
    version = client.get_pipeline_version(ids["pipeline_id"], ids["version_id"])
    assert version.pipeline_spec["pipelineInfo"] == {"name": "churn"}


def test_a_recurring_run_as_kfp_makes_and_reads_it(client: kfp.Client, ids: dict[str, str]) -> None:
    """Without no_catchup, as kfp's client sends it by default, missed runs are made up for."""
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
            {"max_concurrency": 0},
            "Max concurrency of a recurring run must be at least 1 and at most 10. Received 0",
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
def test_what_it_refuses(
    client: kfp.Client, ids: dict[str, str], settings: dict[str, Any], message: str
) -> None:
    """400, with the server's words."""
    asked = {"job_name": "nightly", "cron_expression": "0 0 3 * * *", **settings, **ids}
    assert refusal(client.create_recurring_run, **asked) == (400, message)


def test_five_fields_are_taken(client: kfp.Client, ids: dict[str, str]) -> None:
    """And kept as they are: the API says nothing of how they will be read."""
    made = client.create_recurring_run(job_name="nightly", cron_expression="30 2 * * *", **ids)
    assert made.trigger.cron_schedule.cron == "30 2 * * *"
    assert robfig.parse("30 2 * * *") == robfig.parse("30 2 * * * *")


def test_what_is_not_there(client: kfp.Client, ids: dict[str, str]) -> None:
    """404 for what is asked for by id; but 500 for a pipeline that a new recurring run names."""
    assert refusal(client.get_run, "x") == (404, "Run x not found")
    assert refusal(client.delete_recurring_run, "x") == (404, "Job x not found")
    assert refusal(client.enable_recurring_run, "x") == (404, "Job x not found")
    asked = {"job_name": "nightly", "cron_expression": "0 0 3 * * *"}
    lost = {**ids, "experiment_id": "x"}
    assert refusal(client.create_recurring_run, **asked, **lost) == (404, "Experiment x not found")
    lost = {**ids, "version_id": "x"}
    assert refusal(client.create_recurring_run, **asked, **lost)[0] == 500


def test_names_are_unique_where_they_have_to_be(
    client: kfp.Client, ids: dict[str, str], tmp_path: Path
) -> None:
    """Pipelines, their versions and experiments; recurring runs need not be."""
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
    """The token leads on, in the same order, and only with the same filter."""
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


def test_a_recurring_run_can_not_be_updated(api: ApiServer, client: kfp.Client, ids: dict[str, str]) -> None:
    """There is no such call."""
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


def test_deleting_takes_running_workflows_along(
    api: ApiServer, client: kfp.Client, ids: dict[str, str]
) -> None:
    """Unless it is told to orphan them."""
    for policy, left in ((None, 0), ("ORPHAN", 1)):
        made = client.create_recurring_run(job_name="nightly", cron_expression="0 0 3 * * *", **ids)
        api.resources.trigger(made.recurring_run_id)
        client.recurring_runs.recurring_run_service_delete_recurring_run(
            recurring_run_id=made.recurring_run_id, propagation_policy=policy
        )
        assert len(api.resources.workflows) == left


def test_no_recurring_run_with_an_unknown_field(api: ApiServer, client: kfp.Client) -> None:
    """The JSON is read strictly."""
    connection = client.recurring_runs.recurring_run_service_list_recurring_runs.__self__.api_client
    with pytest.raises(ApiException) as refused:
        connection.call_api(
            "/apis/v2beta1/recurringruns", "POST", body={"name": "nightly"},
            header_params={"Content-Type": "application/json"},
        )  # fmt: skip
    assert refused.value.status == 400
    assert json.loads(refused.value.body)["message"] == 'proto: (line 1:2): unknown field "name"'
