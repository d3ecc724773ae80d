"""What counts as drift: nothing between two samples of one distribution, and a shift of half a deviation."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats  # type: ignore[import-untyped]

from benchmarks.drift import COLUMNS, FEATURES, SHIFTED, clopper_pearson, draw, summarized
from components.common.drift_record import TableComparison
from components.common.training_statistics import TextStatistics, TrainingStatistics
from components.drift.table_comparison import compare
from components.statistics.columns import Columns
from components.statistics.training_split import training_statistics

Values = npt.NDArray[Any]
NAN = float("nan")
TRAINING_ROWS = 3_000  # of a table of 5,000 rows
RECORDED = Path(__file__).parents[3] / "benchmarks" / "drift.jsonl"


def of(
    label_share: float = 0.5, weights: Sequence[float] | None = None, **columns: Values
) -> TrainingStatistics:
    """The statistics of a table with these features."""
    rows = len(next(iter(columns.values())))
    values = [*columns.values(), np.arange(rows) < label_share * rows]
    roles = Columns((*columns, "y"), "y")
    if weights is not None:
        roles = Columns((*columns, "w", "y"), "y", "w")
        values.insert(-1, np.asarray(weights))
    return training_statistics(roles.summary(np.stack(values).astype(np.float32)), roles)


def compared(before: TrainingStatistics, now: TrainingStatistics) -> TableComparison:
    return compare("served", "version 1", before, now)


def found(before: TrainingStatistics, now: TrainingStatistics) -> list[tuple[str, str]]:
    return [(finding.feature, finding.kind) for finding in compared(before, now).findings]


@pytest.mark.parametrize(("rows", "others"), [(120, 120), (120, 3_000), (1_500, 600), (30_000, 30_000)])
def test_two_samples_of_one_distribution_give_no_finding(rows: int, others: int) -> None:
    """20 features: outliers, ties, 90% zeros, constant, half missing, few values. docs/benchmarks.md has the rest."""
    random = np.random.default_rng([rows, others])
    for _ in range(40 if rows < 10_000 else 5):
        assert found(summarized(draw(rows, random)), summarized(draw(others, random))) == []


def test_the_recorded_simulation_holds_the_error() -> None:
    """At least 10,000 pairs without a shift: the upper bound of the share of false alarms is at most 0.001."""
    lines = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    null = [line for line in lines if not line["shift"]]
    trials = sum(line["pairs"] for line in null)
    assert trials >= 10_000
    assert {line["rows_before"] for line in null} >= {200, 1_000_000}
    assert clopper_pearson(sum(line["reported"]["regpipe"] for line in null), trials)[1] <= 0.001
    half = [line for line in lines if line["shift"] == 0.5 and line["rows_before"] == 5_000]
    assert sum(line["found"]["regpipe"] for line in half) == sum(line["pairs"] for line in half) > 0


def test_half_a_deviation_in_one_of_20_features_is_found() -> None:
    """Of 5,000 rows, and nothing else is reported but the feature."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        before, now = draw(TRAINING_ROWS, random), draw(TRAINING_ROWS, random, 0.5)
        comparison = compared(summarized(before), summarized(now))
        assert {finding.feature for finding in comparison.findings} == {COLUMNS.names[SHIFTED]}
        assert comparison.checks == 4 * FEATURES + 1
        (pair,) = comparison.distributions
        assert pair.feature == COLUMNS.names[SHIFTED]
        assert len(pair.edges) == len(pair.before) + 1 == len(pair.now) + 1
        assert sum(pair.before) == pytest.approx(1)
        assert sum(pair.now) == pytest.approx(1)


def test_a_small_shift_of_many_rows_is_no_finding() -> None:
    """A fiftieth of a deviation in 200,000 rows is significant, but does not matter."""
    random = np.random.default_rng(0)
    before, now = random.normal(size=200_000), random.normal(0.02, 1.0, 200_000)
    assert stats.ks_2samp(before, now).pvalue < 0.001
    assert found(of(a=before), of(a=now)) == []


