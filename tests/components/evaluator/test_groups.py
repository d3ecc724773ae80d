"""Rows that belong to groups: whole groups are drawn, and a class needs several of them."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.common.errors import ArtifactChanged
from components.config.evaluation import EvaluationConfig
from components.evaluator.bootstrap import draw_resample, intervals, percentiles, resampled
from components.evaluator.importance import LabeledRows, permutation_importance
from components.evaluator.metrics import row_losses
from components.evaluator.paired_scores import PairedScores, SplitScores
from components.evaluator.scoring import ScoredColumns, score
from components.evaluator.verdict import compute_verdict
from components.examples.codec import example_template
from components.examples.group_ids import path_of_ids, to_bytes
from tests.components.evaluator.one_metric import only

Floats = npt.NDArray[np.float32]


class Constant:
    """A model that predicts its feature."""

    def predict(self, serialized: tf.Tensor) -> tf.Tensor:
        return tf.io.parse_example(serialized, {"a": tf.io.FixedLenFeature([1], tf.float32)})["a"]


def table(groups: npt.NDArray[np.int64] | None, labels: npt.NDArray[np.bool_], p: Floats) -> PairedScores:
    return PairedScores(
        labels.astype(np.float32), {"candidate": p, "baseline": p[::-1].copy()}, groups=groups
    )


def grouped(generator: np.random.Generator, number: int = 60, size: int = 15) -> PairedScores:
    """Rows whose chance of a correct prediction, 0.8 on average, is the same in a group and differs between groups."""
    groups = np.repeat(np.arange(number), size)
    chance = generator.choice([0.6, 1.0], number)[groups]
    labels = generator.random(number * size) < 0.5
    correct = generator.random(number * size) < chance
    return table(groups, labels, np.where(correct == labels, 0.9, 0.1).astype(np.float32))


def test_whole_groups_are_drawn() -> None:
    """All rows of a group count equally often, and as many groups are drawn as there are."""
    groups = np.array([0, 2, 1, 2, 2, 0, 3])
    rows = table(groups, groups > 1, np.full(7, 0.5, np.float32))
    generator = np.random.default_rng(1)
    drawn = np.array([draw_resample(rows, generator) for _ in range(2_000)])
    by_group = np.array([drawn[:, groups == group].mean(axis=1) for group in range(4)])
    assert np.array_equal(drawn, by_group[groups].T)
    assert set(by_group.sum(axis=0)) == {4.0}
    # The number of times a group is drawn is binomial: 4 trials with the probability 1/4, a variance of 3/4.
    assert by_group.mean(axis=1) == pytest.approx(1, abs=0.08)
    assert by_group.var(axis=1) == pytest.approx(0.75, abs=0.1)
    weighted = rows._replace(weights=np.arange(7, dtype=np.float32))
    assert np.array_equal(draw_resample(weighted, np.random.default_rng(1)), drawn[0] * np.arange(7))


def test_the_standard_error_is_that_of_the_group_means() -> None:
    """With groups of one size: the deviation of the means of the groups, divided by the root of their number."""
    rows = grouped(np.random.default_rng(2))._replace(task=only("log_loss"))
    losses, _ = row_losses(rows.labels, rows.predictions["candidate"])
    expected = losses.reshape(60, 15).mean(axis=1).std() / math.sqrt(60)
    drawn = resampled(rows, 4_000, seed=3)["log_loss"]["candidate"]
    assert drawn.mean() == pytest.approx(losses.mean(), abs=0.01)
    assert drawn.std() == pytest.approx(expected, rel=0.05)
    assert (
        resampled(rows._replace(groups=None), 4_000, seed=3)["log_loss"]["candidate"].std() < 0.8 * expected
    )


def test_intervals_over_groups_contain_the_true_value() -> None:
    """Of 95% intervals of the accuracy, 0.8, from 300 tables: 95% over groups, up to chance, but far fewer over rows.

    The deviation of a share of 300 is at most 1.3 points at 95%; percentile intervals of 60 groups are a little narrow.
    """
    generator = np.random.default_rng(4)
    hits = {"groups": 0, "rows": 0}
    for _ in range(300):
        rows = grouped(generator)
        _, correct = row_losses(rows.labels, rows.predictions["candidate"])
        for name, drawn_from in (("groups", rows), ("rows", rows._replace(groups=None))):
            drawn = np.array([draw_resample(drawn_from, generator) for _ in range(200)])
            low, high = percentiles(drawn @ correct / drawn.sum(axis=1), 0.95)
            hits[name] += low <= 0.8 <= high
    assert 0.90 <= hits["groups"] / 300 <= 0.985
    assert hits["rows"] / 300 < 0.85


def test_groups_of_one_row_give_the_intervals_of_rows() -> None:
    """Also of the calibration error, whose correction uses the variance of the rows."""
    rows = grouped(np.random.default_rng(5))
    single = rows._replace(groups=np.arange(rows.labels.size))
    settings = EvaluationConfig(resamples=300)
    found, expected = (intervals(given, settings) for given in (single, rows._replace(groups=None)))
    for metric, by_model in expected.items():
        if metric != "calibration_error":
            # The rows are drawn in another order: up to the chance of 300 resamples.
            for model, (low, high) in by_model.items():
                assert found[metric][model] == pytest.approx((low, high), abs=0.3 * (high - low)), (
                    metric,
                    model,
                )
    drawn, as_rows = (resampled(given, 300, 6) for given in (single, rows._replace(groups=None)))
    model = "candidate"
    assert drawn["calibration_error"][model].mean() == pytest.approx(
        as_rows["calibration_error"][model].mean(), abs=0.005
    )


def test_the_calibration_error_of_groups_is_not_more_than_chance() -> None:
    """Predictions that are right on average, but whose errors are shared by a group: the interval begins at 0.

    Over rows, the same error would be more than chance makes it.
    """
    generator = np.random.default_rng(7)
    groups = np.repeat(np.arange(40), 50)
    labels = generator.random(2_000) < generator.choice([0.1, 0.9], 40)[groups]
    rows = table(groups, labels, np.full(2_000, 0.5, np.float32))
    settings = EvaluationConfig(resamples=200)
    assert abs(labels.mean() - 0.5) > 0.03
    assert intervals(rows, settings)["calibration_error"]["candidate"][0] == 0
    assert intervals(rows._replace(groups=None), settings)["calibration_error"]["candidate"][0] > 0


def test_the_verdict_says_that_groups_are_drawn() -> None:
    rows = grouped(np.random.default_rng(8))
    found = compute_verdict(SplitScores(rows, {}), rows, EvaluationConfig(resamples=100))
    assert found.bootstrap.groups == 60
    assert "60 groups" in found.bootstrap.method
    assert found.blessed
    without = rows._replace(groups=None)
    found = compute_verdict(SplitScores(without, {}), without, EvaluationConfig(resamples=100))
    assert found.bootstrap.groups is None
    assert found.bootstrap.method == "paired percentile bootstrap over the rows of the test split"


def test_a_class_in_few_groups_is_not_enough() -> None:
    """900 rows, but label 1 in only 9 of 60 groups, fewer than 10 (evaluation.min_positives)."""
    rows = grouped(np.random.default_rng(9))
    assert rows.groups is not None
    labels = ((rows.groups < 9) & (np.arange(900) % 2 == 0)).astype(np.float32)
    few = rows._replace(labels=labels)
    found = compute_verdict(SplitScores(few, {}), few, EvaluationConfig(resamples=100))
    reasons = [reason for reason in found.reasons if "group" in reason]
    assert reasons == [
        "the test split has 9 groups with rows with the label 1, fewer than 10 (evaluation.min_positives)"
    ]


@pytest.mark.parametrize(("groups", "enough"), [(9, False), (10, True)])
def test_few_groups_are_not_enough(groups: int, enough: bool) -> None:
    """However many rows they have: with one group, every interval would have no width."""
    rows = grouped(np.random.default_rng(12), groups, 100)
    found = compute_verdict(SplitScores(rows, {}), rows, EvaluationConfig(resamples=100, min_positives=1))
    few = [reason for reason in found.reasons if "min_groups" in reason]
    assert few == ([] if enough else ["the test split has 9 groups, fewer than 10 (evaluation.min_groups)"])


def write_split(folder: Path, groups: list[int], *, ids: list[int] | None = None) -> str:
    """Writes a test split of two shards, whose feature `a` is the number of the group divided by 100."""
    template = example_template(("a",), "y")
    (folder / "Split-test").mkdir()
    middle = len(groups) // 3
    for name, part in (("1", slice(0, middle)), ("2", slice(middle, None))):
        values = np.array(groups[part], np.float32)
        shard = folder / "Split-test" / name
        shard.write_bytes(
            template.encode(values[np.newaxis] / np.float32(100), np.arange(values.size) % 2).tobytes()
        )
        path = Path(path_of_ids(str(shard)))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(to_bytes(np.array((ids or groups)[part]) * 2**50))
    return str(folder / "Split-test" / "*")


@pytest.mark.parametrize("max_rows", [0, 500])
def test_each_scored_row_has_its_group(max_rows: int, tmp_path: Path) -> None:
    """Also in a sample, and the rows that are kept for the importance; the numbers of groups are without gaps."""
    groups = np.random.default_rng(3).integers(2, 60, 20_000).tolist()
    pattern = write_split(tmp_path, groups)
    found = score(pattern, [{"candidate": Constant()}], ScoredColumns("y", groups=True), max_rows, keep=300)
    predicted = found.scores.predictions["candidate"]
    assert predicted.size == (max_rows or 20_000)
    assert found.scores.groups is not None
    assert found.scores.groups.tolist() == (np.round(100 * predicted) - 2).astype(int).tolist()
    spec = {"a": tf.io.FixedLenFeature([], tf.float32)}
    kept = np.round(100 * tf.io.parse_example(list(found.examples), spec)["a"].numpy())
    assert found.example_groups is not None
    assert found.example_groups.tolist() == np.searchsorted(np.unique(kept), kept).tolist()


def test_rows_without_groups_are_refused(tmp_path: Path) -> None:
    pattern = write_split(tmp_path, [1, 2, 3] * 4, ids=[1, 2, 3] * 3)
    with pytest.raises(ArtifactChanged, match="group for each row"):
        score(pattern, [{"candidate": Constant()}], ScoredColumns("y", groups=True))


def test_the_importance_draws_groups() -> None:
    """The interval is wider if the rows of a group share their error."""
    generator = np.random.default_rng(11)
    groups = np.repeat(np.arange(50), 20)
    column = generator.choice([0.2, 0.8], 50)[groups].astype(np.float32)
    labels = (generator.random(1_000) < column).astype(np.float32)

    class Model:
        def predict_columns(self, columns: dict[str, Floats]) -> Floats:
            return columns["a"]

    def width(rows: LabeledRows) -> float:
        record = permutation_importance(Model(), rows, ["a"], EvaluationConfig(resamples=300))  # type: ignore[arg-type]
        assert record.groups == (None if rows.groups is None else 50)
        assert record.features[0].interval is not None
        low, high = record.features[0].interval
        return high - low

    assert width(LabeledRows({"a": column}, labels, groups=groups)) > width(
        LabeledRows({"a": column}, labels)
    )
