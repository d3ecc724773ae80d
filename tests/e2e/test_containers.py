"""The compiled pipeline in real containers, one for each step, that share a folder and a MariaDB server.

Requires a Docker engine (DOCKER_HOST), the image of kubeflow/Dockerfile (REGPIPE_IMAGE, or regpipe:test), and Debian's
mariadb-server, which `.ci/containers` provides. Without them the tests are skipped, or fail if CI is set.
"""

import csv
import itertools
import json
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pipeline_def.cli.main import main
from pipeline_def.config.kubeflow_metadata import PASSWORD_VARIABLE, USER_VARIABLE
from pipeline_def.kubeflow.command_result import OUTPUT_FILE
from tests.e2e.cluster import IMAGE, MOUNT, Cluster, Ended, cluster_of
from tests.e2e.mariadb import mariadb
from tests.e2e.needs import lacking

USER, PASSWORD = "pipe", "not-in-any-file-77"
# The runtime parameters of a run whose training takes some seconds, so that it can be killed.
LONG = {"epochs": 100}
CACHED_AGAIN = {
    "ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DataGate", "DriftGate", "Transform", "Tuner",
    "Trainer", "BaselineTrainer", "ServedModel", "Evaluator",
}  # fmt: skip
STEPS = CACHED_AGAIN | {"Pusher", "Report"}
FROM_TRAINER = {"Trainer", "BaselineTrainer", "ServedModel", "Evaluator", "Pusher", "Report", "Verdict"}
Run: TypeAlias = Any  # of conftest.py


@pytest.fixture(scope="module")
def cluster(docker_client: Any, run: Run) -> Iterator[Cluster]:
    if not shutil.which("mariadbd"):
        lacking("mariadbd (apt-get install mariadb-server)")
    secrets = {USER_VARIABLE: USER, PASSWORD_VARIABLE: PASSWORD}
    with mariadb(USER, PASSWORD) as port:
        settings = [
            f"kubeflow.metadata.port={port}",
            *run.quick[1::2],
            "training.early_stopping=0",
            "data.drift=refuse",
        ]
        with cluster_of(settings, docker_client, secrets, run.sample) as running:
            yield running


@pytest.fixture(scope="module")
def killed(cluster: Cluster) -> Ended:
    """The first run, whose Trainer was killed in its first epochs."""
    over = threading.Event()
    killer = threading.Thread(target=_kill_trainer, args=(cluster.client, over))
    killer.start()
    ended = cluster.run(**LONG)
    over.set()
    killer.join()
    return ended


@pytest.fixture(scope="module")
def first(cluster: Cluster, killed: Ended) -> Ended:
    """The same run after a retry."""
    return cluster.run_steps(killed.run_id, FROM_TRAINER)


@pytest.fixture(scope="module")
def not_blessed(cluster: Cluster, first: Ended) -> Ended:
    """A run that is not blessed because of a runtime parameter."""
    return cluster.run(min_auc=0.999, **LONG)


def test_a_run_whose_step_was_killed_can_be_retried(cluster: Cluster, killed: Ended, first: Ended) -> None:
    """The Trainer starts again with empty folders, and all later steps run, including the push and the verdict."""
    assert not killed.succeeded
    assert killed.message["status"] == "failed"  # a killed container writes no summary
    assert first.succeeded
    assert any("an earlier attempt failed; its outputs are removed" in line for line in first.log)
    assert (first.summary["status"], first.steps("done"), len(first.summary["steps"])) == (
        "pushed",
        STEPS,
        len(STEPS),
    )
    assert cluster.versions() == [str(first.summary["pushed_version"])]
    assert first.log[-1].startswith("regpipe: Pushed: ")
    told = {name: first.message[name] for name in ("run_id", "status", "pipeline", "pushed_version")}
    assert told == {
        "run_id": first.run_id,
        "status": "pushed",
        "pipeline": "regpipe",
        "pushed_version": first.summary["pushed_version"],
    }


