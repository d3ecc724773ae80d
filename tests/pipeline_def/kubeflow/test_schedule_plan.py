"""`regpipe schedule`, through kfp's own client against a server that follows Kubeflow Pipelines' API."""

import json

import pytest

from pipeline_def.kubeflow.recurring_runs import find
from tests.pipeline_def.kubeflow.conftest import Run, connect
from tests.standins.kfp_api.api_errors import ApiError
from tests.standins.kfp_api.api_server import ApiServer, Fault

RECURRING = "/apis/v2beta1/recurringruns"
DOWN = ApiError(13, "database is away")


def only(api: ApiServer) -> dict[str, object]:
    """The one recurring run that there is."""
    (found,) = api.resources.recurring_runs.values()
    return found


def test_apply_makes_what_the_configuration_says(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The API gets every setting; the pipeline is a version named by its digest, in an experiment made for it."""
    keys = (
        "start=2027-01-01T00:00:00Z",
        "end=2027-02-01T00:00:00Z",
        "concurrency=2",
        "parameters=[span=7, l2=1e-2]",
    )
    assert regpipe("schedule", "apply", *[f"--set=kubeflow.schedule.{key}" for key in keys]) == 0
    made = only(api)
    ((version_id, version),) = api.resources.versions.items()
    (experiment,) = api.resources.experiments.values()
    assert made["trigger"] == {
        "cron_schedule": {
            "cron": "0 30 2 * * *", "start_time": "2027-01-01T00:00:00Z", "end_time": "2027-02-01T00:00:00Z"
        }
    }  # fmt: skip
    assert (made["max_concurrency"], made["no_catchup"], made["status"]) == ("2", True, "ENABLED")
    assert made["runtime_config"] == {"parameters": {"span": "7", "l2": 0.01}}
    reference = {"pipeline_id": version["pipeline_id"], "pipeline_version_id": version_id}
    assert made["pipeline_version_reference"] == reference
    assert (made["display_name"], experiment["display_name"]) == ("churn", "churn")
    assert made["experiment_id"] == experiment["experiment_id"]
    assert capsys.readouterr().out.splitlines() == [
        f"The schedule churn is created ({made['recurring_run_id']}).",
        "name         churn",
        "experiment   churn",
        f"version      {version['name']}",
        "cron         0 30 2 * * *  (UTC, unless the cluster's cronScheduleTimezone is another)",
        "start        2027-01-01T00:00:00Z",
        "end          2027-02-01T00:00:00Z",
        "concurrency  2",
        "catch_up     false",
        'parameters   span="7", l2=0.01',
        "enabled      true",
    ]


def test_apply_again_does_nothing(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the settings; not one request that could change something."""
    settings = [
        f"--set=kubeflow.schedule.{key}"
        for key in (
            "cron=null",
            "interval=3600",
            "catch_up=true",
            "start=2027-01-01T02:00:00+02:00",
            "enabled=false",
        )
    ]
    parameters = (
        '--set=kubeflow.schedule.parameters=["span=x", "push=false", "units=[1, 2]", \'slices={"a": 1.5}\']'
    )
    assert regpipe("schedule", "apply", *settings, parameters) == 0
    made, before = only(api), api.writes()
    assert made["trigger"]["periodic_schedule"]["interval_second"] == "3600"  # type: ignore[index]
    assert (made["status"], "no_catchup" in made) == ("DISABLED", False)
    capsys.readouterr()
    assert regpipe("schedule", "apply", *settings, parameters) == 0
    assert api.writes() == before
    assert capsys.readouterr().out.splitlines() == [
        f"The schedule churn is unchanged ({made['recurring_run_id']}).",
        "It is paused; `regpipe schedule resume` lets it start runs.",
    ]


def test_a_change_makes_the_new_one_first(
    api: ApiServer, regpipe: Run, other_pipeline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then the old one is removed; what changed is told; a run of the old one that is under way goes on."""
    assert regpipe("schedule", "apply") == 0
    old = only(api)
    run = api.resources.trigger(str(old["recurring_run_id"]))
    before = len(api.writes())
    capsys.readouterr()
    cron = "--set=kubeflow.schedule.cron=0 0 4 * * *"
    assert regpipe("schedule", "apply", cron, compiled=other_pipeline) == 0
    assert api.writes()[before:] == [
        "POST /apis/v2beta1/pipelines/upload_version",
        f"POST {RECURRING}",
        f"DELETE {RECURRING}/{old['recurring_run_id']}",
    ]
    first, second = (version["name"] for version in api.resources.versions.values())
    assert capsys.readouterr().out.splitlines() == [
        f"The schedule churn is replaced ({only(api)['recurring_run_id']}).",
        f"version  {first}  ->  {second}",
        "cron     0 30 2 * * *             ->  0 0 4 * * *",
    ]
    assert run in api.resources.workflows


def test_the_same_pipeline_is_not_uploaded_again(
    api: ApiServer, regpipe: Run, other_pipeline: str, pipeline: str
) -> None:
    """Back to what was there before: its version is still there, by its digest."""
    for text in (pipeline, other_pipeline, pipeline):
        assert regpipe("schedule", "apply", compiled=text) == 0
    assert len([call for call in api.writes() if "upload" in call]) == 2
    assert len(api.resources.versions) == 2


@pytest.mark.parametrize("existing", [False, True])
def test_a_dry_run_changes_nothing(
    api: ApiServer, regpipe: Run, existing: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a pipeline nor an experiment is made; what would change is told."""
    if existing:
        assert regpipe("schedule", "apply") == 0
    before = api.writes()
    capsys.readouterr()
    assert regpipe("schedule", "apply", "--dry-run", "--set=kubeflow.schedule.concurrency=3") == 0
    assert api.writes() == before
    told = capsys.readouterr().out.splitlines()
    if existing:
        assert told == ["The schedule churn would be replaced.", "concurrency  1  ->  3"]
    else:
        assert told[0] == "The schedule churn would be created."


def test_a_failure_before_the_new_one_leaves_the_old(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server refuses the creation: nothing is lost, the exit code is 1."""
    assert regpipe("schedule", "apply") == 0
    old = only(api)
    api.faults = [Fault(f"POST {RECURRING}", error=DOWN)]
    assert regpipe("schedule", "apply", "--set=kubeflow.schedule.concurrency=3") == 1
    assert only(api) == old
    assert capsys.readouterr().err == f"regpipe: {api.host}: refused (500): database is away\n"


def test_a_failure_after_the_new_one_is_healed(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old one can't be removed: both are there, and the next apply removes it without making a third."""
    assert regpipe("schedule", "apply") == 0
    old = str(only(api)["recurring_run_id"])
    api.faults = [Fault(f"DELETE {RECURRING}/.*", error=DOWN, times=1)]
    changed = "--set=kubeflow.schedule.concurrency=3"
    assert regpipe("schedule", "apply", changed) == 1
    (new,) = set(api.resources.recurring_runs) - {old}
    assert capsys.readouterr().err.splitlines() == [
        f"regpipe: {api.host}: refused (500): database is away",
        f"regpipe: the schedule is in place ({new}), but so is the one before it ({old}), and both start runs; "
        "`regpipe schedule apply` removes it",
    ]
    assert regpipe("schedule", "apply", changed) == 0
    assert list(api.resources.recurring_runs) == [new]
    assert capsys.readouterr().out.splitlines() == [
        f"The schedule churn is unchanged ({new}).", f"Left over from a change, {old} is removed."
    ]  # fmt: skip


def test_a_creation_whose_answer_was_lost_is_not_repeated(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server made it and hung up. That is an error; the next apply finds it, and makes no second one."""
    api.faults = [Fault(f"POST {RECURRING}", drop=True, done=True, times=1)]
    assert regpipe("schedule", "apply") == 1
    assert "can't be reached" in capsys.readouterr().err
    made = only(api)
    assert regpipe("schedule", "apply") == 0
    assert only(api) == made


def test_a_deletion_whose_answer_was_lost_is_done(api: ApiServer, regpipe: Run) -> None:
    """It is asked for again, and finds nothing to delete: that is no error."""
    assert regpipe("schedule", "apply") == 0
    api.faults = [Fault(f"DELETE {RECURRING}/.*", drop=True, done=True, times=1)]
    assert regpipe("schedule", "delete") == 0
    assert api.resources.recurring_runs == {}


def test_two_that_are_as_wanted_become_one(api: ApiServer, regpipe: Run) -> None:
    """Two applies at the same time: the older one stays."""
    assert regpipe("schedule", "apply") == 0
    made = only(api)
    twin = {**made, "recurring_run_id": "twin", "created_at": "2027-06-01T00:00:00Z"}
    api.resources.recurring_runs["twin"] = twin
    assert regpipe("schedule", "apply") == 0
    assert only(api) == made


def test_a_pause_by_hand_outlives_a_change(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Someone stopped it: a deployment does not start it again, unless `enabled` is what changes."""
    assert regpipe("schedule", "apply") == 0
    assert regpipe("schedule", "pause") == 0
    assert only(api)["status"] == "DISABLED"
    capsys.readouterr()
    assert regpipe("schedule", "apply", "--set=kubeflow.schedule.concurrency=2") == 0
    assert (only(api)["status"], only(api)["max_concurrency"]) == ("DISABLED", "2")
    assert (
        capsys.readouterr().out.splitlines()[-1]
        == "It is paused; `regpipe schedule resume` lets it start runs."
    )
    disabled = "--set=kubeflow.schedule.enabled=false"
    assert regpipe("schedule", "apply", disabled) == 0
    assert regpipe("schedule", "apply") == 0
    assert only(api)["status"] == "ENABLED"


def test_pause_resume_and_delete(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """By the configuration's name, or by another that is given."""
    assert regpipe("schedule", "apply") == 0
    for action, status in (("pause", "DISABLED"), ("resume", "ENABLED")):
        assert regpipe("schedule", action) == 0
        assert only(api)["status"] == status
    assert regpipe("schedule", "delete", "churn") == 0
    assert api.resources.recurring_runs == {}
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "The schedule churn is paused; runs under way go on.",
        "The schedule churn starts runs again.",
        "The schedule churn is deleted; its runs stay.",
    ]


@pytest.mark.parametrize("action", ["show", "pause", "resume", "delete"])
def test_a_schedule_that_is_not_there(
    api: ApiServer, regpipe: Run, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and where to look."""
    assert regpipe("schedule", action, "chrun") == 2
    assert capsys.readouterr().err == (
        f"regpipe: there is no schedule 'chrun' on {api.host}; `regpipe schedule list` shows all\n"
    )


def test_list_and_show(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table and as JSON."""
    assert regpipe("schedule", "list") == 0
    assert capsys.readouterr().out == "No schedule yet; `regpipe schedule apply` makes one.\n"
    assert regpipe("schedule", "apply") == 0
    assert regpipe("schedule", "apply", "--set=name=ads", "--set=kubeflow.schedule.parameters=[span=3]") == 0
    assert regpipe("schedule", "pause", "ads") == 0
    (version, _) = (one["name"] for one in api.resources.versions.values())
    ids = {
        str(one["display_name"]): str(one["recurring_run_id"])
        for one in api.resources.recurring_runs.values()
    }
    capsys.readouterr()
    assert regpipe("schedule", "list") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"schedule  state    when          {'version':<{len(version)}}  experiment  id",
        f"ads       paused   0 30 2 * * *  {version}  ads         {ids['ads']}",
        f"churn     running  0 30 2 * * *  {version}  churn       {ids['churn']}",
    ]
    assert regpipe("schedule", "show", "ads", "--json") == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["id"], shown["running"], shown["parameters"]) == (ids["ads"], False, {"span": "3"})
    assert regpipe("schedule", "list", "--json") == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["ads", "churn"]
    assert regpipe("schedule", "show") == 0
    assert capsys.readouterr().out.splitlines()[0] == "state        running"


def test_the_service_account(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The server's default stands for none and is no change; one that is named is, and so is its end."""
    assert regpipe("schedule", "apply") == 0
    assert only(api)["service_account"] == "pipeline-runner"
    for account, change in (("trainer", "none  ->  trainer"), ("null", "trainer  ->  none")):
        for line in (f"service_account  {change}", "unchanged"):
            capsys.readouterr()
            assert regpipe("schedule", "apply", f"--set=kubeflow.service_account={account}") == 0
            assert line in capsys.readouterr().out
    assert regpipe("submit", "--set=kubeflow.service_account=trainer") == 0
    (run,) = api.resources.runs.values()
    assert run["service_account"] == "trainer"


def test_what_others_made_is_left_alone(api: ApiServer, regpipe: Run) -> None:
    """A recurring run of the same name that this project did not make: neither shown nor paused nor removed."""
    assert regpipe("schedule", "apply") == 0
    made = only(api)
    other = {**made, "recurring_run_id": "other", "description": "by hand", "max_concurrency": "9"}
    api.resources.recurring_runs["other"] = other
    assert regpipe("schedule", "apply", "--set=kubeflow.schedule.concurrency=2") == 0
    assert regpipe("schedule", "pause") == 0
    assert regpipe("schedule", "delete") == 0
    assert only(api) == other
    assert regpipe("schedule", "show") == 2


def test_a_copy_that_was_made_by_hand(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """On Kubeflow's page, with our description: listed under its name; with another description, it is not ours."""
    assert regpipe("schedule", "apply") == 0
    made = only(api)
    pipeline = {"pipeline_id": made["pipeline_version_reference"]["pipeline_id"]}  # type: ignore[index]
    copy = {
        **made,
        "recurring_run_id": "c",
        "display_name": "Clone of churn",
        "pipeline_version_reference": pipeline,
    }
    api.resources.recurring_runs["c"] = copy
    for number, text in enumerate(
        ("", "by hand", f"{made['description']}!", str(made["description"]).splitlines()[0])
    ):
        api.resources.recurring_runs[str(number)] = {
            **made,
            "recurring_run_id": str(number),
            "description": text,
        }
    capsys.readouterr()
    assert regpipe("schedule", "list", "--json") == 0
    shown = [(one["name"], one["version"]) for one in json.loads(capsys.readouterr().out)]
    assert shown == [
        ("Clone of churn", "(none)"),
        ("churn", next(iter(api.resources.versions.values()))["name"]),
    ]


def test_more_schedules_than_a_page_holds(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of them are found, though the server gives 200 at most at once."""
    assert regpipe("schedule", "apply") == 0
    made = only(api)
    for number in range(450):
        name = f"n{number:03}"
        api.resources.recurring_runs[name] = {**made, "recurring_run_id": name, "display_name": name}
    kubeflow = connect(api)
    assert len(find(kubeflow, "n449")) == 1
    call = kubeflow.client.recurring_runs.recurring_run_service_list_recurring_runs
    assert len(list(kubeflow.pages(call, "recurring_runs"))) == 451


def test_an_experiment_or_a_version_that_is_gone_is_a_change(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Someone deleted both: the schedule could start no run any more; apply makes all of it anew."""
    assert regpipe("schedule", "apply") == 0
    api.resources.experiments.clear()
    api.resources.versions.clear()
    capsys.readouterr()
    assert regpipe("schedule", "apply") == 0
    told = capsys.readouterr().out
    assert "experiment  (deleted)  ->  churn" in told
    assert "version     (deleted)  ->  sha256-" in told
    assert regpipe("schedule", "apply") == 0
    assert "unchanged" in capsys.readouterr().out


def test_a_configuration_without_a_schedule(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is asked; exit code 2."""
    assert regpipe("schedule", "apply", "--set=kubeflow.schedule.cron=null") == 2
    assert capsys.readouterr().err == (
        "regpipe: kubeflow.schedule: expected cron or interval, got neither; `regpipe schedule delete` removes a "
        "schedule that is there\n"
    )
    assert api.calls == []


def test_a_parameter_that_the_pipeline_does_not_take(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused here, before the server is asked."""
    assert regpipe("schedule", "apply", "--set=kubeflow.schedule.parameters=[epochs=many]") == 2
    assert capsys.readouterr().err == (
        "regpipe: kubeflow.schedule.parameters: epochs: expected a whole number, got 'many'\n"
    )
    assert api.calls == []


def test_an_archived_experiment(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Its runs would not be seen: refused, with the key to change."""
    api.resources.create_experiment({"display_name": "churn"})["storage_state"] = "ARCHIVED"
    assert regpipe("schedule", "apply") == 1
    assert capsys.readouterr().err == (
        "regpipe: kubeflow.experiment: expected one that is not archived, got 'churn'; restore it on Kubeflow's page\n"
    )
    assert api.resources.recurring_runs == {}


def test_a_shared_installation(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything is made and looked for in the user's namespace, which has to be named."""
    api.resources.multi_user = True
    assert regpipe("schedule", "apply") == 1
    assert capsys.readouterr().err == (
        f"regpipe: kubeflow.namespace: expected the name of your namespace, as several users share {api.host}, "
        "got nothing\n"
    )
    for user in ("ann", "bob"):
        assert regpipe("schedule", "apply", f"--set=kubeflow.namespace={user}") == 0
    namespaces = [one["namespace"] for one in api.resources.recurring_runs.values()]
    assert namespaces == ["ann", "bob"]
    assert [one["namespace"] for one in api.resources.pipelines.values()] == ["ann", "bob"]
    assert regpipe("schedule", "delete", "--set=kubeflow.namespace=ann") == 0
    assert only(api)["namespace"] == "bob"
