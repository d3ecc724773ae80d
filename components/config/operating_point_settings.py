"""The configuration keys under `evaluation.operating_point`: how the decision threshold is chosen."""

from typing import Literal

from pydantic import model_validator

from components.common.verdict_record import OperatingRule
from components.config.base import Settings, key

_GROUP = "evaluation.operating_point"
# The least value that is demanded beside each quantity that can be maximized.
_DEMANDED = {"f1": None, "recall": "min_precision", "precision": "min_recall"}
_COSTS = ("false_positive_cost", "false_negative_cost")


class OperatingPointConfig(Settings):
    """The decision threshold, chosen on the eval split; with it, `regpipe predict` adds the column `decision`."""

    maximize: Literal["f1", "recall", "precision"] | None = key(
        None,
        "What the decisions maximize on the validation split. The decision on a row is positive if its probability is "
        "at least the threshold. Either {maximize: f1}, {maximize: recall, min_precision: 0.9}, {maximize: precision, "
        "min_recall: 0.8}, or {false_positive_cost: 1, false_negative_cost: 5}. Without any of these keys there are no "
        "decisions.",
    )
    min_precision: float | None = key(
        None,
        "The minimum precision on the validation split: the share of rows with label 1 among those with a positive "
        "decision. Only with maximize: recall.",
        unit="fraction",
        expects="null or a number > 0 and <= 1",
        gt=0,
        le=1,
    )
    min_recall: float | None = key(
        None,
        "The minimum recall on the validation split: the share of rows with a positive decision among those with label "
        "1. Only with maximize: precision.",
        unit="fraction",
        expects="null or a number > 0 and <= 1",
        gt=0,
        le=1,
    )
    false_positive_cost: float | None = key(
        None,
        "The cost of a positive decision on a row with label 0. With both costs, and without maximize, the decisions "
        "minimize the cost of all rows.",
        unit="any, the same for both costs",
        expects="null or a number > 0",
        gt=0,
    )
    false_negative_cost: float | None = key(
        None,
        "The cost of a negative decision on a row with label 1.",
        unit="any, the same for both costs",
        expects="null or a number > 0",
        gt=0,
    )

    @model_validator(mode="after")
    def _check_combination(self) -> "OperatingPointConfig":
        given = [name for name in _COSTS if getattr(self, name) is not None]
        if given and self.maximize is not None:
            raise ValueError(f"{_GROUP}.maximize: expected either maximize or both costs, got both")
        if len(given) == 1:
            (other,) = set(_COSTS) - set(given)
            raise ValueError(f"{_GROUP}.{given[0]}: expected {other} beside it, got none")
        for maximized, demanded in _DEMANDED.items():
            if demanded is None:
                continue
            value = getattr(self, demanded)
            if self.maximize == maximized and value is None:
                raise ValueError(
                    f"{_GROUP}.maximize: expected {demanded} beside maximize: {maximized}, got none"
                )
            if self.maximize != maximized and value is not None:
                got = "none" if self.maximize is None else f"maximize: {self.maximize}"
                raise ValueError(f"{_GROUP}.{demanded}: expected maximize: {maximized} beside it, got {got}")
        return self

    @property
    def rule(self) -> OperatingRule | None:
        """What is maximized, or `cost`, which is minimized; None: no operating point is wanted."""
        return "cost" if self.false_positive_cost is not None else self.maximize

    def demanded(self) -> dict[str, float]:
        """Returns the demanded minimum by metric: of the precision, of the recall, or of none."""
        limits = {"precision": self.min_precision, "recall": self.min_recall}
        return {metric: limit for metric, limit in limits.items() if limit is not None}

    def costs(self) -> tuple[float, float] | None:
        """Returns the costs of a false positive and of a false negative; None unless the rule is `cost`."""
        if self.false_positive_cost is None or self.false_negative_cost is None:
            return None
        return self.false_positive_cost, self.false_negative_cost
