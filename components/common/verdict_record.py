"""The verdict: what the Evaluator measured and decided. It is stored as `verdict.json` in the evaluation artifact.

The Evaluator writes it; the summary, the terminal, the report, the model card and Kubeflow's metrics use it.
docs/records.md documents each key for other programs.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from components.common.file_names import VERDICT_FILE
from components.common.stored_record import StoredRecord, finite_or_none

CANDIDATE, BASELINE = "candidate", "baseline"
_CARD = {"blessed", "reasons", "mode", "rows", "positives", "metrics", "thresholds"}


def _defined_interval(bounds: Any) -> Any:
    undefined = bounds is not None and any(finite_or_none(bound) is None for bound in bounds)
    return None if undefined else bounds


Number = Annotated[float | None, BeforeValidator(finite_or_none)]
"""A measured value. NaN and infinity, which JSON does not have, become None: the value is undefined."""

Interval = Annotated[tuple[float, float] | None, BeforeValidator(_defined_interval)]
"""The low and the high end of an interval; None if one of them is undefined."""


class VerdictPart(BaseModel):
    """A part of the verdict. Unknown keys are ignored: a later version of regpipe may add some."""

    model_config = ConfigDict(frozen=True)


class BootstrapSettings(VerdictPart):
    """How the intervals were computed; `confidence` is a fraction."""

    method: str
    resamples: int
    confidence: float
    seed: int


class MetricIntervals(VerdictPart):
    """The intervals of a metric: of each model's value, and of candidate minus baseline."""

    candidate: Interval = None
    baseline: Interval = None
    difference: Interval = None


class ComparedMetric(VerdictPart):
    """A metric of both models on the same rows.

    Attributes:
        candidate: the candidate's value.
        baseline: the baseline's value; None also if there is no baseline.
        difference: candidate minus baseline.
        interval: None for metrics for which no intervals are computed.
    """

    candidate: Number
    baseline: Number = None
    difference: Number = None
    interval: MetricIntervals | None = None


class Threshold(VerdictPart):
    """One condition for publishing, and its result.

    Attributes:
        metric: the name of the metric.
        rule: `floor` limits the candidate's metric, `change` the candidate's metric minus the baseline's, `gap` the
            candidate's metric on the test split minus that on the training split.
        direction: whether the value must be at least (>=) or at most (<=) the bound. A value that equals the bound
            passes.
        slice: the name of the slice; None: the whole test split.
        mode: `point` compares the value with the bound, `confidence` the worse end of its interval.
        value: the metric, the difference or the gap.
        interval: the interval of the value.
        compared: the number that was compared with the bound. None (undefined) never passes.
        bound: the configured bound; signed for a `change`.
        candidate: the candidate's own metric or gap.
        baseline: the baseline's own metric or gap; None also if there is no baseline.
        passed: whether the condition is met.
        sentence: the result as a sentence in lower case, without a full stop.
    """

    metric: str
    rule: Literal["floor", "change", "gap"]
    direction: Literal[">=", "<="]
    slice: str | None = None
    mode: Literal["point", "confidence"] = "point"
    value: Number
    interval: Interval = None
    compared: Number = None
    bound: float
    candidate: Number = None
    baseline: Number = None
    passed: bool
    sentence: str


class EvaluatedSlice(VerdictPart):
    """The metrics on the rows of the test split where `above` < feature <= `up_to`, or where the feature is missing.

    Attributes:
        name: the range as text.
        feature: the name of the feature.
        above: the lower end; None: there is none.
        up_to: the upper end; None: there is none.
        missing: whether these are the rows without a value of the feature.
        rows: the number of rows.
        positives: the number of rows with label 1.
        too_small: whether there are fewer rows than `evaluation.min_rows`, or fewer rows of a class than
            `evaluation.min_positives`.
        judged: whether the thresholds apply to this slice.
        metrics: by name; only the metrics that have intervals.
    """

    name: str
    feature: str
    above: float | None
    up_to: float | None
    missing: bool
    rows: int
    positives: int
    too_small: bool
    judged: bool
    metrics: dict[str, ComparedMetric]


class MetricGap(VerdictPart):
    """A model's metric on both splits; `difference` is test minus train."""

    train: Number
    test: Number
    difference: Number


class ModelGap(VerdictPart):
    """How a model's metrics differ between the splits."""

    log_loss: MetricGap
    auc: MetricGap


class GeneralizationGap(VerdictPart):
    """Both exported models on the training split and on the test split.

    Attributes:
        train_rows: the number of training rows that were measured.
        train_sampled_from: the number of rows in the training split, if only a sample was measured.
        candidate: the candidate's metrics.
        baseline: the baseline's metrics; None without a baseline.
    """

    train_rows: int
    train_sampled_from: int | None = None
    candidate: ModelGap
    baseline: ModelGap | None = None


class RocCurve(VerdictPart):
    """Points of the ROC curve: false positive rates, rising, and true positive rates."""

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]


class PrecisionRecallCurve(VerdictPart):
    """Points of the precision-recall curve: recall, rising, and precision."""

    recall: tuple[float, ...]
    precision: tuple[float, ...]


class CalibrationCurve(VerdictPart):
    """Bins of predicted probability that contain rows: mean prediction, share of class 1, number of rows."""

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    rows: tuple[int, ...]


class ConfusionMatrix(VerdictPart):
    """Numbers of rows at a probability threshold of 0.5."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int


class ModelCurves(VerdictPart):
    """The curves of one model on the test split; None where a curve is undefined."""

    roc: RocCurve | None
    precision_recall: PrecisionRecallCurve | None
    calibration: CalibrationCurve | None
    confusion: ConfusionMatrix


class BothCurves(VerdictPart):
    """The curves of both models; None without a baseline."""

    candidate: ModelCurves
    baseline: ModelCurves | None = None


class Verdict(StoredRecord):
    """What the Evaluator measured and decided.

    Attributes:
        format_version: the version of the format; a record without this key has version 1.
        blessed: whether the candidate may be published.
        reasons: why it is not blessed, in sentences; empty if it is.
        rows: the number of rows of the test split that were measured.
        sampled_from: the number of rows in the test split, if only a sample was measured.
        positives: the number of measured rows with label 1.
        bootstrap: how the intervals were computed.
        mode: evaluation.mode.
        metrics: the metrics on the test split, by name.
        thresholds: all conditions, those on the whole test split first.
        slices: the metrics on parts of the test split.
        gap: the models on the training split compared with the test split.
        curves: the curves that the report draws.
    """

    file_name = VERDICT_FILE
    description = "a verdict"

    format_version: Literal[1] = 1
    blessed: bool
    reasons: tuple[str, ...]
    rows: int
    sampled_from: int | None = None
    positives: int
    bootstrap: BootstrapSettings
    mode: Literal["point", "confidence"]
    metrics: dict[str, ComparedMetric]
    thresholds: tuple[Threshold, ...]
    slices: tuple[EvaluatedSlice, ...]
    gap: GeneralizationGap
    curves: BothCurves

    def without_curves(self) -> dict[str, Any]:
        """Returns the verdict as JSON values, without the long lists of points."""
        return self.model_dump(mode="json", exclude={"curves"})

    def card_entry(self) -> dict[str, Any]:
        """Returns what the model card keeps of the verdict, as JSON values: decision, metrics and thresholds."""
        return self.model_dump(mode="json", include=_CARD)
