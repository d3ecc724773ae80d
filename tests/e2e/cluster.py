"""The compiled pipeline in the hands of kfp's own local runner: a container for each step, over one folder.

What that runner cannot do is done here by the same means: the exit task, and the rest of a run whose step was killed.
"""

import contextlib
import io
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import docker
import yaml
from docker.models.containers import ContainerCollection

from pipeline_def.kubeflow.notify import VARIABLE as NOTIFY_VARIABLE

IMAGE = os.environ.get("REGPIPE_IMAGE", "regpipe:test")
MOUNT = "/mnt/regpipe"
_LABEL = "regpipe-test"
_RUN_ID = "{{$.pipeline_job_uuid}}"


@dataclass
class Listener:
    """A chat's webhook, with what was posted to it."""

    url: str
    received: list[dict[str, Any]] = field(default_factory=list)


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    """A webhook on the loopback device."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            listener.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    yield listener
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class Ended:
    """How a run ended: its id, whether Kubeflow would show it as succeeded, and what the webhook was told of it.

    `log` has the lines that its containers said; `summary` is what the run wrote down, if it came to that.
    """

    run_id: str
    well: bool
    log: list[str]
    told: dict[str, Any]
    summary: dict[str, Any]

    def steps(self, status: str) -> set[str]:
        return {step["name"] for step in self.summary["steps"] if step["status"] == status}


@dataclass(frozen=True)
class Cluster:
    """Runs of one compiled pipeline over one folder.

    `secrets` are the environment of its steps, as Kubernetes takes them from the metadata store's secret.
    """

    client: Any
    folder: Path
    text: str
    secrets: Mapping[str, str]
    listener: Listener

    @property
    def root(self) -> Path:
        return self.folder / "volume"

    def run(self, **parameters: Any) -> Ended:
        """A new run, with these runtime parameters."""
        before = self._runs()
        pipeline, platform = self._documents()
        del pipeline["root"]["dag"]["tasks"]["notify"]
        well, log = self._execute([pipeline, platform], self.secrets, **parameters)
        (run_id,) = self._runs() - before
        return self._ended(run_id, well, log)

    def run_steps(self, run_id: str, steps: set[str]) -> Ended:
        """These steps of a run and no others, as when Kubeflow retries a run that failed."""
        pipeline, platform = self._documents(run_id)
        del pipeline["root"]["dag"]["tasks"]["notify"]
        (name,) = pipeline["root"]["dag"]["tasks"]
        dag = pipeline["components"][f"comp-{name}"]["dag"]
        dag["tasks"] = {
            name: task for name, task in dag["tasks"].items() if task["taskInfo"]["name"] in steps
        }
        for task in dag["tasks"].values():
            task["dependentTasks"] = [name for name in task.get("dependentTasks", ()) if name in dag["tasks"]]
        return self._ended(run_id, *self._execute([pipeline, platform], self.secrets))

    def versions(self) -> list[str]:
        return sorted(path.name for path in (self.root / "serving").iterdir() if path.name.isdigit())

    def _runs(self) -> set[str]:
        return {path.name for path in (self.root / "runs").glob("*")}

    def _documents(self, run_id: str = _RUN_ID) -> list[dict[str, Any]]:
        """The pipeline, and what is the platform's; in the place of a new run's id, this one."""
        return list(yaml.safe_load_all(self.text.replace(_RUN_ID, run_id)))

    def _ended(self, run_id: str, well: bool, log: list[str]) -> Ended:
        self._notify(run_id, well)
        summary = self.root / "runs" / run_id / "summary.json"
        found = json.loads(summary.read_text()) if summary.exists() else {}
        return Ended(run_id, well, log, self.listener.received[-1], found)

    def _notify(self, run_id: str, well: bool) -> None:
        """The exit task, with the final status that Kubeflow's driver hands to it."""
        pipeline, platform = self._documents(run_id)
        task = pipeline["root"]["dag"]["tasks"]["notify"]
        (of,) = task.pop("dependentTasks")
        status = {"state": "SUCCEEDED" if well else "FAILED", "pipelineTaskName": of, "error": {}}
        task["inputs"]["parameters"]["status"] = {"runtimeValue": {"constant": status}}
        pipeline["root"]["dag"]["tasks"] = {"notify": task}
        ended = self._execute([pipeline, platform], {NOTIFY_VARIABLE: self.listener.url})
        assert ended == (True, ["notify: posted"])

    def _execute(
        self, documents: list[dict[str, Any]], secrets: Mapping[str, str], **parameters: Any
    ) -> tuple[bool, list[str]]:
        """Whether all its steps ended well, and the lines of their logs."""
        from kfp import components, local

        # What Kubernetes takes from the volume, the secrets and the command.
        runner = local.DockerRunner(
            mounts=[docker.types.Mount(MOUNT, str(self.root), type="bind")],
            environment=dict(secrets),
            network_mode="host",
            entrypoint="/usr/bin/env",
            labels=[_LABEL],
        )
        local.init(runner, pipeline_root=str(self.folder / "kfp"), raise_on_error=True)
        pipeline = components.load_component_from_text(yaml.safe_dump_all(documents))
        well, said = True, io.StringIO()
        with self._kept_until_the_end(), contextlib.redirect_stdout(said):
            try:
                pipeline(**parameters)
            except RuntimeError as error:
                if "finished with status" not in str(error):
                    raise
                well = False
        print(said.getvalue())  # for whoever reads why a test failed
        indented = [line.strip() for line in said.getvalue().splitlines() if line.startswith("    ")]
        return well, [line for line in indented if line and not line.startswith("Found image ")]

    @contextlib.contextmanager
    def _kept_until_the_end(self) -> Iterator[None]:
        """kfp takes a container that is gone before it asks for the exit code as one that ended well: they stay."""
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
    settings: Sequence[str], client: Any, secrets: Mapping[str, str], table: Path
) -> Iterator[Cluster]:
    """One for this configuration, with the metadata store on the loopback device, and one span, of this table."""
    from pipeline_def.config.load import load_config
    from pipeline_def.kubeflow.compiler import compile_kubeflow

    folder = Path(tempfile.mkdtemp(prefix="regpipe-cluster-"))
    folder.chmod(0o755)
    umask = os.umask(0)  # the containers' user is not ours
    try:
        day = folder / "volume" / "days" / "span-1" / "day.csv"
        day.parent.mkdir(parents=True)
        (folder / "kfp").mkdir()
        shutil.copyfile(table, day)
        where = [
            f"kubeflow.image={IMAGE}",
            "kubeflow.metadata.host=127.0.0.1",
            "kubeflow.notify.secret=webhook",
        ]
        config = load_config(None, [*where, f"data.input={MOUNT}/days/span-{{SPAN}}/*.csv", *settings])
        with listening() as listener:
            yield Cluster(client, folder, compile_kubeflow(config), secrets, listener)
    finally:
        os.umask(umask)
        mounts = [
            docker.types.Mount("/folder", str(folder), type="bind")
        ]  # what is in it is the containers' user's
        empty = ["find", "/folder", "-mindepth", "1", "-delete"]
        client.containers.run(IMAGE, empty, entrypoint="", user="root", mounts=mounts, remove=True)
        folder.rmdir()
