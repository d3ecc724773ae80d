"""The operating point, compared with a loop over all thresholds and with repeated rows."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped]

from components.config.evaluation import EvaluationConfig
from components.config.operating_point_settings import OperatingPointConfig
from components.evaluator.metrics import ScoredRows
from components.evaluator.operating_point import NoOperatingPoint, choose_threshold, operating_point
from components.evaluator.paired_scores import PairedScores

NAN = float("nan")
Rule = dict[str, Any]
F1: Rule = {"maximize": "f1"}
RECALL: Rule = {"maximize": "recall", "min_precision": 0.6}
PRECISION: Rule = {"maximize": "precision", "min_recall": 0.7}
COST: Rule = {"false_positive_cost": 1, "false_negative_cost": 3}
FAR_COST: Rule = {"false_positive_cost": 100, "false_negative_cost": 1}


def wanted(rule: Rule) -> OperatingPointConfig:
    return OperatingPointConfig.model_validate(rule)


def rows(labels: Sequence[float], predictions: Sequence[float], weights: Any = None) -> ScoredRows:
    given = None if weights is None else np.array(weights, np.float32)
    return ScoredRows(np.array(labels, np.float32), np.array(predictions, np.float32), weights=given)


def table(seed: int, size: int = 120, digits: int = 2) -> ScoredRows:
    """Rows whose predictions follow the labels; with two digits many are tied."""
    generator = np.random.default_rng(seed)
    labels = generator.random(size) < 0.35
    predictions = np.clip(0.35 * labels + 0.65 * generator.random(size), 0, 1).round(digits)
    return rows(labels.astype(float).tolist(), predictions.tolist())


def score_of(rule: Rule, labels: list[float], decisions: list[bool]) -> tuple[float, ...] | None:
    """What is maximized, by counting one row after the other; None where what is demanded is not reached."""
    tp = sum(1 for y, d in zip(labels, decisions, strict=True) if d and y)
    fp = sum(1 for y, d in zip(labels, decisions, strict=True) if d and not y)
    fn = sum(1 for y, d in zip(labels, decisions, strict=True) if not d and y)
    precision, recall = tp / (tp + fp) if tp + fp else 0.0, tp / (tp + fn)
    if rule is F1:
        return (2 * tp / (2 * tp + fp + fn),)
    if rule is RECALL:
        return (recall,) if precision >= rule["min_precision"] else None
    if rule is PRECISION:
        return (precision, recall) if recall >= rule["min_recall"] else None
    return (-(fp * rule["false_positive_cost"] + fn * rule["false_negative_cost"]),)


def best_of_all(rule: Rule, given: ScoredRows) -> float:
    """The highest of the best thresholds: each prediction is tried, and with costs one above all of them."""
    labels, predictions = given.labels.tolist(), given.predictions.tolist()
    above = [float(np.nextafter(given.predictions.max(), np.float32(2)))]
    best: tuple[tuple[float, ...], float] | None = None
    for threshold in [*predictions, *(above if "false_positive_cost" in rule else [])]:
        found = score_of(rule, labels, [p >= threshold for p in predictions])
        if found is not None and (best is None or (found, threshold) > best):
            best = found, threshold
    assert best is not None
    return best[1]


@pytest.mark.parametrize("rule", [F1, RECALL, PRECISION, COST, FAR_COST], ids=lambda rule: "-".join(rule))
@pytest.mark.parametrize("digits", [1, 2, 6])
@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_the_best_of_all(rule: Rule, seed: int, digits: int) -> None:
    """A loop over all thresholds finds the same one, with many ties, few and none."""
    given = table(seed, digits=digits)
    assert choose_threshold(given, wanted(rule)) == best_of_all(rule, given)


@pytest.mark.parametrize("rule", [F1, RECALL, PRECISION, COST], ids=lambda rule: "-".join(rule))
@pytest.mark.parametrize("seed", range(3))
def test_a_weight_counts_as_repeated_rows(rule: Rule, seed: int) -> None:
    """The threshold is that of a table in which each row is repeated.

    A row with the weight 0 does not count, although it has the highest prediction.
    """
    given = table(seed)
    weights = np.random.default_rng(seed + 100).integers(0, 6, size=given.labels.size)
    weights[given.predictions.argmax()] = 0
    repeated = ScoredRows(np.repeat(given.labels, weights), np.repeat(given.predictions, weights))
    weighted = given._replace(weights=weights.astype(np.float32))
    assert choose_threshold(weighted, wanted(rule)) == best_of_all(rule, repeated)


def test_weights_change_the_threshold() -> None:
    """Two false positives at 0.7 cost less than a false negative at 0.6, but not with twice their weight."""
    given = rows([1, 0, 0, 1], [0.9, 0.7, 0.7, 0.6])
    assert choose_threshold(given, wanted(COST)) == np.float32(0.6)
    heavy = given._replace(weights=np.array([1, 2, 2, 1], np.float32))
    assert choose_threshold(heavy, wanted(COST)) == np.float32(0.9)


@pytest.mark.parametrize(
    ("rule", "threshold"),
    [
        (F1, 0.6),  # 6/7
        (RECALL, 0.6),  # the recall is 1 at 0.6, with a precision of 3/4, and at 0.4, with 3/5: the highest
        (
            {"maximize": "recall", "min_precision": 0.75},
            0.6,
        ),  # a value that equals the demanded one reaches it
        (PRECISION, 0.6),
        (
            {"maximize": "precision", "min_recall": 0.1},
            0.8,
        ),  # 1 at 0.9 and at 0.8: the one with the higher recall
        (COST, 0.6),  # one false positive
        (FAR_COST, 0.8),  # one false negative
    ],
)
def test_by_hand(rule: Rule, threshold: float) -> None:
    """Six rows: 1 at 0.9, 1 at 0.8, 0 at 0.7, 1 at 0.6, 0 at 0.4, 0 at 0.2."""
    given = rows([0, 1, 1, 0, 1, 0], [0.2, 0.9, 0.6, 0.7, 0.8, 0.4])
    assert choose_threshold(given, wanted(rule)) == np.float32(threshold)


def test_of_equal_thresholds_the_highest_is_chosen() -> None:
    """F1 is 1/2 at 0.9 (1 of 3 found, none wrong) and at 0.5 (2 found, 3 wrong); tied rows can't be divided."""
    labels, predictions = [1, 1, 0, 0, 0, 1, 0, 0, 0, 0], [0.9, *[0.5] * 4, *[0.1] * 5]
    assert choose_threshold(rows(labels, predictions), wanted(F1)) == np.float32(0.9)


