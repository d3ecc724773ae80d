"""Whole runs of Kubeflow's steps with a root on gs://, through the clients of TensorFlow and Beam.

The server is the stand-in in tests/standins/gcs, which follows Google's published API. No folder is shared.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pipeline_def.config.load import load_config
from pipeline_def.kubeflow.container_settings import config_json
from pipeline_def.runs.run_files import STORE_FILE
from pipeline_def.steps import FIRST, LAST, STEP_NAMES
from tests.standins.gcs.server import GcsServer
from tests.standins.metadata_service import metadata_service
from tests.waiting import wait_until

ROOT = "gs://bucket/churn"
CACHED_AGAIN = {
    "ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DataGate", "DriftGate", "Transform", "Tuner",
    "Trainer", "BaselineTrainer", "ServedModel", "Evaluator",
}  # fmt: skip
# Prints what each command prints, as a list in JSON; the exit code is that of the first one that fails.
COMMANDS = """
import contextlib, io, json, sys
from pipeline_def.cli.main import main
printed = []
for command in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = main(command)
    if code:
        sys.exit(code)
    printed.append(out.getvalue())
print(json.dumps(printed))
"""
Run: TypeAlias = Any  # of conftest.py


class Cluster:
    """Runs steps with one bucket; `folder` is on this machine, and steps use only the metadata store in it."""

    def __init__(self, gcs: GcsServer, folder: Path, settings: list[str]) -> None:
        self.gcs, self.folder, self.settings = gcs, folder, settings
        self.config = load_config(None, settings)
        self.steps = self.config.step_names()

    def arguments(self, run_id: str, step: str) -> list[str]:
        """Returns the arguments of a step's container."""
        arguments = ["--root", ROOT, "--run-id", run_id, "--step", step]
        if step == FIRST:
            arguments += ["--config", config_json(self.config)]
        if step == LAST:
            metrics = {"artifacts": [{"name": "metrics", "uri": "minio://b/metrics"}]}
            outputs = {"artifacts": {"metrics": metrics}, "outputFile": str(self.folder / "output.json")}
            arguments += ["--report", str(self.folder / "page.html")]
            arguments += ["--executor-input", json.dumps({"outputs": outputs})]
        return arguments

    def start(self, run_id: str, *steps: str) -> subprocess.Popen[str]:
        """Starts a process that runs these steps in order."""
        here = Path(__file__).with_name("steps_here.py")
        containers = [json.dumps(self.arguments(run_id, step)) for step in steps]
        return subprocess.Popen(
            [sys.executable, str(here), str(self.folder), *containers],
            env={**os.environ, **self.gcs.environment, "PYTHONPATH": str(here.parents[2])},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    def run(self, run_id: str, *steps: str) -> str:
        """Runs these steps, which must succeed, and returns their log."""
        process = self.start(run_id, *steps)
        _, log = process.communicate(timeout=600)
        assert process.returncode == 0, log[-5000:]
        return log

    def regpipe(self, *commands: list[str]) -> list[str]:
        """Runs commands with --cluster-root in one process, and returns what each of them prints."""
        with metadata_service(self.folder / STORE_FILE) as service:
            metadata = {"kind": "grpc", "host": "127.0.0.1", "port": service.port}
            settings = [
                *self.settings,
                *(f"kubeflow.metadata.{key}={value}" for key, value in metadata.items()),
            ]
            where = ["--cluster-root", *(f"--set={setting}" for setting in settings)]
            done = subprocess.run(
                [sys.executable, "-c", COMMANDS, json.dumps([[*command, *where] for command in commands])],
                env={**os.environ, **self.gcs.environment},
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=300,
            )
        assert done.returncode == 0, done.stdout + done.stderr
        found: list[str] = json.loads(done.stdout)
        return found

    def names(self, below: str) -> list[str]:
        """Returns the names of the objects in a folder of the root, without those that represent folders."""
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
    """Everything is in the bucket; the report is copied for Kubeflow, and models.config has the new version."""
    assert (first["status"], [step["status"] for step in first["steps"]]) == (
        "pushed",
        ["done"] * len(STEP_NAMES),
    )
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
    # The page of all runs links to the report, and has the version that is published in the bucket.
    (run_of_page,) = cluster.json("index.json")["runs"]
    assert (run_of_page["run_id"], run_of_page["version"]) == ("r1", version)
    assert f"gs://bucket/churn/{run_of_page['report']}" == first["report_path"]
    assert cluster.json("index.json")["publication"]["version"] == version
    everything = cluster.gcs.store.get("bucket", "churn/index.html").content.decode()
    assert f'href="{run_of_page["report"]}"' in everything
    for training, more in (("Trainer", {"tuned"}), ("BaselineTrainer", set[str]())):
        made = {
            name.rpartition("/")[2].partition(".")[0]
            for name in cluster.names(f"artifacts/{training}/model_run")
        }
        assert made == {"history", "weights", "events", "scaling"} | more
    left = {path.name for path in cluster.folder.iterdir()}
    assert left == {"metadata.sqlite", "page.html", "output.json", "certificate.pem", "account.json"}


@pytest.fixture(scope="module")
def local_run(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Runs the local runner on the same table, under one root, and returns the summary."""
    root = tmp_path_factory.mktemp("local")

    def local_run(*arguments: str) -> Any:
        return run(root, *run.quick, "--data", run.sample, *arguments).summary

    return local_run


def test_a_run_in_a_folder_has_the_same_results(
    first: dict[str, Any], local_run: Callable[..., dict[str, Any]]
) -> None:
    """The local runner has the same rows, metrics and verdict for the same table."""
    here = local_run()
    for part in ("status", "rows", "metrics", "thresholds"):
        assert here[part] == first[part], part


def test_a_second_run_is_served_from_the_cache(cluster: Cluster, first: dict[str, Any]) -> None:
    """Nothing is trained, and no new version is published."""
    cluster.run("r2", *cluster.steps)
    again = cluster.json("runs/r2/summary.json")
    assert {step["name"] for step in again["steps"] if step["cached"]} == CACHED_AGAIN
    assert (again["already_published"], again["pushed_path"]) == (True, first["pushed_path"])


def test_the_next_model_is_compared_with_the_served_one(
    cluster: Cluster, first: dict[str, Any], local_run: Callable[..., dict[str, Any]]
) -> None:
    """It is read from the bucket, and has the metrics of the run that published it; as in a folder on this machine.

    Kubeflow Pipelines gets its metrics, too. The model is not blessed, because of a limit that none reaches.
    """
    before = cluster.config
    evaluation = before.evaluation.model_copy(update={"min_auc": 1.0})
    model = before.model.with_strengths({"l2": 0.05})
    cluster.config = before.model_copy(update={"model": model, "evaluation": evaluation})
    cluster.run("r-next", *cluster.steps)
    cluster.config = before
    found = cluster.json("runs/r-next/summary.json")
    served = found["served"]
    assert (served["outcome"], served["version"]) == ("compared", first["pushed_version"])
    assert found["metrics"]["served"] == first["metrics"]["candidate"]
    assert [t["metric"] for t in found["thresholds"] if t["rule"] == "served"] == ["auc", "log_loss"]
    (copied,) = [
        name
        for name in cluster.names("artifacts/ServedModel/served_model")
        if name.endswith("saved_model.pb")
    ]
    version = f"serving/versions/{served['version']}"
    content = [
        cluster.gcs.store.get("bucket", name).content for name in (copied, f"churn/{version}/saved_model.pb")
    ]
    assert content[0] == content[1]
    shown = json.loads((cluster.folder / "output.json").read_text())["artifacts"]["metrics"]["artifacts"][0]
    assert shown["metadata"]["served_auc"] == found["metrics"]["served"]["auc"]
    local_run()  # from the cache, if it was run above
    here = local_run("--set", "model.l2=0.05", "--set", "evaluation.min_auc=1")
    for part in ("status", "metrics", "intervals", "thresholds", "served_findings"):
        assert here[part] == found[part], part


def test_commands_from_this_machine(cluster: Cluster, first: dict[str, Any]) -> None:
    """A person lists and reads the runs, blesses the last model, and rolls back; all in the bucket and in the store."""
    listed, report, everything, schema, blessed, versions = cluster.regpipe(
        ["runs", "--json"],
        ["report", "--run=r1", "-o", "report.html"],
        ["report", "--all", "-o", "index.html"],
        ["schema", "freeze", "-o", "schema.pbtxt"],
        ["bless", "--run=r-next", "--by=ann", "--reason=good enough"],
        ["versions", "--json"],
    )
    assert [(run["run_id"], run["status"]) for run in json.loads(listed)] == [
        ("r-next", "not_blessed"), ("r2", "pushed"), ("r1", "pushed"),
    ]  # fmt: skip
    bucket = cluster.gcs.store
    assert report == f"{cluster.folder / 'report.html'}\n"
    page = bucket.get("bucket", first["report_path"].removeprefix("gs://bucket/")).content
    assert (cluster.folder / "report.html").read_bytes() == page
    assert everything == f"{cluster.folder / 'index.html'}\n"
    assert b"Not blessed: " in (cluster.folder / "index.html").read_bytes()
    assert "feature {" in (cluster.folder / "schema.pbtxt").read_text()
    assert schema.startswith("Wrote schema.pbtxt. ")
    newest, oldest = json.loads(versions)
    assert (newest["current"], newest["blessed_by"], oldest["version"]) == (
        True,
        "ann",
        first["pushed_version"],
    )
    assert f"version {newest['version']} in {ROOT}/serving/versions/{newest['version']}." in blessed
    assert cluster.json("runs/r-next/summary.json")["override"]["reason"] == "good enough"
    back, after = cluster.regpipe(["rollback", str(oldest["version"]), "--by=bob"], ["versions", "--json"])
    assert f"Version {oldest['version']} is published again, as version " in back
    current, *_ = json.loads(after)
    assert (current["digest"], current["rollback"]["by"]) == (oldest["digest"], "bob")
    models = " ".join(bucket.get("bucket", "churn/serving/models.config").content.decode().split())
    assert f"versions: {current['version']}" in models
    assert cluster.json("index.json")["publication"]["version"] == current["version"]


def test_a_training_that_was_killed_continues(cluster: Cluster, first: dict[str, Any]) -> None:
    """From its checkpoint in the bucket. Other files of the attempt are removed, and finally the checkpoint is, too."""
    training = cluster.config.training.model_copy(update={"epochs": 1000, "early_stopping": 0})
    model = cluster.config.model.with_strengths({"l1": 1e-4, "l2": 1e-3, "dropout": 0.2})  # needs no Tuner
    cluster.config = cluster.config.model_copy(update={"training": training, "model": model})
    data_steps = [step for step in cluster.steps[: cluster.steps.index("Trainer")] if step != "Tuner"]
    cluster.run("r3", *data_steps)
    killed = cluster.start("r3", "Trainer")
    wait_until(lambda: bool(cluster.names("checkpoints/")), 120)
    killed.kill()
    killed.communicate()
    assert len(cluster.names("checkpoints/")) in (1, 2)
    log = cluster.run("r3", "Trainer")
    assert "Trainer: an earlier attempt failed; its outputs are removed" in log
    assert "resumes after epoch " in log
    assert cluster.names("checkpoints/") == []
    epochs = [
        len(json.loads(cluster.gcs.store.get("bucket", name).content))
        for name in cluster.names("artifacts/Trainer/model_run")
        if name.endswith("/history.json")
    ]
    assert max(epochs) == 1000
