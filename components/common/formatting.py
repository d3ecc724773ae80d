"""How things are said: the names of the metrics, numbers, shares, and a sentence for each threshold."""

import math
from collections.abc import Mapping

VISIBLE = 0.00005  # a smaller difference is 0 in four digits
LABELS: Mapping[str, str] = {
    "auc": "AUC",
    "pr_auc": "PR-AUC",
    "log_loss": "log loss",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
}


def number(value: float | None, *, signed: bool = False) -> str:
    """Four digits: 0.9123, +0.0112, NaN, none. A difference that four digits would hide: +2.0e-05."""
    if value is None:
        return "none"
    if math.isnan(value):
        return "NaN"
    if not signed:
        return f"{value:.4f}"
    if value == 0:
        return "0"
    return f"{value:+.1e}" if abs(value) < VISIBLE else f"{value:+.4f}"


def percent(share: float | None, digits: int = 1) -> str:
    """63.0%, NaN, none. A share that is not quite nothing or all does not read like it: <0.1%, >99.9%."""
    if share is None or math.isnan(share):
        return number(share)
    least = 10.0 ** -(digits + 2)
    if 0 < share < least / 2:
        return f"<{least:.{digits}%}"
    if 1 - least / 2 < share < 1:
        return f">{1 - least:.{digits}%}"
    return f"{share:.{digits}%}"


def signed(bound: float) -> str:
    """A bound with its sign: +0.01, -0.01, 0."""
    return f"{bound:+g}" if bound else "0"


def subject(rule: str, metric: str) -> str:
    """What is judged, in a few words: `AUC minus baseline's`."""
    ends = {"floor": ", candidate", "change": " minus baseline's", "gap": ", test minus train"}
    return LABELS[metric] + ends[rule]


def sentence(
    rule: str, metric: str, value: float, *, relation: str, bound: float, worst: float | None = None
) -> str:
    """What a threshold found: `the AUC is 0.9123, at least 0.6`.

    Args:
        rule: floor, change or gap.
        metric: a key of LABELS.
        value: of the metric, the difference or the gap.
        relation: `at least` or `not at most`, say.
        bound: what the value was held against, signed but for a floor.
        worst: the end of the value's interval that was held against the bound instead.
    """
    begins = {
        "floor": f"the {LABELS[metric]} is {number(value)}",
        "change": f"the {LABELS[metric]} differs from the baseline's by {number(value, signed=True)}",
        "gap": f"the {LABELS[metric]} on the test split differs from that on the training split by "
        f"{number(value, signed=True)}",
    }
    sign = rule != "floor"
    end = "" if worst is None else f" and may be {number(worst, signed=sign)}"
    return f"{begins[rule]}{end}, {relation} {signed(bound) if sign else f'{bound:g}'}"
