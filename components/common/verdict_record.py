"""The verdict: what the Evaluator measured and decided. It is stored as `verdict.json` in the evaluation artifact.

The Evaluator writes it; the summary, the terminal, the report, the model card and Kubeflow's metrics use it.
docs/records.md documents each key for other programs.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from components.common.file_names import VERDICT_FILE
from components.common.served_record import ServedReference
from components.common.stored_record import StoredRecord, finite_or_none

CANDIDATE, BASELINE, EARLY_STOPPED = "candidate", "baseline", "early_stopped"
SERVED, BASE_RATE = "served", "base_rate"
_CARD = {
    "blessed", "reasons", "mode", "task", "rows", "positives", "metrics", "thresholds", "contributions", "seeds",
    "operating_point", "judged", "served",
}  # fmt: skip


def _defined_interval(bounds: Any) -> Any:
    undefined = bounds is not None and any(finite_or_none(bound) is None for bound in bounds)
    return None if undefined else bounds


Number = Annotated[float | None, BeforeValidator(finite_or_none)]
"""A measured value. NaN and infinity, which JSON does not have, become None: the value is undefined."""

Interval = Annotated[tuple[float, float] | None, BeforeValidator(_defined_interval)]
"""The low and the high end of an interval; None if one of them is undefined."""


Finding = Literal["better", "worse", "unclear", "equal"]
"""What the interval of a difference says of the first model. `unclear`: it includes 0, so there is no clear
difference. `equal`: both ends are 0, so there is no difference on any resample."""

Rule = Literal["floor", "change", "base_rate", "early_stopping", "served", "gap"]
"""What a threshold limits: see Threshold."""
DIFFERENCES: tuple[Rule, ...] = ("change", "base_rate", "early_stopping", "served")
"""The rules that limit the difference between the candidate and another model."""

OperatingRule = Literal["f1", "recall", "precision", "cost"]
"""What the decisions at the operating point maximize, or `cost`, which they minimize."""

Mode = Literal["no_worse", "better", "point", "confidence"]
"""evaluation.mode; `confidence` is the name of an earlier version of regpipe for `better`."""


NEGLIGIBLE = 0.1
"""A difference below this share of the tolerance is of no practical importance, however many rows make it clear."""


def negligible(bound: float) -> float:
    """Returns the bound on a difference that is clear, not chance, for a bound on any difference."""
    return float(f"{NEGLIGIBLE * bound:.6g}")


class VerdictPart(BaseModel):
    """A part of the verdict. Unknown keys are ignored: a later version of regpipe may add some."""

    model_config = ConfigDict(frozen=True)


class BootstrapSettings(VerdictPart):
    """How the intervals were computed; `confidence` is a fraction.

    `groups` is the number of groups of the rows, which the bootstrap draws as a whole; None: it draws rows.
    """

    method: str
    resamples: int
    confidence: float
    seed: int
    groups: int | None = None


class MetricIntervals(VerdictPart):
    """The intervals of a metric: of the value of each model, and of the differences between two models.

    Attributes:
        candidate: of the candidate.
        baseline: of the baseline.
        early_stopped: of the network with early stopping alone.
        served: of the served model.
        difference: of candidate minus baseline.
        early_stopping: of early stopping alone minus baseline.
        penalties: of candidate minus early stopping alone.
        base_rate: of candidate minus base rate.
        served_difference: of candidate minus served model.
    """

    candidate: Interval = None
    baseline: Interval = None
    early_stopped: Interval = None
    difference: Interval = None
    early_stopping: Interval = None
    penalties: Interval = None
    base_rate: Interval = None
    served: Interval = None
    served_difference: Interval = None


class ComparedMetric(VerdictPart):
    """A metric of all models on the same rows. With several training seeds, each value is the mean over the seeds.

    Attributes:
        candidate: the candidate's value.
        baseline: the baseline's value; None also if there is no baseline.
        early_stopped: the value of the network with early stopping alone: the baseline's with the weights of its best
            epoch. None also if there is none.
        base_rate: the value of a model that knows no features, and predicts the mean of the label in the training split
            (the share of label 1) for each row; in a slice, the mean in that slice. None in a verdict of an earlier
            version.
        served: the served model's value; None also if there is none to compare with. It is one network, also with
            several training seeds.
        difference: candidate minus baseline.
        finding: what the interval of the difference says; None without one.
        served_difference: candidate minus served model.
        served_finding: what its interval says; None without one.
        interval: None for metrics for which no intervals are computed.
    """

    candidate: Number
    baseline: Number = None
    early_stopped: Number = None
    base_rate: Number = None
    served: Number = None
    difference: Number = None
    finding: Finding | None = None
    served_difference: Number = None
    served_finding: Finding | None = None
    interval: MetricIntervals | None = None


class Contribution(VerdictPart):
    """A difference of the task's loss between two models; below 0: the first one is better."""

    value: Number
    interval: Interval = None
    finding: Finding | None = None


