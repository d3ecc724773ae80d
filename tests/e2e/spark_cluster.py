"""A Spark cluster on this machine: a standalone master, two workers of one core each, and Beam's job server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.beam_cluster import BeamCluster

_DEPLOY = "org.apache.spark.deploy"


class Spark(BeamCluster):
    """Each Beam job is a Spark application; the job server writes its events to a file."""

    release = "spark-3.5.0"
    outlives_its_workers = True
    _opened = ("sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._master = f"spark://127.0.0.1:{self._port['rpc']}"
        self._log = folder / "events"
        self._log.mkdir()

    def settings(self) -> dict[str, Any]:
        # By default the job server copies all its jars to every executor of every job; here the executors have them.
        (shipped,) = (self.home() / "job-server").glob("beam-runners-spark-3-*.jar")
        arguments = [f"files_to_stage={shipped}"]
        return {"runner": "spark", "job_endpoint": self.job_endpoint, "arguments": arguments}

    def start_worker(self, name: str) -> None:
        arguments = ["--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g"]
        arguments += ["--work-dir", str(self._temp / name), self._master]
        self._launch(name, ["jars"], [], f"{_DEPLOY}.worker.Worker", *arguments)

    def is_whole(self) -> bool:
        return bool(self._get("json/")["aliveworkers"] == 2)

    def jobs(self) -> list[str]:
        return sorted(path.name.removesuffix(".inprogress") for path in self._log.iterdir())

    def has_succeeded(self, job: str) -> bool:
        ends = [event["Job Result"]["Result"] for event in self._events(job, "JobEnd")]
        return bool(ends) and set(ends) == {"JobSucceeded"} and (self._log / job).exists()

    def busy(self, job: str) -> set[str]:
        return {event["Task Info"]["Executor ID"] for event in self._events(job, "TaskStart")}

    def failures(self, job: str) -> list[str]:
        ends = [event["Task End Reason"]["Reason"] for event in self._events(job, "TaskEnd")]
        return [reason for reason in ends if reason != "Success"]

    def _events(self, job: str, kind: str) -> Iterator[dict[str, Any]]:
        """Yields the events written so far; Spark writes them when a stage begins or ends."""
        (path,) = self._log.glob(f"{job}*")
        for line in path.read_text().splitlines(keepends=True):
            if line.endswith("\n") and (event := json.loads(line))["Event"] == f"SparkListener{kind}":
                yield event

    def _start_manager(self) -> None:
        arguments = ["--host", "127.0.0.1", "--port", str(self._port["rpc"])]
        arguments += ["--webui-port", str(self._port["rest"])]
        self._launch("manager", ["jars"], [], f"{_DEPLOY}.master.Master", *arguments)

    def _is_up(self) -> bool:
        return self._get("json/") is not None

    def _start_job_server(self, *arguments: str) -> None:
        settings = {
            "spark.ui.enabled": "false",
            "spark.eventLog.enabled": "true",
            "spark.eventLog.compress": "false",
            "spark.eventLog.dir": f"file://{self._log}",
        }
        options = [f"-D{name}={value}" for name, value in settings.items()]
        driver = "org.apache.beam.runners.spark.SparkJobServerDriver"
        master = f"--spark-master-url={self._master}"
        # Both contain some libraries in different versions: Spark's are first, as in Spark's processes.
        self._launch("jobs", ["jars", "job-server"], options, driver, master, *arguments)

    def _environment(self) -> dict[str, str]:
        """The environment that Spark's scripts set for its processes, which pass it to executors."""
        return {
            "SPARK_HOME": str(self.home()),
            "SPARK_SCALA_VERSION": "2.12",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self._temp),
            "SPARK_DIST_CLASSPATH": f"{self.home()}/job-server/*",
        }
