"""The scaling record: how each feature becomes columns of the vector. Each trainer stores it as `scaling.json`.

The model card, the summary and the report read it.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.common.file_names import SCALING_FILE
from components.common.formatting import first_of, plural
from components.common.stored_record import StoredRecord

# A feature is named if a training value is further beyond a bound than this number of widths of the bounds.
FAR = 10
MAX_NAMED = 5


class FeatureScaling(BaseModel):
    """How one feature is scaled; all values are None for a column without values.

    Attributes:
        min, max, mean: of the training split, without missing values.
        low, high: the bounds, which become 0 and 1; values beyond them are clipped.
        imputed: the value that replaces a missing value.
    """

    model_config = ConfigDict(frozen=True)

    min: float | None = None
    max: float | None = None
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    imputed: float | None = None

    @property
    def far_clipped(self) -> str | None:
        """What was clipped far beyond the bounds: "maximum 1e+09, clipped to 9.5"; None if nothing was."""
        # None in one of them is None in all of them.
        if self.min is None or self.max is None or self.low is None or self.high is None:
            return None
        limit = FAR * (self.high - self.low)
        parts = []
        if self.low - self.min > limit:
            parts.append(f"minimum {self.min:g}, clipped to {self.low:g}")
        if self.max - self.high > limit:
            parts.append(f"maximum {self.max:g}, clipped to {self.high:g}")
        return "; ".join(parts) or None


class FeatureCategories(BaseModel):
    """The categories of one categorical feature: each is a column of the vector, 1 for its rows and 0 for others.

    Attributes:
        rows: the number of training rows of each text, the most frequent first, without missing values.
        missing_rows: the number of training rows with a missing value, if they are a category; otherwise 0.
        other_rows: the number of training rows that are in none of these categories.
    """

    model_config = ConfigDict(frozen=True)

    rows: Mapping[str, int]
    missing_rows: int = 0
    other_rows: int = 0

    @property
    def size(self) -> int:
        """The number of categories, without the one of all other texts."""
        return len(self.rows) + bool(self.missing_rows)

    @property
    def has_other(self) -> bool:
        """Whether the texts without a category of their own have a column. Without training rows they have none."""
        return self.other_rows > 0

    def columns(self, feature: str) -> list[str]:
        """Returns the names of the columns of the vector, in their order."""
        names = [f"{feature}={text}" for text in self.rows]
        names += [f"{feature} missing"] if self.missing_rows else []
        return names + ([f"{feature} other"] if self.has_other else [])


class ScalingRecord(StoredRecord):
    """How the features become columns of the vector.

    Attributes:
        format_version: the version of the format.
        features: the numeric features by name, in the order of the vector.
        categories: the categorical features by name, in the order of the vector.
    """

    file_name = SCALING_FILE
    description = "a scaling record"

    format_version: Literal[1] = 1
    features: Mapping[str, FeatureScaling]
    categories: Mapping[str, FeatureCategories] = {}

    def warnings(self) -> Iterator[str]:
        """Yields a sentence that names the features with values that were clipped far beyond the bounds, if any."""
        named = [
            f"{name!r} ({text})" for name, scaling in self.features.items() if (text := scaling.far_clipped)
        ]
        if named:
            yield (
                f"{plural(len(named), 'feature has', 'features have')} training values that are beyond the bounds by "
                f"more than {FAR} times the width of the bounds; they were clipped (data.scaling): "
                f"{first_of(named, MAX_NAMED)}."
            )
