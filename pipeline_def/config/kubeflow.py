"""The keys under `kubeflow`. No step reads them, so a change here does not rerun any step."""

import datetime
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from components.config.base import Settings, key, without_home
from pipeline_def.config import cron
from pipeline_def.config.kubeflow_metadata import MetadataConfig
from pipeline_def.config.kubeflow_steps import Overrides, StepsConfig
from pipeline_def.config.kubernetes_names import IMAGE, LABEL, NAME


def _assignments(values: tuple[str, ...]) -> tuple[str, ...]:
    names = [name.strip() for name, _, _ in (value.partition("=") for value in values)]
    for value, name in zip(values, names, strict=True):
        if not name or "=" not in value:
            raise ValueError(f"expected name=value, got {value!r}")
        if names.count(name) > 1:
            raise ValueError(f"expected each parameter once, got {name} {names.count(name)} times")
    return values


# YAML has lists, not tuples; this type accepts both.
Assignments = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_assignments)]
# The object store on which the steps may share their files, and those that TensorFlow can't read or write.
_STORE = "gs://"
UNREADABLE_STORES = ("s3://", "minio://")
UNREADABLE = "TensorFlow can't open this kind of store; mount the bucket as a folder in the cluster"


class ScheduleConfig(Settings):
    """When Kubeflow starts runs; takes effect with `regpipe schedule apply`. `regpipe submit` starts a single run."""

    cron: str | None = key(
        None,
        "When to run, as six fields: second, minute, hour, day of the month, month, day of the week. The time zone is "
        "that of Kubeflow Pipelines: UTC, unless its cronScheduleTimezone (CRON_SCHEDULE_TIMEZONE) sets another.",
    )
    interval: int | None = key(
        None,
        "Instead of cron: the time from the start of one run to the start of the next.",
        unit="seconds",
        ge=1,
    )
    start: str | None = key(
        None, "The earliest time of a run, such as 2027-01-01T00:00:00Z; null: the schedule starts now."
    )
    end: str | None = key(None, "The latest time of a run; null: the schedule does not end.")
    concurrency: int = key(
        1,
        "The maximum number of runs at the same time; no further run starts while this many are running.",
        unit="runs",
        ge=1,
        le=10,
    )
    catch_up: bool = key(
        False,
        "Whether to start every missed run (since `start`, or during a pause) later. If false, only the latest missed "
        "run is started, which is usually enough, because a run reads the newest span.",
    )
    parameters: Assignments = key(
        (), "Runtime parameters of scheduled runs that differ from the configuration, each as name=value."
    )
    enabled: bool = key(
        True, "Whether the schedule starts runs. `regpipe schedule pause` stops it without a change here."
    )

    @property
    def given(self) -> bool:
        """Whether the configuration has a schedule."""
        return self.cron is not None or self.interval is not None

    @field_validator("cron")
    @classmethod
    def _cron_is_six_fields(cls, value: str | None) -> str | None:
        if value is not None:
            cron.check(value)
        return value if value is None else " ".join(value.split())

    @field_validator("start", "end")
    @classmethod
    def _moment(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ValueError(
                f"expected a date and time with its offset from UTC, such as 2027-01-01T00:00:00Z, got {value!r}"
            )
        # The API stores whole seconds.
        return moment.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    @model_validator(mode="after")
    def _one_trigger_and_a_time_to_run(self) -> "ScheduleConfig":
        if self.cron is not None and self.interval is not None:
            raise ValueError("kubeflow.schedule.interval: expected either cron or interval, got both")
        if self.start and self.end and self.end <= self.start:
            raise ValueError(
                f"kubeflow.schedule.end: expected a time after kubeflow.schedule.start ({self.start}), "
                f"got {self.end}"
            )
        return self


class KubeflowConfig(Settings):
    """The Kubeflow Pipelines installation, and how it runs this pipeline. Tokens and passwords are not keys."""

    host: str | None = key(
        None,
        "The address of Kubeflow Pipelines, such as http://localhost:8080 behind `kubectl port-forward`; null: "
        "the environment variable KF_PIPELINES_ENDPOINT or, inside a cluster, its service.",
    )
    auth: Literal["none", "bearer", "service_account", "kubeconfig"] = key(
        "none",
        "How to log in to Kubeflow Pipelines. 'none': without credentials; 'bearer': with the token in the "
        "environment variable KUBEFLOW_TOKEN; 'service_account': as the pod's service account; 'kubeconfig': through "
        "the Kubernetes API server of your kubeconfig, without kubeflow.host. A token is sent to another host over "
        "https only.",
    )
    ca_file: str | None = key(
        None,
        "A CA bundle (PEM) for verifying the host; null: the public certificate authorities.",
    )
    timeout: int = key(30, "How long to wait for a response.", unit="seconds", ge=1)
    installation: str = key(
        "kubeflow",
        "The namespace in which Kubeflow Pipelines is installed; used when there is no kubeflow.host.",
        **LABEL,
    )
    namespace: str | None = key(
        None,
        "Your namespace in an installation with several users; null: a single-user installation.",
        **LABEL,
    )
    experiment: str | None = key(
        None,
        "The experiment of the runs; it is created if it does not exist. None: the value of `name`.",
        min_length=1,
    )
    image: str | None = key(
        None,
        "The name of the image built from kubeflow/Dockerfile, as the cluster pulls it; required by `compile`. It may "
        "have a digest (regpipe:1@sha256:...), so that nobody can change it by moving the tag.",
        **IMAGE,
    )
    root: str = key(
        "/mnt/regpipe",
        "Where the files of the runs are stored, except the metadata: the folder in the containers at which "
        "kubeflow.volume is mounted, or gs://bucket/folder, which the steps access as kubeflow.service_account.",
    )
    volume: str | None = key(
        "regpipe",
        "The PersistentVolumeClaim of the volume that is mounted at kubeflow.root; null: the cluster mounts it in "
        "another way. With a root on gs:// it is null.",
        **LABEL,  # Kubeflow names the pod's volume after the claim: backend/src/v2/driver/k8s.go, makeVolumeMountPatch
    )
    service_account: str | None = key(
        None, "The service account of the runs; null: the default one of Kubeflow Pipelines.", **NAME
    )
    overrides: Overrides = key(
        (),
        "Settings for single steps: image, cpu, memory, gpus and gpu_type (trainers only), and the keys of "
        "kubeflow.steps.",
        expects="a list of {step: NAME, KEY: VALUE, ...}, such as [{step: Trainer, gpus: 1, memory: 8Gi}]",
    )
    fail_when_not_blessed: bool = key(
        True, "Whether a run fails if its model was not blessed, so that nothing was pushed."
    )
    metadata: MetadataConfig = MetadataConfig()
    steps: StepsConfig = StepsConfig()
    schedule: ScheduleConfig = ScheduleConfig()

    _paths = field_validator("ca_file")(without_home)

    @field_validator("host")
    @classmethod
    def _host_is_an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.username or parts.password:
            raise ValueError("expected an address without a user or a password; see kubeflow.auth")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                f"expected an address such as https://kubeflow.example.org/pipeline, got {value!r}"
            )
        return re.sub(r"/+$", "", value)

    @field_validator("root")
    @classmethod
    def _root_is_shared(cls, value: str) -> str:
        root = re.sub(r"/+$", "", value)
        if not re.match(rf"/[^/:][^:]*$|{_STORE}[^/]", root):  # a path to mount at has no colon
            expected = f"a folder in the containers such as /mnt/regpipe, or {_STORE}bucket/folder"
            why = f": {UNREADABLE}" if value.startswith(UNREADABLE_STORES) else ""
            raise ValueError(f"expected {expected}, got {value!r}{why}")
        return root

    @model_validator(mode="before")
    @classmethod
    def _no_volume_for_a_store(cls, given: Any) -> Any:
        """Sets the default of `volume` to null if the root is on gs://, because then no volume is mounted."""
        on_store = isinstance(given, Mapping) and str(given.get("root")).startswith(_STORE)
        return {"volume": None, **given} if on_store else given

    @model_validator(mode="after")
    def _nothing_is_mounted_at_a_store(self) -> "KubeflowConfig":
        if self.root.startswith(_STORE) and self.volume is not None:
            raise ValueError(
                f"kubeflow.volume: expected null if kubeflow.root is on {_STORE}, because nothing is mounted there, "
                f"got {self.volume!r}"
            )
        return self

    @model_validator(mode="after")
    def _kubeconfig_contains_the_host(self) -> "KubeflowConfig":
        if self.auth == "kubeconfig" and self.host is not None:
            raise ValueError(
                f"kubeflow.host: expected none if kubeflow.auth is kubeconfig, which contains the host, "
                f"got {self.host!r}"
            )
        return self
