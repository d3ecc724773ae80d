"""The configuration keys under `evaluation`: thresholds, slices, confidence intervals and the operating point."""

import itertools
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from components.config.base import Settings, key
from components.config.operating_point_settings import OperatingPointConfig


def _require_ascending(edges: tuple[float, ...]) -> tuple[float, ...]:
    for low, high in itertools.pairwise(edges):
        if not low < high:
            raise ValueError(f"expected edges in ascending order, got {high:g} after {low:g}")
    return edges


def _without_copies(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _as_cell(value: Any) -> Any:
    """Spells a whole number as in a table, and leaves out blanks around a text, as for the cells."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else value


_Value = Annotated[str, BeforeValidator(_as_cell), Field(min_length=1)]


class SliceConfig(Settings):
    """Slices by the value of one feature: up to the first edge, between each edge and the next, above the last edge."""

    feature: str = Field(min_length=1)
    edges: Annotated[tuple[float, ...], Field(strict=False, min_length=1), AfterValidator(_require_ascending)]


class CategorySliceConfig(Settings):
    """Slices by the text of one categorical feature: one for each of the values, and one for all others."""

    feature: str = Field(min_length=1)
    values: Annotated[tuple[_Value, ...], Field(strict=False, min_length=1), AfterValidator(_without_copies)]


class EvaluationConfig(Settings):
    """The thresholds that the candidate must pass on the test split to be published."""

    mode: Literal["no_worse", "better", "point"] = key(
        "no_worse",
        "How the candidate is compared with the baseline. 'no_worse': passes unless it is worse by more than the "
        "tolerance (max_log_loss_rise, max_auc_drop; for a regression max_rmse_rise; for more than two classes "
        "max_cross_entropy_rise, max_macro_auc_drop), or clearly worse: the whole interval of the difference is beyond "
        "a tenth of the tolerance. 'better': passes only if the loss (log loss, RMSE or cross-entropy) is clearly "
        "better: its whole interval is below the tolerance; the other thresholds are compared with the worse end of "
        "the interval. 'point': compares the values and ignores the intervals. In the same way, the loss is compared "
        "with that of the base rate (the mean label, the class shares), and (with 'better' as with 'no_worse') with "
        "that of early stopping alone.",
    )
    served: Literal["no_worse", "better", "off"] = key(
        "no_worse",
        "How the candidate is compared with the model that is served now, on the same test rows, with the tolerances "
        "and the meanings that evaluation.mode has for the baseline: 'no_worse' or 'better'. 'off': the served model "
        "is not scored. A served model that can't be compared does not decide.",
    )
    max_log_loss_rise: float | None = key(
        None,
        "The maximum rise of the candidate's log loss above the baseline's, the served model's, that of the base rate, "
        "and that of early stopping alone. null: 5% of the log loss of the base rate (0.035 where half of the rows are "
        "positive), but 0 with the modes better and point for the baseline and the base rate, and with "
        "evaluation.served better for the served model.",
        unit="nats",
        expects="null or a number >= 0",
        ge=0,
    )
    max_auc_drop: float = key(
        0.02,
        "The maximum drop of the candidate's AUC below the baseline's and the served model's.",
        unit="AUC",
        ge=0,
        le=1,
    )
    min_auc: float = key(0.6, "The minimum AUC of the candidate.", unit="AUC", ge=0, le=1)
    min_pr_auc: float | None = key(
        None,
        "The minimum PR-AUC (average precision) of the candidate; null: no limit. A model that knows "
        "nothing has the share of positive rows.",
        unit="PR-AUC",
        expects="null or a number >= 0 and <= 1",
        ge=0,
        le=1,
    )
    max_brier: float | None = key(
        None,
        "The maximum Brier score of the candidate, the mean squared difference between probability and label; null: no "
        "limit.",
        unit="squared probability",
        expects="null or a number >= 0 and <= 1",
        ge=0,
        le=1,
    )
    max_calibration_error: float | None = key(
        None,
        "The maximum expected calibration error of the candidate, over ten bins of equal width; null: no limit.",
        unit="probability",
        expects="null or a number >= 0 and <= 1",
        ge=0,
        le=1,
    )
    max_rmse_rise: float | None = key(
        None,
        "For a regression: the maximum rise of the candidate's RMSE above the baseline's, the served model's, that of "
        "the mean label, and that of early stopping alone. null: 5% of the RMSE of the mean label, but 0 where "
        "max_log_loss_rise would be 0.",
        unit="unit of the label",
        expects="null or a number >= 0",
        ge=0,
    )
    max_rmse: float | None = key(
        None,
        "For a regression: the maximum RMSE of the candidate, the root of its mean squared error; null: no limit.",
        unit="unit of the label",
        expects="null or a number >= 0",
        ge=0,
    )
    max_mae: float | None = key(
        None,
        "For a regression: the maximum mean absolute error of the candidate; null: no limit.",
        unit="unit of the label",
        expects="null or a number >= 0",
        ge=0,
    )
    min_r2: float | None = key(
        None,
        "For a regression: the minimum R2 of the candidate, the share of the label's variance that it explains; null: "
        "no limit. A model that knows nothing has 0.",
        unit="R2",
        expects="null or a number <= 1",
        le=1,
    )
    max_cross_entropy_rise: float | None = key(
        None,
        "For more than two classes: the maximum rise of the candidate's cross-entropy above the baseline's, the served "
        "model's, that of the class shares, and that of early stopping alone. null: 5% of the cross-entropy of the "
        "class shares, but 0 where max_log_loss_rise would be 0.",
        unit="nats",
        expects="null or a number >= 0",
        ge=0,
    )
    max_macro_auc_drop: float = key(
        0.02,
        "For more than two classes: the maximum drop of the candidate's macro AUC below the baseline's and the served "
        "model's.",
        unit="AUC",
        ge=0,
        le=1,
    )
    min_macro_auc: float = key(
        0.6,
        "For more than two classes: the minimum macro AUC of the candidate, the mean over the classes of the AUC of "
        "one class against all others.",
        unit="AUC",
        ge=0,
        le=1,
    )
    min_accuracy: float | None = key(
        None,
        "For more than two classes: the minimum accuracy of the candidate, the share of rows whose most probable class "
        "is right; null: no limit.",
        unit="fraction of the rows",
        expects="null or a number >= 0 and <= 1",
        ge=0,
        le=1,
    )
    min_macro_f1: float | None = key(
        None,
        "For more than two classes: the minimum macro F1 of the candidate, the mean of the F1 scores of the classes; "
        "null: no limit.",
        unit="F1",
        expects="null or a number >= 0 and <= 1",
        ge=0,
        le=1,
    )
    max_gap: float | None = key(
        None,
        "The maximum generalization gap of the candidate: its loss (log loss, RMSE or cross-entropy) on the test split "
        "minus that on the training split; null: no limit.",
        unit="nats, or unit of the label",
        expects="null or a number >= 0",
        ge=0,
    )
    confidence: float = key(0.95, "The confidence level of the intervals.", unit="fraction", gt=0, lt=1)
    resamples: int = key(
        1_000, "The number of bootstrap samples for the confidence intervals.", unit="resamples", ge=100
    )
    seed: int = key(1, "Seed of the bootstrap.", ge=0, lt=2**31)
    seeds: int = key(
        1,
        "The number of trainings of the candidate and of the baseline, with the seeds training.seed, "
        "training.seed + 1, and so on. The first candidate is the one that may be published. With more than one, the "
        "means over the seeds are compared, and the intervals cover the seeds and the rows.",
        unit="trainings",
        ge=1,
        le=100,
    )
    min_rows: int = key(
        50,
        "The minimum number of rows. If the test split has fewer, the candidate is not blessed; a slice with fewer "
        "rows is not compared with the thresholds.",
        unit="rows",
        ge=2,
    )
    min_positives: int = key(
        10,
        "The minimum number of rows with label 1, and of rows with label 0. If the test or the validation split has "
        "fewer, the candidate is not blessed; a slice with fewer is not compared with the thresholds.",
        unit="rows",
        ge=1,
    )
    min_groups: int = key(
        10,
        "With data.split.by: group, the minimum number of groups in the test split. If it has fewer, the candidate is "
        "not blessed, because intervals over so few groups are too narrow; a slice with fewer is not compared with the "
        "thresholds.",
        unit="groups",
        ge=2,
    )
    max_rows: int = key(
        1_000_000,
        "If a split has more rows, the Evaluator scores a uniform random sample of this size. The verdict, its "
        "intervals, the slices, the gap and TFMA's metrics are computed from the sample. 0: all rows; memory and time "
        "then grow with the rows.",
        unit="rows",
        ge=0,
    )
    slices: tuple[SliceConfig | CategorySliceConfig, ...] = key(
        (),
        "Parts of the test split for which metrics are also computed. The edges divide the values of a feature into "
        "ranges, each including its upper edge. Of a categorical feature, each of the values is a slice, and so are "
        "all other texts together. Rows without a value are one more slice.",
        expects="a list of {feature: NAME, edges: [NUMBER, ...]} with edges in ascending order, or {feature: NAME, "
        "values: [TEXT, ...]}",
        strict=False,
    )
    slice_thresholds: bool = key(
        False,
        "Whether each slice must also pass the thresholds, if it has at least evaluation.min_rows rows and "
        "evaluation.min_positives rows of each class.",
    )
    operating_point: OperatingPointConfig = OperatingPointConfig()

    @model_validator(mode="after")
    def _check_sample_size(self) -> "EvaluationConfig":
        if 0 < self.max_rows < self.min_rows:
            raise ValueError(
                f"evaluation.max_rows: expected 0 or at least evaluation.min_rows ({self.min_rows}), "
                f"got {self.max_rows}"
            )
        if 0 < self.max_rows < 2 * self.min_positives:
            raise ValueError(
                f"evaluation.max_rows: expected 0 or at least twice evaluation.min_positives "
                f"({2 * self.min_positives}), got {self.max_rows}"
            )
        return self

    def sliced_features(self) -> tuple[str, ...]:
        """Returns the features in `slices` that are divided by edges, sorted and without duplicates."""
        return tuple(sorted({part.feature for part in self.slices if isinstance(part, SliceConfig)}))

    def sliced_values(self) -> dict[str, tuple[str, ...]]:
        """Returns all values of each feature in `slices` that is divided by values, without duplicates."""
        found: dict[str, tuple[str, ...]] = {}
        for part in self.slices:
            if isinstance(part, CategorySliceConfig):
                found[part.feature] = tuple(dict.fromkeys((*found.get(part.feature, ()), *part.values)))
        return found