class Contributions(VerdictPart):
    """What regularization brought, as differences of the task's loss on the test split.

    Attributes:
        total: candidate minus baseline.
        early_stopping: early stopping alone minus baseline; None if the candidate had no early stopping.
        penalties: candidate minus early stopping alone: the penalties and dropout; None like `early_stopping`.
    """

    total: Contribution
    early_stopping: Contribution | None = None
    penalties: Contribution | None = None


class SeedScores(VerdictPart):
    """The loss of each model of one training seed, on the test split."""

    seed: int
    candidate: Number
    baseline: Number = None
    early_stopped: Number = None


class Threshold(VerdictPart):
    """One condition for publishing, and its result.

    Attributes:
        metric: the name of the metric.
        rule: `floor` limits the candidate's metric, `change` the candidate's metric minus the baseline's, `base_rate`
            the candidate's metric minus that of the base rate, `early_stopping` the candidate's metric minus that of
            early stopping alone, `served` the candidate's metric minus the served model's, `gap` the candidate's metric
            on the test split minus that on the training split.
        direction: whether the value must be at least (>=) or at most (<=) the bound. A value that equals the bound
            passes.
        slice: the name of the slice; None: the whole test split.
        mode: `point` compares the value with the bound, `better` the worse end of its interval. `no_worse` compares
            the value, and a `change`, `base_rate`, `early_stopping` or `served` must also not be clearly worse. With
            evaluation.mode `better`, `early_stopping` has the mode `no_worse`. `served` has that of evaluation.served.
        value: the metric, the difference or the gap.
        interval: the interval of the value.
        compared: the number that was compared with the bound. None (undefined) never passes.
        clearly_worse: whether the whole interval is on the worse side of a tenth of the bound; only with the mode
            `no_worse`, for the rules in DIFFERENCES.
        bound: the configured bound; signed for a `change`.
        candidate: the candidate's own metric or gap.
        baseline: the baseline's own metric or gap; for `base_rate`, `early_stopping` and `served` the metric of the
            base rate, of early stopping alone and of the served model. None also if there is no baseline.
        passed: whether the condition is met.
        sentence: the result as a sentence in lower case, without a full stop.
    """

    metric: str
    rule: Rule
    direction: Literal[">=", "<="]
    slice: str | None = None
    mode: Mode = "point"
    value: Number
    interval: Interval = None
    compared: Number = None
    clearly_worse: bool = False
    bound: float
    candidate: Number = None
    baseline: Number = None
    passed: bool
    sentence: str

    @property
    def decisive_bound(self) -> float:
        """The bound that decided: a tenth of `bound` if the value is within `bound`, but clearly worse."""
        if not self.clearly_worse or self.value is None:
            return self.bound
        within = self.value <= self.bound if self.direction == "<=" else self.value >= self.bound
        return negligible(self.bound) if within else self.bound


class EvaluatedSlice(VerdictPart):
    """The metrics on the rows of the test split with certain values of a feature.

    Attributes:
        name: the range or the value as text.
        feature: the name of the feature.
        above: the lower end; None: there is none.
        up_to: the upper end; None: there is none.
        missing: whether these are the rows without a value of the feature.
        value: the text of a categorical feature; None: a range, or all texts that have no slice of their own.
        rows: the number of rows.
        positives: the number of rows with label 1; None unless the label has two classes.
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
    value: str | None = None
    rows: int
    positives: int | None
    too_small: bool
    judged: bool
    metrics: dict[str, ComparedMetric]


class MetricGap(VerdictPart):
    """A model's metric on both splits; `difference` is test minus train."""

    train: Number
    test: Number
    difference: Number


