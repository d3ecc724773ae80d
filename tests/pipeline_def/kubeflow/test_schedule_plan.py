"""`regpipe schedule`, through kfp's client and the stand-in API server of Kubeflow Pipelines."""

import json
from pathlib import Path

import pytest

from pipeline_def.kubeflow.recurring_runs import find
from tests.pipeline_def.kubeflow.conftest import Run, connect
from tests.standins.kfp_api.api_errors import ApiError
from tests.standins.kfp_api.api_server import ApiServer, Fault

RECURRING = "/apis/v2beta1/recurringruns"
DOWN = ApiError(13, "database is away")


def only(api: ApiServer) -> dict[str, object]:
    """The only recurring run on the server."""
    (found,) = api.resources.recurring_runs.values()
    return found


def test_apply_creates_the_configured_schedule(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every setting is sent to the API; a version named by its digest and an experiment are created."""
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
        "cron         0 30 2 * * *  (UTC, unless the cluster's cronScheduleTimezone differs)",
        "start        2027-01-01T00:00:00Z",
        "end          2027-02-01T00:00:00Z",
        "concurrency  2",
        "catch_up     false",
        'parameters   span="7", l2=0.01',
        "enabled      true",
    ]


def test_apply_reminds_of_a_schema(
    api: ApiServer, regpipe: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, so that the output stays that of the plan; not if there is one."""
    assert regpipe("schedule", "apply", "--dry-run") == 0
    assert "regpipe schema freeze" in capsys.readouterr().err
    schema = tmp_path / "schema.pbtxt"
    schema.write_text("feature { name: 'a' }")
    assert regpipe("schedule", "apply", "--dry-run", f"--set=data.schema_file={schema}") == 0
    assert "regpipe schema freeze" not in capsys.readouterr().err


def test_apply_again_does_nothing(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """For all settings; no request is sent that could change something."""
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
        "It is paused; `regpipe schedule resume` starts it again.",
    ]


def test_a_change_creates_the_new_one_first(
    api: ApiServer, regpipe: Run, other_pipeline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then the old one is deleted and the changes are printed; a current run of the old one continues."""
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
    """Changing back to an earlier pipeline finds its version, by its digest."""
    for text in (pipeline, other_pipeline, pipeline):
        assert regpipe("schedule", "apply", compiled=text) == 0
    assert len([call for call in api.writes() if "upload" in call]) == 2
    assert len(api.resources.versions) == 2


@pytest.mark.parametrize("existing", [False, True])
def test_a_dry_run_changes_nothing(
    api: ApiServer, regpipe: Run, existing: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """No pipeline and no experiment is created; the changes are printed."""
    if existing:
        assert regpipe("schedule", "apply") == 0
    before = api.writes()
    capsys.readouterr()
    assert regpipe("schedule", "apply", "--dry-run", "--set=kubeflow.schedule.concurrency=3") == 0
    assert api.writes() == before
    lines = capsys.readouterr().out.splitlines()
    if existing:
        assert lines == ["The schedule churn would be replaced.", "concurrency  1  ->  3"]
    else:
        assert lines[0] == "The schedule churn would be created."


def test_if_creating_fails_the_old_one_stays(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server refuses to create the new one: nothing changes, and the exit code is 1."""
    assert regpipe("schedule", "apply") == 0
    capsys.readouterr()
    old = only(api)
    api.faults = [Fault(f"POST {RECURRING}", error=DOWN)]
    assert regpipe("schedule", "apply", "--set=kubeflow.schedule.concurrency=3") == 1
    assert only(api) == old
    assert capsys.readouterr().err == f"regpipe: {api.host}: refused (500): database is away\n"


def test_if_deleting_fails_the_next_apply_deletes_the_old_one(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until then both exist, which the message contains; no third one is created."""
    assert regpipe("schedule", "apply") == 0
    capsys.readouterr()
    old = str(only(api)["recurring_run_id"])
    api.faults = [Fault(f"DELETE {RECURRING}/.*", error=DOWN, times=1)]
    changed = "--set=kubeflow.schedule.concurrency=3"
    assert regpipe("schedule", "apply", changed) == 1
    (new,) = set(api.resources.recurring_runs) - {old}
    assert capsys.readouterr().err.splitlines() == [
        f"regpipe: {api.host}: refused (500): database is away",
        f"regpipe: the new schedule exists ({new}), but the old one ({old}) could not be deleted, and both start runs; "
        "`regpipe schedule apply` deletes the old one",
    ]
    assert regpipe("schedule", "apply", changed) == 0
    assert list(api.resources.recurring_runs) == [new]
    assert capsys.readouterr().out.splitlines() == [
        f"The schedule churn is unchanged ({new}).", f"{old}, left over from an interrupted change, is deleted."
    ]  # fmt: skip


def test_a_creation_whose_response_was_lost_is_not_repeated(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server created it and closed the connection: an error. The next apply finds it and creates no second one."""
    api.faults = [Fault(f"POST {RECURRING}", drop=True, done=True, times=1)]
    assert regpipe("schedule", "apply") == 1
    assert "can't be reached" in capsys.readouterr().err
    made = only(api)
    assert regpipe("schedule", "apply") == 0
    assert only(api) == made


def test_a_deletion_whose_response_was_lost_succeeds(api: ApiServer, regpipe: Run) -> None:
    """The request is repeated, and that there is nothing to delete any more is no error."""
    assert regpipe("schedule", "apply") == 0
    api.faults = [Fault(f"DELETE {RECURRING}/.*", drop=True, done=True, times=1)]
    assert regpipe("schedule", "delete") == 0
    assert api.resources.recurring_runs == {}


def test_of_two_equal_schedules_the_older_one_stays(api: ApiServer, regpipe: Run) -> None:
    """Two applies at the same time may create two."""
    assert regpipe("schedule", "apply") == 0
    made = only(api)
    twin = {**made, "recurring_run_id": "twin", "created_at": "2027-06-01T00:00:00Z"}
    api.resources.recurring_runs["twin"] = twin
    assert regpipe("schedule", "apply") == 0
    assert only(api) == made


def test_a_manual_pause_is_kept_when_other_settings_change(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a change of `enabled` starts it again."""
    assert regpipe("schedule", "apply") == 0
    assert regpipe("schedule", "pause") == 0
    assert only(api)["status"] == "DISABLED"
    capsys.readouterr()
    assert regpipe("schedule", "apply", "--set=kubeflow.schedule.concurrency=2") == 0
    assert (only(api)["status"], only(api)["max_concurrency"]) == ("DISABLED", "2")
    assert capsys.readouterr().out.splitlines()[-1] == f"It is paused, {PAUSED}"
    disabled = "--set=kubeflow.schedule.enabled=false"
    assert regpipe("schedule", "apply", disabled) == 0
    assert regpipe("schedule", "apply") == 0
    assert only(api)["status"] == "ENABLED"


PAUSED = "by hand or because its experiment was archived; `regpipe schedule resume` starts it again."


def test_an_archived_experiment_and_its_schedule(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Archiving pauses the schedule: `show` says so, `apply` and `resume` are refused until it is restored."""
    assert regpipe("schedule", "apply") == 0
    (experiment,) = api.resources.experiments
    api.resources.archive_experiment(experiment)
    capsys.readouterr()
    assert regpipe("schedule", "show") == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "state        paused, because its experiment is archived"
    )
    before = api.writes()
    changed = ("apply", "--set=kubeflow.schedule.concurrency=2", "--dry-run")
    for command in (("apply",), changed, ("resume",)):
        assert regpipe("schedule", *command) == 1
        assert "expected one that is not archived, got 'churn'" in capsys.readouterr().err
    assert api.writes() == before


def test_a_schedule_stays_paused_when_its_experiment_is_restored(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """`apply` and `show` tell it, and `resume` starts it again."""
    assert regpipe("schedule", "apply") == 0
    (experiment,) = api.resources.experiments
    api.resources.archive_experiment(experiment)
    api.resources.unarchive_experiment(experiment)
    capsys.readouterr()
    assert regpipe("schedule", "apply") == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"It is paused, {PAUSED}"
    assert regpipe("schedule", "show") == 0
    state = capsys.readouterr().out.splitlines()[0]
    assert state == "state        paused, by hand or because its experiment was archived"
    assert regpipe("schedule", "show", "--json") == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["running"], shown["experiment_archived"]) == (False, False)
    assert regpipe("schedule", "resume") == 0
    assert only(api)["status"] == "ENABLED"


def test_pause_resume_and_delete(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """By the name in the configuration, or by a given name."""
    assert regpipe("schedule", "apply") == 0
    for action, status in (("pause", "DISABLED"), ("resume", "ENABLED")):
        assert regpipe("schedule", action) == 0
        assert only(api)["status"] == status
    assert regpipe("schedule", "delete", "churn") == 0
    assert api.resources.recurring_runs == {}
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "The schedule churn is paused; current runs continue.",
        "The schedule churn is resumed.",
        "The schedule churn is deleted; its runs are kept.",
    ]


@pytest.mark.parametrize("action", ["show", "pause", "resume", "delete"])
def test_a_schedule_that_does_not_exist(
    api: ApiServer, regpipe: Run, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and a command that lists the schedules."""
    assert regpipe("schedule", action, "chrun") == 2
    assert capsys.readouterr().err == (
        f"regpipe: NAME: expected a schedule on {api.host}, got 'chrun'; `regpipe schedule list` lists them\n"
    )


def test_list_and_show(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Both print text and JSON."""
    assert regpipe("schedule", "list") == 0
    assert capsys.readouterr().out == "No schedule yet; `regpipe schedule apply` creates one.\n"
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
    """The server's default account is no change; setting another account, and removing it again, are changes."""
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


def test_recurring_runs_of_others_are_ignored(api: ApiServer, regpipe: Run) -> None:
    """A recurring run of the same name that regpipe did not create is not shown, paused or deleted."""
    assert regpipe("schedule", "apply") == 0
    made = only(api)
    other = {**made, "recurring_run_id": "other", "description": "by hand", "max_concurrency": "9"}
    api.resources.recurring_runs["other"] = other
    assert regpipe("schedule", "apply", "--set=kubeflow.schedule.concurrency=2") == 0
    assert regpipe("schedule", "pause") == 0
    assert regpipe("schedule", "delete") == 0
    assert only(api) == other
    assert regpipe("schedule", "show") == 2


def test_a_manual_copy(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A copy made in Kubeflow's user interface is listed by its name if it has our description, else ignored."""
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
    """All of them are found, although the server returns at most 200 in a page."""
    assert regpipe("schedule", "apply") == 0
    made = only(api)
    for number in range(450):
        name = f"n{number:03}"
        api.resources.recurring_runs[name] = {**made, "recurring_run_id": name, "display_name": name}
    kubeflow = connect(api)
    assert len(find(kubeflow, "n449")) == 1
    method = kubeflow.client.recurring_runs.recurring_run_service_list_recurring_runs
    assert len(list(kubeflow.list_all(method, "recurring_runs"))) == 451


def test_a_deleted_experiment_or_version_is_a_change(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The schedule can't start runs without them; apply creates them again."""
    assert regpipe("schedule", "apply") == 0
    api.resources.experiments.clear()
    api.resources.versions.clear()
    capsys.readouterr()
    assert regpipe("schedule", "apply") == 0
    printed = capsys.readouterr().out
    assert "experiment  (deleted)  ->  churn" in printed
    assert "version     (deleted)  ->  sha256-" in printed
    assert regpipe("schedule", "apply") == 0
    assert "unchanged" in capsys.readouterr().out


def test_a_configuration_without_a_schedule(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """No request is sent; exit code 2."""
    assert regpipe("schedule", "apply", "--set=kubeflow.schedule.cron=null") == 2
    assert capsys.readouterr().err == (
        "regpipe: kubeflow.schedule: expected cron or interval, got neither; `regpipe schedule delete` deletes "
        "an existing schedule\n"
    )
    assert api.calls == []


def test_all_problems_of_a_schedule_are_told_at_once(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """No trigger, and two wrong parameters."""
    wrong = ["cron=null", "parameters=[epochs=many, epoch=1]"]
    assert regpipe("schedule", "apply", *(f"--set=kubeflow.schedule.{setting}" for setting in wrong)) == 2
    lines = capsys.readouterr().err.replace("regpipe: ", "").splitlines()
    assert [line.partition(": expected")[0].partition(": no such")[0] for line in lines] == [
        "kubeflow.schedule",
        "kubeflow.schedule.parameters: epochs",
        "kubeflow.schedule.parameters: epoch",
    ]
    assert api.calls == []


def test_a_wrong_parameter_of_the_schedule(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused before any request is sent."""
    assert regpipe("schedule", "apply", "--set=kubeflow.schedule.parameters=[epochs=many]") == 2
    assert capsys.readouterr().err == (
        "regpipe: kubeflow.schedule.parameters: epochs: expected a whole number, got 'many'\n"
    )
    assert api.calls == []


def test_an_archived_experiment(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused, as its runs would not be visible; the message has the key to change."""
    api.resources.create_experiment({"display_name": "churn"})["storage_state"] = "ARCHIVED"
    assert regpipe("schedule", "apply") == 1
    assert capsys.readouterr().err == (
        "regpipe: kubeflow.experiment: expected one that is not archived, got 'churn'; restore it in Kubeflow's user "
        "interface\n"
    )
    assert api.resources.recurring_runs == {}


def test_a_multi_user_installation(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """kubeflow.namespace is required, and everything is created and found in that namespace."""
    api.resources.multi_user = True
    assert regpipe("schedule", "apply") == 1
    assert capsys.readouterr().err == (
        f"regpipe: kubeflow.namespace: expected the name of your namespace, because {api.host} is a multi-user "
        "installation, got nothing\n"
    )
    for user in ("ann", "bob"):
        assert regpipe("schedule", "apply", f"--set=kubeflow.namespace={user}") == 0
    namespaces = [one["namespace"] for one in api.resources.recurring_runs.values()]
    assert namespaces == ["ann", "bob"]
    assert [one["namespace"] for one in api.resources.pipelines.values()] == ["ann", "bob"]
    assert regpipe("schedule", "delete", "--set=kubeflow.namespace=ann") == 0
    assert only(api)["namespace"] == "bob"
