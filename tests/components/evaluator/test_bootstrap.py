"""The bootstrap, compared with textbook formulas and with scipy's."""

import math

import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped]

from components.config.evaluation import EvaluationConfig
from components.evaluator.bootstrap import PairedScores, RankedAuc, intervals, resampled
from components.evaluator.metrics import ScoredRows, accuracy, auc, log_loss


def table(rows: int, seed: int = 1, digits: int = 6) -> PairedScores:
    """Two models whose errors are correlated, like those of two networks on the same rows."""
    generator = np.random.default_rng(seed)
    labels = (generator.random(rows) < 0.4).astype(np.float32)
    common = 0.3 * labels + generator.random(rows) * 0.6
    predictions = {
        name: np.clip(np.round(common + 0.1 * generator.random(rows), digits), 0, 1).astype(np.float32)
        for name in ("candidate", "baseline")
    }
    return PairedScores(labels, predictions)


def test_accuracy_has_the_standard_error_of_a_proportion() -> None:
    """The resamples of a mean of 0s and 1s have the deviation sqrt(p(1 - p)/n) (Efron and Tibshirani, 1993, ch. 6)."""
    rows = table(400)
    drawn = resampled(rows, 10_000, seed=2)["accuracy"]["candidate"]
    p = accuracy(ScoredRows(rows.labels, rows.predictions["candidate"]))
    assert drawn.mean() == pytest.approx(p, abs=1e-3)
    # The deviation of 10,000 draws is itself known to 1/sqrt(20,000), 0.7%; 3% is four times that.
    assert drawn.std() == pytest.approx(math.sqrt(p * (1 - p) / 400), rel=0.03)


def test_auc_has_the_standard_error_of_delong() -> None:
    """On 600 rows, DeLong's variance (1988) of one AUC and of the difference of two on the same rows, to 5%."""
    rows = table(600)
    positive, negative = rows.labels > 0, rows.labels <= 0
    by_positive, by_negative = [], []
    for predictions in rows.predictions.values():
        won = np.sign(predictions[positive][:, None] - predictions[negative][None, :]) / 2 + 0.5
        by_positive.append(won.mean(axis=1))
        by_negative.append(won.mean(axis=0))
    covariance = np.cov(by_positive) / positive.sum() + np.cov(by_negative) / negative.sum()
    drawn = resampled(rows, 4_000, seed=3)["auc"]
    candidate, baseline = drawn["candidate"], drawn["baseline"]
    assert candidate.std() == pytest.approx(math.sqrt(covariance[0, 0]), rel=0.05)
    paired = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert (candidate - baseline).std() == pytest.approx(math.sqrt(paired), rel=0.05)
    # Were the rows not paired, the difference would vary several times as much.
    assert paired < (covariance[0, 0] + covariance[1, 1]) / 4


