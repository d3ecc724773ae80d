"""`regpipe submit`, through kfp's own client against a server that follows Kubeflow Pipelines' API."""

import re

import pytest

from pipeline_def.kubeflow.run_submission import follow
from tests.pipeline_def.kubeflow.conftest import Run, connect
from tests.standins.kfp_api.api_errors import ApiError
from tests.standins.kfp_api.api_server import ApiServer, Fault

Story = list[tuple[str, dict[str, str]]]
STEPS = {"example-gen": "ExampleGen", "trainer": "Trainer"}
AWAY = ApiError(14, "no healthy upstream")


def test_a_run_is_started(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the uploaded version, with typed parameters; its id and its page are printed."""
    parameters = ["span=007", "epochs=3", "l2=1e-2", "push=false", "units=[8]", 'slices={"age": 1}']
    assert regpipe("submit", *(f"--param={parameter}" for parameter in parameters)) == 0
    ((run_id, run),) = api.resources.runs.items()
    (version,) = api.resources.versions.values()
    assert run["runtime_config"]["parameters"] == {
        "span": "007", "epochs": 3, "l2": 0.01, "push": False, "units": [8], "slices": {"age": 1}
    }  # fmt: skip
    assert run["pipeline_version_reference"]["pipeline_version_id"] == version["pipeline_version_id"]
    assert capsys.readouterr().out.splitlines() == [
        f"Run      {run_id}",
        f"Version  {version['name']}",
        f"Page     {api.host}/#/runs/details/{run_id}",
    ]


def test_a_second_run_uploads_nothing(api: ApiServer, regpipe: Run) -> None:
    """The same content: one version, one experiment, two runs."""
    assert regpipe("submit") == regpipe("submit") == 0
    kept = api.resources
    assert (len(kept.versions), len(kept.experiments), len(kept.runs)) == (1, 1, 2)


def test_two_uploads_at_the_same_time(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Someone else made pipeline and version between our look and our request: theirs are taken."""
    assert regpipe("submit") == 0
    listings = "GET .*/pipelines", "GET .*/versions"
    api.faults = [Fault(request, empty=True, times=1) for request in listings]
    assert regpipe("submit") == 0
    assert [call.rpartition("/")[2] for call in api.writes()[4:]] == ["pipelines", "upload_version", "runs"]
    first, second = api.resources.runs.values()
    assert first["pipeline_version_reference"] == second["pipeline_version_reference"]
    assert len(api.resources.versions) == 1


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("epochs", "expected name=value, got 'epochs'"),
        ("=3", "expected name=value, got '=3'"),
        ("epoch=3", "epoch: no such parameter; the pipeline has epochs, l2, push, slices, span, units"),
        ("epochs=3.5", "epochs: expected a whole number, got '3.5'"),
        ("epochs=true", "epochs: expected a whole number, got 'true'"),
        ("l2=much", "l2: expected a number, got 'much'"),
        ("push=1", "push: expected true or false, got '1'"),
        ("units=8", "units: expected a list such as [1, 2], got '8'"),
        ("slices=[1]", "slices: expected a JSON object such as {\"a\": 1}, got '[1]'"),
    ],
)  # fmt: skip
def test_a_parameter_that_is_refused(
    api: ApiServer, regpipe: Run, parameter: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is asked; exit code 2."""
    assert regpipe("submit", f"--param={parameter}") == 2
    assert capsys.readouterr().err == f"regpipe: --param: {message}\n"
    assert api.calls == []


@pytest.mark.parametrize("text", ["", "a: 1", "[1]", "root: 3", "{", "kind: Workflow"])
def test_a_file_that_is_no_pipeline(
    api: ApiServer, regpipe: Run, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is named; exit code 2."""
    assert regpipe("submit", compiled=text) == 2
    said = capsys.readouterr().err
    assert said.startswith("regpipe: --pipeline: ")
    assert said.endswith(
        "compiled.yaml: expected a pipeline compiled for Kubeflow Pipelines, which has a group `root`\n"
    )


def test_a_parameter_without_a_default(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has to be given."""
    text = "root:\n  inputDefinitions: {parameters: {span: {parameterType: STRING}}}\n"
    assert regpipe("submit", compiled=text) == 2
    assert capsys.readouterr().err == (
        "regpipe: --param: span: expected a value, as the pipeline has no default for it, got nothing\n"
    )
    assert regpipe("submit", "--param=span=3", compiled=text) == 0


GOES_WELL: Story = [
    ("PENDING", {}),
    ("RUNNING", {"step": "RUNNING", "step-driver": "SUCCEEDED", "executor": "RUNNING"}),
    ("RUNNING", {"step": "SUCCEEDED", "step-2": "RUNNING"}),
    ("SUCCEEDED", {"step": "SUCCEEDED", "step-2": "SUCCEEDED"}),
]
TOLD = """\
run: pending
ExampleGen: running
run: running
ExampleGen: succeeded
Verdict: running
Verdict: succeeded
run: succeeded
"""
FAILS = [("FAILED", {"step": "FAILED"})]
TOLD_OF_FAILURE = """\
ExampleGen: failed
run: failed
The run has failed in ExampleGen; its log is on its page.
"""
NOT_BLESSED = [("FAILED", {"step": "SUCCEEDED", "step-2": "FAILED"})]
TOLD_OF_VERDICT = """\
ExampleGen: succeeded
Verdict: failed
run: failed
The run was complete but the model was not blessed: nothing was pushed.
"""
CANCELED: Story = [("CANCELED", {})]
TOLD_OF_END = "run: canceled\nThe run has been canceled; its log is on its page.\n"


@pytest.mark.parametrize(
    ("story", "code", "told"),
    [
        (GOES_WELL, 0, TOLD),
        (FAILS, 1, TOLD_OF_FAILURE),
        (NOT_BLESSED, 4, TOLD_OF_VERDICT),
        (CANCELED, 1, TOLD_OF_END),
    ],
)
def test_waiting(  # noqa: PLR0913 - fixtures
    api: ApiServer,
    regpipe: Run,
    story: Story,
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line whenever a step has changed, none for drivers and executors; the exit code says how it ended."""
    monkeypatch.setattr("pipeline_def.kubeflow.run_submission.time.sleep", lambda _: None)
    api.resources.story = story
    assert regpipe("submit", "--wait") == code
    said = capsys.readouterr()
    assert re.sub(r"^\d\d:\d\d:\d\d ", "", said.err, flags=re.MULTILINE) == told
    assert said.out.splitlines()[3:] == (["The run ended well."] if code == 0 else [])


def test_waiting_outlives_an_absence_of_the_server(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once each time, and the run is found again; only after 20 looks in a row it is given up."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    kubeflow = connect(api)
    experiment = api.resources.create_experiment({"display_name": "e"})["experiment_id"]
    pipeline = api.resources.create_pipeline({"display_name": "p"})["pipeline_id"]
    query = {"pipelineid": pipeline, "name": "v"}
    version = api.resources.upload_version(query, b"root: {}")["pipeline_version_id"]
    reference = {"pipeline_id": pipeline, "pipeline_version_id": version}
    body = {"display_name": "r", "experiment_id": experiment, "pipeline_version_reference": reference}
    run_id = api.resources.create_run(body)["run_id"]
    api.resources.story = [("RUNNING", {}), ("RUNNING", {}), ("SUCCEEDED", {})]
    # Twice 12 looks in vain, each tried three times, after the first look and after the second.
    api.faults = [Fault("GET .*/runs/.*", skip=skip, times=36, error=AWAY) for skip in (1, 2)]
    told: list[str] = []
    assert follow(kubeflow, run_id, STEPS, told.append) == ("SUCCEEDED", [])
    away = f"{api.host}: refused (503): no healthy upstream; the run goes on, asking again"
    assert told == ["run: running", away, away, "run: succeeded"]
    api.faults = [Fault("GET .*/runs/.*", error=AWAY)]
    asked = len(api.calls)
    with pytest.raises(Exception, match="no healthy upstream"):
        follow(kubeflow, run_id, STEPS, told.append)
    assert len(api.calls) - asked == 20 * 3  # each look is tried three times
