"""The entry point of the steps' containers, run in this process with a metadata store in a file."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common.index_record import IndexRecord
from components.common.verdict_record import OperatingPoint
from pipeline_def.config.kubeflow_metadata import PASSWORD_VARIABLE, USER_VARIABLE, MetadataConfig
from pipeline_def.config.load import PipelineConfig, load_config
from pipeline_def.kubeflow import exit_step, step_entrypoint
from pipeline_def.kubeflow.kfp_outputs import write_kfp_outputs
from pipeline_def.launcher import metadata_store
from pipeline_def.launcher.compiled_pipeline import compile_pipeline
from pipeline_def.runs.run_store import RunStore
from pipeline_def.runs.summary import BothMetrics, ModelMetrics, Summary

Step = Callable[..., int]
SAMPLE = Path(__file__).parents[3] / "data" / "sample.csv"


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    """Runs a step of the run r1, with the arguments of its container."""
    monkeypatch.setattr(metadata_store, "shared", lambda _: metadata_store.sqlite(tmp_path))
    monkeypatch.setattr(step_entrypoint, "_configure_logging", lambda: None)
    config = load_config(None, [f"data.input={SAMPLE}"]).model_dump_json()

    def run(name: str, *arguments: str) -> int:
        given = ["--config", config] if name == "ExampleGen" else []
        return step_entrypoint.main(
            ["--root", str(tmp_path), "--run-id", "r1", "--step", name, *given, *arguments]
        )

    return run


def summary(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "runs" / "r1" / "summary.json").read_text())
    return found


def test_steps_share_the_pipeline_that_the_first_one_compiled(step: Step, tmp_path: Path, capfd: Any) -> None:
    """Only the first step receives the configuration and the run's parameters. Each log ends with the step's result.

    The exit step reads the run's configuration from it.
    """
    assert step("ExampleGen", "--set", "data.split.test=1") == 0
    assert step("StatisticsGen") == 0
    printed = [line for line in capfd.readouterr().err.splitlines() if line.startswith("regpipe: ")]
    assert [line.partition(" in ")[0] for line in printed] == [
        "regpipe: ExampleGen: done",
        "regpipe: StatisticsGen: done",
    ]
    runs = RunStore.open(tmp_path)
    assert [name for name, _ in runs.steps("r1")] == ["ExampleGen", "StatisticsGen"]
    stored = (tmp_path / "runs" / "r1" / "pipeline.json").read_text()
    assert json.dumps('"train":6,"eval":2,"test":1,"seed":0')[1:-1] in stored
    config = exit_step.read_config(str(tmp_path / "runs" / "r1"))
    assert config is not None
    assert config.data.split.test == 1
    assert exit_step.read_config(str(tmp_path)) is None


def test_the_first_step_records_where_the_run_publishes(step: Step, tmp_path: Path) -> None:
    """With the run's parameters: `regpipe bless` may follow a run that did not reach its Pusher."""
    assert step("ExampleGen", "--set", "serving.directory=/served") == 0
    destination = RunStore.open(tmp_path).destination("r1")
    assert destination is not None
    assert (destination.directory, destination.model_name) == ("/served", "regpipe")


def test_the_files_of_a_killed_attempt_are_removed(step: Step, tmp_path: Path, capfd: Any) -> None:
    """Then the same execution is completed. An attempt after a completed one does nothing."""
    assert step("ExampleGen") == 0
    runs = RunStore.open(tmp_path)
    ((_, execution),) = runs.steps("r1")
    execution.last_known_state = mlmd.Execution.RUNNING
    runs.store.put_executions([execution])
    (folder,) = tmp_path.glob(f"artifacts/ExampleGen/examples/{execution.id}")
    (folder / "half").write_text("of a row")
    assert step("ExampleGen") == 0
    assert not (folder / "half").exists()
    assert (folder / "Split-train").is_dir()
    ((_, again),) = runs.steps("r1")
    assert (again.id, again.last_known_state) == (execution.id, mlmd.Execution.COMPLETE)
    before = sorted(path.stat().st_mtime_ns for path in folder.rglob("*"))
    assert step("ExampleGen") == 0
    assert sorted(path.stat().st_mtime_ns for path in folder.rglob("*")) == before


