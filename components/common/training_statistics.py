"""The statistics of a training split: for each column a sorted sample of its values, and what drift is computed from.

StatisticsGen stores them as `training_statistics.json` in its artifact. The Pusher copies the file into the model that
it publishes, so that later tables can be compared with what the served model was trained on.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BaseModel, ConfigDict

from components.common.file_names import TRAINING_STATISTICS_FILE
from components.common.stored_record import StoredRecord

Points = npt.NDArray[np.float32]
_STORED = np.dtype("<f4")


def encode_points(points: Points) -> str:
    """Returns float32 values as text: base64 of their little-endian bytes."""
    return base64.b64encode(points.astype(_STORED).tobytes()).decode()


def _check_points(text: str) -> str:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"expected base64: {error}") from None
    if len(content) % _STORED.itemsize:
        raise ValueError(f"expected float32 values of 4 bytes, got {len(content)} bytes")
    return text


class ColumnStatistics(BaseModel):
    """The values of one feature in the training split. With weights, shares and points are weighted.

    Attributes:
        name: of the feature.
        missing: the share of rows without a value.
        low, high: the smallest and the largest value; None if there is no value.
        encoded_points: sorted values of equal weight, at most 2,048, see `encode_points`.
        rank_error: the largest difference between the share of the values at or below any number, and the share of the
            points; 0 if all values are among the points.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    missing: float
    low: float | None
    high: float | None
    encoded_points: Annotated[str, AfterValidator(_check_points)]
    rank_error: float

    @property
    def points(self) -> Points:
        """The sorted values of equal weight, float32 [points]."""
        return np.frombuffer(base64.b64decode(self.encoded_points), _STORED).astype(np.float32)


class TextStatistics(BaseModel):
    """The texts of one categorical feature in the training split. With weights, shares are weighted.

    Attributes:
        name: of the feature.
        missing: the share of rows without a text.
        shares: the share of each text in the rows with one, the most frequent first; at most 1,000 texts.
        rest: the share of all other texts.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    missing: float
    shares: Mapping[str, float]
    rest: float = 0.0


class TrainingStatistics(StoredRecord):
    """The statistics of the training split of one table.

    Attributes:
        format_version: the version of the format.
        rows: the number of rows.
        effective_rows: the number of rows without weights that would give shares of the same variance, `sum(w)^2 /
            sum(w^2)` (Kish, "Survey Sampling", 1965, section 11.7); `rows` if all rows weigh the same.
        label: the name of the label; "" if the rows have none, which occurs only in scoring data.
        positive_share: the share of the rows with label 1; 0 without a label, and if the label is a number or has more
            than two classes.
        label_numbers: the values of the label, if it is a number; None in a file of an earlier version, too.
        label_classes: the shares of the classes, if the label has more than two.
        columns: the numeric features, in the order of their names.
        texts: the categorical features, in the order of their names.
    """

    file_name = TRAINING_STATISTICS_FILE
    description = "the statistics of a training split"

    format_version: Literal[1] = 1
    rows: int
    effective_rows: float
    label: str
    positive_share: float
    label_numbers: ColumnStatistics | None = None
    label_classes: TextStatistics | None = None
    columns: Sequence[ColumnStatistics]
    texts: Sequence[TextStatistics] = ()

    @property
    def has_two_classes(self) -> bool:
        """Whether `positive_share` describes the label."""
        return bool(self.label) and self.label_numbers is None and self.label_classes is None
