"""Whole runs of the steps on Kubeflow whose root is on gs://, by TensorFlow's and Beam's own clients.

What they talk to is a server on this machine that follows Google's published API (tests/gcs). No folder is shared.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pipeline_def.config.load import load_config
from pipeline_def.kubeflow.compiler import _config_json
from pipeline_def.steps import FIRST, LAST
from tests.standins.gcs.server import GcsServer

ROOT = "gs://bucket/churn"
CACHED_AGAIN = {
    "ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DataGate", "Transform", "Trainer",
    "BaselineTrainer", "Evaluator",
}  # fmt: skip
Run: TypeAlias = Any  # of conftest.py


class Cluster:
    """Runs steps over one bucket; `folder` is this machine's, of which the steps get nothing but the metadata store."""

    def __init__(self, gcs: GcsServer, folder: Path, settings: list[str]) -> None:
        self.gcs, self.folder = gcs, folder
        self.config = load_config(None, settings)
        self.steps = self.config.step_names()

    def words(self, run_id: str, step: str) -> list[str]:
        """Of the step's container."""
        words = ["--root", ROOT, "--run-id", run_id, "--step", step]
        if step == FIRST:
            words += ["--config", _config_json(self.config)]
        if step == LAST:
            metrics = {"artifacts": [{"name": "metrics", "uri": "minio://b/metrics"}]}
            asked = {"artifacts": {"metrics": metrics}, "outputFile": str(self.folder / "output.json")}
            words += ["--report", str(self.folder / "page.html")]
            words += ["--executor-input", json.dumps({"outputs": asked})]
        return words

    def start(self, run_id: str, *steps: str) -> subprocess.Popen[str]:
        """A process that runs these steps in turn."""
        here = Path(__file__).with_name("steps_here.py")
        containers = [json.dumps(self.words(run_id, step)) for step in steps]
        return subprocess.Popen(
            [sys.executable, str(here), str(self.folder), *containers],
            env={**os.environ, **self.gcs.environment, "PYTHONPATH": str(here.parents[2])},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    def run(self, run_id: str, *steps: str) -> str:
        """Runs these steps, which end well; their log."""
        process = self.start(run_id, *steps)
        _, log = process.communicate(timeout=600)
        assert process.returncode == 0, log[-5000:]
        return log

    def names(self, below: str) -> list[str]:
        """Of the objects below a folder of the root, without those that stand for folders."""
        return [
            name
            for name in self.gcs.store.names("bucket")
            if name.startswith(f"churn/{below}") and not name.endswith("/")
        ]

    def json(self, name: str) -> Any:
        return json.loads(self.gcs.store.get("bucket", f"churn/{name}").content)


@pytest.fixture(scope="module")
def cluster(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("gcs")
    with GcsServer(folder, "bucket") as gcs:
        gcs.store.put("bucket", "days/span-1/day.csv", run.sample.read_bytes())
        settings = [
            f"kubeflow.root={ROOT}",
            "data.input=gs://bucket/days/span-{SPAN}/*.csv",
            *run.quick[1::2],
        ]
        yield Cluster(gcs, folder, settings)
        assert gcs.api.unknown == []


@pytest.fixture(scope="module")
def first(cluster: Cluster) -> dict[str, Any]:
    """The summary of the first run."""
    cluster.run("r1", *cluster.steps)
    found: dict[str, Any] = cluster.json("runs/r1/summary.json")
    return found


def test_all_steps_run_and_the_model_is_pushed(cluster: Cluster, first: dict[str, Any], run: Run) -> None:
    """Everything is in the bucket; Kubeflow gets the page from there, and servers the version that is named last."""
    assert (first["status"], [step["status"] for step in first["steps"]]) == ("pushed", ["done"] * 11)
    assert sum(first["rows"].values()) == len(run.sample.read_text().splitlines()) - 1
    version = first["pushed_version"]
    assert first["pushed_path"] == f"{ROOT}/serving/versions/{version}"
    assert f"specific {{ versions: {version} }}" in " ".join(
        cluster.gcs.store.get("bucket", "churn/serving/models.config").content.decode().split()
    )
    assert cluster.json(f"serving/versions/{version}/assets.extra/model_card.json")["version"] == version
    page = cluster.gcs.store.get("bucket", first["report_path"].removeprefix("gs://bucket/")).content
    assert (cluster.folder / "page.html").read_bytes() == page
    assert page.startswith(b"<!DOCTYPE html>")
    for training in ("Trainer", "BaselineTrainer"):
        made = {
            name.rpartition("/")[2].partition(".")[0]
            for name in cluster.names(f"artifacts/{training}/model_run")
        }
        assert made == {"history", "weights", "events"}
    left = {path.name for path in cluster.folder.iterdir()}
    assert left == {"metadata.sqlite", "page.html", "output.json", "certificate.pem", "account.json"}


def test_it_is_the_run_of_a_folder(cluster: Cluster, first: dict[str, Any], run: Run, tmp_path: Path) -> None:
    """The local runner, on the same table in a folder: the same rows, metrics and verdict."""
    here = run(tmp_path / "root", *run.quick, "--data", run.sample).summary
    for part in ("status", "rows", "metrics", "thresholds"):
        assert here[part] == first[part], part


def test_a_second_run_is_served_from_the_cache(cluster: Cluster, first: dict[str, Any]) -> None:
    """Nothing is trained, and no other version is published."""
    cluster.run("r2", *cluster.steps)
    again = cluster.json("runs/r2/summary.json")
    assert {step["name"] for step in again["steps"] if step["cached"]} == CACHED_AGAIN
    assert (again["already_published"], again["pushed_path"]) == (True, first["pushed_path"])


def test_a_training_that_was_killed_goes_on(cluster: Cluster, first: dict[str, Any]) -> None:
    """From its checkpoint in the bucket; what the attempt left beside it is removed, and in the end so is that."""
    cluster.config = cluster.config.model_copy(
        update={"training": cluster.config.training.model_copy(update={"epochs": 1000, "early_stopping": 0})}
    )
    data_steps = cluster.steps[: cluster.steps.index("Trainer")]
    cluster.run("r3", *data_steps)
    killed = cluster.start("r3", "Trainer")
    until = time.monotonic() + 120
    while not cluster.names("checkpoints/") and time.monotonic() < until:
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    assert len(cluster.names("checkpoints/")) in (1, 2)
    log = cluster.run("r3", "Trainer")
    assert "Trainer: an earlier attempt failed; its outputs are removed" in log
    assert "goes on after epoch " in log
    assert cluster.names("checkpoints/") == []
    epochs = [
        len(json.loads(cluster.gcs.store.get("bucket", name).content))
        for name in cluster.names("artifacts/Trainer/model_run")
        if name.endswith("/history.json")
    ]
    assert max(epochs) == 1000