def test_costs_at_which_no_row_is_decided_positive() -> None:
    """If all positive decisions cost more than they save, the threshold is just above the highest prediction."""
    found = choose_threshold(rows([0, 1], [1.0, 0.1]), wanted(FAR_COST))
    assert 1 < found < 1 + 1e-6
    point = measured(FAR_COST, rows([0, 1], [1.0, 0.1]), rows([0, 1], [1.0, 1.0]))
    assert point["confusion"] == {
        "true_positive": 0, "false_positive": 0, "true_negative": 1, "false_negative": 1,
    }  # fmt: skip
    assert {name: metric["test"] for name, metric in point["metrics"].items()} == {
        "precision": None, "recall": 0.0, "f1": 0.0, "positive_share": 0.0, "cost": 0.5,
    }  # fmt: skip
    assert point["metrics"]["precision"]["interval"] is None


@pytest.mark.parametrize(
    ("given", "rule", "reason"),
    [
        (
            rows([0, 1, 1, 1], [0.9, 0.8, 0.7, 0.6]),
            {"maximize": "recall", "min_precision": 0.8},
            "on the validation split no threshold has a precision of at least 0.8 "
            "(evaluation.operating_point.min_precision); the highest precision is 0.7500",
        ),
        (
            rows([0, 0], [0.9, 0.8]),
            F1,
            "the validation split has no row with the label 1, so there is no operating point "
            "(evaluation.operating_point)",
        ),
        (
            rows([], []),
            COST,
            "the validation split has no row with the label 1, so there is no operating point "
            "(evaluation.operating_point)",
        ),
        (
            rows([0, 1, 1], [NAN, 0.8, NAN]),
            F1,
            "the candidate predicts NaN for 2 rows of the validation split, so there is no operating point "
            "(evaluation.operating_point)",
        ),
    ],
)
def test_there_is_no_operating_point(given: ScoredRows, rule: Rule, reason: str) -> None:
    """The reason names the key, what was demanded, and the best value that can be reached."""
    with pytest.raises(NoOperatingPoint) as caught:
        choose_threshold(given, wanted(rule))
    assert str(caught.value) == reason


def measured(rule: Rule, validation: ScoredRows, test: ScoredRows, **settings: Any) -> dict[str, Any]:
    """The operating point as in verdict.json."""
    splits = [
        PairedScores(split.labels, {"candidate": split.predictions}, weights=split.weights)
        for split in (validation, test)
    ]
    config = EvaluationConfig.model_validate({"operating_point": rule, "resamples": 100} | settings)
    found = operating_point(splits[0], splits[1], config)
    assert found is not None
    return found.model_dump(mode="json")


VALIDATION = rows([0, 1, 1, 0, 1, 0], [0.2, 0.9, 0.6, 0.7, 0.8, 0.4])
# At 0.6: 2 true and 2 false positives, 3 true negatives and 1 false negative.
TEST = rows([1, 1, 0, 0, 1, 0, 0, 0], [0.9, 0.6, 0.95, 0.7, 0.59, 0.5, 0.1, 0.2])


