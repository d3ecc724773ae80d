"""Runs the compiled pipeline with kfp's local runner: a container for each step, with one shared folder.

Two things that this runner does not support are added here: the exit task, and retrying the steps of a failed run.
"""

import contextlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import docker
import yaml
from docker.models.containers import ContainerCollection

from pipeline_def.config.load import load_config
from pipeline_def.config.notification import URL_VARIABLE
from pipeline_def.kubeflow.command_package import command_package
from pipeline_def.kubeflow.command_result import CommandResult
from pipeline_def.kubeflow.compiler import compile_kubeflow
from tests.standins.webhook import Webhook, webhook

IMAGE = os.environ.get("REGPIPE_IMAGE", "regpipe:test")
MOUNT = "/mnt/regpipe"
_LABEL = "regpipe-test"
_RUN_ID = "{{$.pipeline_job_uuid}}"


@dataclass(frozen=True)
class Ended:
    """The result of a run.

    Attributes:
        run_id: its id.
        succeeded: whether Kubeflow would display it as succeeded.
        log: the lines of its containers' logs.
        message: the data of the event that was posted to the webhook.
        summary: its summary.json; empty if there is none.
    """

    run_id: str
    succeeded: bool
    log: list[str]
    message: dict[str, Any]
    summary: dict[str, Any]

    def steps(self, status: str) -> set[str]:
        return {step["name"] for step in self.summary["steps"] if step["status"] == status}


@dataclass(frozen=True)
class Cluster:
    """Runs one compiled pipeline, and commands, with one shared folder.

    Attributes:
        client: the client of the Docker engine.
        folder: the folder, with the volume and the outputs for Kubeflow.
        settings: the configuration.
        text: the compiled pipeline.
        secrets: environment variables of the steps, which Kubernetes would read from the metadata store's secret.
        listener: the webhook.
    """

    client: Any
    folder: Path
    settings: Sequence[str]
    text: str
    secrets: Mapping[str, str]
    listener: Webhook

    @property
    def root(self) -> Path:
        return self.folder / "volume"

    def run(self, **parameters: Any) -> Ended:
        """Starts a new run with these runtime parameters, and waits for it."""
        before = self._runs()
        pipeline, platform = self._documents()
        del pipeline["root"]["dag"]["tasks"]["exit-step"]
        succeeded, log = self._execute([pipeline, platform], self.secrets, **parameters)
        (run_id,) = self._runs() - before
        return self._ended(run_id, succeeded, log)

    def run_steps(self, run_id: str, steps: set[str]) -> Ended:
        """Runs only these steps of a run, as Kubeflow does when it retries a failed run."""
        pipeline, platform = self._documents(run_id)
        del pipeline["root"]["dag"]["tasks"]["exit-step"]
        (name,) = pipeline["root"]["dag"]["tasks"]
        dag = pipeline["components"][f"comp-{name}"]["dag"]
        dag["tasks"] = {
            name: task for name, task in dag["tasks"].items() if task["taskInfo"]["name"] in steps
        }
        for task in dag["tasks"].values():
            task["dependentTasks"] = [name for name in task.get("dependentTasks", ()) if name in dag["tasks"]]
        return self._ended(run_id, *self._execute([pipeline, platform], self.secrets))

    def run_command(self, *command: str) -> CommandResult:
        """Runs a command in a container, as `--on-cluster` does, and returns the result in its log."""
        package = command_package(load_config(None, self.settings))
        documents = list(yaml.safe_load_all(package.text))
        succeeded, log = self._execute(documents, self.secrets, command=list(command))
        result = CommandResult.find(["\n".join(log)])
        assert result is not None
        assert succeeded == (result.exit_code == 0)
        return result

    def versions(self) -> list[str]:
        return sorted(path.name for path in (self.root / "serving").iterdir() if path.name.isdigit())

    def _runs(self) -> set[str]:
        return {path.name for path in (self.root / "runs").glob("*")}

    def _documents(self, run_id: str = _RUN_ID) -> list[dict[str, Any]]:
        """Returns the pipeline spec and the platform spec, with this run id."""
        return list(yaml.safe_load_all(self.text.replace(_RUN_ID, run_id)))

    def _ended(self, run_id: str, succeeded: bool, log: list[str]) -> Ended:
        self._notify(run_id, succeeded)
        summary = self.root / "runs" / run_id / "summary.json"
        found = json.loads(summary.read_text()) if summary.exists() else {}
        return Ended(run_id, succeeded, log, self.listener.received[-1].document["data"], found)

    def _notify(self, run_id: str, succeeded: bool) -> None:
        """Runs the exit task with the final status that Kubeflow's driver would pass to it."""
        pipeline, platform = self._documents(run_id)
        task = pipeline["root"]["dag"]["tasks"]["exit-step"]
        (of,) = task.pop("dependentTasks")
        # A run that was killed reads RUNNING; one that failed leaves a summary, which replaces the state.
        status = {"state": "COMPLETE" if succeeded else "RUNNING", "pipelineTaskName": of, "error": {}}
        task["inputs"]["parameters"]["status"] = {"runtimeValue": {"constant": status}}
        pipeline["root"]["dag"]["tasks"] = {"exit-step": task}
        ended = self._execute([pipeline, platform], {URL_VARIABLE: self.listener.url})
        assert ended == (True, ["notify: posted"])

    def _execute(
        self, documents: list[dict[str, Any]], secrets: Mapping[str, str], **parameters: Any
    ) -> tuple[bool, list[str]]:
        """Runs a pipeline and returns whether all its steps succeeded, and the lines of their logs."""
        from kfp import components, local

        # The volume, the secrets and the entry point, which Kubernetes would set.
        runner = local.DockerRunner(
            mounts=[docker.types.Mount(MOUNT, str(self.root), type="bind")],
            environment=dict(secrets),
            network_mode="host",
            entrypoint="/usr/bin/env",
            labels=[_LABEL],
        )
        local.init(runner, pipeline_root=str(self.folder / "kfp"), raise_on_error=True)
        pipeline = components.load_component_from_text(yaml.safe_dump_all(documents))
        succeeded, output = True, io.StringIO()
        with self._containers_kept(), contextlib.redirect_stdout(output):
            try:
                pipeline(**parameters)
            except RuntimeError as error:
                if "finished with status" not in str(error):
                    raise
                succeeded = False
        print(output.getvalue())  # shown if the test fails
        indented = [line.strip() for line in output.getvalue().splitlines() if line.startswith("    ")]
        return succeeded, [line for line in indented if line and not line.startswith("Found image ")]

    @contextlib.contextmanager
    def _containers_kept(self) -> Iterator[None]:
        """Keeps stopped containers until the end: if one is removed before kfp reads its exit code, kfp assumes 0."""
        run: Callable[..., Any] = ContainerCollection.run

        def keep(containers: Any, *, auto_remove: bool, **options: Any) -> Any:
            return run(containers, **options)

        with mock.patch.object(ContainerCollection, "run", keep):
            try:
                yield
            finally:
                self.client.containers.prune(filters={"label": _LABEL})


