"""Containers that share the gRPC service of ML Metadata. The requirements are those of test_containers.py."""

from pathlib import Path
from typing import Any, TypeAlias

from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline_def.runs.run_files import STORE_FILE
from pipeline_def.runs.run_store import RunStore
from tests.e2e.cluster import cluster_of
from tests.standins.metadata_service import metadata_service

Run: TypeAlias = Any  # of conftest.py


def test_a_step_finds_the_outputs_of_another(docker_client: Any, run: Run, tmp_path: Path) -> None:
    """The service needs no user and password. A second run takes both steps from the cache."""
    with metadata_service(tmp_path / STORE_FILE) as service:
        settings = ["kubeflow.metadata.kind=grpc", f"kubeflow.metadata.port={service.port}"]
        with cluster_of(settings, docker_client, {}, run.sample) as cluster:
            for run_id in ("one", "two"):
                assert cluster.run_steps(run_id, {"ExampleGen", "StatisticsGen"}).succeeded
            assert (cluster.root / "artifacts" / "StatisticsGen" / "statistics").is_dir()
    runs = RunStore.open(tmp_path)
    states = {
        run_id: [(name, e.last_known_state) for name, e in runs.steps(run_id)] for run_id in ("one", "two")
    }
    complete, cached = mlmd.Execution.COMPLETE, mlmd.Execution.CACHED
    assert states == {
        "one": [("ExampleGen", complete), ("StatisticsGen", complete)],
        "two": [("ExampleGen", cached), ("StatisticsGen", cached)],
    }
