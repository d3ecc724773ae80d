"""The commands of steps' containers as processes, of which attempts and whole "pods" are killed while they work."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline_def.config.load import load_config
from pipeline_def.kubeflow.compiler import compile_kubeflow
from pipeline_def.runs.run_files import STORE_FILE
from pipeline_def.runs.run_store import RunStore
from tests.standins.metadata_service import MetadataService, metadata_service
from tests.waiting import wait_until

Run: TypeAlias = Any  # of conftest.py


class Pods:
    """Starts the containers of the compiled pipeline's steps as processes of this machine, for one run.

    At the end of its context no process is left.
    """

    def __init__(self, folder: Path, service: MetadataService, sample: Path) -> None:
        self.folder, self.root = folder, folder / "volume"
        self._service = service
        self._started: list[subprocess.Popen[str]] = []
        settings = [
            "kubeflow.image=i", "kubeflow.volume=null", f"kubeflow.root={self.root}", f"data.input={sample}",
            "kubeflow.metadata.kind=grpc", "kubeflow.metadata.host=127.0.0.1", f"kubeflow.metadata.port={service.port}",
            "kubeflow.steps.retries=1", "kubeflow.steps.backoff=0",
        ]  # fmt: skip
        spec = next(yaml.safe_load_all(compile_kubeflow(load_config(None, settings))))
        self._executors = spec["deploymentSpec"]["executors"]
        parameters = spec["root"]["inputDefinitions"]["parameters"]
        values = {name: parameter["defaultValue"] for name, parameter in parameters.items()}
        # Kubeflow writes 100.0 as 100.
        self._values = {name: f"{v:g}" if isinstance(v, float) else str(v) for name, v in values.items()}
        self._values["run_id"] = "r1"

    def __enter__(self) -> "Pods":
        return self

    def __exit__(self, *error: object) -> None:
        for pod in self._started:
            with pod:  # closes its log, and waits for it
                pod.terminate()  # ends the process of the step, too; without effect on a pod that has ended

    def start(self, step: str, number: int = 0) -> subprocess.Popen[str]:
        """Starts a pod; `number` is that of the automatic retry."""
        name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in step).lstrip("-")
        container = self._executors[f"exec-{name}"]["container"]
        arguments = [self._filled(word) for word in container["args"]]
        pod = subprocess.Popen(
            [sys.executable, *container["command"][1:], *arguments],
            env={**os.environ, "REGPIPE_WORKFLOW_NODE": f"churn.{name}.executor({number})"},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(pod)
        return pod

    def _filled(self, word: str) -> str:
        for name, value in self._values.items():
            word = word.replace(f"{{{{$.inputs.parameters['{name}']}}}}", value)
        return word

    def kill_at_work(self, step: str, number: int = 0, *, whole: bool) -> subprocess.Popen[str]:
        """Starts a pod and kills the process of its step at work; with `whole` also the pod's own.

        The step can't end before: once its output folders are there, the metadata service does not answer it.
        """
        before = self._outputs(step)
        with self._service.holding(lambda: bool(self._outputs(step) - before)) as held:
            pod = self.start(step, number)
            wait_until(lambda: held.is_set() or pod.poll() is not None, 300)
            assert pod.poll() is None, pod.communicate()
            (child,) = Path(f"/proc/{pod.pid}/task/{pod.pid}/children").read_text().split()
            if whole:
                pod.kill()
            os.killpg(int(child), signal.SIGKILL)
        return pod

    def _outputs(self, step: str) -> set[tuple[Path, int]]:
        """Returns the folders of the outputs, and when each was made: a further attempt makes the same ones anew."""
        folders = (self.root / "artifacts" / step).glob("[!.]*/*")  # TFX's own are in `.system`
        return {(folder, folder.stat().st_ctime_ns) for folder in folders}

    def attempts(self, step: str) -> list[int | None]:
        record = json.loads((self.root / "runs/r1/attempts" / f"{step}.json").read_text())
        return [attempt["exit_code"] for attempt in record["attempts"]]


@pytest.fixture(scope="module")
def pods(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    """With a finished ExampleGen."""
    folder = tmp_path_factory.mktemp("pods")
    with metadata_service(folder / STORE_FILE) as service, Pods(folder, service, run.sample) as made:
        first = made.start("ExampleGen")
        _, log = first.communicate(timeout=300)
        assert first.returncode == 0, log
        yield made


def test_a_killed_attempt_is_repeated_in_its_pod(pods: Pods) -> None:
    """The outputs of the first attempt are removed; the step succeeds, and its execution is complete."""
    pod = pods.kill_at_work("StatisticsGen", whole=False)
    _, log = pod.communicate(timeout=300)
    assert pod.returncode == 0, log
    assert "attempt 1 of 2: it was killed by SIGKILL" in log
    assert "an earlier attempt failed; its outputs are removed" in log
    assert pods.attempts("StatisticsGen") == [137, 0]
    assert _state(pods, "StatisticsGen") == mlmd.Execution.COMPLETE


def test_a_new_pod_continues_the_count_of_a_lost_one(pods: Pods) -> None:
    """The last attempt succeeds in the second pod; without it, a third pod would make none."""
    pod = pods.kill_at_work("SchemaGen", whole=True)
    pod.communicate(timeout=60)
    assert pods.attempts("SchemaGen") == [None]
    second = pods.start("SchemaGen", 1)
    _, log = second.communicate(timeout=300)
    assert second.returncode == 0, log
    assert "attempt 1 of 2: its pod was lost" in log
    assert pods.attempts("SchemaGen") == [None, 0]
    assert _state(pods, "SchemaGen") == mlmd.Execution.COMPLETE


def test_a_step_without_attempts_left_is_failed(pods: Pods) -> None:
    """Two lost pods are all attempts: a third pod records the failure, so that nothing stays running."""
    for number in range(2):
        pod = pods.kill_at_work("ExampleValidator", number, whole=True)
        pod.communicate(timeout=60)
    third = pods.start("ExampleValidator", 2)
    _, log = third.communicate(timeout=300)
    assert third.returncode == 1, log
    summary = json.loads((pods.root / "runs/r1/summary.json").read_text())
    assert summary["status"] == "failed"
    assert summary["error"].startswith("ExampleValidator: its pod was lost; there are no more attempts")
    assert _state(pods, "ExampleValidator") == mlmd.Execution.FAILED


def _state(pods: Pods, step: str) -> int:
    found = dict(RunStore.open(pods.folder).steps("r1"))
    return int(found[step].last_known_state)