def test_the_finding_in_words() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=4_000)
    (finding,) = compared(of(age=values), of(age=values + 0.5)).findings
    assert (finding.kind, finding.measure) == ("distribution", "ks")
    assert finding.value == pytest.approx(0.197, abs=0.02)
    # sqrt(ln(e * 5 / 0.001) / 4,000): the probability 0.001 is shared by 5 checks. Both rank errors are added.
    assert 0.0488 < finding.threshold < 0.0488 + 0.003
    assert finding.before.startswith("median ")
    assert "(90%: " in finding.now


def test_missing_values() -> None:
    """From none to 5% of 2,000 rows; also if all are missing. A change of half a percent is too small."""
    values = np.random.default_rng(0).normal(size=2_000)
    some, all_missing, few = values.copy(), np.full(2_000, NAN), values.copy()
    some[:100], few[:10] = NAN, NAN
    assert found(of(a=values), of(a=some)) == [("a", "missing")]
    assert found(of(a=values), of(a=all_missing)) == [("a", "missing")]
    assert found(of(a=all_missing), of(a=values)) == [("a", "missing")]
    assert found(of(a=values), of(a=few)) == []
    (finding,) = compared(of(a=values), of(a=some)).findings
    assert (finding.before, finding.now) == ("0.0% missing", "5.0% missing")
    assert finding.value == pytest.approx(0.05)


def test_values_beyond_the_range() -> None:
    """3% of the values above the largest one of before; one outlier is nothing."""
    random = np.random.default_rng(0)
    before, now = random.uniform(0, 1, 2_000), random.uniform(0, 1, 2_000)
    outlier = now.copy()
    now[:60], outlier[0] = 1.5, 1e30
    assert found(of(a=before), of(a=now)) == [("a", "unseen")]
    assert found(of(a=before), of(a=outlier)) == []


def test_categories() -> None:
    """A feature with few values is compared by value: a share that changes, and a new value."""
    before = np.repeat([0.0, 1.0, 2.0], [600, 300, 100])
    moved = np.repeat([0.0, 1.0, 2.0], [400, 450, 150])
    new = np.repeat([0.0, 1.0, 2.0, 7.0], [590, 290, 90, 30])
    (finding,) = compared(of(a=before), of(a=moved)).findings
    assert finding.measure == "l_infinity"
    assert finding.value == pytest.approx(0.2)
    assert (finding.before, finding.now) == ("0 in 60.0%", "0 in 40.0%")
    (unseen,) = compared(of(a=before), of(a=new)).findings
    assert (unseen.kind, unseen.before) == ("unseen", "values 0, 1, 2")
    (measured,) = compared(of(a=before), of(a=new)).features
    assert (measured.values, measured.ks) == ("categories", None)
    assert measured.unseen == pytest.approx(0.03)


def test_a_constant_feature_with_another_value() -> None:
    three, four = np.full(500, 3.0), np.full(500, 4.0)
    assert found(of(a=three), of(a=three)) == []
    assert found(of(a=three), of(a=four)) == [("a", "unseen"), ("a", "distribution")]


def test_mostly_zeros() -> None:
    """90% zeros become 70%: a feature of numbers, in spite of the ties."""
    random = np.random.default_rng(0)
    amounts = random.lognormal(size=3_000)
    before, now = (np.where(random.random(3_000) < zeros, 0.0, amounts) for zeros in (0.9, 0.7))
    assert found(of(a=before), of(a=now)) == [("a", "distribution")]


def test_the_label() -> None:
    """10% to 15% of 3,000 rows. 10% to 12% of 300,000 is significant, but the odds change by less than a quarter."""
    a = np.random.default_rng(0).normal(size=3_000)
    (finding,) = compared(of(0.1, a=a), of(0.15, a=a)).findings
    assert (finding.feature, finding.kind) == ("y", "label")
    assert finding.value == pytest.approx((0.15 / 0.85) / (0.1 / 0.9), rel=0.01)
    assert (finding.before, finding.now, finding.threshold) == ("label 1 in 10.0%", "label 1 in 15.0%", 1.25)
    (fall,) = compared(of(0.15, a=a), of(0.1, a=a)).findings
    assert fall.threshold == 0.8
    many = np.zeros(300_000)
    assert found(of(0.1, a=many), of(0.12, a=many)) == []


