"""Real clusters of two workers have the same results as one process, also when a worker is lost."""

import csv
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import yaml

from tests.e2e.beam_cluster import WORKERS, BeamCluster, running
from tests.e2e.flink_cluster import Flink
from tests.e2e.needs import lacking
from tests.e2e.spark_cluster import Spark

Run: TypeAlias = Any  # of conftest.py
Completed: TypeAlias = Any

ROWS = 50_000
FEATURES = 20
SPLITS = ("train", "eval", "test")
SETTINGS = {
    "training": {"epochs": 2, "batch_size": 512},
    "evaluation": {"max_log_loss_rise": 9.0, "max_auc_drop": 1.0},
}
# A run takes a minute or two on two free cores, but the many processes start slowly on a busy machine.
_TIMEOUT = 1_800
WORKER = str(Path(sys.executable).with_name("regpipe-beam-worker"))


@pytest.fixture(scope="module", params=[Flink, Spark], ids=["flink", "spark"])
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BeamCluster]:
    kind: type[BeamCluster] = request.param
    if not (kind.home() / "complete").exists() or not shutil.which("java"):
        lacking(f"{kind.home()} and Java: .ci/beam_clusters installs them")
    with running(kind, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files, so that the work can be distributed: 50,000 rows with missing cells, and two bad rows."""
    folder = tmp_path_factory.mktemp("table")
    random = np.random.default_rng(11)
    features = random.normal(size=(ROWS, FEATURES)).round(4)
    label = (features[:, 0] + features[:, 1] + random.normal(size=ROWS) > 0).astype(int)
    days = np.datetime64("2024-01-01") + random.integers(0, 365, ROWS)
    for number, part in enumerate(np.array_split(np.arange(ROWS), 3)):
        with (folder / f"{number}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*(f"f{n}" for n in range(FEATURES)), "label", "customer", "day"])
            for row in part:
                cells = [
                    "" if (row + column) % 97 == 0 else features[row, column] for column in range(FEATURES)
                ]
                writer.writerow([*cells, label[row], f"customer {row % 997}", days[row]])
            if number:
                writer.writerow(["no number", *features[0, 1:], 1, "customer 1", days[0]])
    return folder


@pytest.fixture(scope="module")
def local(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration for one process."""
    file = tmp_path_factory.mktemp("local") / "local.yaml"
    file.write_text(
        yaml.safe_dump(
            SETTINGS | {"data": {"label": "label", "input": str(table), "ignore": ["customer", "day"]}}
        )
    )
    return file


@pytest.fixture(scope="module")
def spread(cluster: BeamCluster, local: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same configuration for the cluster."""
    beam = {"environment": "process", "worker": WORKER} | cluster.settings()
    beam["arguments"] = ["environment_cache_millis=60000", *beam.get("arguments", [])]
    file = tmp_path_factory.mktemp("spread") / "spread.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(local.read_text()) | {"beam": beam}))
    return file


@pytest.fixture(scope="module")
def here(run: Run, local: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    root = tmp_path_factory.mktemp("here")
    return root, run(root, "--config", local)


@pytest.fixture(scope="module")
def there(run: Run, spread: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    root = tmp_path_factory.mktemp("there")
    return root, run(root, "--config", spread, seconds=_TIMEOUT, as_a_user=True)


def output(root: Path, step: str, name: str) -> Path:
    """Returns the folder of a step's only artifact of that name."""
    (folder,) = (root / "artifacts" / step / name).iterdir()
    return folder


def shards(root: Path) -> dict[str, str]:
    """Returns the digest of each file of the examples and of the ids of groups, by name, and of the rejected rows."""
    examples = output(root, "ExampleGen", "examples")
    files = [*examples.glob("*/*"), examples / "rejected_rows.jsonl"]
    return {str(path.relative_to(examples)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def statistics(root: Path, split: str) -> dict[str, dict[str, float]]:
    """Returns statistics of each column: exact counts and ranges, and mean and deviation, which are rounded."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    file = output(root, "StatisticsGen", "statistics") / f"Split-{split}" / "FeatureStats.pb"
    (dataset,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes()).datasets
    found = {}
    for feature in dataset.features:
        numbers = feature.num_stats
        found[feature.path.step[0]] = {
            "rows": dataset.num_examples,
            "values": numbers.common_stats.num_non_missing,
            "zeros": numbers.num_zeros,
            "min": numbers.min,
            "max": numbers.max,
            "mean": numbers.mean,
            "std_dev": numbers.std_dev,
        }
    return found


def vectors(root: Path, values: list[float]) -> Any:
    """Applies the Transform graph to rows that have the same value in all columns."""
    transform = tft.TFTransformOutput(str(output(root, "Transform", "transform_graph")))
    raw = {f"f{n}": tf.constant([[value] for value in values]) for n in range(FEATURES)}
    return transform.transform_features_layer()(raw)["features"].numpy()


def verdict(root: Path) -> Any:
    return json.loads((output(root, "Evaluator", "evaluation") / "verdict.json").read_text())


def test_both_runs_push_a_model(
    here: tuple[Path, Completed], there: tuple[Path, Completed], cluster: BeamCluster
) -> None:
    """With the same rows. On the cluster, all jobs succeeded, and both workers ran tasks."""
    assert here[1].code == there[1].code == 0, there[1].verdict
    assert here[1].summary["rows"] == there[1].summary["rows"]
    assert here[1].summary["rows"]["rejected"] == 2
    jobs = cluster.jobs()
    assert len(jobs) >= 3
    assert all(map(cluster.has_succeeded, jobs))
    assert max(len(cluster.busy(job)) for job in jobs) == 2


@pytest.fixture(scope="module")
def splits(here: tuple[Path, Completed]) -> dict[str, str]:
    return shards(here[0])


def test_the_same_splits(splits: dict[str, str], there: tuple[Path, Completed]) -> None:
    """The same rows in the same order, as each block of the table has its own file, and the same rejected rows."""
    assert shards(there[0]) == splits
    assert len(splits) == 3 * 3 + 1


@pytest.mark.parametrize(
    "keys",
    [
        ("split.by=group", "split.column=customer", "ignore=[day]"),
        (
            "split.by=time",
            "split.column=day",
            "split.eval_from=2024-07-01",
            "split.test_from=2024-10-01",
            "ignore=[customer]",
        ),
    ],
    ids=["group", "time"],
)
def test_the_same_splits_by_group_and_by_time(
    keys: tuple[str, ...], run: Run, local: Path, spread: Path, tmp_path: Path
) -> None:
    """Also the ids of the groups, which are beside the examples."""
    given = [word for key in keys for word in ("--set", f"data.{key}")]
    found = []
    for number, file in enumerate((local, spread)):
        root = tmp_path / str(number)
        done = run(root, "--config", file, *given, "--to-step", "ExampleGen", seconds=_TIMEOUT)
        assert done.code == 0, done.verdict
        found.append(shards(root))
    assert found[0] == found[1]


@pytest.mark.parametrize("split", SPLITS)
def test_the_same_statistics(split: str, here: tuple[Path, Completed], there: tuple[Path, Completed]) -> None:
    """Counts, minimum and maximum are equal; mean and deviation differ by rounding, as the order of sums differs."""
    found, expected = statistics(there[0], split), statistics(here[0], split)
    assert found.keys() == expected.keys()
    for column, values in expected.items():
        for name, value in values.items():
            tolerance = 1e-9 if name in ("mean", "std_dev") else 0
            assert found[column][name] == pytest.approx(value, rel=tolerance, abs=tolerance), (column, name)


def test_the_same_scaling(here: tuple[Path, Completed], there: tuple[Path, Completed]) -> None:
    """The same minimum and maximum, as several points are mapped to the same values; NaN becomes the same mean."""
    ends = [0.0, 1.0, -100.0, 100.0]
    np.testing.assert_array_equal(vectors(there[0], ends), vectors(here[0], ends))
    np.testing.assert_allclose(vectors(there[0], [float("nan")]), vectors(here[0], [float("nan")]), atol=1e-6)


def test_the_same_verdict(here: tuple[Path, Completed], there: tuple[Path, Completed]) -> None:
    """Both are blessed, with the same metrics."""
    found, expected = verdict(there[0]), verdict(here[0])
    assert found["blessed"] is expected["blessed"] is True
    assert found["metrics"].keys() == expected["metrics"].keys()
    candidate = "candidate"
    assert here[1].summary["metrics"][candidate] == pytest.approx(
        there[1].summary["metrics"][candidate], abs=1e-4
    )


def test_another_runner_uses_the_same_cache(run: Run, local: Path, there: tuple[Path, Completed]) -> None:
    """A run without the cluster takes the outputs of the cluster from the cache."""
    again = run(there[0], "--config", local)
    assert again.code == 0, again.verdict
    assert again.ran() == ["Pusher", "Report"]


def test_predictions(
    here: tuple[Path, Completed], run: Run, local: Path, spread: Path, table: Path, tmp_path: Path
) -> None:
    """Each row occurs once, with the same probability as in one process."""
    model = ["--model", here[1].summary["pushed_path"], "--format", "csv"]
    expected, found = tmp_path / "expected.csv", tmp_path / "found"
    for options in (
        ["-o", expected, "--config", local],
        ["--beam", "-o", found, "--config", spread],
    ):
        done = subprocess.run(
            run.command("predict", table / "0.csv", *model, *options),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
        )
        assert done.returncode == 0, done.stderr

    def rows(*files: Path) -> list[list[str]]:
        return sorted(row for file in files for row in list(csv.reader(file.read_text().splitlines()))[1:])

    there, here_ = rows(*sorted(found.iterdir())), rows(expected)
    assert [row[:-1] for row in there] == [row[:-1] for row in here_]
    np.testing.assert_allclose(
        [float(row[-1]) for row in there], [float(row[-1]) for row in here_], rtol=0, atol=1e-6
    )
    assert f"{len(here_):,} rows" in done.stdout


def test_workers_that_do_not_start(run: Run, spread: Path, tmp_path: Path) -> None:
    """The step fails with exit code 1, its artifact is removed, and nothing is published."""
    failed = run(
        tmp_path,
        "--config",
        spread,
        "--set",
        f"beam.worker={shutil.which('false')}",
        seconds=_TIMEOUT,
        as_a_user=True,
    )
    assert failed.code == 1
    assert "Failed in ExampleGen" in failed.verdict
    assert not (tmp_path / "serving").exists()
    assert list((tmp_path / "artifacts" / "ExampleGen" / "examples").iterdir()) == []


def start(run: Run, cluster: BeamCluster, spread: Path, root: Path) -> subprocess.Popen[str]:
    """Starts a run, and returns while its ExampleGen is running on both workers."""
    cluster.wait(cluster.is_whole)
    before = len(cluster.jobs())
    command = run.command("run", "--root", root, "--config", spread, "--to-step", "ExampleGen")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    cluster.wait(lambda: len(cluster.jobs()) > before and len(cluster.busy(cluster.jobs()[-1])) == 2)
    return process


def test_a_worker_is_lost(
    run: Run, cluster: BeamCluster, spread: Path, splits: dict[str, str], tmp_path: Path
) -> None:
    """The other one repeats its part, and the splits are the same."""
    process = start(run, cluster, spread, tmp_path)
    cluster.kill(WORKERS[0])
    printed, _ = process.communicate(timeout=_TIMEOUT)
    cluster.start_worker(WORKERS[0])
    assert process.returncode == 0, printed
    assert cluster.failures(cluster.jobs()[-1])
    assert shards(tmp_path) == splits


def test_all_workers_are_lost(
    run: Run, cluster: BeamCluster, spread: Path, splits: dict[str, str], tmp_path: Path
) -> None:
    """In Flink the job fails: exit code 1, and the artifact is removed. Spark waits for a worker and then continues."""
    process = start(run, cluster, spread, tmp_path)
    for name in WORKERS:
        cluster.kill(name)
    if cluster.outlives_its_workers:
        cluster.start_worker(WORKERS[1])
    printed, _ = process.communicate(timeout=_TIMEOUT)
    assert cluster.has_succeeded(cluster.jobs()[-1]) is cluster.outlives_its_workers
    if cluster.outlives_its_workers:
        assert process.returncode == 0, printed
        assert shards(tmp_path) == splits
    else:
        assert process.returncode == 1, printed
        assert "Failed in ExampleGen" in printed
        assert list((tmp_path / "artifacts" / "ExampleGen" / "examples").iterdir()) == []
