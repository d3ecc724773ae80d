"""The keys under `kubeflow`. No step reads them: a change here reruns nothing."""

import datetime
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from components.config.base import Settings, key
from pipeline_def.config import cron
from pipeline_def.config.kubeflow_steps import NAME, SECRET_KEY, MetadataConfig, Overrides, StepsConfig


def _assignments(values: tuple[str, ...]) -> tuple[str, ...]:
    names = [name.strip() for name, _, _ in (value.partition("=") for value in values)]
    for value, name in zip(values, names, strict=True):
        if not name or "=" not in value:
            raise ValueError(f"expected name=value, got {value!r}")
        if names.count(name) > 1:
            raise ValueError(f"expected each parameter once, got {name} {names.count(name)} times")
    return values


# YAML has lists, not tuples: this type takes either, and nothing else.
Assignments = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_assignments)]
# Where the steps may share their files besides a folder, and what TensorFlow, which opens them, has no way to.
_STORE = "gs://"
UNREADABLE_STORES = ("s3://", "minio://")
UNREADABLE = "TensorFlow opens no such store; have the cluster mount the bucket as a folder"
# What Kubernetes takes as the name of a namespace: RFC 1123.
_LABEL = "lower-case letters, digits and hyphens (at most 63)"
_LABEL_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class ScheduleConfig(Settings):
    """When the pipeline runs by itself, once `regpipe schedule apply` has been called; see also `regpipe submit`."""

    cron: str | None = key(
        None,
        "When to run, in six fields: second, minute, hour, day of the month, month, day of the week. In the time zone "
        "of Kubeflow Pipelines: UTC, unless its cronScheduleTimezone (CRON_SCHEDULE_TIMEZONE) is another.",
    )
    interval: int | None = key(
        None,
        "In the place of cron: how long after the last run began the next one does.",
        unit="seconds",
        ge=1,
    )
    start: str | None = key(None, "Not before this moment, such as 2027-01-01T00:00:00Z; none: from now on.")
    end: str | None = key(None, "Not after this moment; none: for ever.")
    concurrency: int = key(
        1,
        "Runs that may be under way at once; while there are as many, none is started.",
        unit="runs",
        ge=1,
        le=10,
    )
    catch_up: bool = key(
        False,
        "Whether each run that was missed (before now, after `start`, or while paused) is made up for. Off: only the "
        "latest one is. A run reads the newest span anyway.",
    )
    parameters: Assignments = key(
        (), "Runtime parameters of its runs that differ from the configuration, each as name=value."
    )
    enabled: bool = key(
        True, "Whether it starts runs. `regpipe schedule pause` stops it without a change here."
    )

    @property
    def given(self) -> bool:
        """Whether there is to be a schedule."""
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
        # The API keeps whole seconds.
        return moment.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    @model_validator(mode="after")
    def _one_trigger_and_a_time_to_run(self) -> "ScheduleConfig":
        if self.cron is not None and self.interval is not None:
            raise ValueError("kubeflow.schedule.interval: expected cron or interval, got both")
        if self.start and self.end and self.end <= self.start:
            raise ValueError(
                f"kubeflow.schedule.end: expected a moment after kubeflow.schedule.start ({self.start}), "
                f"got {self.end}"
            )
        return self


class NotifyConfig(Settings):
    """Who is told how each run ended: a JSON is posted to an address that only a Kubernetes secret knows."""

    secret: str | None = key(
        None,
        "The Kubernetes secret with the URL; none: nobody is told.",
        **NAME,
    )
    secret_key: str = key("url", "The key in that secret.", **SECRET_KEY)