def test_the_local_runner_has_the_same_results(
    cluster: Cluster, first: Ended, run: Run, tmp_path: Path
) -> None:
    """On the same data: the same splits, statistics and verdict; weights are equal within floating-point error."""
    days = tmp_path / "days"
    shutil.copytree(cluster.root / "days" / "span-1", days / "span-1")
    settings = [
        f"data.input={days}/span-{{SPAN}}/*.csv", *run.quick[1::2], "training.early_stopping=0",
        f"training.epochs={LONG['epochs']}",
    ]  # fmt: skip
    here = run(tmp_path / "root", *(f"--set={setting}" for setting in settings)).summary
    there = first.summary
    assert (here["status"], here["rows"]) == (there["status"], there["rows"])
    for model in ("candidate", "baseline"):
        assert here["metrics"][model] == pytest.approx(there["metrics"][model], abs=1e-4)
    assert [rule["passed"] for rule in here["thresholds"]] == [rule["passed"] for rule in there["thresholds"]]
    for split in ("train", "eval", "test"):
        local, of_cluster = (_split(root / "artifacts", split) for root in (tmp_path / "root", cluster.root))
        assert len(local[0]) == here["rows"][split]
        assert local == of_cluster
    served = cluster.root / "serving" / str(there["pushed_version"])
    weights, others = _weights(Path(here["pushed_path"])), _weights(served)
    assert weights.keys() == others.keys()
    for name, weight in weights.items():
        assert weight == pytest.approx(others[name], abs=1e-4), name


def test_a_second_run_is_served_from_the_cache(cluster: Cluster, first: Ended) -> None:
    """TFX's cache, by the content of the data: nothing is trained, no new version is published, the run succeeds."""
    versions = cluster.versions()
    second = cluster.run(**LONG)
    assert second.succeeded
    assert second.steps("cached") == CACHED_AGAIN
    assert second.summary["already_published"]
    assert cluster.versions() == versions


def test_a_model_that_is_not_blessed_fails_the_run(
    cluster: Cluster, first: Ended, not_blessed: Ended
) -> None:
    """The reason is in the last line of the log, and there is a report."""
    ended = not_blessed
    assert (ended.succeeded, ended.summary["status"], ended.summary["exit_code"]) == (False, "not_blessed", 4)
    auc = ended.summary["metrics"]["candidate"]["auc"]
    (reason,) = ended.summary["reasons"]
    assert reason == f"the AUC is {auc:.4f}, not at least 0.999"
    stays = "Nothing was published; any served model is unchanged."
    # Between them is the sentence on the served model.
    assert ended.log[-1].startswith(f"regpipe: Not blessed: {reason}. ")
    assert ended.log[-1].endswith(stays)
    assert (ended.message["status"], ended.message["message"]) == ("not_blessed", f"Not blessed: {reason}.")
    assert ended.steps("cached") == CACHED_AGAIN - {"Evaluator"}
    assert (cluster.root / ended.summary["report_path"].removeprefix(f"{MOUNT}/")).is_file()
    assert cluster.versions() == [str(first.summary["pushed_version"])]


def test_a_model_that_is_worse_than_the_served_one_is_refused(cluster: Cluster, first: Ended) -> None:
    """After one epoch it is as good as its baseline, so that only the served model shows what is wrong."""
    versions = cluster.versions()
    ended = cluster.run(epochs=1, min_auc=0.0, max_auc_drop=1.0, max_log_loss_rise=0.05)
    assert (ended.succeeded, ended.summary["status"], ended.summary["exit_code"]) == (False, "not_blessed", 4)
    served = ended.summary["served"]
    assert (served["outcome"], str(served["version"])) == ("compared", versions[-1])
    losses = {model: metrics["log_loss"] for model, metrics in ended.summary["metrics"].items() if metrics}
    assert losses["served"] == first.summary["metrics"]["candidate"]["log_loss"]
    assert losses["candidate"] < losses["baseline"] + 0.05
    assert losses["candidate"] > losses["served"] + 0.05
    (reason,) = ended.summary["reasons"]
    assert "than the served model's" in reason
    assert ended.message["message"] == f"Not blessed: {reason}."
    assert cluster.versions() == versions


