"""The verdict on a regression: metrics, intervals, gates and plots."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped]
import sklearn.metrics

from components.common.verdict_record import Verdict
from components.config.evaluation import EvaluationConfig, SliceConfig
from components.config.task_keys import check_task_keys
from components.evaluator.bootstrap import intervals, resampled
from components.evaluator.curves import FIT_POINTS, RESIDUAL_BINS, curves
from components.evaluator.evaluator_settings import EvaluatorSettings
from components.evaluator.importance import LabeledRows, permutation_importance
from components.evaluator.metric_functions import METRIC_FUNCTIONS
from components.evaluator.metrics import Array, ScoredRows
from components.evaluator.paired_scores import PairedScores, SplitScores
from components.evaluator.tfma_config import eval_config
from components.evaluator.verdict import compute_verdict
from components.tasks.binary import BINARY
from components.tasks.regression import REGRESSION

METRICS = ("rmse", "mae", "r2")


def table(rows: int, seed: int = 1, *, worse: float = 0.0, weights: Array | None = None) -> PairedScores:
    """Two models of y = 10 + 3 x + noise, x and noise with a deviation of 1; `worse` is added noise of the candidate.

    The label has a variance of 10; the exact model has an RMSE of 1.
    """
    generator = np.random.default_rng(seed)
    x, noise = generator.normal(size=(2, rows))
    baseline, candidate = 0.3 * generator.normal(size=(2, rows))
    predictions = {
        "candidate": 10 + 3 * x + candidate + worse * generator.normal(size=rows),
        "baseline": 10 + 3 * x + baseline,
    }
    return PairedScores(
        (10 + 3 * x + noise).astype(np.float32),
        {name: values.astype(np.float32) for name, values in predictions.items()},
        weights=weights,
        task=REGRESSION,
    )


def verdict(rows: PairedScores, settings: EvaluationConfig | None = None, **features: Any) -> Verdict:
    train = table(500, seed=99)
    return compute_verdict(SplitScores(rows, features), train, settings or EvaluationConfig(resamples=200))


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_equal_scikit_learns(weighted: bool) -> None:
    """To 1e-6, as labels, predictions and weights are float32."""
    weights = np.random.default_rng(2).random(300).astype(np.float32) if weighted else None
    rows = table(300, weights=weights)
    labels, predicted = (values.astype(np.float64) for values in (rows.labels, rows.predictions["candidate"]))
    expected = {
        "rmse": sklearn.metrics.root_mean_squared_error(labels, predicted, sample_weight=weights),
        "mae": sklearn.metrics.mean_absolute_error(labels, predicted, sample_weight=weights),
        "r2": sklearn.metrics.r2_score(labels, predicted, sample_weight=weights),
    }
    assert tuple(metric.name for metric in REGRESSION.metrics) == METRICS
    found = {name: METRIC_FUNCTIONS[name](rows.scored("candidate")) for name in METRICS}
    assert found == pytest.approx(expected, rel=1e-6)


def test_undefined_metrics_are_nan() -> None:
    """R2 of equal labels, and everything without rows."""
    equal = ScoredRows(np.full(3, 2, np.float32), np.array([1, 2, 3], np.float32))
    assert METRIC_FUNCTIONS["rmse"](equal) == pytest.approx(math.sqrt(2 / 3))
    assert math.isnan(METRIC_FUNCTIONS["r2"](equal))
    nothing = ScoredRows(np.zeros(0, np.float32), np.zeros(0, np.float32))
    assert all(math.isnan(METRIC_FUNCTIONS[name](nothing)) for name in METRICS)


def test_intervals_are_those_of_scipy() -> None:
    """scipy.stats.bootstrap, paired, percentile, with scikit-learn's metrics: to 0.15 of the interval's width."""
    rows = table(150)
    labels, candidate, baseline = (
        values.astype(np.float64) for values in (rows.labels, *rows.predictions.values())
    )

    def squared(axis: int, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return np.asarray(np.square(y - p).mean(axis=axis))

    def rmse(y: np.ndarray, p: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(np.sqrt(squared(axis, y, p)))

    def r2(y: np.ndarray, p: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(1 - squared(axis, y, p) / y.var(axis=axis))

    def rise(y: np.ndarray, one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(rmse(y, one, axis) - rmse(y, other, axis))

    def ends(statistic: object, *data: np.ndarray) -> list[float]:
        result = scipy.stats.bootstrap(
            data, statistic, n_resamples=4_000, paired=True, vectorized=True, method="percentile", rng=4
        )
        return [float(result.confidence_interval.low), float(result.confidence_interval.high)]

    found = intervals(rows, EvaluationConfig(resamples=4_000, seed=5))
    assert set(found) == set(METRICS)
    for metric, model, (low, high) in (
        ("rmse", "candidate", ends(rmse, labels, candidate)),
        ("r2", "baseline", ends(r2, labels, baseline)),
        ("rmse", "difference", ends(rise, labels, candidate, baseline)),
    ):
        assert found[metric][model] == pytest.approx((low, high), abs=0.15 * (high - low)), (metric, model)


def test_a_resample_of_weighted_rows_equals_scikit_learns_metrics() -> None:
    """Row i counts as often as it was drawn, times its weight."""
    weights = np.random.default_rng(7).random(80).astype(np.float32)
    rows = table(80, weights=weights)
    drawn = resampled(rows, 5, 11)
    # `resampled` sorts the rows by the candidate's predictions before it draws.
    rows = rows.select(np.argsort(rows.predictions["candidate"], kind="stable"))
    assert rows.weights is not None
    generator = np.random.default_rng(11)
    for number in range(5):
        counts = np.bincount(generator.integers(80, size=80), minlength=80) * rows.weights
        for model, predicted in rows.predictions.items():
            expected = {
                "rmse": sklearn.metrics.root_mean_squared_error(rows.labels, predicted, sample_weight=counts),
                "mae": sklearn.metrics.mean_absolute_error(rows.labels, predicted, sample_weight=counts),
                "r2": sklearn.metrics.r2_score(rows.labels, predicted, sample_weight=counts),
            }
            found = {metric: drawn[metric][model][number] for metric in METRICS}
            assert found == pytest.approx(expected, rel=1e-5)


def test_intervals_contain_the_true_value_as_often_as_they_say() -> None:
    """Of 200 tables of 150 rows, 95% give or take 4% (2.6 deviations of such a share) of the intervals do.

    The true RMSE is sqrt(1 + 0.3 ** 2); the true difference of two equally good models is 0.
    """
    truth = {"candidate": math.sqrt(1.09), "difference": 0.0}
    hits = dict.fromkeys(truth, 0)
    for seed in range(200):
        found = intervals(table(150, seed), EvaluationConfig(resamples=200, seed=seed))["rmse"]
        for name, value in truth.items():
            hits[name] += found[name][0] <= value <= found[name][1]
    assert all(0.91 <= hit / 200 <= 0.99 for hit in hits.values()), hits


def test_a_worse_candidate_is_refused_and_an_equal_one_is_not() -> None:
    """Of 40 tables each. The tolerance is 5% of the RMSE of the mean label, sqrt(10): 0.16.

    Noise with a deviation of 0.8 makes the candidate's RMSE 0.27 worse, from 1.04 to 1.32.
    """
    settings = EvaluationConfig(resamples=100)
    equal = [verdict(table(300, seed), settings) for seed in range(40)]
    worse = [verdict(table(300, seed, worse=0.8), settings) for seed in range(40)]
    assert sum(item.blessed for item in equal) >= 38
    assert not any(item.blessed for item in worse)
    (rise,) = (item for item in equal[0].thresholds if item.rule == "change")
    assert (rise.metric, rise.direction) == ("rmse", "<=")
    assert rise.bound == pytest.approx(0.05 * math.sqrt(10), rel=0.1)
    assert {item.rule for item in equal[0].thresholds} == {"change", "base_rate"}
    assert "the RMSE is" in worse[0].reasons[0]


def test_a_candidate_that_knows_nothing_is_refused() -> None:
    """It predicts the mean; so does its baseline."""
    rows = table(200)
    mean = np.full(200, 10, np.float32)
    bad = rows._replace(predictions={"candidate": mean, "baseline": rows.predictions["baseline"]})
    found = verdict(bad, EvaluationConfig(resamples=100, mode="better"))
    assert {item.rule for item in found.thresholds if not item.passed} == {"change", "base_rate"}


def test_limits_of_the_candidate_alone() -> None:
    """Each limit refuses on its own, and names its metric."""
    rows = table(300)
    for key, bound, label in (("max_rmse", 1.0, "RMSE"), ("max_mae", 0.8, "MAE"), ("min_r2", 0.95, "R2")):
        found = verdict(rows, EvaluationConfig.model_validate({"resamples": 100, key: bound}))
        assert [reason.split(" is ")[0] for reason in found.reasons] == [f"the {label}"]
    passed = verdict(
        rows, EvaluationConfig(resamples=100, max_rmse=1.2, max_mae=1.0, min_r2=0.85, max_gap=0.2)
    )
    assert (passed.blessed, passed.reasons) == (True, ())
    assert [item.rule for item in passed.thresholds].count("floor") == 3


def test_the_record() -> None:
    """It is that of a regression: no classes, its own metrics, gap and plots; it can be written and read."""
    rows = table(300)
    second = table(300, seed=5)
    several = rows.with_model("early_stopped", rows.predictions["baseline"])
    several = several._replace(other_seeds=(several.predictions,))
    del second
    settings = EvaluationConfig(resamples=100, slices=(SliceConfig(feature="x", edges=(0.0,)),))
    x = np.linspace(-1, 1, 300).astype(np.float32)
    found = verdict(several, settings, x=x)
    assert Verdict.model_validate_json(found.to_json()) == found
    assert (found.task, found.positives, tuple(found.metrics)) == ("regression", None, METRICS)
    assert set(found.gap.candidate) == {"rmse", "r2"}
    assert found.seeds[0].candidate == found.metrics["rmse"].candidate
    assert found.contributions is not None
    assert found.contributions.early_stopping is not None
    # The mean label explains nothing, but for the distance between the means of both splits.
    assert found.metrics["r2"].base_rate == pytest.approx(0, abs=0.05)
    assert [(part.rows, part.positives, part.too_small) for part in found.slices] == [
        (150, None, False), (150, None, False), (0, None, True),
    ]  # fmt: skip
    drawn = found.curves.candidate
    assert (drawn.roc, drawn.confusion) == (None, None)
    assert drawn.fit is not None
    assert drawn.residuals is not None
    assert sum(drawn.residuals.rows) == 300


def test_equal_labels_and_nan_are_obstacles() -> None:
    """There is no R2 of equal labels; a prediction that is NaN makes its model undefined."""
    rows = table(100)
    equal = verdict(rows._replace(labels=np.full(100, 2.5, np.float32)))
    assert equal.reasons[0] == "all rows of the test split (100) have the label 2.5, so there is no R2"
    broken = rows.predictions["candidate"].copy()
    broken[3] = np.nan
    undefined = verdict(rows._replace(predictions={**rows.predictions, "candidate": broken}))
    assert undefined.reasons[0].startswith(
        "the candidate predicts NaN for 1 of 100 rows, so its RMSE, MAE, R2"
    )
    assert undefined.curves.candidate.fit is None


def test_the_points_of_the_plots() -> None:
    """The same rows for all models; 1% of the residuals is in the outer bins."""
    rows = table(2_000)
    one, other = (curves(rows.scored(name), 0.95, REGRESSION.plots) for name in rows.predictions)
    assert one.fit is not None
    assert other.fit is not None
    assert one.residuals is not None
    assert len(one.fit.predicted) == FIT_POINTS
    assert one.fit.actual == other.fit.actual
    assert set(one.fit.actual) <= {float(f"{value:.6g}") for value in rows.labels}
    assert (len(one.residuals.edges), sum(one.residuals.rows)) == (RESIDUAL_BINS + 1, 2_000)
    errors = np.abs(rows.labels.astype(np.float64) - rows.predictions["candidate"])
    assert one.residuals.edges[-1] == pytest.approx(np.quantile(errors, 0.99), rel=1e-5)


class Sum:
    """Predicts 3 a; b does not matter."""

    def predict_columns(self, columns: Any) -> Array:
        return np.asarray(3 * columns["a"], np.float32)


def test_importance_is_the_rise_of_the_rmse() -> None:
    """Permuted, the prediction is 3 times an independent value: the mean squared error is 1 + 2 * 3 ** 2."""
    generator = np.random.default_rng(3)
    a, b, noise = generator.normal(size=(3, 4_000)).astype(np.float32)
    rows = LabeledRows({"a": a, "b": b}, 3 * a + noise, task=REGRESSION)
    record = permutation_importance(Sum(), rows, ["a", "b"], EvaluationConfig(resamples=100))
    first, second = record.features
    assert (record.loss, first.feature, second.value) == ("rmse", "a", 0.0)
    assert first.value is not None
    assert first.value == pytest.approx(math.sqrt(19) - 1, rel=0.05)
    assert first.interval is not None
    assert first.interval[0] < first.value < first.interval[1]


def test_tfma_measures_the_same_metrics() -> None:
    """Through the output `prediction`."""
    settings = EvaluatorSettings(label="y", evaluation=EvaluationConfig(), code_digest="")
    config = eval_config(settings, REGRESSION)
    assert [spec.prediction_key for spec in config.model_specs] == ["prediction", "prediction"]
    names = [metric.config for spec in config.metrics_specs for metric in spec.metrics]
    assert [name.split('"')[3] for name in names] == [*METRICS, "example_count"]


@pytest.mark.parametrize(
    ("task", "keys", "name"),
    [
        (REGRESSION, {"min_auc": 0.7}, "evaluation.min_auc"),
        (REGRESSION, {"max_log_loss_rise": 0.1}, "evaluation.max_log_loss_rise"),
        (REGRESSION, {"operating_point": {"maximize": "f1"}}, "evaluation.operating_point"),
        (BINARY, {"max_rmse": 1.0}, "evaluation.max_rmse"),
    ],
)
def test_a_key_of_another_task_is_refused(task: Any, keys: dict[str, Any], name: str) -> None:
    """The message has the key and the task; the keys of both tasks are accepted."""
    with pytest.raises(ValueError, match=f"{name}: .*the task is {task.name}"):
        check_task_keys("evaluation", EvaluationConfig.model_validate(keys), task)
    check_task_keys("evaluation", EvaluationConfig(max_gap=0.1, min_rows=3), task)
