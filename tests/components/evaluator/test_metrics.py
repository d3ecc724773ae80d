"""The metrics, compared with scikit-learn's and computed by hand, and the collection of rows by Beam."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.metric_functions import METRIC_FUNCTIONS as ALL_FUNCTIONS
from components.evaluator.metrics import ScoredRows
from components.evaluator.tfma_metrics import ArrayMetric
from components.tasks.binary import BINARY

NAN = float("nan")

METRIC_FUNCTIONS = {
    name: ALL_FUNCTIONS[name] for name in (*(metric.name for metric in BINARY.metrics), "example_count")
}


def rows(labels: Any, predictions: Any) -> ScoredRows:
    return ScoredRows(np.array(labels, np.float32), np.array(predictions, np.float32))


@pytest.fixture(params=[1, 2, 3, 4], ids=["ties", "many ties", "no ties", "rare class"])
def sample(request: pytest.FixtureRequest) -> ScoredRows:
    """500 rows with informative predictions, and ties within and between the classes."""
    generator = np.random.default_rng(request.param)
    labels = generator.random(500) < (0.02 if request.param == 4 else 0.3)
    predictions = np.clip(0.3 * labels + generator.random(500) * 0.8, 0, 1)
    digits = {1: 2, 2: 1, 3: 9, 4: 2}[request.param]
    return rows(labels, np.round(predictions, digits))


def expected_calibration_error(labels: Any, p: Any) -> float:
    """The definition, bin by bin."""
    error = 0.0
    for number in range(10):
        low, high = np.float32(number / 10), np.float32((number + 1) / 10)
        chosen = (p >= low) & ((p < high) | (number == 9))
        if chosen.any():
            error += chosen.mean() * abs(p[chosen].mean() - labels[chosen].mean())
    return error


def test_metrics_equal_scikit_learns(sample: ScoredRows) -> None:
    """To 1e-9, ties included."""
    labels, p = sample.labels.astype(int), sample.predictions.astype(np.float64)
    decided = p > 0.5
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    expected = {
        "auc": sklearn.metrics.roc_auc_score(labels, p),
        "pr_auc": sklearn.metrics.average_precision_score(labels, p),
        "log_loss": sklearn.metrics.log_loss(labels, clipped),
        "brier": sklearn.metrics.brier_score_loss(labels, p),
        "accuracy": sklearn.metrics.accuracy_score(labels, decided),
        "calibration_error": expected_calibration_error(labels, p),
        "precision": sklearn.metrics.precision_score(labels, decided),
        "recall": sklearn.metrics.recall_score(labels, decided),
        "example_count": 500,
    }
    assert {name: function(sample) for name, function in METRIC_FUNCTIONS.items()} == pytest.approx(
        expected, rel=1e-9
    )


def test_by_hand() -> None:
    """Six rows, two of them tied across the classes; 0.5 itself counts as class 0."""
    six = rows([1, 1, 1, 0, 0, 0], [0.9, 0.5, 0.25, 0.5, 0.75, 0.1])
    expected = {
        # 0.9 is above 0.5, 0.75 and 0.1; 0.5 is tied with 0.5, below 0.75, above 0.1; 0.25 is above only 0.1.
        "auc": (3 + 1.5 + 1) / 9,
        # Among the first 1, 4 (the two at 0.5 count together) and 5 rows, 1, 2 and 3 are of class 1.
        "pr_auc": (1 / 1 + 2 / 4 + 3 / 5) / 3,
        "log_loss": -sum(map(math.log, (0.9, 0.5, 0.25, 0.5, 0.25, 0.9))) / 6,
        "brier": (0.1**2 + 0.5**2 + 0.75**2 + 0.5**2 + 0.75**2 + 0.1**2) / 6,
        "accuracy": 3 / 6,
        # Bins of 0.1, 0.25, 0.5 (two rows, one of them positive), 0.75, 0.9.
        "calibration_error": (0.1 + 0.75 + 2 * 0 + 0.75 + 0.1) / 6,
        "precision": 1 / 2,
        "recall": 1 / 3,
        "example_count": 6,
    }
    assert {name: function(six) for name, function in METRIC_FUNCTIONS.items()} == pytest.approx(
        expected, rel=1e-6
    )


@pytest.mark.parametrize(
    ("labels", "predictions", "nan"),
    [
        ([1, 1], [0.2, 0.8], {"auc"}),
        ([0, 0], [0.2, 0.8], {"auc", "pr_auc", "recall"}),
        ([0, 1], [0.2, NAN], {"auc", "pr_auc", "log_loss", "brier", "calibration_error"}),
        ([0, 1], [0.2, 0.5], {"precision"}),
        ([], [], set(METRIC_FUNCTIONS) - {"example_count"}),
    ],
    ids=["positives only", "negatives only", "NaN predicted", "none predicted positive", "no rows"],
)
def test_undefined_metrics_are_nan(labels: Any, predictions: Any, nan: set[str]) -> None:
    """NaN fails every threshold; numpy gives no warning, which would be an error here."""
    given = rows(labels, predictions)
    if np.isnan(given.predictions).any():
        nan = nan | {"precision"}  # neither NaN nor the other prediction is above 0.5
    assert {name for name, function in METRIC_FUNCTIONS.items() if math.isnan(function(given))} == nan


@pytest.mark.parametrize("name", [name for name in METRIC_FUNCTIONS if name != "example_count"])
def test_an_integer_weight_equals_that_many_rows(sample: ScoredRows, name: str) -> None:
    """To 1e-9, with weights from 1 to 4; the count of rows has no weights."""
    weights = np.random.default_rng(1).integers(1, 5, sample.labels.size)
    weighted = sample._replace(weights=weights.astype(np.float32))
    repeated = rows(np.repeat(sample.labels, weights), np.repeat(sample.predictions, weights))
    function = METRIC_FUNCTIONS[name]
    assert function(weighted) == pytest.approx(function(repeated), rel=1e-9)
    assert function(weighted) != function(sample)
    assert METRIC_FUNCTIONS["example_count"](weighted) == 500


def test_fractional_weights_equal_scikit_learns(sample: ScoredRows) -> None:
    """To 1e-6, as weights are stored in float32."""
    weights = np.random.default_rng(2).random(sample.labels.size).astype(np.float32)
    labels, p = sample.labels.astype(int), sample.predictions.astype(np.float64)
    given = sample._replace(weights=weights)
    expected = {
        "auc": sklearn.metrics.roc_auc_score(labels, p, sample_weight=weights),
        "pr_auc": sklearn.metrics.average_precision_score(labels, p, sample_weight=weights),
        "log_loss": sklearn.metrics.log_loss(labels, np.clip(p, 1e-7, 1 - 1e-7), sample_weight=weights),
        "brier": sklearn.metrics.brier_score_loss(labels, p, sample_weight=weights),
        "accuracy": sklearn.metrics.accuracy_score(labels, p > 0.5, sample_weight=weights),
        "precision": sklearn.metrics.precision_score(labels, p > 0.5, sample_weight=weights),
        "recall": sklearn.metrics.recall_score(labels, p > 0.5, sample_weight=weights),
    }
    assert {name: METRIC_FUNCTIONS[name](given) for name in expected} == pytest.approx(expected, rel=1e-6)


def test_log_loss_of_certainty() -> None:
    """A wrong prediction of 0 or 1 costs -log(1e-7), not infinity; a right one almost 0."""
    assert METRIC_FUNCTIONS["log_loss"](rows([1, 0], [0, 1])) == pytest.approx(7 * math.log(10))
    assert METRIC_FUNCTIONS["log_loss"](rows([1, 0], [1, 0])) == pytest.approx(1e-7, rel=1e-3)


def inputs(labels: Any, candidate: Any, baseline: Any) -> metric_types.StandardMetricInputs:
    """A batch as TFMA gives it: labels [batch], predictions of each model [batch, 1]."""
    predictions = {"candidate": np.array(candidate)[:, None], "baseline": np.array(baseline)[:, None]}
    return metric_types.StandardMetricInputs(labels=np.array(labels), predictions=predictions)


def collect(computations: Any, batches: list[Any], accumulators: int) -> dict[Any, ScoredRows]:
    """Distributes the batches over accumulators in turn, like Beam's workers, and returns the rows by model."""
    collected: dict[Any, ScoredRows] = {}
    for computation in computations[::2]:
        combiner = computation.combiner
        workers = [combiner.create_accumulator() for _ in range(accumulators)]
        for number, batch in enumerate(batches):
            worker = number % accumulators
            workers[worker] = combiner.add_input(workers[worker], batch)
        collected |= combiner.extract_output(combiner.merge_accumulators(workers))
    return collected


