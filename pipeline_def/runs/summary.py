"""What a run came to: the object written to summary.json and printed by `regpipe run --json`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.common.ingest_record import RowCounts

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


class _Plain(BaseModel):
    """Plain data. NaN and infinity become null in JSON, which has neither."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


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


Ends = tuple[float, float] | None


class MetricIntervals(_Plain):
    """The low and the high end for each model and for candidate minus baseline; None where there is none."""

    candidate: Ends = None
    baseline: Ends = None
    difference: Ends = None


class Intervals(_Plain):
    """Paired bootstrap intervals on the test split; `confidence` is a fraction."""

    confidence: float
    auc: MetricIntervals = MetricIntervals()
    log_loss: MetricIntervals = MetricIntervals()
    accuracy: MetricIntervals = MetricIntervals()


class Sampled(_Plain):
    """How many rows of a split were looked at, and how many it has."""

    rows: int
    of: int


class Threshold(_Plain):
    """One condition for publishing.

    A floor compares the candidate's metric (`value`) with the least it must be (`bound`). A change compares the
    candidate's metric minus the baseline's with a signed bound, a gap the candidate's metric on the test split minus
    that on the training split. `compared` is what was held against the bound: the value, or in the mode `confidence`
    the end of its interval on the bad side. What equals its bound has passed. `slice` is None for the whole test split.
    """

    metric: str
    rule: Literal["floor", "change", "gap"]
    value: float | None
    bound: float
    passed: bool
    sentence: str
    direction: Literal[">=", "<="]
    mode: Literal["point", "confidence"] = "point"
    compared: float | None = None
    interval: Ends = None
    slice: str | None = None


class Slice(_Plain):
    """A part of the test split. `difference`: by metric, the interval of candidate minus baseline."""

    name: str
    rows: int
    positives: int
    too_small: bool
    candidate: Metrics
    baseline: Metrics | None = None
    difference: dict[str, Ends] = {}


class ModelGap(_Plain):
    """A model's metrics on the test split minus those on the training split."""

    log_loss: float | None = None
    auc: float | None = None


class Gap(_Plain):
    """The generalization gap, measured on the exported models."""

    candidate: ModelGap
    baseline: ModelGap | None = None


class Tuned(_Plain):
    """What the Tuner chose: the values by name, in which trial of how many, and its validation log loss."""

    values: dict[str, float]
    trial: int
    trials: int
    log_loss: float


class Override(_Plain):
    """Who published a model that was not blessed, when (ISO 8601) and why."""

    by: str
    at: str
    reason: str


class StepRecord(_Plain):
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
    rows: RowCounts | None = None
    metrics: BothMetrics | None = None
    intervals: Intervals | None = None
    sampled: dict[str, Sampled] = {}  # by split (test, train): those of which the verdict saw a sample only
    thresholds: tuple[Threshold, ...] = ()
    slices: tuple[Slice, ...] = ()
    gap: Gap | None = None
    tuned: Tuned | None = None
    reasons: tuple[str, ...] = ()  # why the model was not blessed
    held_back: str | None = None  # why a model that was blessed was not pushed
    override: Override | None = None
    steps: tuple[StepRecord, ...] = ()
    pushed_version: int | None = None
    pushed_path: str | None = None
    already_published: bool = False  # by an earlier run, which made the same model
    report_path: str | None = None
    error: str | None = None
    log_tail: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    rejected_rows: str | None = None
    logs: str | None = None

    def to_json(self) -> str:
        """The object as indented JSON, without a newline at the end."""
        return self.model_dump_json(indent=2)


class Rollback(_Plain):
    """Who went back to an old version, when (ISO 8601), why, from which and to which."""

    by: str
    at: str
    reason: str
    from_version: int
    to_version: int


class VersionRecord(_Plain):
    """One published version as `regpipe versions` lists it. Metrics of the candidate on the test split."""

    version: int
    current: bool
    path: str
    published: str | None = None
    run: str | None = None
    auc: float | None = None
    log_loss: float | None = None
    digest: str | None = None
    blessed_by: str | None = None
    rollback: Rollback | None = None


class RunRecord(_Plain):
    """One run as `regpipe runs` lists it. `started` is ISO 8601 with a time zone."""

    run_id: str
    started: str | None = None
    status: str
    steps: int = 0
    pushed_version: int | None = None
    blessed_by: str | None = None
