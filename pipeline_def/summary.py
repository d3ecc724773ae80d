"""What a run came to: the object written to summary.json and printed by `regpipe run --json`."""

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

# "partial": a run that was asked to end before the Pusher, and did.
Status = Literal["pushed", "partial", "not_blessed", "data_refused", "failed"]
StepStatus = Literal["done", "cached", "failed", "skipped"]
EXIT_CODES: Mapping[Status, int] = {
    "pushed": 0,
    "partial": 0,
    "failed": 1,
    "data_refused": 3,
    "not_blessed": 4,
}
VISIBLE = 0.00005  # a smaller difference is 0 in four digits
LABELS: Mapping[str, str] = {
    "auc": "AUC",
    "pr_auc": "PR-AUC",
    "log_loss": "log loss",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
}


class _Plain(BaseModel):
    """Plain data. NaN and infinity become null in JSON, which has neither."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Rows(_Plain):
    """How many rows went into each split, and how many were set aside."""

    train: int
    eval: int
    test: int
    rejected: int = 0


class Metrics(_Plain):
    """One model on the test split, through its serving signature. log_loss in nats; NaN, None: undefined."""

    auc: float | None = None
    log_loss: float | None = None
    accuracy: float | None = None
    pr_auc: float | None = None
    precision: float | None = None
    recall: float | None = None
    example_count: int | None = None


class BothMetrics(_Plain):
    """The candidate and the same network without regularization."""

    candidate: Metrics
    baseline: Metrics | None = None


class Threshold(_Plain):
    """One condition for publishing.

    A floor compares the candidate's metric (`value`) with the least it must be (`bound`). A change compares the
    candidate's metric minus the baseline's (`value`) with a signed `bound`: at most that for log loss, which is
    better when lower; at least that for the others. A value that equals its bound has passed.
    """

    metric: str
    rule: Literal["floor", "change"]
    value: float | None
    bound: float
    passed: bool
    sentence: str

    @classmethod
    def floor(cls, metric: str, value: float | None, bound: float, *, passed: bool) -> "Threshold":
        """The candidate's `metric` must be at least `bound`. `passed` is the Evaluator's word."""
        relation = "at least" if passed else "not at least"
        sentence = f"the {LABELS.get(metric, metric)} is {number(value)}, {relation} {bound:g}"
        return cls(metric=metric, rule="floor", value=value, bound=bound, passed=passed, sentence=sentence)

    @classmethod
    def change(cls, metric: str, value: float | None, bound: float, *, passed: bool) -> "Threshold":
        """The candidate's `metric` minus the baseline's must stay on the good side of `bound` (signed)."""
        side = "at most" if metric == "log_loss" else "at least"
        relation = side if passed else f"not {side}"
        sentence = (
            f"the {LABELS.get(metric, metric)} differs from the baseline's by {number(value, signed=True)}, "
            f"{relation} {signed(bound)}"
        )
        return cls(metric=metric, rule="change", value=value, bound=bound, passed=passed, sentence=sentence)


class Step(_Plain):
    """One step of the run; `seconds` of wall time, 0 for one that was skipped."""

    name: str
    seconds: float
    cached: bool
    status: StepStatus


class Summary(_Plain):
    """What a run came to. Paths are text, as the person who started the run would type them."""

    run_id: str
    status: Status
    exit_code: int
    rows: Rows | None = None
    metrics: BothMetrics | None = None
    thresholds: tuple[Threshold, ...] = ()
    steps: tuple[Step, ...] = ()
    pushed_version: int | None = None
    pushed_path: str | None = None
    report_path: str | None = None
    error: str | None = None
    log_tail: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    rejected_rows: str | None = None
    logs: str | None = None

    def to_json(self) -> str:
        """The object as indented JSON, without a newline at the end."""
        return self.model_dump_json(indent=2)


class RunRecord(_Plain):
    """One run as `regpipe runs` lists it. `started` is ISO 8601 with a time zone."""

    run_id: str
    started: str | None = None
    status: str
    steps: int = 0
    pushed_version: int | None = None


def number(value: float | None, *, signed: bool = False) -> str:
    """Four digits: 0.9123, +0.0112, NaN, none. A difference that four digits would hide: +2.0e-05."""
    if value is None:
        return "none"
    if math.isnan(value):
        return "NaN"
    if not signed:
        return f"{value:.4f}"
    if value == 0:
        return "0"
    return f"{value:+.1e}" if abs(value) < VISIBLE else f"{value:+.4f}"


def signed(bound: float) -> str:
    """A bound with its sign: +0.01, -0.01, 0."""
    return f"{bound:+g}" if bound else "0"