@pytest.mark.parametrize("parts", [[6], [1, 5], [2, 0, 3, 1], [1, 1, 1, 1, 1, 1]], ids=str)
@pytest.mark.parametrize("accumulators", [1, 3])
def test_the_distribution_over_workers_does_not_matter(parts: list[int], accumulators: int) -> None:
    """However Beam divides rows into batches and batches among workers, each model's value is the same."""
    labels = [1, 1, 1, 0, 0, 0]
    predictions = {"candidate": [0.9, 0.5, 0.25, 0.5, 0.75, 0.1], "baseline": [0.1, 0.1, 0.1, 0.9, 0.9, 0.1]}
    expected = {"candidate": 5.5 / 9, "baseline": 0.5 / 3}
    computations = ArrayMetric("auc").computations(model_names=list(predictions))
    slices = [slice(end - size, end) for size, end in zip(parts, itertools.accumulate(parts), strict=True)]
    batches = [inputs(labels[rows], *(values[rows] for values in predictions.values())) for rows in slices]
    collected = collect(computations, batches, accumulators)
    results: dict[Any, float] = {}
    for computation in computations[1::2]:
        results |= computation.result(collected)
    assert {key.model_name: value for key, value in results.items()} == pytest.approx(expected)
    assert {key.name for key in results} == {"auc"}


