"""The keys under `beam`: where Beam runs. No step reads them, so a change here does not rerun any step."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from components.config.base import Settings, key

# FnApiRunner, because DirectRunner first looks for a binary on the network. The container image is never started, but
# without one TFX builds a source distribution of itself for every step.
LOCAL_ARGS = ("--runner=FnApiRunner", "--sdk_container_image=local")
# Makes workers import TFX first, which makes libraries of incompatible versions work together.
_PLUGIN = "tfx"
_RUNNERS = {"flink": "FlinkRunner", "spark": "SparkRunner", "dataflow": "DataflowRunner"}
_MASTER_OPTIONS = {"flink": "flink_master", "spark": "spark_master_url"}
_JAR_OPTIONS = {"flink": "flink_job_server_jar", "spark": "spark_job_server_jar"}
_ADDRESS = r"[A-Za-z0-9._-]+:[0-9]+"
_MASTERS = {
    "flink": (re.compile(_ADDRESS), "HOST:PORT of Flink's REST interface"),
    "spark": (
        re.compile(rf"spark://{_ADDRESS}|local(\[([0-9]+|\*)\])?|yarn|k8s://\S+"),
        "a master's URL such as spark://HOST:7077 or local[2]",
    ),
}
_WORKERS = {
    "process": ("process_command", "the program that starts a worker", "regpipe-beam-worker"),
    "external": ("external_service_address", "HOST:PORT of the pool that starts workers", None),
    "docker": ("docker_container_image", "the image of the workers", None),
}
_ARGUMENT = re.compile(r"[a-z][a-z0-9_]*(=.*)?", re.DOTALL)
# The Beam options that have their own configuration key.
_KEYS = {
    "runner": "beam.runner",
    "flink_master": "beam.master",
    "spark_master_url": "beam.master",
    "job_endpoint": "beam.job_endpoint",
    "flink_job_server_jar": "beam.job_server_jar",
    "spark_job_server_jar": "beam.job_server_jar",
    "parallelism": "beam.parallelism",
    "direct_num_workers": "beam.parallelism",
    "direct_running_mode": "beam.parallelism",
    "max_num_workers": "beam.parallelism",
    "environment_type": "beam.environment",
    "environment_config": "beam.worker",
    "environment_option": "beam.worker",
    "environment_options": "beam.worker",
    "sdk_container_image": "beam.worker",
    "project": "beam.dataflow.project",
    "region": "beam.dataflow.region",
    "temp_location": "beam.dataflow.temp_location",
    "service_account_email": "beam.dataflow.service_account",
}


def _arguments(values: tuple[str, ...]) -> tuple[str, ...]:
    names = [value.partition("=")[0] for value in values]
    for value, name in zip(values, names, strict=True):
        if not _ARGUMENT.fullmatch(value):
            raise ValueError(
                f"expected name=value, or the name of a switch, without leading dashes, got {value!r}"
            )
        if name in _KEYS:
            raise ValueError(
                f"expected options without their own key, got {name!r}; set {_KEYS[name]} instead"
            )
    return values


# YAML has lists, not tuples; this type accepts both.
Arguments = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_arguments)]


class DataflowConfig(Settings):
    """The settings of Google's Dataflow service, with `beam.runner: dataflow`."""

    project: str | None = key(None, "The Google Cloud project of the jobs.", min_length=1)
    region: str | None = key(None, "The region of the jobs, such as europe-west4.", min_length=1)
    temp_location: str | None = key(
        None,
        "The folder for temporary files.",
        expects="a folder such as gs://bucket/temp",
        # If the name of the bucket is not valid, Beam creates another bucket.
        pattern=r"^gs://[a-z0-9][a-z0-9._-]+[a-z0-9]/.+$",
    )
    service_account: str | None = key(
        None,
        "The service account of the workers; null: the project's default.",
        expects="an address such as name@project.iam.gserviceaccount.com",
        pattern=r"^[^@\s]+@[^@\s]+$",
    )