ModelGap = dict[str, MetricGap]
"""How a model's metrics differ between the splits, by the name of the metric."""


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
    """Bins of predicted probability that contain rows.

    Attributes:
        predicted: the mean prediction of each bin.
        observed: its share of class 1.
        rows: its number of rows.
        intervals: the interval of `observed`; empty in the records of earlier versions of regpipe.
    """

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    rows: tuple[int, ...]
    intervals: tuple[tuple[float, float], ...] = ()


class ConfusionMatrix(VerdictPart):
    """Numbers of rows at a threshold of the probability; sums of their weights if the rows have weights."""

    true_positive: int | float
    false_positive: int | float
    true_negative: int | float
    false_negative: int | float


class ConfusionIntervals(VerdictPart):
    """The intervals of the cells of a confusion matrix."""

    true_positive: Interval = None
    false_positive: Interval = None
    true_negative: Interval = None
    false_negative: Interval = None


class DecisionMetric(VerdictPart):
    """A metric of the decisions at the operating point.

    Attributes:
        validation: on the validation split, where the threshold was chosen, so that this value is optimistic.
        test: on the test split.
        interval: of the value on the test split.
        demanded: the configured minimum on the validation split; None: there is none.
    """

    validation: Number
    test: Number
    interval: Interval = None
    demanded: float | None = None

    @property
    def below_demanded(self) -> bool:
        """Whether the whole interval on the test split is below the demanded value."""
        return self.demanded is not None and self.interval is not None and self.interval[1] < self.demanded


class OperatingPoint(VerdictPart):
    """The decision threshold of the candidate, and what its decisions are worth.

    Attributes:
        rule: what was maximized, or `cost`, which was minimized.
        threshold: a row is decided positive if its probability, a float32, is at least this.
        false_positive_cost: the cost of a positive decision on a row with label 0; None unless the rule is `cost`.
        false_negative_cost: the cost of a negative decision on a row with label 1; None unless the rule is `cost`.
        validation_rows: the number of rows of the validation split that were measured.
        validation_sampled_from: the number of rows in the validation split, if only a sample was measured.
        metrics: by name: precision, recall, f1, positive_share (the share of positive decisions) and, with the rule
            `cost`, the mean cost of a row.
        confusion: the decisions on the test split.
        confusion_intervals: their intervals.
    """

    rule: OperatingRule
    threshold: float
    false_positive_cost: float | None = None
    false_negative_cost: float | None = None
    validation_rows: int
    validation_sampled_from: int | None = None
    metrics: dict[str, DecisionMetric]
    confusion: ConfusionMatrix
    confusion_intervals: ConfusionIntervals


class PredictedAgainstActual(VerdictPart):
    """A uniform sample of rows: their labels and predictions."""

    actual: tuple[float, ...]
    predicted: tuple[float, ...]


class Residuals(VerdictPart):
    """The histogram of label minus prediction.

    Attributes:
        edges: the edges of the bins, all of equal width; residuals beyond them are in the first and the last bin.
        rows: the number of rows in each bin; sums of their weights if the rows have weights.
    """

    edges: tuple[float, ...]
    rows: tuple[int | float, ...]


class ClassScores(VerdictPart):
    """How well a model finds the rows of one of several classes. A row is predicted as its most probable class.

    Attributes:
        name: the value of the label.
        rows: the number of rows of the class; the sum of their weights if the rows have weights.
        predicted: how many of them are predicted as each class, in the order of the classes; their sum is `rows`.
        precision: the share of rows of the class among those that are predicted as it; None if there are none.
        recall: the share of rows that are predicted as the class among those of the class; None if there are none.
        f1: the harmonic mean of both; None without a row of either kind.
        auc: the AUC of the probability of the class, against all other classes; None if no row, or each row, is of it.
    """

    name: str
    rows: int | float
    predicted: tuple[int | float, ...]
    precision: Number
    recall: Number
    f1: Number
    auc: Number