def test_the_failure_of_a_killed_step_is_recorded(step: Step, tmp_path: Path) -> None:
    """By another process: its execution is failed, not running, and the summary of the run has the message."""
    assert step("ExampleGen") == 0
    runs = RunStore.open(tmp_path)
    ((_, execution),) = runs.steps("r1")
    execution.last_known_state = mlmd.Execution.RUNNING
    runs.store.put_executions([execution])
    assert step("ExampleGen", "--failed", "ExampleGen: it was killed by SIGKILL") == 0
    ((_, execution),) = runs.steps("r1")
    assert execution.last_known_state == mlmd.Execution.FAILED
    found = summary(tmp_path)
    assert (found["status"], found["error"]) == ("failed", "ExampleGen: it was killed by SIGKILL")


def test_an_error_outside_the_executor_leaves_no_step_running(step: Step, tmp_path: Path) -> None:
    """TFX creates the folders of the outputs before it handles errors; here a file is in their place."""
    assert step("ExampleGen") == 0
    (tmp_path / "artifacts" / "StatisticsGen").write_text("in the way")
    assert step("StatisticsGen") == 1
    states = {name: execution.last_known_state for name, execution in RunStore.open(tmp_path).steps("r1")}
    assert states == {"ExampleGen": mlmd.Execution.COMPLETE, "StatisticsGen": mlmd.Execution.FAILED}


def test_refused_data(step: Step, tmp_path: Path, capfd: Any) -> None:
    """Exit code 3; the reason is in the summary of the run and in the last line of the log."""
    (tmp_path / "empty.csv").write_text("a,label\n")
    assert step("ExampleGen", "--set", f"data.input={tmp_path}/empty.csv") == 3
    found = summary(tmp_path)
    assert (found["status"], found["exit_code"]) == ("data_refused", 3)
    last = capfd.readouterr().err.rpartition("regpipe: ")[2]
    assert last == f"ExampleGen: the data was refused: {found['error']}\n"
    # The page of all runs has this run, too, although it did not reach its Report step.
    (run,) = IndexRecord.read(str(tmp_path)).runs
    assert (run.run_id, run.status, run.started) == ("r1", "data_refused", found["started"])
    assert "Data refused: " in (tmp_path / "index.html").read_text()
    assert (
        RunStore.open(tmp_path).run_contexts()[0].custom_properties["regpipe_status"].string_value
        == "data_refused"
    )


def test_a_step_without_its_inputs_fails(step: Step, tmp_path: Path, capfd: Any) -> None:
    """Exit code 1; the reason is the last line of the log."""
    assert step("ExampleGen") == 0
    assert step("Transform") == 1
    last_line = capfd.readouterr().err.rstrip("\n").rpartition("\n")[2]
    assert last_line.startswith("regpipe: Transform: failed: StepFailed: Transform ended as FAILED: ")
    assert summary(tmp_path)["status"] == "failed"


def test_a_step_that_the_parameters_make_unnecessary_ends_at_once(step: Step, capfd: Any) -> None:
    """The package has a Tuner, because its strengths are auto. A run that fixes all of them has nothing to choose."""
    fixed = [word for name in ("l1", "l2", "dropout") for word in ("--set", f"model.{name}=0.1")]
    assert step("ExampleGen", *fixed) == 0
    assert step("Tuner") == 0
    last_line = capfd.readouterr().err.rstrip("\n").rpartition("\n")[2]
    assert last_line == "regpipe: Tuner: left out, because there is no strength to choose"


def test_a_wrong_parameter_runs_nothing(step: Step, tmp_path: Path, capfd: Any) -> None:
    """Exit code 2, with the same message as that of `regpipe run --set`."""
    assert step("ExampleGen", "--set", "training.epochs=0") == 2
    sentence = "--set: training.epochs: expected a whole number >= 1, got 0"
    assert capfd.readouterr().err == f"regpipe: ExampleGen: wrong configuration:\n{sentence}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "index.json", "runs"]
    assert summary(tmp_path)["error"] == sentence


