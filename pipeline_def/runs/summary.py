"""The summary of a run: the object that is written to summary.json and printed by `regpipe run --json`.

docs/records.md documents each key for other programs.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from components.common.drift_record import DriftFinding, DriftMode, ReferenceKind
from components.common.ingest_record import RowCounts
from components.common.stored_record import StoredRecord
from components.common.verdict_record import (
    Contributions,
    Finding,
    Interval,
    MetricIntervals,
    Number,
    OperatingPoint,
    SeedScores,
    ServedComparison,
    Threshold,
)
from components.tasks.binary import LOG_LOSS

# "partial": a run that ended before the Pusher, as --to-step requires.
Status = Literal["pushed", "partial", "not_blessed", "data_refused", "failed"]
StepStatus = Literal["done", "cached", "failed", "skipped"]
EXIT_CODES: Mapping[Status, int] = {
    "pushed": 0,
    "partial": 0,
    "failed": 1,
    "data_refused": 3,
    "not_blessed": 4,
}


class _Record(BaseModel):
    """Base class of the records: frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


ModelMetrics = dict[str, int | Number]
"""The metrics of one model on the test split by name, through its serving signature, and `example_count`, the number of
rows. None: undefined."""


class BothMetrics(_Record):
    """The metrics of all models; with several training seeds, the means over the seeds.

    Attributes:
        candidate: the candidate.
        baseline: the same network without regularization.
        early_stopped: the same network with early stopping alone.
        served: the model that is served now; it is one network, also with several training seeds.
        base_rate: a model that predicts the mean of the label in the training split for each row.
    """

    candidate: ModelMetrics
    baseline: ModelMetrics | None = None
    early_stopped: ModelMetrics | None = None
    served: ModelMetrics | None = None
    base_rate: ModelMetrics | None = None


class Intervals(_Record):
    """Paired bootstrap intervals on the test split; `confidence` is a fraction.

    In JSON, the intervals of each metric are beside `confidence`, under the name of the metric.
    """

    confidence: float
    by_metric: dict[str, MetricIntervals] = {}

    def of(self, metric: str) -> MetricIntervals:
        """Returns the intervals of a metric; all are None if it has none."""
        return self.by_metric.get(metric, MetricIntervals())

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "by_metric" in content:
            return content
        others = {name: value for name, value in content.items() if name != "confidence"}
        return {"confidence": content.get("confidence"), "by_metric": others}

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"confidence": self.confidence, **self.by_metric}


class Sampled(_Record):
    """The number of rows of a split that were measured, and the number of rows in it."""

    rows: int
    of: int


class SliceSummary(_Record):
    """A part of the test split. By metric, `difference` has the interval of candidate minus baseline, and
    `served_difference` that of candidate minus served model.
    """

    name: str
    rows: int
    positives: int | None
    too_small: bool
    candidate: ModelMetrics
    baseline: ModelMetrics | None = None
    served: ModelMetrics | None = None
    difference: dict[str, Interval] = {}
    served_difference: dict[str, Interval] = {}


class GapSummary(_Record):
    """The generalization gap of both exported models: their metrics, test minus training split. None: undefined."""

    candidate: dict[str, Number]
    baseline: dict[str, Number] | None = None


class Tuned(_Record):
    """The strengths that the Tuner chose.

    Attributes:
        values: the strengths by name.
        trial: the number of their trial.
        trials: the number of combinations that were tried.
        metric: the name of the loss of the training.
        loss: the validation loss of their network: the log loss in nats; for a regression, of the scaled label.
        lowest_loss: the lowest one of all networks; None in records of earlier versions, as is `zero_share`.
        zero_share: the fraction of the weights of their network that is exactly 0.
    """

    values: dict[str, float]
    trial: int
    trials: int
    metric: str = LOG_LOSS.name
    loss: float
    lowest_loss: float | None = None
    zero_share: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _rename_version_1(cls, values: dict[str, Any]) -> dict[str, Any]:
        old = {"log_loss": "loss", "lowest_log_loss": "lowest_loss"}
        return {old.get(name, name): value for name, value in values.items()}


class DriftComparison(_Record):
    """What moved since one reference.

    Attributes:
        kind: `served`: the training data of the served model; `span`: the span before.
        name: the reference in words.
        rows_before, rows_now: the rows of both training splits.
        features: how many features were compared.
        moved: how many columns have moved.
        findings: what moved, at most 20; `drift.json` has all.
    """

    kind: ReferenceKind
    name: str
    rows_before: int
    rows_now: int
    features: int
    moved: int
    findings: tuple[DriftFinding, ...] = ()


