"""The keys under `kubeflow.steps` and `kubeflow.overrides`: the containers of the steps and their resources."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from components.config.base import Settings, key
from pipeline_def.config.kubernetes_names import (
    IMAGE,
    QUALIFIED_PATTERN,
    SECRET_KEY_PATTERN,
    SUBDOMAIN_PATTERN,
    VALUE_PATTERN,
)
from pipeline_def.steps import STEP_NAMES, STEPS

TRAINERS = tuple(step.name for step in STEPS if step.uses_gpu)
_CPU: dict[str, Any] = {
    "expects": "a number of cores such as '2' or '500m'",
    "pattern": r"^([0-9]+(\.[0-9]+)?|[0-9]+m)$",
}
_MEMORY: dict[str, Any] = {
    "expects": "bytes such as 512Mi or 4Gi",
    "pattern": r"^[0-9]+(\.[0-9]+)?((E|P|T|G|M|K)i?)?$",
}
_EFFECTS = "NoSchedule|PreferNoSchedule|NoExecute"
_LABEL = re.compile(f"{QUALIFIED_PATTERN}={VALUE_PATTERN}")
_TAINT = re.compile(f"{QUALIFIED_PATTERN}(={VALUE_PATTERN})?:({_EFFECTS})")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_FROM_SECRET = re.compile(rf"[A-Za-z_][A-Za-z0-9_]*={SUBDOMAIN_PATTERN}:{SECRET_KEY_PATTERN}")


def _each(pattern: re.Pattern[str], example: str) -> AfterValidator:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not pattern.fullmatch(value):
                raise ValueError(f"expected {example}, got {value!r}")
        return values

    return AfterValidator(check)


# YAML has lists, not tuples; these types accept both.
Texts = Annotated[tuple[str, ...], Field(strict=False)]
Labels = Annotated[Texts, _each(_LABEL, "labels such as disk=ssd")]
Taints = Annotated[Texts, _each(_TAINT, "taints as kubectl writes them, such as gpu=true:NoSchedule")]
Variables = Annotated[Texts, _each(_VARIABLE, "variables such as HTTPS_PROXY=http://proxy:3128")]
FromSecrets = Annotated[Texts, _each(_FROM_SECRET, "VARIABLE=secret:key, such as TOKEN=store:token")]


class StepsConfig(Settings):
    """Settings of every step's container; kubeflow.overrides changes them for single steps."""

    cpu: str | None = key(
        "500m",
        "The CPU request of a step, which has no CPU limit; null: the cluster's default. Verdict and Notify need less.",
        **_CPU,
    )
    memory: str | None = key(
        "4Gi",
        "The memory request and limit of a step; null: the cluster's default. Up to 10 million rows of 20 features, a "
        "step needed less than 1.6 GiB. Verdict and Notify need less.",
        **_MEMORY,
    )
    node_selector: Labels = key((), "Labels that a node must have, each as label=value.")
    tolerations: Taints = key(
        (), "Taints of nodes that the steps tolerate, each as key=value:effect or key:effect."
    )
    retries: int = key(
        1,
        "How often a step is tried again after it failed, was killed or lost its pod, in all. Refused data and a wrong "
        "configuration are never tried again. docs/kubeflow.md lists what each version of Kubeflow Pipelines covers.",
        unit="retries",
        ge=0,
        le=100,
    )
    backoff: int = key(
        30,
        "The wait before the first retry; it doubles with each further retry, up to an hour.",
        unit="seconds",
        ge=0,
        le=3600,
    )
    retry_window: int = key(
        2_592_000,
        "No retry is started later than this after the start of the first attempt. The default is 30 days.",
        unit="seconds",
        ge=1,
        le=31_536_000,
    )
    timeout: int = key(
        0, "The time after which an attempt is ended and counts as failed; 0: never.", unit="seconds", ge=0
    )
    env: Variables = key(
        (), "Environment variables, each as NAME=value. Not for secrets: the compiled pipeline contains them."
    )
    secrets: FromSecrets = key((), "Environment variables from Kubernetes secrets, each as NAME=secret:key.")


class StepOverride(Settings):
    """The settings of one step; those left out are taken from kubeflow.steps."""

    step: Literal[STEP_NAMES]  # type: ignore[valid-type]
    image: str | None = Field(default=None, pattern=IMAGE["pattern"])
    cpu: str | None = Field(default=None, pattern=_CPU["pattern"])
    memory: str | None = Field(default=None, pattern=_MEMORY["pattern"])
    gpus: int | None = Field(default=None, ge=0)
    gpu_type: str = Field(default="nvidia.com/gpu", pattern=rf"^{QUALIFIED_PATTERN}$")
    node_selector: Labels | None = None
    tolerations: Taints | None = None
    retries: int | None = Field(default=None, ge=0, le=100)
    backoff: int | None = Field(default=None, ge=0, le=3600)
    retry_window: int | None = Field(default=None, ge=1, le=31_536_000)
    timeout: int | None = Field(default=None, ge=0)
    env: Variables | None = None
    secrets: FromSecrets | None = None

    @model_validator(mode="after")
    def _only_trainers_use_gpus(self) -> "StepOverride":
        if self.gpus and self.step not in TRAINERS:
            raise ValueError(f"expected gpus for {', '.join(TRAINERS)} only, got {self.gpus} for {self.step}")
        return self

    def merged_with(self, steps: StepsConfig) -> StepsConfig:
        """Returns the settings of every step, with those that this step overrides."""
        given = {name: getattr(self, name) for name in StepsConfig.model_fields}
        return steps.model_copy(update={name: value for name, value in given.items() if value is not None})


def _one_each(overrides: tuple[StepOverride, ...]) -> tuple[StepOverride, ...]:
    names = [override.step for override in overrides]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"expected each step once, got {name} {names.count(name)} times")
    return overrides


Overrides = Annotated[tuple[StepOverride, ...], Field(strict=False), AfterValidator(_one_each)]
