"""The conditions for publishing, each held against what was measured."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from components.common.formatting import threshold_sentence
from components.config.evaluation import EvaluationConfig
from components.evaluator.bootstrap import Interval

Measured = Mapping[str, Mapping[str, Any]]


class Condition(NamedTuple):
    """A value, what it is the value of, and the bound that it must keep.

    Attributes:
        rule: floor (the candidate's metric), change (candidate minus baseline), gap (test minus training).
        direction: which side of the bound is good; a value that equals its bound has passed, NaN passes none.
        interval: of the value.
        both: the candidate's and the baseline's own.
    """

    metric: str
    rule: Literal["floor", "change", "gap"]
    direction: Literal[">=", "<="]
    value: float
    interval: Interval
    bound: float
    both: tuple[float, float | None]


def conditions(metrics: Measured, settings: EvaluationConfig) -> Iterator[Condition]:
    """Those on the metrics of the test split, or of one slice of it.

    Args:
        metrics: as in the verdict; difference and baseline are None without a baseline.
        settings: the bounds.
    """
    auc, loss = metrics["auc"], metrics["log_loss"]
    floor, drop, rise = settings.min_auc, -settings.max_auc_drop, settings.max_log_loss_rise
    yield _condition(auc, "candidate", ("auc", "floor", ">=", floor))
    yield _condition(auc, "difference", ("auc", "change", ">=", drop))
    yield _condition(loss, "difference", ("log_loss", "change", "<=", rise))


def gap_condition(metrics: Measured, gap: Mapping[str, Any], bound: float) -> Condition:
    """That on the candidate's log loss, test minus training.

    Its interval is that of the test split's log loss; the training split's is taken as it is.
    """
    ours = gap["candidate"]["log_loss"]
    low, high = metrics["log_loss"]["interval"]["candidate"]
    theirs = gap["baseline"]["log_loss"]["difference"] if gap["baseline"] else None
    return Condition(
        "log_loss",
        "gap",
        "<=",
        ours["difference"],
        (low - ours["train"], high - ours["train"]),
        bound,
        (ours["difference"], theirs),
    )


def threshold(condition: Condition, settings: EvaluationConfig, slice_name: str | None) -> dict[str, Any]:
    """The condition and how it came out, as it stands in the verdict."""
    low, high = condition.interval
    at_least = condition.direction == ">="
    worst = None if settings.mode == "point" else low if at_least else high
    compared = condition.value if worst is None else worst
    passed = compared >= condition.bound if at_least else compared <= condition.bound
    relation = ("" if passed else "not ") + ("at least" if at_least else "at most")
    text = threshold_sentence(
        condition.rule,
        condition.metric,
        condition.value,
        relation=relation,
        bound=condition.bound,
        worst=worst,
    )
    return {
        "metric": condition.metric,
        "rule": condition.rule,
        "direction": condition.direction,
        "slice": slice_name,
        "mode": settings.mode,
        "value": condition.value,
        "interval": condition.interval,
        "compared": compared,
        "bound": condition.bound,
        "candidate": condition.both[0],
        "baseline": condition.both[1],
        "passed": bool(passed),
        "sentence": text if slice_name is None else f"where {slice_name}, {text}",
    }


def _condition(values: Mapping[str, Any], what: str, terms: tuple[Any, Any, Any, float]) -> Condition:
    metric, rule, direction, bound = terms
    undefined = (math.nan, math.nan)
    value, interval = values[what], values["interval"].get(what) or undefined
    return Condition(
        metric,
        rule,
        direction,
        math.nan if value is None else value,
        interval,
        bound,
        (values["candidate"], values["baseline"]),
    )
