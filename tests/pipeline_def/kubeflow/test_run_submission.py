"""`regpipe submit`, through kfp's client and the stand-in API server of Kubeflow Pipelines."""

import re

import pytest

from pipeline_def.kubeflow.run_submission import wait_for_run
from tests.pipeline_def.kubeflow.conftest import Run, connect
from tests.standins.kfp_api.api_errors import ApiError
from tests.standins.kfp_api.api_server import ApiServer, Fault

Story = list[tuple[str, dict[str, str]]]
STEPS = {"example-gen": "ExampleGen", "trainer": "Trainer"}
UNAVAILABLE = ApiError(14, "no healthy upstream")


def test_a_run_is_started(api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """With the uploaded version and typed parameters; its id and the URL of its page are printed."""
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
    """Equal content: one version, one experiment, two runs."""
    assert regpipe("submit") == regpipe("submit") == 0
    stored = api.resources
    assert (len(stored.versions), len(stored.experiments), len(stored.runs)) == (1, 1, 2)


def test_two_uploads_at_the_same_time(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """If another client creates pipeline and version between our list and create requests, those are used."""
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
    """Before any request is sent; exit code 2."""
    assert regpipe("submit", f"--param={parameter}") == 2
    assert capsys.readouterr().err == f"regpipe: --param: {message}\n"
    assert api.calls == []


def test_all_wrong_parameters_are_told_at_once(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each."""
    wrong = ("epochs=many", "epoch=3", "l2=0.1", "push")
    assert regpipe("submit", *(f"--param={parameter}" for parameter in wrong)) == 2
    assert capsys.readouterr().err.splitlines() == [
        "regpipe: --param: epochs: expected a whole number, got 'many'",
        "regpipe: --param: epoch: no such parameter; the pipeline has epochs, l2, push, slices, span, units",
        "regpipe: --param: expected name=value, got 'push'",
    ]


@pytest.mark.parametrize("text", ["", "a: 1", "[1]", "root: 3", "{", "kind: Workflow"])
def test_a_file_that_is_not_a_pipeline(
    api: ApiServer, regpipe: Run, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message has the name of the file; exit code 2."""
    assert regpipe("submit", compiled=text) == 2
    message = capsys.readouterr().err
    assert message.startswith("regpipe: --pipeline: ")
    assert "compiled.yaml: expected a pipeline compiled for Kubeflow Pipelines" in message


def test_a_parameter_without_a_default(
    api: ApiServer, regpipe: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is required."""
    text = "root:\n  inputDefinitions: {parameters: {span: {parameterType: STRING}}}\n"
    assert regpipe("submit", compiled=text) == 2
    assert capsys.readouterr().err == (
        "regpipe: --param: span: expected a value, because the pipeline has no default for it, got nothing\n"
    )
    assert regpipe("submit", "--param=span=3", compiled=text) == 0


SUCCEEDS: Story = [
    ("PENDING", {}),
    ("RUNNING", {"step": "RUNNING", "step-driver": "SUCCEEDED", "executor": "RUNNING"}),
    ("RUNNING", {"step": "SUCCEEDED", "step-2": "RUNNING"}),
    ("SUCCEEDED", {"step": "SUCCEEDED", "step-2": "SUCCEEDED"}),
]
SUCCESS_LINES = """\
run: pending
ExampleGen: running
run: running
ExampleGen: succeeded
Verdict: running
Verdict: succeeded
run: succeeded
"""
FAILS = [("FAILED", {"step": "FAILED"})]
FAILURE_LINES = """\
ExampleGen: failed
run: failed
The run failed in ExampleGen; see its page for the log.
"""
NOT_BLESSED = [("FAILED", {"step": "SUCCEEDED", "step-2": "FAILED"})]
NOT_BLESSED_LINES = """\
ExampleGen: succeeded
Verdict: failed
run: failed
The run completed, but the model was not blessed: nothing was pushed.
"""
CANCELED: Story = [("CANCELED", {})]
CANCELED_LINES = "run: canceled\nThe run was canceled; see its page for the log.\n"


@pytest.mark.parametrize(
    ("story", "code", "lines"),
    [
        (SUCCEEDS, 0, SUCCESS_LINES),
        (FAILS, 1, FAILURE_LINES),
        (NOT_BLESSED, 4, NOT_BLESSED_LINES),
        (CANCELED, 1, CANCELED_LINES),
    ],
)
def test_waiting(  # noqa: PLR0913 - fixtures
    api: ApiServer,
    regpipe: Run,
    story: Story,
    code: int,
    lines: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Prints a line for each change of a step, none for drivers and executors; the exit code is that of the run."""
    monkeypatch.setattr("pipeline_def.kubeflow.run_submission.time.sleep", lambda _: None)
    api.resources.story = story
    assert regpipe("submit", "--wait") == code
    printed = capsys.readouterr()
    assert re.sub(r"^\d\d:\d\d:\d\d ", "", printed.err, flags=re.MULTILINE) == lines
    assert printed.out.splitlines()[3:] == (["The run succeeded."] if code == 0 else [])


def test_waiting_continues_while_the_server_is_unavailable(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line is printed for each outage; waiting ends only after 20 failed requests in a row."""
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
    # Two outages of 12 requests with three attempts each, after the first and after the second response.
    api.faults = [Fault("GET .*/runs/.*", skip=skip, times=36, error=UNAVAILABLE) for skip in (1, 2)]
    lines: list[str] = []
    assert wait_for_run(kubeflow, run_id, STEPS, lines.append) == ("SUCCEEDED", [])
    outage = f"{api.host}: refused (503): no healthy upstream; the run continues, trying again"
    assert lines == ["run: running", outage, outage, "run: succeeded"]
    api.faults = [Fault("GET .*/runs/.*", error=UNAVAILABLE)]
    before = len(api.calls)
    with pytest.raises(Exception, match="no healthy upstream"):
        wait_for_run(kubeflow, run_id, STEPS, lines.append)
    assert len(api.calls) - before == 20 * 3  # three attempts for each request