def test_the_decisions_on_the_test_split() -> None:
    """Threshold, values on both splits and confusion matrix are those that were counted by hand."""
    found = measured(COST, VALIDATION, TEST)
    assert (found["rule"], found["threshold"]) == ("cost", np.float32(0.6))
    assert (found["false_positive_cost"], found["false_negative_cost"]) == (1, 3)
    assert (found["validation_rows"], found["validation_sampled_from"]) == (6, None)
    assert found["confusion"] == {
        "true_positive": 2, "false_positive": 2, "true_negative": 3, "false_negative": 1,
    }  # fmt: skip
    assert {name: (value["validation"], value["test"]) for name, value in found["metrics"].items()} == {
        "precision": (3 / 4, 2 / 4),
        "recall": (1, 2 / 3),
        "f1": (6 / 7, 4 / 7),
        "positive_share": (4 / 6, 4 / 8),
        "cost": (1 / 6, (2 * 1 + 1 * 3) / 8),
    }


def test_what_is_demanded_stands_beside_its_metric() -> None:
    """Only there; without costs there is no cost."""
    found = measured({"maximize": "precision", "min_recall": 0.5}, VALIDATION, TEST)
    assert {name: value["demanded"] for name, value in found["metrics"].items()} == {
        "precision": None, "recall": 0.5, "f1": None, "positive_share": None,
    }  # fmt: skip


def test_weights_on_both_splits() -> None:
    """The values are those of tables in which each row is repeated; the matrix has sums of weights."""
    twice = np.array([3, 1, 2, 1, 2, 1, 1, 4])
    test = TEST._replace(weights=(twice / 2).astype(np.float32))
    validation = VALIDATION._replace(weights=np.array([1, 2, 3, 1, 2, 1], np.float32))
    found = measured(COST, validation, test)
    expected = measured(
        COST,
        rows(*(np.repeat(values, [1, 2, 3, 1, 2, 1]).tolist() for values in VALIDATION[:2])),
        rows(*(np.repeat(values, twice).tolist() for values in TEST[:2])),
    )
    for name, metric in expected["metrics"].items():
        assert found["metrics"][name]["validation"] == pytest.approx(metric["validation"]), name
        assert found["metrics"][name]["test"] == pytest.approx(metric["test"]), name
    assert found["confusion"] == {cell: rows / 2 for cell, rows in expected["confusion"].items()}


def share(part: Callable[[Any, Any], Any], whole: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The sum of `part` over the rows divided by that of `whole`, both of label and decision."""
    return lambda y, d, axis: part(y, d).sum(axis=axis) / whole(y, d).sum(axis=axis)


STATISTICS: dict[str, Callable[..., Any]] = {
    "precision": share(lambda y, d: y * d, lambda y, d: d),
    "recall": share(lambda y, d: y * d, lambda y, d: y),
    "f1": share(lambda y, d: 2 * y * d, lambda y, d: y + d),
    "positive_share": lambda y, d, axis: d.mean(axis=axis),
    "true_positive": lambda y, d, axis: (y * d).sum(axis=axis),
    "false_positive": lambda y, d, axis: ((1 - y) * d).sum(axis=axis),
    "true_negative": lambda y, d, axis: ((1 - y) * (1 - d)).sum(axis=axis),
    "false_negative": lambda y, d, axis: (y * (1 - d)).sum(axis=axis),
}


@pytest.mark.parametrize(
    ("rule", "statistics"),
    [
        ({"maximize": "recall", "min_precision": 0.8}, STATISTICS),
        (COST, {"cost": lambda y, d, axis: ((1 - y) * d + 3 * y * (1 - d)).mean(axis=axis)}),
    ],
)
def test_the_intervals_are_those_of_scipy(rule: Rule, statistics: dict[str, Callable[..., Any]]) -> None:
    """scipy.stats.bootstrap, paired, percentile, threshold fixed: the ends agree to 0.15 of the interval's width."""
    test = table(2, 200)
    found = measured(rule, table(1, 200), test, resamples=4_000)
    decisions = (test.predictions >= np.float32(found["threshold"])).astype(float)
    intervals = {name: metric["interval"] for name, metric in found["metrics"].items()}
    intervals |= found["confusion_intervals"]
    assert intervals.keys() == (STATISTICS | statistics).keys()
    for name, statistic in statistics.items():
        expected = scipy.stats.bootstrap(
            (test.labels.astype(float), decisions), statistic, n_resamples=4_000, paired=True,
            vectorized=True, method="percentile", rng=4,
        ).confidence_interval  # fmt: skip
        low, high = intervals[name]
        tolerance = 0.15 * (expected.high - expected.low)
        assert math.isclose(low, expected.low, abs_tol=tolerance), name
        assert math.isclose(high, expected.high, abs_tol=tolerance), name
        assert low < high, name


def test_nothing_is_chosen_unless_it_is_configured() -> None:
    splits = [PairedScores(split.labels, {"candidate": split.predictions}) for split in (VALIDATION, TEST)]
    assert operating_point(splits[0], splits[1], EvaluationConfig()) is None
