"""What a step's container does, here in this process and over a metadata store in a file."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline_def.config.kubeflow_steps import PASSWORD_VARIABLE, USER_VARIABLE, MetadataConfig
from pipeline_def.config.load import PipelineConfig, load_config
from pipeline_def.kubeflow import step_entrypoint
from pipeline_def.kubeflow.kfp_outputs import hand_out
from pipeline_def.launcher import metadata_store
from pipeline_def.launcher.compiled_pipeline import compiled
from pipeline_def.pipeline import create_pipeline
from pipeline_def.runs.run_store import RunStore
from pipeline_def.runs.summary import BothMetrics, Metrics, Summary

Step = Callable[..., int]
SAMPLE = Path(__file__).parents[3] / "data" / "sample.csv"


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    """Runs a step of the run r1, with words as its container gets them."""
    monkeypatch.setattr(metadata_store, "shared", lambda _: metadata_store.sqlite(tmp_path))
    monkeypatch.setattr(step_entrypoint, "_log_briefly", lambda: None)
    config = load_config(None, [f"data.input={SAMPLE}"]).model_dump_json()

    def run(name: str, *words: str) -> int:
        given = ["--config", config] if name == "ExampleGen" else []
        return step_entrypoint.main(
            ["--root", str(tmp_path), "--run-id", "r1", "--step", name, *given, *words]
        )

    return run


def summary(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "runs" / "r1" / "summary.json").read_text())
    return found


def test_steps_share_the_pipeline_that_the_first_one_compiled(step: Step, tmp_path: Path, capfd: Any) -> None:
    """The first step alone is given the configuration and the run's parameters; the last line of each log says it."""
    assert step("ExampleGen", "--set", "data.split.test=1") == 0
    assert step("StatisticsGen") == 0
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("regpipe: ")]
    assert [line.partition(" in ")[0] for line in said] == [
        "regpipe: ExampleGen: done",
        "regpipe: StatisticsGen: done",
    ]
    runs = RunStore.open(tmp_path)
    assert [name for name, _ in runs.steps("r1")] == ["ExampleGen", "StatisticsGen"]
    kept = (tmp_path / "runs" / "r1" / "pipeline.json").read_text()
    assert json.dumps('"split":{"train":6,"eval":2,"test":1}')[1:-1] in kept


def test_an_attempt_that_was_killed_leaves_nothing(step: Step, tmp_path: Path, capfd: Any) -> None:
    """Its execution is marked, the files that it left are removed; an attempt after one that ended does nothing."""
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


def test_refused_data_ends_with_its_reason(step: Step, tmp_path: Path, capfd: Any) -> None:
    """Exit 3; in the summary of the run and in the last line of the log."""
    (tmp_path / "empty.csv").write_text("a,label\n")
    assert step("ExampleGen", "--set", f"data.input={tmp_path}/empty.csv") == 3
    found = summary(tmp_path)
    assert (found["status"], found["exit_code"]) == ("data_refused", 3)
    last = capfd.readouterr().err.rpartition("regpipe: ")[2]
    assert last == f"ExampleGen: the data was refused: {found['error']}\n"
    assert (
        RunStore.open(tmp_path).run_contexts()[0].custom_properties["regpipe_status"].string_value
        == "data_refused"
    )


def test_a_step_that_fails_says_so(step: Step, tmp_path: Path, capfd: Any) -> None:
    """Exit 1; a step without its inputs is one that failed."""
    assert step("ExampleGen") == 0
    assert step("Transform") == 1
    sentence = "Transform ended as FAILED: an output of an earlier step that it needs is not there."
    assert capfd.readouterr().err.endswith(f"regpipe: Transform: failed: StepFailed: {sentence}\n")
    assert summary(tmp_path)["status"] == "failed"


def test_a_wrong_parameter_runs_nothing(step: Step, tmp_path: Path, capfd: Any) -> None:
    """Exit 2, with the sentence that `regpipe run --set` has for it."""
    assert step("ExampleGen", "--set", "training.epochs=0") == 2
    sentence = "--set: training.epochs: expected a whole number >= 1, got 0"
    assert capfd.readouterr().err == f"regpipe: ExampleGen: wrong configuration:\n{sentence}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert summary(tmp_path)["error"] == sentence


def test_kubeflow_gets_the_page_the_metrics_and_the_verdict(tmp_path: Path, capsys: Any) -> None:
    """Where the launcher says; undefined metrics are left out, the artifact's own fields stay."""
    page = tmp_path / "made.html"
    page.write_text("<p>")
    found = Summary(
        run_id="r1",
        status="not_blessed",
        exit_code=4,
        reasons=("the AUC is 0.5, not at least 0.6",),
        metrics=BothMetrics(candidate=Metrics(auc=0.5, log_loss=math.nan), baseline=None),
        report_path=str(page),
    )
    asked = {
        "inputs": {},
        "outputs": {
            "artifacts": {"metrics": {"artifacts": [{"name": "m", "uri": "minio://b/m"}]}},
            "outputFile": str(tmp_path / "out" / "output_metadata.json"),
        },
    }
    hand_out(found, tmp_path / "kfp" / "report", json.dumps(asked))
    assert (tmp_path / "kfp" / "report").read_text() == "<p>"
    words = "Not blessed: the AUC is 0.5, not at least 0.6."
    assert json.loads((tmp_path / "out" / "output_metadata.json").read_text()) == {
        "parameterValues": {
            "status": "not_blessed",
            "message": f"{words} Nothing was published; what is being served stays as it was.",
        },
        "artifacts": {
            "metrics": {
                "artifacts": [{"name": "m", "uri": "minio://b/m", "metadata": {"candidate_auc": 0.5}}]
            }
        },
    }
    assert words in capsys.readouterr().err


def graph(root: Path, store: MetadataConfig) -> Any:
    config: PipelineConfig = load_config(None, [f"data.input={SAMPLE}"])
    return compiled(create_pipeline(config, root, connection=metadata_store.shared(store)), "r1")


def test_user_and_password_come_from_the_environment(tmp_path: Path) -> None:
    """They are no part of the compiled pipeline; without them nothing is asked."""
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


def test_the_metadata_service_is_asked_by_grpc(tmp_path: Path) -> None:
    """That of Kubeflow Pipelines, unless another one is named."""
    client = metadata_store.connection_config(graph(tmp_path, MetadataConfig(kind="grpc")), {})
    assert (client.host, client.port) == ("metadata-grpc-service.kubeflow", 8080)
    assert isinstance(client, mlmd.MetadataStoreClientConfig)
    assert MetadataStore(client) is not None