def test_weights() -> None:
    """A row of weight 3 counts three times. Few effective rows make the same difference insignificant."""
    values = np.append(np.zeros(500), np.ones(500))
    ones, heavy = [1.0] * 1_000, [1.0] * 500 + [3.0] * 500
    (finding,) = (
        f
        for f in compared(of(a=values, weights=ones), of(a=values, weights=heavy)).findings
        if f.feature == "a"
    )
    assert (finding.before, finding.now) == ("0 in 50.0%", "0 in 25.0%")
    # One row of 1,000 has nearly all of the weight: the rest says little.
    single = [1.0] * 999 + [1e6]
    assert of(a=values, weights=single).effective_rows == pytest.approx(1.002, abs=0.001)
    assert found(of(a=values, weights=ones), of(a=values, weights=single)) == []


def test_other_features_are_named_not_compared() -> None:
    a = np.random.default_rng(0).normal(size=500)
    comparison = compared(of(a=a, b=a), of(a=a, c=a))
    assert [feature.feature for feature in comparison.features] == ["a"]
    assert (comparison.added, comparison.gone, comparison.checks) == (("c",), ("b",), 5)


def _with_number(label: Values) -> TrainingStatistics:
    """The statistics of a table with one feature and a label that is a number."""
    roles = Columns(("a", "y"), "y", number=True)
    feature = np.random.default_rng(0).normal(size=label.size)
    return training_statistics(roles.summary(np.stack([feature, label]).astype(np.float32)), roles)


def test_a_label_that_is_a_number() -> None:
    """It is compared as a feature of numbers: by SciPy's distance, and no share of label 1 is given."""
    random = np.random.default_rng(3)
    before, same, other = random.normal(100, 10, (3, 1_500))
    usual = compared(_with_number(before), _with_number(same))
    assert (usual.findings, usual.checks) == ((), 8)
    moved = compared(_with_number(before), _with_number(other + 5))
    (finding,) = moved.findings
    assert (finding.feature, finding.kind, finding.measure) == ("y", "label", "ks")
    assert finding.value == pytest.approx(stats.ks_2samp(before, other + 5).statistic)
    assert finding.before.startswith("median 100.4 ")
    assert moved.label is not None
    assert moved.label.ks == finding.value
    assert (moved.label_before, moved.label_now) == (None, None)


def test_a_label_of_several_classes() -> None:
    """It is compared as a categorical feature: the class whose share changed most is named."""

    def of_classes(*shares: float) -> TrainingStatistics:
        names = dict(zip(("x", "y z", "ü"), shares, strict=True))
        classes = TextStatistics(name="label", missing=0.0, shares=names)
        return of(a=np.arange(1_000.0)).model_copy(update={"label_classes": classes})

    before = of_classes(0.5, 0.3, 0.2)
    assert compared(before, of_classes(0.52, 0.29, 0.19)).findings == ()
    (finding,) = compared(before, of_classes(0.3, 0.3, 0.4)).findings
    assert (finding.kind, finding.measure) == ("label", "l_infinity")
    assert finding.value == pytest.approx(0.2)
    assert (finding.before, finding.now) in [
        ("'x' in 50.0%", "'x' in 30.0%"),
        ("'ü' in 20.0%", "'ü' in 40.0%"),
    ]


def test_labels_of_two_kinds_are_not_compared() -> None:
    """Such as the file of an earlier version, which has no numbers of the label."""
    number = _with_number(np.arange(1_000.0))
    share = of(1.0, a=np.random.default_rng(0).normal(size=1_000))
    for before, now in ((number, share), (share, number)):
        comparison = compared(before, now)
        assert (comparison.findings, comparison.label) == ((), None)