class DriftSummary(_Record):
    """How far the data is from earlier tables.

    Attributes:
        mode: data.drift.
        moved: how many columns have moved, since any reference.
        comparisons: one for each reference that there is.
        notes: why a reference is missing, one sentence each.
    """

    mode: DriftMode
    moved: int = 0
    comparisons: tuple[DriftComparison, ...] = ()
    notes: tuple[str, ...] = ()


class Override(_Record):
    """Who published a model that was not blessed, when (ISO 8601) and why."""

    by: str
    at: str
    reason: str


class StepRecord(_Record):
    """One step of the run; `seconds` is wall time, 0 for a skipped step."""

    name: str
    seconds: float
    cached: bool
    status: StepStatus


class Summary(StoredRecord):
    """The result of a run, stored in its folder.

    A key is None or empty if the run did not get that far, or if it does not apply.

    Attributes:
        format_version: of this record; a record without it has version 1.
        run_id: the id of the run.
        started: when the run started, ISO 8601 with a time zone.
        status: how the run ended.
        exit_code: the exit code of `regpipe run`.
        rows: the rows of each split.
        task: what the models predict; None also in a record of an earlier version.
        label: the name of the label column.
        label_rate: the share of label 1 in all splits.
        drift: how far the data is from earlier tables.
        metrics: both models on the test split.
        intervals: the intervals of the metrics.
        findings: by metric, what the interval of candidate minus baseline says.
        served_findings: by metric, what the interval of candidate minus served model says.
        contributions: what early stopping and the penalties brought.
        seeds: the losses of each training seed; empty with only one seed.
        sampled: by split (test, train), if the verdict measured only a sample of it.
        thresholds: all conditions for publishing, as in the verdict.
        slices: the metrics on parts of the test split.
        operating_point: the candidate's decision threshold, as in the verdict.
        gap: the generalization gap.
        served: the served model that the candidate was compared with, as in the verdict.
        tuned: the strengths that the Tuner chose.
        reasons: why the model was not blessed.
        next_steps: what can be done about the data and about a model that is not blessed.
        held_back: why a blessed model was not pushed.
        override: who published the model by hand.
        steps: the steps, in the order in which they were started.
        pushed_version: the version that was published.
        pushed_path: where it was published.
        already_published: whether an earlier run had published the same model.
        report_path: the report.
        error: why the run failed, or why its data was refused.
        log_tail: the last lines of the log of the failed step.
        warnings: sentences about the data.
        rejected_rows: the file with the rejected rows.
        logs: the folder with the logs.
    """

    model_config = ConfigDict(extra="forbid", protected_namespaces=())
    file_name = "summary.json"
    description = "a summary"

    format_version: Literal[1, 2] = 2
    run_id: str
    started: str | None = None
    status: Status
    exit_code: int
    rows: RowCounts | None = None
    task: str | None = None
    label: str | None = None
    label_rate: Number = None
    drift: DriftSummary | None = None
    metrics: BothMetrics | None = None
    intervals: Intervals | None = None
    findings: dict[str, Finding] = Field(default_factory=dict)
    served_findings: dict[str, Finding] = Field(default_factory=dict)
    contributions: Contributions | None = None
    seeds: tuple[SeedScores, ...] = ()
    sampled: dict[str, Sampled] = Field(default_factory=dict)
    thresholds: tuple[Threshold, ...] = ()
    slices: tuple[SliceSummary, ...] = ()
    operating_point: OperatingPoint | None = None
    gap: GapSummary | None = None
    served: ServedComparison | None = None
    tuned: Tuned | None = None
    reasons: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    held_back: str | None = None
    override: Override | None = None
    steps: tuple[StepRecord, ...] = ()
    pushed_version: int | None = None
    pushed_path: str | None = None
    already_published: bool = False
    report_path: str | None = None
    error: str | None = None
    log_tail: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    rejected_rows: str | None = None
    logs: str | None = None


class Rollback(_Record):
    """Who rolled back, when (ISO 8601), why, and from which version to which."""

    by: str
    at: str
    reason: str
    from_version: int
    to_version: int


class VersionRecord(_Record):
    """One published version, as `regpipe versions` lists it. The metrics are the candidate's on the test split."""

    version: int
    current: bool
    path: str
    published: str | None = None
    run: str | None = None
    auc: float | None = None
    log_loss: float | None = None
    r2: float | None = None
    rmse: float | None = None
    macro_auc: float | None = None
    cross_entropy: float | None = None
    digest: str | None = None
    blessed_by: str | None = None
    rollback: Rollback | None = None


class RunRecord(_Record):
    """One run, as `regpipe runs` lists it. `started` is ISO 8601 with a time zone."""

    run_id: str
    started: str | None = None
    status: str
    steps: int = 0
    pushed_version: int | None = None
    blessed_by: str | None = None