def test_intervals_are_those_of_scipy() -> None:
    """scipy.stats.bootstrap, paired, percentile: the ends of all nine agree to 0.1 of the interval's width."""
    rows = table(150, digits=2)
    losses = {
        name: -np.log(np.where(rows.labels > 0, p, 1 - p).astype(np.float64).clip(1e-7))
        for name, p in rows.predictions.items()
    }
    hits = {name: ((p > 0.5) == (rows.labels > 0)).astype(float) for name, p in rows.predictions.items()}

    def area(labels: np.ndarray, scores: np.ndarray, axis: int = -1) -> np.ndarray:
        ranks = scipy.stats.rankdata(scores, axis=axis)
        positives = labels.sum(axis=axis)
        pairs = positives * (labels.shape[axis] - positives)
        return np.asarray(((ranks * labels).sum(axis=axis) - positives * (positives + 1) / 2) / pairs)

    def ends(statistic: object, *data: np.ndarray) -> list[float]:
        result = scipy.stats.bootstrap(
            data, statistic, n_resamples=4_000, paired=True, vectorized=True, method="percentile", rng=4
        )
        return [float(result.confidence_interval.low), float(result.confidence_interval.high)]

    def difference(one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(one.mean(axis=axis) - other.mean(axis=axis))

    def area_difference(labels: np.ndarray, one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(area(labels, one, axis) - area(labels, other, axis))

    candidate, baseline = rows.predictions.values()
    expected = {
        "auc": {
            "candidate": ends(area, rows.labels, candidate),
            "baseline": ends(area, rows.labels, baseline),
            "difference": ends(area_difference, rows.labels, candidate, baseline),
        },
        "log_loss": {name: ends(np.mean, values) for name, values in losses.items()},
        "accuracy": {name: ends(np.mean, values) for name, values in hits.items()},
    }
    expected["log_loss"]["difference"] = ends(difference, *losses.values())
    expected["accuracy"]["difference"] = ends(difference, *hits.values())
    found = intervals(rows, EvaluationConfig(resamples=4_000, seed=5))
    for metric, by_model in expected.items():
        assert set(found[metric]) == set(by_model)
        for model, (low, high) in by_model.items():
            assert found[metric][model] == pytest.approx((low, high), abs=0.1 * (high - low)), (metric, model)


@pytest.mark.parametrize("digits", [1, 2, 6], ids=["many ties", "ties", "no ties"])
def test_a_row_drawn_twice_counts_as_two_rows(digits: int) -> None:
    """The AUC from counts is the AUC of the rows, repeated as often as they were drawn."""
    rows = table(60, digits=digits)
    predictions = rows.predictions["candidate"]
    ranked = RankedAuc(rows.labels, predictions)
    generator = np.random.default_rng(6)
    for _ in range(20):
        counts = np.bincount(generator.integers(60, size=60), minlength=60)
        expected = auc(ScoredRows(np.repeat(rows.labels, counts), np.repeat(predictions, counts)))
        assert ranked.auc(counts.astype(float)) == pytest.approx(expected, abs=1e-12)


def test_a_higher_confidence_gives_a_wider_interval_and_the_seed_decides_the_result() -> None:
    """The same seed gives exactly the same ends; another seed gives other ends."""
    rows = table(80)
    narrow, wide, again, other = (
        intervals(rows, settings)["log_loss"]["difference"]
        for settings in (
            EvaluationConfig(confidence=0.5),
            EvaluationConfig(confidence=0.99),
            EvaluationConfig(confidence=0.5),
            EvaluationConfig(confidence=0.5, seed=2),
        )
    )
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert narrow == again != other


def test_equal_models_have_no_difference() -> None:
    """Each resample has the same rows for both models, so the difference is 0 in all of them."""
    rows = table(50)
    same = PairedScores(rows.labels, dict.fromkeys(("candidate", "baseline"), rows.predictions["candidate"]))
    found = intervals(same, EvaluationConfig())
    assert {metric: found[metric]["difference"] for metric in found} == {
        "auc": (0, 0),
        "log_loss": (0, 0),
        "accuracy": (0, 0),
    }


def test_undefined_intervals() -> None:
    """One class: none for AUC. A NaN prediction: none for its model and the difference. No rows: none."""
    rows = table(30)
    one_class = intervals(PairedScores(np.ones(30, np.float32), rows.predictions), EvaluationConfig())
    assert np.isnan(one_class["auc"]["candidate"]).all()
    assert not np.isnan(one_class["log_loss"]["difference"]).any()
    broken = rows.predictions["candidate"].copy()
    broken[3] = np.nan
    found = intervals(
        PairedScores(rows.labels, {"candidate": broken, "baseline": rows.predictions["baseline"]}),
        EvaluationConfig(),
    )
    for metric in found:
        assert np.isnan(found[metric]["candidate"]).all()
        assert np.isnan(found[metric]["difference"]).all()
        assert not np.isnan(found[metric]["baseline"]).any()
    nothing = np.zeros(0, np.float32)
    assert intervals(PairedScores(nothing, {"candidate": nothing}), EvaluationConfig()) == {
        "auc": {},
        "log_loss": {},
        "accuracy": {},
    }


def test_resamples_without_a_class_are_left_out() -> None:
    """With one positive in 20 rows, about 36% of the resamples lack it; the others give the interval."""
    labels = np.zeros(20, np.float32)
    labels[0] = 1
    rows = PairedScores(labels, {"candidate": np.linspace(1, 0, 20, dtype=np.float32)})
    drawn = resampled(rows, 2_000, seed=7)["auc"]["candidate"]
    assert np.isnan(drawn).mean() == pytest.approx((19 / 20) ** 20, abs=0.03)
    assert intervals(rows, EvaluationConfig())["auc"]["candidate"] == (1.0, 1.0)


def test_means_of_the_resamples_are_near_the_metrics() -> None:
    """Log loss is unbiased under resampling, and AUC almost."""
    rows = table(300)
    drawn = resampled(rows, 2_000, seed=8)
    for model, predictions in rows.predictions.items():
        given = ScoredRows(rows.labels, predictions)
        assert drawn["log_loss"][model].mean() == pytest.approx(log_loss(given), abs=2e-3)
        assert drawn["auc"][model].mean() == pytest.approx(auc(given), abs=2e-3)