class ModelCurves(VerdictPart):
    """What is drawn of the predictions of one model on the test split.

    Attributes:
        roc, precision_recall, calibration: None where the curve is undefined, or where the task has no such curve.
        confusion: at a probability of 0.5; None if the task has none.
        fit: predictions against labels; None unless the label is any number.
        residuals: label minus prediction; None unless the label is any number.
        classes: the scores of each class, in the order of the classes, and with them the confusion matrix; empty unless
            the label is one of several classes.
    """

    roc: RocCurve | None = None
    precision_recall: PrecisionRecallCurve | None = None
    calibration: CalibrationCurve | None = None
    confusion: ConfusionMatrix | None = None
    fit: PredictedAgainstActual | None = None
    residuals: Residuals | None = None
    classes: tuple[ClassScores, ...] = ()


class BothCurves(VerdictPart):
    """The curves of the exported models; None without a baseline, or without a served model to compare with."""

    candidate: ModelCurves
    baseline: ModelCurves | None = None
    served: ModelCurves | None = None


class ServedComparison(ServedReference):
    """The served model as the Evaluator compared it.

    Attributes:
        sentence: the result of the comparison, or why there is none.
        decline: that it does clearly worse on this test split than on that of the run that published it, in sentences;
            None if it does not, or if this is unknown.
    """

    sentence: str
    decline: str | None = None


class JudgedSplit(VerdictPart):
    """The examples of one split that the Evaluator read.

    Attributes:
        rows: the number of examples; as many as in the ingest record.
        digest: the SHA-256 (hexadecimal) of all serialized examples, in the order of the files.
    """

    rows: int
    digest: str


class Judged(VerdictPart):
    """What the verdict is about: digests of the models and of the examples. The Pusher publishes only that candidate.

    Attributes:
        candidate: the `model_digest` of the candidate.
        baseline: that of the baseline; None without a baseline.
        test: the test split.
        train: the training split.
        eval: the validation split; None in some records of earlier versions of regpipe.
    """

    candidate: str
    baseline: str | None = None
    test: JudgedSplit
    train: JudgedSplit
    eval: JudgedSplit | None = None


class Verdict(StoredRecord):
    """What the Evaluator measured and decided.

    Attributes:
        format_version: the version of the format; a record without this key has version 1.
        blessed: whether the candidate may be published.
        reasons: why it is not blessed, in sentences; empty if it is.
        rows: the number of rows of the test split that were measured.
        sampled_from: the number of rows in the test split, if only a sample was measured.
        positives: the number of measured rows with label 1; None unless the label has two classes.
        bootstrap: how the intervals were computed.
        mode: evaluation.mode.
        task: what the models predict.
        metrics: the metrics on the test split, by name.
        contributions: what regularization brought; None in a verdict of version 1, or without a baseline.
        seeds: the models of each training seed, the published candidate's seed first; empty with only one seed.
        thresholds: all conditions, those on the whole test split first.
        slices: the metrics on parts of the test split.
        operating_point: the candidate's decision threshold; None if none is configured, or none can be chosen.
        gap: the models on the training split compared with the test split.
        curves: the curves that the report draws.
        judged: the models and examples that were judged; None in a verdict of an earlier version.
        served: the served model that the candidate was compared with; None with `evaluation.served: off`, or in a
            verdict of an earlier version.
    """

    file_name = VERDICT_FILE
    description = "a verdict"

    format_version: Literal[1, 2] = 2
    blessed: bool
    reasons: tuple[str, ...]
    rows: int
    sampled_from: int | None = None
    positives: int | None
    bootstrap: BootstrapSettings
    mode: Mode
    task: str = "binary"
    metrics: dict[str, ComparedMetric]
    contributions: Contributions | None = None
    seeds: tuple[SeedScores, ...] = ()
    thresholds: tuple[Threshold, ...]
    slices: tuple[EvaluatedSlice, ...]
    operating_point: OperatingPoint | None = None
    gap: GeneralizationGap
    curves: BothCurves
    judged: Judged | None = None
    served: ServedComparison | None = None

    def without_curves(self) -> dict[str, Any]:
        """Returns the verdict as JSON values, without the long lists of points."""
        return self.model_dump(mode="json", exclude={"curves"})

    def card_entry(self) -> dict[str, Any]:
        """Returns what the model card keeps of the verdict, as JSON: all but settings, slices, gap and plots."""
        classes = [found.model_dump(mode="json") for found in self.curves.candidate.classes]
        return self.model_dump(mode="json", include=_CARD) | ({"classes": classes} if classes else {})