@contextlib.contextmanager
def cluster_of(
    settings: Sequence[str], client: Any, secrets: Mapping[str, str], table: Path | None = None
) -> Iterator[Cluster]:
    """Yields a cluster for this configuration, with the metadata store on 127.0.0.1.

    If there is a table, it is the first span of the data.
    """
    folder = Path(tempfile.mkdtemp(prefix="regpipe-cluster-"))
    folder.chmod(0o755)
    umask = os.umask(0)  # the containers have another user
    try:
        day = folder / "volume" / "days" / "span-1" / "day.csv"
        day.parent.mkdir(parents=True)
        (folder / "kfp").mkdir()
        if table:
            shutil.copyfile(table, day)
        fixed = [
            f"kubeflow.image={IMAGE}",
            "kubeflow.metadata.host=127.0.0.1",
            "notify.secret=webhook",
        ]
        whole = [*fixed, f"data.input={MOUNT}/days/span-{{SPAN}}/*.csv", *settings]
        with webhook() as listener:
            yield Cluster(
                client, folder, whole, compile_kubeflow(load_config(None, whole)), secrets, listener
            )
    finally:
        os.umask(umask)
        # The files belong to the containers' user, so a container deletes them.
        mounts = [docker.types.Mount("/folder", str(folder), type="bind")]
        empty = ["find", "/folder", "-mindepth", "1", "-delete"]
        client.containers.run(IMAGE, empty, entrypoint="", user="root", mounts=mounts, remove=True)
        folder.rmdir()
