"""The record of the permutation importance of the features. The Evaluator stores it as `importance.json`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.common.file_names import IMPORTANCE_FILE
from components.common.stored_record import StoredRecord
from components.common.verdict_record import Interval, Number


class FeatureImportance(BaseModel):
    """How much a feature matters to the candidate.

    Attributes:
        feature: its name. A missing indicator belongs to its feature.
        value: the task's loss with the feature's values permuted minus the loss; the mean over the permutations.
        interval: the interval of the value, by the paired bootstrap over the rows, or over their groups.
    """

    model_config = ConfigDict(frozen=True)

    feature: str
    value: Number
    interval: Interval = None


class ImportanceRecord(StoredRecord):
    """The permutation importance of the features of the candidate on the test split.

    Attributes:
        format_version: the version of the format.
        loss: the name of the task's loss.
        rows: the number of rows that were measured: all of the test split, or a uniform sample of it.
        sampled_from: the number of rows in the test split, if only a sample was measured.
        groups: the number of groups of these rows, which the bootstrap draws; None: it draws rows.
        permutations: how often each feature was permuted.
        confidence: that of the intervals, a fraction.
        features: the measured features, the most important first.
        left_out: how many features were not measured, because the first layer has smaller weights for them, to limit
            the time of a wide table.
    """

    file_name = IMPORTANCE_FILE
    description = "a record of the importance of features"

    format_version: Literal[1] = 1
    loss: str = "log_loss"
    rows: int
    sampled_from: int | None = None
    groups: int | None = None
    permutations: int
    confidence: float
    features: tuple[FeatureImportance, ...]
    left_out: int = 0
