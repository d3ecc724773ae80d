"""The calibration record: how a network that was trained with class weights was recalibrated.

Each trainer stores it as `calibration.json`; the report reads it.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.common.file_names import CALIBRATION_FILE
from components.common.stored_record import StoredRecord


class CalibrationBin(BaseModel):
    """Some rows of the validation split whose predictions are next to each other.

    Attributes:
        rows: the number of rows.
        observed: the weighted share of rows with the label 1.
        before, after: the weighted mean of the predicted probabilities.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    observed: float
    before: float
    after: float


class CalibrationScores(BaseModel):
    """The quality of the probabilities on the validation split; None if it is not finite.

    Attributes:
        log_loss: the weighted mean log loss, in nats, without class weights.
        mean: the weighted mean of the predicted probabilities.
    """

    model_config = ConfigDict(frozen=True)

    log_loss: float | None
    mean: float | None


class CalibrationRecord(StoredRecord):
    """The recalibration: logit -> slope * logit + shift.

    Attributes:
        format_version: the version of the format.
        method: "platt": slope and shift are fitted; "shift": the slope is 1, and only the shift is fitted, or reverses
            the class weights if the split has only one class.
        reason: why the slope is not fitted; None if it is.
        slope, shift: the numbers.
        negative_weight, positive_weight: the class weights of the training.
        rows: the rows of the validation split.
        observed: the weighted share of its rows with the label 1.
        before, after: the quality of the probabilities.
        bins: the validation split in about ten parts of equal weight, by the predicted probability, ascending.
    """

    file_name = CALIBRATION_FILE
    description = "a calibration record"

    format_version: Literal[1] = 1
    method: Literal["platt", "shift"]
    reason: str | None = None
    slope: float
    shift: float
    negative_weight: float
    positive_weight: float
    rows: int
    observed: float
    before: CalibrationScores
    after: CalibrationScores
    bins: tuple[CalibrationBin, ...]