class BeamConfig(Settings):
    """Where Beam runs the steps that use it (ExampleGen, StatisticsGen, Transform, Evaluator), and predict --beam."""

    runner: Literal["local", "flink", "spark", "dataflow"] = key(
        "local",
        "'local': in the step's own process. With the others, all machines need access to the table, the root and the "
        "model under the same paths.",
    )
    parallelism: int | None = key(
        None,
        "How many workers share the work: processes (local), slots (flink), or the maximum number of machines "
        "(dataflow). None: one with local, otherwise the cluster's default. With spark, beam.master sets the number of "
        "cores.",
        unit="workers",
        ge=1,
    )
    master: str | None = key(
        None,
        "The cluster: HOST:PORT of Flink's REST interface, or Spark's master URL. Required with both, unless "
        "beam.job_endpoint is given.",
    )
    job_endpoint: str | None = key(
        None,
        "A running Beam job server for flink or spark; null: each step starts one, which needs Java.",
        expects="HOST:PORT",
        pattern=rf"^{_ADDRESS}$",
    )
    job_server_jar: str | None = key(
        None,
        "The jar of the job server that a step starts; null: Beam downloads the jar of its version.",
        min_length=1,
    )
    environment: Literal["process", "external", "docker", "loopback"] | None = key(
        None,
        "How Python workers are started; required with flink and spark. 'process': each machine runs beam.worker, with "
        "the same installation as here; 'external': a worker pool at beam.worker starts them; 'docker': from an image; "
        "'loopback': in the step's own process, which all machines must be able to connect to.",
    )
    worker: str | None = key(
        None,
        "process: the program (null: regpipe-beam-worker on the PATH); external: HOST:PORT of Beam's worker pool, seen "
        "from each machine; docker and dataflow: the image (null: kubeflow.image).",
        min_length=1,
    )
    arguments: Arguments = key(
        (),
        "Other options of Beam or the runner, each as name=value, or as the name of a switch, such as "
        "[environment_cache_millis=60000].",
    )
    dataflow: DataflowConfig = DataflowConfig()

    def args(self, image: str | None) -> list[str]:
        """Returns Beam's command-line arguments.

        Args:
            image: the image of workers in containers, if beam.worker is not given.
        """
        return [*self._runner_args(image), *(f"--{argument}" for argument in self.arguments)]

    def needs_image(self) -> bool:
        """Whether the workers run in containers and beam.worker does not name their image."""
        return self.worker is None and (self.environment == "docker" or self.runner == "dataflow")

    def _runner_args(self, image: str | None) -> list[str]:
        image = self.worker or image
        if self.runner == "local":
            multi_process = self.parallelism is not None and self.parallelism > 1
            processes = {
                "direct_running_mode": "multi_processing",
                "direct_num_workers": self.parallelism,
                "beam_plugin": _PLUGIN,
            }
            return [*LOCAL_ARGS, *_command_line(processes if multi_process else {})]
        if self.runner == "dataflow":
            google = self.dataflow
            options: dict[str, object] = {
                "sdk_container_image": image,
                "project": google.project,
                "region": google.region,
                "temp_location": google.temp_location,
                "service_account_email": google.service_account,
                "max_num_workers": self.parallelism,
            }
        else:
            assert self.environment is not None
            option, _, default = _WORKERS.get(self.environment, (None, "", None))
            worker = (image if self.environment == "docker" else self.worker) or default
            options = {
                "sdk_container_image": image if self.environment == "docker" else "local",
                "job_endpoint": self.job_endpoint,
                _MASTER_OPTIONS[self.runner]: self.master,
                _JAR_OPTIONS[self.runner]: self.job_server_jar,
                "parallelism": self.parallelism,
                "environment_type": self.environment.upper(),
                "environment_option": option and f"{option}={worker}",
            }
        return [f"--runner={_RUNNERS[self.runner]}", f"--beam_plugin={_PLUGIN}", *_command_line(options)]

    @model_validator(mode="after")
    def _keys_fit_the_runner(self) -> "BeamConfig":
        on_cluster = self.runner in _MASTERS
        for name in ("master", "job_endpoint", "job_server_jar", "environment"):
            value = getattr(self, name)
            if value is not None and not on_cluster:
                raise ValueError(f"beam.{name}: expected none with beam.runner: {self.runner}, got {value!r}")
        for name, value in self.dataflow:
            if value is not None and self.runner != "dataflow":
                raise ValueError(
                    f"beam.dataflow.{name}: expected none with beam.runner: {self.runner}, got {value!r}"
                )
        if self.runner == "local" and self.worker is not None:
            raise ValueError(f"beam.worker: expected none with beam.runner: local, got {self.worker!r}")
        if self.runner == "dataflow":
            for name in ("project", "region", "temp_location"):
                if getattr(self.dataflow, name) is None:
                    raise ValueError(
                        f"beam.dataflow.{name}: expected a value with beam.runner: dataflow, got none"
                    )
        if on_cluster:
            self._check_cluster()
        return self

    def _check_cluster(self) -> None:
        """Raises ValueError with a message that begins with the invalid key."""
        pattern, description = _MASTERS[self.runner]
        if self.master is None and self.job_endpoint is None:
            raise ValueError(f"beam.master: expected {description}, or beam.job_endpoint, got none")
        if self.master is not None and not pattern.fullmatch(self.master):
            raise ValueError(f"beam.master: expected {description}, got {self.master!r}")
        for name in ("master", "job_server_jar"):
            if self.job_endpoint is not None and getattr(self, name) is not None:
                raise ValueError(
                    f"beam.{name}: expected none with beam.job_endpoint, whose server has its own setting, "
                    f"got {getattr(self, name)!r}"
                )
        if self.runner == "spark" and self.parallelism is not None:
            raise ValueError(
                f"beam.parallelism: expected none with beam.runner: spark, got {self.parallelism}"
            )
        if self.environment is None:
            raise ValueError(
                f"beam.environment: expected process, external, docker or loopback with beam.runner: {self.runner}, "
                "got none"
            )
        external = self.environment == "external"
        if external and (self.worker is None or not re.fullmatch(_ADDRESS, self.worker)):
            shown = "none" if self.worker is None else repr(self.worker)
            raise ValueError(f"beam.worker: expected {_WORKERS['external'][1]}, got {shown}")
        if self.environment == "loopback" and self.worker is not None:
            raise ValueError(
                f"beam.worker: expected none with beam.environment: loopback, got {self.worker!r}"
            )


def _command_line(options: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items() if value is not None]