class KubeflowConfig(Settings):
    """Where Kubeflow Pipelines is, and how it runs this pipeline. Tokens and passwords are never keys."""

    host: str | None = key(
        None,
        "The address of Kubeflow Pipelines, such as http://localhost:8080 behind `kubectl port-forward`; none: "
        "KF_PIPELINES_ENDPOINT in the environment, else the service inside the cluster.",
    )
    auth: Literal["none", "bearer", "service_account", "kubeconfig"] = key(
        "none",
        "Who asks: nobody in particular; whoever the token in the environment variable KUBEFLOW_TOKEN belongs to; the "
        "pod's service account; or you, through the Kubernetes API server of your kubeconfig (then without a host).",
    )
    ca_file: str | None = key(
        None,
        "A PEM file of the authorities that may have signed the host's certificate; none: the public ones.",
    )
    timeout: int = key(30, "How long an answer may take.", unit="seconds", ge=1)
    installation: str = key(
        "kubeflow",
        "The namespace that Kubeflow Pipelines is installed in; it is looked for there when there is no host.",
        expects=_LABEL,
        pattern=_LABEL_PATTERN,
    )
    namespace: str | None = key(
        None,
        "Your namespace, where several users share an installation; none: a single-user installation.",
        expects=_LABEL,
        pattern=_LABEL_PATTERN,
    )
    experiment: str | None = key(
        None, "The experiment that the runs belong to, made where it is missing; none: `name`.", min_length=1
    )
    image: str | None = key(
        None,
        "The image that kubeflow/Dockerfile makes, as the cluster pulls it; `compile` needs it.",
        min_length=1,
    )
    root: str = key(
        "/mnt/regpipe",
        "Where everything of the runs but the metadata lies: the folder in the containers at which kubeflow.volume is "
        "mounted, or gs://bucket/folder, which the steps reach as kubeflow.service_account.",
    )
    volume: str | None = key(
        "regpipe",
        "The claim (PVC) of the volume that is mounted there; null: the cluster mounts it by other means. A root on "
        "gs:// needs none: it is null then.",
        **NAME,
    )
    service_account: str | None = key(
        None, "The service account of the runs; none: that of Kubeflow Pipelines.", **NAME
    )
    overrides: Overrides = key(
        (),
        "What single steps get instead: image, cpu, memory, gpus and gpu_type (trainers only), and the keys of "
        "kubeflow.steps.",
        expects="a list of {step: NAME, KEY: VALUE, ...}, such as [{step: Trainer, gpus: 1, memory: 8Gi}]",
    )
    fail_when_not_blessed: bool = key(
        True, "Whether a run whose model was not blessed, so that nothing was pushed, ends as failed."
    )
    metadata: MetadataConfig = key(MetadataConfig(), "The ML Metadata store that all steps share.")
    steps: StepsConfig = key(StepsConfig(), "What every step's container gets.")
    schedule: ScheduleConfig = key(ScheduleConfig(), "When the pipeline runs by itself.")
    notify: NotifyConfig = key(NotifyConfig(), "Who is told how a run ended.")

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
        if not re.match(rf"/[^/]|{_STORE}[^/]", root):
            expected = f"a folder in the containers such as /mnt/regpipe, or {_STORE}bucket/folder"
            why = f": {UNREADABLE}" if value.startswith(UNREADABLE_STORES) else ""
            raise ValueError(f"expected {expected}, got {value!r}{why}")
        return root

    @model_validator(mode="before")
    @classmethod
    def _no_volume_for_a_store(cls, given: Any) -> Any:
        """What is not given is then null, and not the default: that is the volume of the other kind of root."""
        on_store = isinstance(given, Mapping) and str(given.get("root")).startswith(_STORE)
        return {"volume": None, **given} if on_store else given

    @model_validator(mode="after")
    def _nothing_is_mounted_at_a_store(self) -> "KubeflowConfig":
        if self.root.startswith(_STORE) and self.volume is not None:
            raise ValueError(
                f"kubeflow.volume: expected null where kubeflow.root is on {_STORE}, as nothing is mounted there, "
                f"got {self.volume!r}"
            )
        return self

    @model_validator(mode="after")
    def _kubeconfig_knows_the_host(self) -> "KubeflowConfig":
        if self.auth == "kubeconfig" and self.host is not None:
            raise ValueError(
                f"kubeflow.host: expected none where kubeflow.auth is kubeconfig, which says where to ask, "
                f"got {self.host!r}"
            )
        return self
