"""The configuration keys under `tuning`: how the strengths of the regularization are chosen."""

import math
from typing import Annotated

from pydantic import AfterValidator, Field

from components.config.base import Settings, key
from components.config.model import AUTO, ModelConfig

# The rows of the training split for which the lists of penalties are written.
REFERENCE_ROWS = 1_000
MAX_COMBINATIONS = 512


def _refuse_duplicates(values: tuple[float, ...]) -> tuple[float, ...]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"expected distinct numbers, got {value:g} twice")
    return values


# YAML has lists, not tuples: these types accept both.
_LIST = (Field(strict=False, min_length=1), AfterValidator(_refuse_duplicates))
StrengthList = Annotated[tuple[Annotated[float, Field(strict=True, ge=0)], ...], *_LIST]
RateList = Annotated[tuple[Annotated[float, Field(strict=True, ge=0, lt=1)], ...], *_LIST]


class TuningConfig(Settings):
    """How the Tuner chooses the strengths that are auto: among all combinations of the values in the lists."""

    l1: StrengthList = key(
        (0.0, 3e-5, 1e-4, 3e-4),
        f"Values to try for model.l1, for {REFERENCE_ROWS:,} rows of training data. For k times as many rows they are "
        "divided by k.",
        unit="per weight",
        expects="a list of numbers >= 0",
    )
    l2: StrengthList = key(
        (0.0, 3e-4, 1e-3),
        f"Values to try for model.l2, for {REFERENCE_ROWS:,} rows of training data. For k times as many rows they are "
        "divided by k.",
        unit="per weight²",
        expects="a list of numbers >= 0",
    )
    dropout: RateList = key(
        (0.0, 0.25),
        "Values to try for model.dropout. If the Tuner trains on a sample, the candidate gets a lower rate, as it has "
        "more rows.",
        unit="fraction",
        expects="a list of numbers >= 0 and < 1",
    )
    tolerance: float = key(
        0.015,
        "How much the validation log loss of a sparser network may exceed the lowest one (but at most by the standard "
        "error of the difference), to be chosen instead. 0: the lowest one is chosen.",
        unit="fraction of the lowest loss",
        ge=0,
    )
    max_rows: int = key(
        2_000,
        "If the training split has more rows, the Tuner trains on an evenly spaced sample of about this size; the same "
        "holds for the validation split.",
        unit="rows",
        ge=2,
    )

    def check(self, model: ModelConfig) -> None:
        """Raises an error if there are too many combinations to train together.

        Raises:
            ValueError: the message begins with the invalid key.
        """
        names = [item.name for item in model.to_choose()]
        total = math.prod(len(getattr(self, name)) for name in names)
        if names and total > MAX_COMBINATIONS:
            parts = " x ".join(f"{len(getattr(self, name))} values of {name}" for name in names)
            longest = max(names, key=lambda name: len(getattr(self, name)))
            raise ValueError(
                f"tuning.{longest}: expected at most {MAX_COMBINATIONS} combinations, got {total:,}: {parts}; shorten "
                f"a list, or set a strength to a number instead of {AUTO}"
            )
