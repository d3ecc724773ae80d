"""The bootstrap, compared with textbook formulas and with scipy's."""

import math

import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped]
import sklearn.metrics

from components.config.evaluation import EvaluationConfig
from components.evaluator.bootstrap import intervals, resampled
from components.evaluator.metric_functions import METRIC_FUNCTIONS
from components.evaluator.metrics import (
    RankedRows,
    ScoredRows,
    accuracy,
    auc,
    calibration_error,
    log_loss,
)
from components.evaluator.paired_scores import PairedScores
from components.tasks.binary import BINARY
from tests.components.evaluator.one_metric import only


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
    rows = table(400)._replace(task=only("accuracy"))
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
    """scipy.stats.bootstrap, paired, percentile: the ends of all twelve agree to 0.1 of the interval's width."""
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

    squares = {name: (p.astype(np.float64) - rows.labels) ** 2 for name, p in rows.predictions.items()}

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
        "brier": {name: ends(np.mean, values) for name, values in squares.items()},
    }
    expected["log_loss"]["difference"] = ends(difference, *losses.values())
    expected["accuracy"]["difference"] = ends(difference, *hits.values())
    expected["brier"]["difference"] = ends(difference, *squares.values())
    found = intervals(rows, EvaluationConfig(resamples=4_000, seed=5))
    for metric, by_model in expected.items():
        assert set(found[metric]) == set(by_model)
        for model, (low, high) in by_model.items():
            assert found[metric][model] == pytest.approx((low, high), abs=0.1 * (high - low)), (metric, model)


