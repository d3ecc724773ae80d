"""A Flink cluster on this machine: a job manager, two task managers with Python workers, and Beam's job server."""

from pathlib import Path
from typing import Any

import yaml

from tests.e2e.beam_cluster import BeamCluster

_RUNTIME = "org.apache.flink.runtime"
# Each task manager can run a whole job, so the other one may be lost. The memory settings are those that Flink's
# scripts compute from a total; network memory is large, as a Beam job has many shuffles with 512 buffers each.
_SETTINGS = {
    "jobmanager.rpc.address": "127.0.0.1",
    "jobmanager.bind-host": "127.0.0.1",
    "jobmanager.memory.process.size": "1g",
    "rest.address": "127.0.0.1",
    "rest.bind-address": "127.0.0.1",
    "taskmanager.host": "127.0.0.1",
    "taskmanager.bind-host": "127.0.0.1",
    "taskmanager.numberOfTaskSlots": 2,
    "taskmanager.cpu.cores": 2.0,
    "taskmanager.memory.framework.heap.size": "128mb",
    "taskmanager.memory.framework.off-heap.size": "128mb",
    "taskmanager.memory.task.heap.size": "384mb",
    "taskmanager.memory.task.off-heap.size": "64mb",
    "taskmanager.memory.network.min": "512mb",
    "taskmanager.memory.network.max": "512mb",
    "taskmanager.memory.managed.size": "1g",
    "taskmanager.memory.jvm-metaspace.size": "256mb",
    "taskmanager.memory.jvm-overhead.min": "128mb",
    "taskmanager.memory.jvm-overhead.max": "128mb",
    "cluster.evenly-spread-out-slots": True,
    # Beam's classes are those in the class path. Classes that a job brings are loaded anew for each job, and Beam then
    # starts new Python workers for each stage, whatever environment_cache_millis is.
    "classloader.resolve-order": "parent-first",
    "heartbeat.interval": 1_000,
    "heartbeat.timeout": 10_000,
    "slot.request.timeout": 15_000,
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": 2,
    "restart-strategy.fixed-delay.delay": "1 s",
}


class Flink(BeamCluster):
    """Restarts the tasks of a job at most twice; a job that has no slots for 15 s fails."""

    release = "flink-1.19.3"
    outlives_its_workers = False
    _opened = ("java.text", "java.time")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        settings = _SETTINGS | {
            "jobmanager.rpc.port": self._port["rpc"],
            "rest.port": self._port["rest"],
            "io.tmp.dirs": str(self._temp),
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(settings))

    def settings(self) -> dict[str, Any]:
        # By default the job server copies all its jars to Flink for every job; here Flink has them.
        (shipped,) = (self.home() / "job-server").glob("beam-runners-flink-*.jar")
        arguments = [f"files_to_stage={shipped}"]
        return {
            "runner": "flink",
            "job_endpoint": self.job_endpoint,
            "parallelism": 2,
            "arguments": arguments,
        }

    def start_worker(self, name: str) -> None:
        self._launch_flink(name, "taskexecutor.TaskManagerRunner")

    def is_whole(self) -> bool:
        return (self._get("overview") or {}).get("taskmanagers") == 2

    def jobs(self) -> list[str]:
        found = sorted(self._get("jobs/overview")["jobs"], key=lambda job: job["start-time"])
        return [job["jid"] for job in found]

    def has_succeeded(self, job: str) -> bool:
        return bool(self._get(f"jobs/{job}")["state"] == "FINISHED")

    def busy(self, job: str) -> set[str]:
        vertices = self._get(f"jobs/{job}")["vertices"]
        found = [self._get(f"jobs/{job}/vertices/{vertex['id']}/taskmanagers") for vertex in vertices]
        return {one["taskmanager-id"] for each in found for one in each["taskmanagers"]} - {"(unassigned)"}

    def failures(self, job: str) -> list[str]:
        history: Any = self._get(f"jobs/{job}/exceptions")["exceptionHistory"]["entries"]
        return [entry["exceptionName"] for entry in history]

    def _start_manager(self) -> None:
        self._launch_flink("manager", "entrypoint.StandaloneSessionClusterEntrypoint")

    def _is_up(self) -> bool:
        return self._get("overview") is not None

    def _start_job_server(self, *arguments: str) -> None:
        driver = "org.apache.beam.runners.flink.FlinkJobServerDriver"
        manager = f"--flink-master=127.0.0.1:{self._port['rest']}"
        self._launch("jobs", ["job-server"], [], driver, manager, *arguments)

    def _launch_flink(self, name: str, main: str) -> None:
        self._launch(name, ["jars", "job-server"], [], f"{_RUNTIME}.{main}", f"--configDir={self._folder}")
