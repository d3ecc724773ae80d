"""Runs are logged to a real MLflow server, and the alias follows what is served. Without a server nothing changes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline_def.config.load import PipelineConfig
from pipeline_def.config.tracking import MlflowConfig
from pipeline_def.kubeflow import exit_step
from tests.e2e.conftest import Completed, Runner
from tests.e2e.mlflow_process import mlflow_process

TOKEN = "T0KEN"
ON = ("--set", "name=churn", "--set", "tracking.mlflow.enabled=true")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server, whose address and token are in the environment."""
    with mlflow_process(tmp_path_factory.mktemp("mlflow")) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", address)
        patch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield address


@pytest.fixture(scope="module")
def client(server: str) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(server, server)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def first(server: str, root: Path, run: Runner) -> Completed:
    return run(root, *run.quick, *ON, "--set", "evaluation.slices=[]")


def logged(client: Any, experiment: str, run_id: str) -> Any:
    """The run in MLflow; there is exactly one."""
    found = client.get_experiment_by_name(experiment)
    (one,) = client.search_runs([found.experiment_id], f"tags.`regpipe.run_id` = '{run_id}'")
    return one


def published(client: Any) -> dict[str, str]:
    """The tags of the version with the alias."""
    tags: dict[str, str] = client.get_model_version_by_alias("churn", "published").tags
    return tags


def test_a_run_is_logged(client: Any, root: Path, first: Completed) -> None:
    """Parameters that differ from the defaults, metrics by epoch and on the test split, verdict and report."""
    assert first.code == 0
    assert "mlflow" not in first.verdict
    one = logged(client, "churn", first.summary["run_id"])
    assert one.info.status == "FINISHED"
    parameters = one.data.params
    (ingest,) = root.glob("artifacts/ExampleGen/examples/*/ingest.json")
    assert parameters.pop("data_digest") == json.loads(ingest.read_text())["digest"]
    assert parameters.keys() - {"data.input"} == {
        "name", "training.epochs", "evaluation.max_log_loss_rise", "evaluation.max_auc_drop",
    }  # fmt: skip
    assert parameters["training.epochs"] == "12"
    assert one.data.tags["regpipe.status"] == "pushed"
    for model, step in (("candidate", "Trainer"), ("baseline", "BaselineTrainer")):
        (history,) = root.glob(f"artifacts/{step}/model_run/*/history.json")
        epochs = json.loads(history.read_text())
        values = client.get_metric_history(one.info.run_id, f"{model}/val_loss")
        assert {value.step: value.value for value in values} == {e["epoch"]: e["val_loss"] for e in epochs}
    metrics = one.data.metrics
    summary = first.summary
    assert metrics["test/candidate_auc"] == summary["metrics"]["candidate"]["auc"]
    low, high = summary["intervals"]["log_loss"]["difference"]
    assert (metrics["test/difference_log_loss_low"], metrics["test/difference_log_loss_high"]) == (low, high)
    stored = {artifact.path for artifact in client.list_artifacts(one.info.run_id)}
    assert stored >= {"report.html", "verdict.json", "summary.json"}


def test_the_alias_follows_pushes_bless_and_rollback(
    client: Any, root: Path, first: Completed, run: Runner
) -> None:
    """The version with the alias is always the one that is served, with the run that trained it."""
    run_id, version = first.summary["run_id"], first.summary["pushed_version"]
    tags = published(client)
    assert (tags["regpipe.version"], tags["regpipe.run_id"]) == (str(version), run_id)
    assert tags["regpipe.path"] == first.summary["pushed_path"]
    card = client.download_artifacts(
        logged(client, "churn", run_id).info.run_id, f"versions/{version}/model_card.json"
    )
    assert json.loads(Path(card).read_text())["version"] == version

    other = run(root, *run.quick, *ON, "--set", "training.seed=5", "--set", "evaluation.min_auc=0.9999")
    assert other.code == 4
    assert published(client) == tags
    command(run, "bless", "--root", root, "--run", other.summary["run_id"], "--reason", "test")
    blessed = published(client)
    assert int(blessed["regpipe.version"]) > version
    assert blessed["regpipe.run_id"] == other.summary["run_id"]

    command(run, "rollback", version, "--root", root)
    back = published(client)
    assert int(back["regpipe.version"]) > int(blessed["regpipe.version"])
    assert back["regpipe.run_id"] == run_id
    served = max(int(path.name) for path in (root / "serving").iterdir() if path.name.isdigit())
    assert back["regpipe.version"] == str(served)
    assert len(client.search_model_versions("name='churn'")) == 3


def command(run: Runner, *arguments: object) -> None:
    """Runs a command, which must succeed without a warning."""
    done = run.regpipe(*arguments)
    assert (done.returncode, "mlflow" in done.stderr) == (0, False), done.stderr


def test_the_exit_step_logs_a_run_on_kubeflow(
    client: Any, server: str, root: Path, first: Completed, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the configuration in the compiled pipeline; a second attempt updates the same run."""
    run_id = first.summary["run_id"]
    config = PipelineConfig(name="night").model_dump_json()
    node = {
        "nodeInfo": {"id": "Report"},
        "parameters": {"parameters": {"config": {"fieldValue": {"stringValue": config}}}},
    }
    file = root / "runs" / run_id / "pipeline.json"
    file.write_text(json.dumps({"nodes": [{"pipelineNode": node}]}))
    settings = MlflowConfig(enabled=True, uri=server, model="cluster").model_dump_json()
    arguments = ["--run-id", run_id, "--pipeline", "night", "--status", "COMPLETE", "--root", str(root)]
    for _ in range(2):
        assert exit_step.main([*arguments, "--mlflow", settings]) == 0
        assert capsys.readouterr().err == "mlflow: logged\n"
    one = logged(client, "night", run_id)
    assert one.data.params["name"] == "night"
    values = client.get_metric_history(one.info.run_id, "candidate/val_loss")
    assert len(values) == len({value.step for value in values})
    assert len(client.search_model_versions("name='cluster'")) == 1


def test_without_a_server_there_is_one_warning(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is that of the run; neither the password in the address nor the token is shown or stored."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:PASSW0RD@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    done = run(tmp_path, *ON, "--to-step", "ExampleGen")
    assert (done.code, done.summary["status"]) == (0, "partial")
    (warning,) = (line for line in done.verdict.splitlines() if line.startswith("regpipe: "))
    assert warning.startswith("regpipe: mlflow: not logged: ")
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in ("PASSW0RD", TOKEN):
        assert secret not in done.verdict
        assert secret.encode() not in stored