def test_a_new_span_is_read_and_its_model_pushed(cluster: Cluster, first: Ended, run: Run) -> None:
    """No step is taken from the cache; the report, the metrics and the verdict are outputs for Kubeflow."""
    versions = cluster.versions()
    with run.sample.open(newline="") as file:
        ended = _next_day(cluster, itertools.islice(csv.reader(file), 901))
    assert ended.succeeded
    assert (ended.summary["status"], ended.steps("done"), len(ended.summary["steps"])) == (
        "pushed",
        STEPS,
        len(STEPS),
    )
    assert sum(ended.summary["rows"].values()) == 900
    assert cluster.versions() == [*versions, str(ended.summary["pushed_version"])]
    output = max((cluster.folder / "kfp").glob("*/report/executor_output.json"))  # of the newest run
    answer = json.loads(output.read_text())
    assert answer["parameterValues"]["status"] == "pushed"
    assert answer["parameterValues"]["message"].startswith("Pushed: ")
    (metrics,) = answer["artifacts"]["metrics"]["artifacts"]
    assert metrics["metadata"]["candidate_auc"] == ended.summary["metrics"]["candidate"]["auc"]
    assert (output.parent / "report").read_text().startswith("<!DOCTYPE html>")


def test_a_broken_day_is_refused(cluster: Cluster, first: Ended, run: Run) -> None:
    """The reason is in the last line of the log, in the summary and in the message, and no further step runs."""
    versions = cluster.versions()
    with run.sample.open(newline="") as file:
        head, *rows = csv.reader(file)
    label = head.index("label")
    ended = _next_day(cluster, [head, *([*row[:label], "1", *row[label + 1 :]] for row in rows)])
    assert (ended.succeeded, ended.summary["status"], ended.summary["exit_code"]) == (
        False,
        "data_refused",
        3,
    )
    assert ended.steps("failed") == {"ExampleGen"}
    reason = "The label 'label' has only one class, '1'; expected two."
    assert ended.summary["error"] == reason
    assert ended.log[-1] == f"regpipe: ExampleGen: the data was refused: {reason}"
    assert (ended.message["status"], ended.message["message"]) == ("data_refused", f"Data refused: {reason}")
    assert cluster.versions() == versions


def test_a_day_that_has_moved_is_refused(cluster: Cluster, first: Ended, run: Run) -> None:
    """With `data.drift: refuse`. The summary, the log and the message name the column that has moved."""
    versions = cluster.versions()
    with run.sample.open(newline="") as file:
        head, *rows = csv.reader(file)
    column = head.index("f0")
    moved = [[*row[:column], str(float(row[column]) + 3), *row[column + 1 :]] for row in rows]
    ended = _next_day(cluster, [head, *moved])
    assert (ended.succeeded, ended.summary["status"], ended.summary["exit_code"]) == (
        False,
        "data_refused",
        3,
    )
    assert ended.steps("failed") == {"DriftGate"}
    drift = ended.summary["drift"]
    assert (drift["mode"], drift["moved"]) == ("refuse", 1)
    (comparison,) = drift["comparisons"]
    # The span before is that of the served model, as the broken day has no statistics.
    assert comparison["name"].startswith(f"the training data of version {versions[-1]} (span ")
    assert {finding["feature"] for finding in comparison["findings"]} == {"f0"}
    assert "f0" in ended.summary["error"]
    assert any(
        line.startswith("regpipe: DriftGate: the data was refused: The data has moved") for line in ended.log
    )
    assert ended.message["status"] == "data_refused"
    assert ended.message["message"].startswith("Data refused: The data has moved")
    assert ended.message["drift"] == drift
    assert cluster.versions() == versions