def test_the_report_the_metrics_and_the_verdict_are_written_for_kubeflow(tmp_path: Path, capsys: Any) -> None:
    """To the requested paths; undefined metrics are left out, and the other fields of the artifact stay."""
    page = tmp_path / "made.html"
    page.write_text("<p>")
    found = Summary(
        run_id="r1",
        status="not_blessed",
        exit_code=4,
        reasons=("the AUC is 0.5, not at least 0.6",),
        metrics=BothMetrics(candidate=ModelMetrics(auc=0.5, log_loss=math.nan), baseline=None),
        operating_point=OperatingPoint.model_validate(
            {
                "rule": "f1",
                "threshold": 0.25,
                "validation_rows": 1,
                "confusion_intervals": {},
                "metrics": {
                    "f1": {"validation": 0.5, "test": 0.75},
                    "precision": {"validation": 1, "test": None},
                },
                "confusion": {
                    "true_positive": 1,
                    "false_positive": 1,
                    "true_negative": 1,
                    "false_negative": 1,
                },
            }
        ),
        report_path=str(page),
    )
    requested = {
        "inputs": {},
        "outputs": {
            "artifacts": {"metrics": {"artifacts": [{"name": "m", "uri": "minio://b/m"}]}},
            "outputFile": str(tmp_path / "out" / "output_metadata.json"),
        },
    }
    write_kfp_outputs(found, tmp_path / "kfp" / "report", json.dumps(requested))
    assert (tmp_path / "kfp" / "report").read_text() == "<p>"
    text = "the AUC is 0.5, not at least 0.6"
    written = json.loads((tmp_path / "out" / "output_metadata.json").read_text())
    message = written["parameterValues"].pop("message")
    assert text in message
    assert "\n" not in message
    assert written == {
        "parameterValues": {"status": "not_blessed"},
        "artifacts": {
            "metrics": {
                "artifacts": [
                    {
                        "name": "m",
                        "uri": "minio://b/m",
                        "metadata": {
                            "candidate_auc": 0.5,
                            "operating_point_threshold": 0.25,
                            "operating_point_f1": 0.75,
                        },
                    }
                ]
            }
        },
    }
    assert text in capsys.readouterr().err


def graph(root: Path, store: MetadataConfig) -> Any:
    config: PipelineConfig = load_config(None, [f"data.input={SAMPLE}"])
    return compile_pipeline(config, root, "r1", connection=metadata_store.shared(store))


def test_user_and_password_come_from_the_environment(tmp_path: Path) -> None:
    """The compiled pipeline does not contain them; if they are missing, it is an error."""
    pipeline = graph(tmp_path, MetadataConfig(host="db", port=3307, database="d"))
    environment = {USER_VARIABLE: "ann", PASSWORD_VARIABLE: "secret-77"}
    mysql = metadata_store.connection_config(pipeline, environment).mysql
    assert (mysql.host, mysql.port, mysql.database, mysql.user, mysql.password) == (
        "db",
        3307,
        "d",
        "ann",
        "secret-77",
    )
    assert b"secret-77" not in pipeline.SerializeToString()
    with pytest.raises(LookupError) as missing:
        metadata_store.connection_config(pipeline, {USER_VARIABLE: "ann"})
    assert str(missing.value) == (
        f"expected {PASSWORD_VARIABLE} in the environment (kubeflow.metadata.secret), got nothing"
    )


def test_the_metadata_service_is_used_through_grpc(tmp_path: Path) -> None:
    """By default that of Kubeflow Pipelines."""
    client = metadata_store.connection_config(graph(tmp_path, MetadataConfig(kind="grpc")), {})
    assert (client.host, client.port) == ("metadata-grpc-service.kubeflow", 8080)
    assert isinstance(client, mlmd.MetadataStoreClientConfig)
    assert MetadataStore(client) is not None