@pytest.mark.parametrize("accumulators", [1, 3])
def test_a_large_split_is_sampled(accumulators: int) -> None:
    """400 of 3,000 rows, a third predicted correctly: the same rows for both models; the count is of all rows."""
    computations = ArrayMetric("accuracy", max_rows=400).computations(model_names=["candidate", "baseline"])
    predictions = ([0.9, 0.1, 0.2] * 50, [0.2, 0.9, 0.1] * 50)
    collected = collect(computations, [inputs([1] * 150, *predictions)] * 20, accumulators)
    candidate, baseline = collected.values()
    assert candidate.labels.size == 400
    assert candidate.sample_of == 3_000
    assert METRIC_FUNCTIONS["example_count"](candidate) == 3_000
    # 0.33, within four standard deviations of 0.022.
    assert computations[1].result(collected).popitem()[1] == pytest.approx(1 / 3, abs=0.09)
    # The same rows: where the candidate predicts 0.9, the baseline predicts 0.2.
    assert (baseline.predictions[candidate.predictions > 0.5] == np.float32(0.2)).all()


def test_merged_samples_do_not_share_their_positions() -> None:
    """200 of 2,000 rows that 20 workers read, 100 each: from about 88 of the 100 positions, not from the same 10.

    The candidate's prediction is the number of the row. The labels are all 0, as in a sorted table.
    """
    computations = ArrayMetric("accuracy", max_rows=200).computations(model_names=["candidate", "baseline"])
    rows = np.arange(2_000).reshape(20, 100)
    batches = [inputs([0] * 100, (part / 2_000).tolist(), [0.5] * 100) for part in rows]
    candidate, _ = collect(computations, batches, 20).values()
    chosen = np.rint(np.asarray(candidate.predictions, np.float64) * 2_000).astype(int)
    assert len(set(chosen)) == 200
    # Each position is missed with probability 0.9 ** 20 = 0.12: within four standard deviations of 3.3.
    assert abs(len(set(chosen % 100)) - 88) < 13


def test_the_weights_of_the_rows_are_collected() -> None:
    """TFMA hands them over under the name of each model, if the configuration names a column with weights."""
    batch = inputs([1, 0], [0.9, 0.8], [0.6, 0.4])
    batch["example_weights"] = {name: np.array([[3.0], [1.0]]) for name in ("candidate", "baseline")}
    computations = ArrayMetric("accuracy").computations(model_names=["candidate", "baseline"])
    collected = collect(computations, [batch], 1)
    assert [value.weights.tolist() for value in collected.values()] == [[3, 1]] * 2  # type: ignore[union-attr]
    assert computations[1].result(collected).popitem()[1] == 0.75


def test_no_batch() -> None:
    """An empty split has a count of 0 and no error."""
    collect, derive = ArrayMetric("example_count").computations(model_names=["candidate"])
    nothing = collect.combiner.merge_accumulators([collect.combiner.create_accumulator()])
    assert list(derive.result(collect.combiner.extract_output(nothing)).values()) == [0]


def test_metrics_share_the_collected_rows() -> None:
    """TFMA runs equal computations once, so the rows are collected once per model, not once per metric."""
    computations = [
        ArrayMetric(name).computations(model_names=["candidate", "baseline"])[::2]
        for name in METRIC_FUNCTIONS
    ]
    assert len({computation for pair in computations for computation in pair}) == 2
