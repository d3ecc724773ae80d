"""The keys under `evaluation`."""

import itertools
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from components.config.base import Settings, key


def _rising(edges: tuple[float, ...]) -> tuple[float, ...]:
    for low, high in itertools.pairwise(edges):
        if not low < high:
            raise ValueError(f"expected edges that rise, got {high:g} after {low:g}")
    return edges


class SliceConfig(Settings):
    """Ranges of one feature, each with its own metrics: up to the first edge, above it up to the second, ..."""

    feature: str = Field(min_length=1)
    edges: Annotated[tuple[float, ...], Field(strict=False, min_length=1), AfterValidator(_rising)]


class EvaluationConfig(Settings):
    """What the candidate must show on the test split to be published."""

    min_auc: float = key(0.6, "The candidate's AUC must be at least this.", unit="AUC", ge=0, le=1)
    max_auc_drop: float = key(
        0.02, "The candidate's AUC may lie below the baseline's by at most this.", unit="AUC", ge=0, le=1
    )
    max_log_loss_rise: float = key(
        0.0, "The candidate's log loss may lie above the baseline's by at most this.", unit="nats", ge=0
    )
    max_gap: float | None = key(
        None,
        "The candidate's log loss on the test split may lie above that on the training split by at most this; "
        "null: by any amount.",
        unit="nats",
        expects="null or a number >= 0",
        ge=0,
    )
    mode: Literal["point", "confidence"] = key(
        "point",
        "What is held against the thresholds. 'point': the value itself; 'confidence': the end of its interval "
        "on the bad side.",
    )
    confidence: float = key(
        0.95, "The share of such intervals that hold the true value.", unit="fraction", gt=0, lt=1
    )
    resamples: int = key(
        1_000, "Samples that the bootstrap draws for the intervals.", unit="resamples", ge=100
    )
    seed: int = key(1, "Seed of the bootstrap.", ge=0, lt=2**31)
    min_rows: int = key(
        50, "On fewer rows of the test split, or of a slice, nothing is decided.", unit="rows", ge=2
    )
    max_rows: int = key(
        1_000_000,
        "Of a split with more rows, an even sample of so many is judged: the verdict, its intervals, slices and gap, "
        "and TFMA's metrics are of these rows. 0: all rows, which takes memory and time in proportion.",
        unit="rows",
        ge=0,
    )
    slices: tuple[SliceConfig, ...] = key(
        (),
        "Parts of the test split to look at alone: ranges of a feature, each with its upper edge, and its "
        "missing values.",
        expects="a list of {feature: NAME, edges: [NUMBER, ...]} with edges that rise",
        strict=False,
    )
    slice_thresholds: bool = key(
        False, "Whether each slice of at least evaluation.min_rows rows must pass the thresholds, too."
    )

    @model_validator(mode="after")
    def _samples_can_be_judged(self) -> "EvaluationConfig":
        if 0 < self.max_rows < self.min_rows:
            raise ValueError(
                f"evaluation.max_rows: expected 0 or at least evaluation.min_rows ({self.min_rows}), "
                f"got {self.max_rows}"
            )
        return self

    def sliced_features(self) -> tuple[str, ...]:
        """The features that `slices` names, each once."""
        return tuple(sorted({part.feature for part in self.slices}))
