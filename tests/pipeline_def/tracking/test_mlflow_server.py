"""Requests stay within the limits of MLflow's API, and what a server has already is not created again."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline_def.config.load import load_config
from pipeline_def.tracking.mlflow_server import MlflowServer
from pipeline_def.tracking.run_log import Metric, RunLog
from pipeline_def.tracking.tracking_record import TrackingRecord


class Client:
    """A stub of MLflow's client that has one run and two registered versions."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[Any]]] = []
        self.aliases: list[tuple[str, str, str]] = []
        self.stored: list[str] = []
        self.ended: list[str] = []
        self.run = SimpleNamespace(
            info=SimpleNamespace(run_id="m1", start_time=7, end_time=None, artifact_uri="a:")
        )

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=name)

    def search_runs(self, experiments: list[str], filter: str, max_results: int) -> list[Any]:
        assert (experiments, filter) == (["churn"], "tags.`regpipe.run_id` = 'r1'")
        return [self.run]

    def log_batch(self, run: str, **batch: list[Any]) -> None:
        self.batches += batch.items()

    def log_artifact(self, run: str, file: str, folder: str | None) -> None:
        self.stored.append(f"{folder}/{Path(file).name}: {Path(file).read_text()}")

    def set_terminated(self, run: str, status: str) -> None:
        self.ended.append(status)

    def create_registered_model(self, name: str) -> None: ...

    def search_model_versions(self, filter: str) -> list[Any]:
        return [SimpleNamespace(version=n, tags={"regpipe.version": str(70 + n)}) for n in (1, 2)]

    def set_registered_model_alias(self, *alias: str) -> None:
        self.aliases.append(alias)  # type: ignore[arg-type]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setattr("mlflow.tracking.MlflowClient", lambda **_: made)
    return made


def server() -> MlflowServer:
    config = load_config(None, ["tracking.mlflow.uri=http://127.0.0.1:9"])
    return MlflowServer(TrackingRecord(pipeline="churn", mlflow=config.tracking.mlflow))


def test_a_large_run_is_logged_in_parts(client: Client, tmp_path: Path) -> None:
    """At most 1,000 metrics and 100 parameters in a request, and 6,000 characters in a value (utils/validation.py)."""
    metrics = tuple(Metric("candidate/loss", 0.5, epoch) for epoch in range(2001))
    parameters = {f"key{n}": "x" * 7000 for n in range(250)}
    (tmp_path / "report.html").write_text("page")
    files = {"report.html": f"{tmp_path}/report.html", "verdict.json": f"{tmp_path}/none"}
    server().log(RunLog("r1", True, parameters, metrics, {"regpipe.status": "failed"}, files))
    sizes = [(kind, len(batch)) for kind, batch in client.batches]
    assert sizes == [
        ("tags", 1),
        *[("params", 100), ("params", 100), ("params", 50)],
        *[("metrics", 1000), ("metrics", 1000), ("metrics", 1)],
    ]
    logged = [metric for kind, batch in client.batches if kind == "metrics" for metric in batch]
    assert [metric.step for metric in logged] == list(range(2001))
    assert {metric.timestamp for metric in logged} == {7}
    assert {len(p.value) for kind, batch in client.batches if kind == "params" for p in batch} == {6000}
    assert client.stored == ["None/report.html: page"]
    assert client.ended == ["FAILED"]


def test_a_registered_version_gets_the_alias_only(client: Client) -> None:
    """As a run from the cache whose model is published already."""
    server().publish("r1", 72, "/models/72")
    assert client.aliases == [("churn", "published", "2")]
    assert client.stored == []