def test_a_person_publishes_on_the_cluster(cluster: Cluster, not_blessed: Ended) -> None:
    """Blesses the run and rolls back, each in a container; the report and the list of versions show who did it."""
    published = cluster.versions()
    blessed = cluster.run_command(
        "bless", "--run", not_blessed.run_id, "--by=ann", "--reason=recall matters more here"
    )
    assert (blessed.exit_code, blessed.errors) == (0, "")
    (version,) = set(cluster.versions()) - set(published)
    assert blessed.output == (
        f"Blessed by hand and published: version {version} in {MOUNT}/serving/{version}.\n"
    )
    summary = json.loads((cluster.root / "runs" / not_blessed.run_id / "summary.json").read_text())
    assert (summary["status"], summary["override"]["by"]) == ("pushed", "ann")
    report = cluster.run_command("report", "--run", not_blessed.run_id, "-o", OUTPUT_FILE)
    assert report.file is not None
    assert "recall matters more here" in report.file.decode()
    again = cluster.run_command("bless", "--run", not_blessed.run_id, "--by=bob", "--reason=x")
    message = f"regpipe: run {not_blessed.run_id} was pushed already.\n"
    assert (again.exit_code, again.output, again.errors) == (2, "", message)
    back = cluster.run_command("rollback", published[-1], "--by=bob")
    assert back.output.startswith(f"Version {published[-1]} is published again, as version ")
    versions = json.loads(cluster.run_command("versions", "--json").output)
    assert [one["current"] for one in versions[:2]] == [True, False]
    assert versions[0]["rollback"]["by"] == "bob"
    assert versions[1]["blessed_by"] == "ann"


def test_the_store_is_read_from_this_machine(
    cluster: Cluster, first: Ended, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--cluster-root` over MySQL, with user and password in the environment: the same as in a container."""
    monkeypatch.setenv(USER_VARIABLE, USER)
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    options = [f"--set={setting}" for setting in cluster.settings]
    assert main(["runs", "--json", "--cluster-root", *options]) == 0
    here = capsys.readouterr().out
    assert first.run_id in {record["run_id"] for record in json.loads(here)}
    assert cluster.run_command("runs", "--json").output == here
    monkeypatch.setenv(PASSWORD_VARIABLE, "wrong")
    assert main(["runs", "--cluster-root", *options]) == 2
    message = capsys.readouterr().err
    assert "can't be opened from this machine" in message
    assert message.endswith("--on-cluster runs the command on the cluster\n")


def test_the_password_is_in_no_file(cluster: Cluster, first: Ended) -> None:
    """Neither in the compiled pipeline, nor under the root, nor in the outputs for Kubeflow."""
    assert PASSWORD not in cluster.text
    files = [path for path in cluster.folder.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


def _next_day(cluster: Cluster, rows: Iterable[Sequence[str]]) -> Ended:
    """Runs the pipeline on a new span with this table."""
    days = cluster.root / "days"
    day = days / f"span-{len(list(days.iterdir())) + 1}" / "day.csv"
    day.parent.mkdir()
    with day.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return cluster.run()


def _kill_trainer(client: Any, over: threading.Event) -> None:
    """Kills the container of the Trainer after its first epoch."""
    while not over.wait(0.1):
        for container in client.containers.list(filters={"ancestor": IMAGE}):
            if "Trainer" in container.attrs["Args"] and b"epoch 2/" in container.logs():
                container.kill()
                return


def _split(artifacts: Path, split: str) -> tuple[list[Any], bytes]:
    """Returns the rows of a split, in their order, and their statistics, from the first run under a root."""
    import tensorflow as tf

    def first(pattern: str) -> str:
        return str(min(artifacts.glob(pattern), key=lambda path: int(path.parts[-3])))

    # The features of a row are a map, whose serialization has no fixed order.
    records = tf.data.TFRecordDataset(first(f"ExampleGen/examples/*/Split-{split}/*"))
    rows = [tf.train.Example.FromString(record.numpy()) for record in records]
    return rows, Path(first(f"StatisticsGen/statistics/*/Split-{split}/*")).read_bytes()


def _weights(model: Path) -> dict[str, Any]:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    names = [name for name in reader.get_variable_to_shape_map() if name.endswith("VARIABLE_VALUE")]
    assert names
    return {name: reader.get_tensor(name) for name in names}