@pytest.mark.parametrize("digits", [1, 2, 6], ids=["many ties", "ties", "no ties"])
def test_a_row_drawn_twice_counts_as_two_rows(digits: int) -> None:
    """AUC and average precision from counts are those of the rows, repeated as often as they were drawn."""
    rows = table(60, digits=digits)
    predictions = rows.predictions["candidate"]
    ranked = RankedRows(rows.labels, predictions)
    generator = np.random.default_rng(6)
    for _ in range(20):
        counts = np.bincount(generator.integers(60, size=60), minlength=60)
        repeated = np.repeat(rows.labels, counts), np.repeat(predictions, counts)
        expected = (
            sklearn.metrics.roc_auc_score(*repeated),
            sklearn.metrics.average_precision_score(*repeated),
        )
        assert ranked.auc_and_average_precision(counts.astype(float)) == pytest.approx(expected, abs=1e-12)


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
    """Each resample has the same rows for both models, so the difference is 0 in all of them. Only that of the
    calibration error has a wider interval, which is made of both models' own.
    """
    rows = table(50)
    same = PairedScores(rows.labels, dict.fromkeys(("candidate", "baseline"), rows.predictions["candidate"]))
    found = intervals(same, EvaluationConfig())
    calibration = found.pop("calibration_error")
    low, high = calibration["candidate"]
    assert calibration["difference"] == (low - high, high - low)
    assert {values["difference"] for values in found.values()} == {(0, 0)}


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
    for metric in BINARY.interval_metrics:
        assert np.isnan(found[metric]["candidate"]).all()
        assert np.isnan(found[metric]["difference"]).all()
        assert not np.isnan(found[metric]["baseline"]).any()
    nothing = np.zeros(0, np.float32)
    assert intervals(PairedScores(nothing, {"candidate": nothing}), EvaluationConfig()) == {
        metric: {} for metric in BINARY.interval_metrics
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


def test_the_resampled_metrics_are_those_of_the_drawn_rows() -> None:
    """All but the calibration error, which is corrected: a resample of the bootstrap's own generator, computed from
    repeated rows. The weights, if there are any, are those of the rows.
    """
    for weights in (None, np.random.default_rng(9).integers(1, 4, 90).astype(np.float32)):
        rows = table(90, digits=2)._replace(weights=weights)
        # The bootstrap draws positions in the order of the candidate's predictions.
        ordered = rows.select(np.argsort(rows.predictions["candidate"], kind="stable"))
        drawn = resampled(rows, 3, seed=10)
        generator = np.random.default_rng(10)
        for number in range(3):
            chosen = ordered.select(np.sort(generator.integers(90, size=90)))
            for metric in set(BINARY.interval_metrics) - {"calibration_error"}:
                for model in ("candidate", "baseline"):
                    expected = METRIC_FUNCTIONS[metric](chosen.scored(model))
                    assert drawn[metric][model][number] == pytest.approx(expected, abs=1e-12), (metric, model)


def test_the_calibration_error_of_a_resample_is_corrected() -> None:
    """It is the sum of twice |x| minus the mean of a folded normal distribution, which is scipy's, over the bins."""
    rows = table(90, digits=2)
    ordered = rows.select(np.argsort(rows.predictions["candidate"], kind="stable"))
    bins = np.minimum(np.floor(ordered.predictions["candidate"] * np.float32(10)), 9)
    excess = ordered.predictions["candidate"].astype(np.float64) - ordered.labels
    drawn = resampled(rows, 3, seed=10)["calibration_error"]["candidate"]
    generator = np.random.default_rng(10)
    for found in drawn:
        chosen = generator.integers(90, size=90)
        expected = 0.0
        for number in set(bins.tolist()):
            x = abs(excess[chosen][bins[chosen] == number].sum()) / 90
            scale = math.sqrt(2 * np.square(excess[bins == number]).sum()) / 90
            expected += 2 * x - scipy.stats.foldnorm.mean(x / scale, scale=scale)
        assert found == pytest.approx(expected, abs=1e-9)


def test_the_contrasts_of_three_models() -> None:
    """Early stopping alone minus baseline plus candidate minus early stopping alone is candidate minus baseline, in
    each resample; the ends of the intervals are quantiles of these differences.
    """
    rows = table(120)
    middle = (rows.predictions["candidate"] + rows.predictions["baseline"]) / 2
    rows = rows._replace(predictions={**rows.predictions, "early_stopped": middle.astype(np.float32)})
    settings = EvaluationConfig(resamples=500, confidence=0.9, seed=3)
    drawn, found = resampled(rows, 500, 3)["log_loss"], intervals(rows, settings)["log_loss"]
    for contrast, first, second in (
        ("difference", "candidate", "baseline"),
        ("early_stopping", "early_stopped", "baseline"),
        ("penalties", "candidate", "early_stopped"),
    ):
        assert found[contrast] == pytest.approx(np.quantile(drawn[first] - drawn[second], [0.05, 0.95]))
    # Only means over the rows are resampled for it: they cost little.
    assert np.isnan(intervals(rows, settings)["auc"]["early_stopped"]).all()


def test_the_interval_covers_the_seeds_too() -> None:
    """Of models whose losses differ only by seed, the variance of the mean over k seeds is their sample variance,
    which is unbiased, divided by k (here rows add nothing: all rows have equal losses).
    """
    size, losses = 40, [0.3, 0.5, 0.9, 0.4]
    labels = np.ones(size, np.float32)
    seeds = [
        {"candidate": np.full(size, math.exp(-loss), np.float32), "baseline": np.full(size, 0.5, np.float32)}
        for loss in losses
    ]
    rows = PairedScores(labels, seeds[0], other_seeds=tuple(seeds[1:]), task=only("log_loss"))
    drawn = resampled(rows, 5_000, seed=1)["log_loss"]
    assert drawn["candidate"].mean() == pytest.approx(np.mean(losses), abs=0.01)
    # The deviation of 5,000 draws is itself known to 1%. That of the drawn means alone would be 13% less.
    assert drawn["candidate"].std() == pytest.approx(np.std(losses, ddof=1) / 2, rel=0.05)
    assert drawn["baseline"] == pytest.approx(math.log(2), abs=1e-6)


def test_the_interval_of_several_seeds_is_in_the_range_of_the_metric() -> None:
    """The AUC is 1 with one seed and 1/2 with the other: twice the first is drawn in a quarter of the resamples, and
    then the mean is 0.75 + sqrt(2) / 4, above 1.
    """
    labels = np.array([0, 1] * 20, np.float32)
    constant = {"candidate": np.full(40, 0.5, np.float32)}
    rows = PairedScores(labels, {"candidate": labels}, other_seeds=(constant,))
    low, high = intervals(rows, EvaluationConfig(resamples=200))["auc"]["candidate"]
    assert low == pytest.approx(0.75 - math.sqrt(2) / 4)
    assert high == 1


def test_candidate_and_baseline_are_drawn_with_seeds_of_their_own() -> None:
    """A seed gives both networks the same first weights, but a new pair of trainings would have two chances; early
    stopping alone comes from the baseline's training, and has its seed.
    """
    size, losses = 30, [0.3, 0.9]
    seeds = [
        {
            name: np.full(size, math.exp(-loss), np.float32)
            for name in ("candidate", "baseline", "early_stopped")
        }
        for loss in losses
    ]
    rows = PairedScores(np.ones(size, np.float32), seeds[0], other_seeds=(seeds[1],), task=only("log_loss"))
    drawn = resampled(rows, 4_000, seed=1)["log_loss"]
    # Of 4,000 independent pairs, the deviation of the correlation is 0.016.
    assert np.corrcoef(drawn["candidate"], drawn["baseline"])[0, 1] == pytest.approx(0, abs=0.065)
    assert (drawn["early_stopped"] == drawn["baseline"]).all()


@pytest.mark.parametrize(("slope", "least"), [(1.0, 0.93), (0.85, 0.88), (0.4, 0.9)])
def test_intervals_of_the_calibration_error_contain_the_true_error(slope: float, least: float) -> None:
    """In 150 tables of 300 rows from a logit model whose probabilities are too extreme by 1 / slope; the true error is
    that of a million rows. Percentiles without the corrections contain it in fewer than 1 of 20 tables for slope 1.
    """
    generator = np.random.default_rng(12)

    def drawn(rows: int) -> ScoredRows:
        logit = 1.5 * generator.normal(size=rows)
        labels = generator.random(rows) < 1 / (1 + np.exp(-slope * logit))
        return ScoredRows(labels.astype(np.float32), (1 / (1 + np.exp(-logit))).astype(np.float32))

    true = calibration_error(drawn(1_000_000)) if slope < 1 else 0.0
    contained, task = 0, only("calibration_error")
    for _ in range(150):
        rows = drawn(300)
        scores = PairedScores(rows.labels, {"candidate": rows.predictions}, task=task)
        low, high = intervals(scores, EvaluationConfig(resamples=200))["calibration_error"]["candidate"]
        assert 0 <= low <= high
        contained += low <= true <= high
    assert contained / 150 >= least
