"""The verdict on rows whose metrics are known, as verdict.json has it."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from components.common.served_record import ServedReference
from components.common.verdict_record import Verdict
from components.config.evaluation import EvaluationConfig, SliceConfig
from components.evaluator.paired_scores import PairedScores, SplitScores
from components.evaluator.verdict import Validation, compute_verdict

NAN = float("nan")
LABELS = (0, 0, 1, 1) * 20
GOOD = (0.1, 0.4, 0.6, 0.9) * 20  # AUC 1, log loss -(ln 0.9 + ln 0.6) / 2
HALF = (0.5,) * 80
BAD = (0.4, 0.6, 0.4, 0.6) * 20  # AUC 1/2, log loss -(ln 0.6 + ln 0.4) / 2


def scored(
    candidate: Sequence[float], baseline: Sequence[float] | None, labels: Sequence[int] = LABELS
) -> PairedScores:
    models = {"candidate": candidate} | ({"baseline": baseline} if baseline is not None else {})
    return PairedScores(
        np.array(labels, np.float32), {name: np.array(p, np.float32) for name, p in models.items()}
    )


def verdict(
    test: PairedScores,
    settings: EvaluationConfig | None = None,
    feature: Sequence[float] = (),
    train: PairedScores | None = None,
    validation: Validation = Validation(),  # noqa: B008 (it is immutable)
    served: ServedReference | None = None,
) -> dict[str, Any]:
    """The verdict on the rows; 300 resamples, if the settings name no other number."""
    features = {"x": np.array(feature, np.float32)}
    settings = settings or EvaluationConfig()
    if "resamples" not in settings.model_fields_set:
        settings = settings.model_copy(update={"resamples": 300})
    found = compute_verdict(
        SplitScores(test, features),
        train or test,
        settings,
        validation,
        first_seed=42,
        served=served,
    )
    text = found.model_dump_json()
    assert Verdict.model_validate_json(text) == found
    content: dict[str, Any] = json.loads(text, parse_constant=pytest.fail)  # no NaN, which JSON does not have
    return content


def test_a_better_candidate_is_blessed() -> None:
    """The verdict has every threshold with value, interval, bound, both models' values and a sentence."""
    found = verdict(scored(GOOD, BAD))
    assert (found["blessed"], found["reasons"], found["rows"], found["positives"]) == (True, [], 80, 40)
    assert [(t["metric"], t["rule"], t["slice"], t["mode"], t["passed"]) for t in found["thresholds"]] == [
        ("auc", "floor", None, "no_worse", True),
        ("auc", "change", None, "no_worse", True),
        ("log_loss", "change", None, "no_worse", True),
        ("log_loss", "base_rate", None, "no_worse", True),
    ]
    assert [t["sentence"] for t in found["thresholds"]] == [
        "the AUC is 1.0000, at least 0.6",
        "the AUC is 0.5000 better than the baseline's, at most 0.02 worse is allowed",
        # ln(0.4 / 0.6) / 2 + ln(0.4 / 0.9) / 2; at most 5% of ln 2
        "the log loss is 0.4055 better than the baseline's, at most 0.0347 worse is allowed",
        # -(ln 0.9 + ln 0.6) / 2 - ln 2
        "the log loss is 0.3851 better than that of the base rate, at most 0.0347 worse is allowed",
    ]
    assert found["thresholds"][3]["baseline"] == pytest.approx(math.log(2), abs=1e-6)  # that of the base rate
    change = found["thresholds"][1]
    assert (change["value"], change["candidate"], change["baseline"]) == (0.5, 1.0, 0.5)
    assert change["interval"] == found["metrics"]["auc"]["interval"]["difference"]
    assert change["compared"] == change["value"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"min_auc": 0.6}, "the AUC is 0.5000, not at least 0.6"),
        (
            {"max_auc_drop": 0.4},
            "the AUC is 0.5000 worse than the baseline's, more than the 0.4 that is allowed",
        ),
        (
            {"max_log_loss_rise": 0.4},
            "the log loss is 0.4055 worse than the baseline's, more than the 0.4 that is allowed",
        ),
    ],
)
def test_one_missed_threshold_is_enough(settings: dict[str, float], reason: str) -> None:
    """The candidate is not blessed, and the missed threshold is the only reason."""
    loose = {"mode": "point", "min_auc": 0.0, "max_auc_drop": 1.0, "max_log_loss_rise": 9.0}
    found = verdict(scored(BAD, GOOD), EvaluationConfig.model_validate(loose | settings))
    assert (found["blessed"], found["reasons"]) == (False, [reason])


def test_a_value_that_equals_its_bound_passes() -> None:
    """For all thresholds: the same constant as the base rate has an AUC of 1/2."""
    same = EvaluationConfig(min_auc=0.5, max_auc_drop=0.0, max_log_loss_rise=0.0)
    assert verdict(scored(HALF, HALF), same)["blessed"]


def noisy(gain: float, rows: int = 200, noise: float = 0.5) -> PairedScores:
    """A candidate whose predictions follow the labels more by `gain` than the baseline's, up to noise."""
    generator = np.random.default_rng(1)
    labels = generator.integers(2, size=rows)
    drawn = generator.random((2, rows))
    candidate = np.clip((0.43 + gain) * labels + noise * drawn[0], 0.01, 0.99)
    baseline = np.clip(0.43 * labels + noise * drawn[1], 0.01, 0.99)
    return scored(list(candidate), list(baseline), labels.tolist())


def test_the_mode_better_compares_the_worse_end_of_the_interval() -> None:
    """A candidate that is better by less than chance passes in the other modes, and not in the mode better."""
    point, no_worse, better = (
        verdict(noisy(0.02), EvaluationConfig(mode=mode)) for mode in ("point", "no_worse", "better")
    )
    assert point["metrics"] == better["metrics"] == no_worse["metrics"]
    assert point["metrics"]["log_loss"]["finding"] == "unclear"
    assert point["blessed"]
    assert no_worse["blessed"]
    assert not better["blessed"]
    for item in better["thresholds"]:
        low, high = item["interval"]
        assert item["compared"] == (high if item["metric"] == "log_loss" else low)
        assert low < item["value"] < high
    loss = better["thresholds"][2]
    assert loss["value"] < 0 < loss["compared"]
    assert loss["sentence"] == (
        f"the log loss is {-loss['value']:.4f} better than the baseline's, at worst {loss['compared']:.4f} worse, but "
        "it must be better"
    )
    assert loss["sentence"] in better["reasons"]


def test_equal_models_are_not_better() -> None:
    """Their difference is 0, and so is its interval: blessed in the mode no_worse, and not in the mode better."""
    assert verdict(scored(GOOD, GOOD))["blessed"]
    found = verdict(scored(GOOD, GOOD), EvaluationConfig(mode="better"))
    assert found["reasons"] == [
        "the log loss is equal to the baseline's, at worst equal, but it must be better",
    ]


def test_a_worse_candidate_within_the_tolerance_passes_if_it_may_be_chance() -> None:
    """Its log loss is higher by less than 0.0347, and the interval includes 0."""
    found = verdict(noisy(-0.01))
    loss = found["metrics"]["log_loss"]
    assert 0 < loss["difference"] < 0.0347
    assert (loss["finding"], found["blessed"]) == ("unclear", True)


def test_a_worse_candidate_beyond_the_tolerance_does_not_pass() -> None:
    """Also if it may be chance: the interval of 60 rows includes 0."""
    found = verdict(noisy(-0.12, rows=60), EvaluationConfig(max_auc_drop=1.0))
    loss = found["metrics"]["log_loss"]
    assert loss["difference"] > 0.0344
    assert loss["finding"] == "unclear"
    assert [item["clearly_worse"] for item in found["thresholds"]] == [False] * 4
    assert found["reasons"] == [
        f"the log loss is {loss['difference']:.4f} worse than the baseline's, more than the 0.0344 that is allowed"
    ]


def test_a_clearly_worse_candidate_does_not_pass() -> None:
    """Its log loss is higher by less than the tolerance, but on 20,000 rows by clearly more than a tenth of it."""
    found = verdict(noisy(-0.02, rows=20_000, noise=0.4))
    loss = found["metrics"]["log_loss"]
    low, _ = loss["interval"]["difference"]
    assert 0.00347 < low < loss["difference"] < 0.0347
    assert loss["finding"] == "worse"
    item = found["thresholds"][2]
    assert (item["passed"], item["clearly_worse"]) == (False, True)
    assert item["sentence"] == (
        f"the log loss is {loss['difference']:.4f} worse than the baseline's, at best {low:.4f} worse, more than the "
        "0.00347 that is allowed"
    )
    assert found["reasons"] == [item["sentence"]]
    assert verdict(noisy(-0.02, rows=20_000, noise=0.4), EvaluationConfig(mode="point"))["reasons"] == [
        f"the log loss is {loss['difference']:.4f} worse than the baseline's, but it must be no worse"
    ]


def test_a_negligible_difference_passes_however_clear_it_is() -> None:
    """On many rows a difference of a thousandth is clearly worse, and of no importance."""
    found = verdict(noisy(-0.002, rows=200_000, noise=0.3), EvaluationConfig(resamples=100))
    loss = found["metrics"]["log_loss"]
    assert loss["finding"] == "worse"
    assert 0 < loss["difference"] < 0.00347
    assert found["blessed"]


def test_a_model_that_knows_less_than_the_base_rate_does_not_pass() -> None:
    """Also if it is better than the baseline, whose probabilities are worse than those of no model at all."""
    wrong, very_wrong = (0.6, 0.6, 0.4, 0.4) * 20, (0.9, 0.9, 0.1, 0.1) * 20
    found = verdict(scored(wrong, very_wrong), EvaluationConfig(min_auc=0.0))
    assert found["metrics"]["log_loss"]["finding"] == "better"
    assert found["metrics"]["log_loss"]["base_rate"] == pytest.approx(math.log(2), abs=1e-7)
    # -ln 0.4 - ln 2
    assert found["reasons"] == [
        "the log loss is 0.2231 worse than that of the base rate, more than the 0.0347 that is allowed"
    ]


def three(
    candidate: Sequence[float], baseline: Sequence[float], early_stopped: Sequence[float]
) -> PairedScores:
    rows = scored(candidate, baseline)
    stopped = np.array(early_stopped, np.float32)
    return rows._replace(predictions={**rows.predictions, "early_stopped": stopped})


def test_what_early_stopping_and_the_penalties_brought() -> None:
    """By hand: the mean log losses are those of the probabilities 0.9, 0.8 and 0.6 of the true class."""
    right = {p: [p if label else 1 - p for label in LABELS] for p in (0.9, 0.8, 0.6)}
    found = verdict(three(right[0.9], right[0.6], right[0.8]))
    parts = found["contributions"]
    assert parts["total"]["value"] == pytest.approx(math.log(0.6 / 0.9), abs=1e-6)
    assert parts["early_stopping"]["value"] == pytest.approx(math.log(0.6 / 0.8), abs=1e-6)
    assert parts["penalties"]["value"] == pytest.approx(math.log(0.8 / 0.9), abs=1e-6)
    assert {part["finding"] for part in parts.values()} == {"better"}
    assert found["metrics"]["log_loss"]["early_stopped"] == pytest.approx(-math.log(0.8), abs=1e-6)


def test_worse_than_early_stopping_alone_does_not_pass() -> None:
    """Also if the candidate is clearly better than the baseline, which is worse than no model: the log losses are those
    of the probabilities 0.55, 0.8 and 0.3 of the true class. In each mode, as regularization without its penalties and
    dropout would be better.
    """
    right = {p: [p if label else 1 - p for label in LABELS] for p in (0.55, 0.8, 0.3)}
    rows = three(right[0.55], right[0.3], right[0.8])
    difference = math.log(0.8 / 0.55)
    for mode in ("no_worse", "better", "point"):
        found = verdict(rows, EvaluationConfig.model_validate({"mode": mode}))
        assert found["reasons"] == [
            f"the log loss is {difference:.4f} worse than that of early stopping alone, more than the 0.0347 that is "
            "allowed"
        ], mode
    item = found["thresholds"][-1]
    assert (item["rule"], item["candidate"]) == ("early_stopping", pytest.approx(-math.log(0.55), abs=1e-6))
    assert item["baseline"] == pytest.approx(-math.log(0.8), abs=1e-6)


def test_the_mode_better_asks_for_no_more_than_early_stopping_alone() -> None:
    """Equal to early stopping alone, and clearly better than the baseline."""
    found = verdict(three(GOOD, BAD, GOOD), EvaluationConfig(mode="better"))
    assert found["blessed"]
    assert [item["mode"] for item in found["thresholds"]] == ["better"] * 4 + ["no_worse"]


SERVED = ServedReference(outcome="compared", version=7, digest="ab", published_by="pipeline")


def with_served(candidate: Sequence[float], served: Sequence[float]) -> PairedScores:
    """A candidate that is as good as its baseline, and the served model."""
    return scored(candidate, candidate).with_model("served", np.array(served, np.float32))


def test_a_candidate_that_is_worse_than_the_served_model_does_not_pass() -> None:
    """By the rules and the tolerances of the baseline: beyond the tolerance, here also clearly."""
    found = verdict(with_served(BAD, GOOD), EvaluationConfig(min_auc=0.0), served=SERVED)
    assert found["reasons"][:2] == [
        "the AUC is 0.5000 worse than the served model's, more than the 0.02 that is allowed",
        "the log loss is 0.4055 worse than the served model's, more than the 0.0347 that is allowed",
    ]
    item = next(t for t in found["thresholds"] if t["rule"] == "served" and t["metric"] == "log_loss")
    assert (item["mode"], item["clearly_worse"], item["passed"]) == ("no_worse", True, False)
    assert item["baseline"] == pytest.approx(
        -(math.log(0.9) + math.log(0.6)) / 2, abs=1e-6
    )  # the served model's
    assert item["interval"] == found["metrics"]["log_loss"]["interval"]["served_difference"]
    assert found["metrics"]["log_loss"]["served_finding"] == "worse"


def test_a_negligible_or_unclear_drop_below_the_served_model_passes() -> None:
    """As against the baseline: the same model passes, and so does one that is worse by chance."""
    assert verdict(with_served(GOOD, GOOD), served=SERVED)["blessed"]
    worse = noisy(-0.01)
    rows = worse.with_model("served", worse.predictions["baseline"])
    found = verdict(rows, served=SERVED)
    items = {item["rule"]: item for item in found["thresholds"] if item["metric"] == "log_loss"}
    for key in ("value", "interval", "bound", "passed", "clearly_worse"):
        assert items["served"][key] == items["change"][key]


@pytest.mark.parametrize(
    ("loss", "interval", "declined"),
    [
        (0.10, (0.05, 0.15), True),
        (0.20, (0.14, 0.26), False),  # they do not overlap, but chance does more in one of 1,000 tables
        (None, None, False),
        (0.20, None, False),
    ],
)
def test_a_served_model_that_does_worse_than_in_its_card(
    loss: float | None, interval: tuple[float, float] | None, declined: bool
) -> None:
    """GOOD on 20 rows: half the true classes have 0.9, half 0.6; (0.1054 + 0.5108) / 2 = 0.3081 nats."""
    reference = SERVED.model_copy(update={"loss": loss, "loss_interval": interval})
    found = verdict(with_served(GOOD, GOOD), served=reference)
    assert found["blessed"]  # it only warns
    low, high = found["metrics"]["log_loss"]["interval"]["served"]
    text = found["served"]["decline"]
    assert (text is not None) == declined
    if text is not None:
        assert text.startswith(
            f"The log loss of the served model (version 7) is 0.3081 ({low:.4f} to {high:.4f}) on this test split, and "
            "was 0.1000 (0.0500 to 0.1500) on that of the run that published it. "
        )


def test_the_mode_of_the_served_model_is_its_own() -> None:
    """With better, an equal model is refused; evaluation.mode has no influence, and off has no threshold."""
    rows = with_served(GOOD, GOOD)
    found = verdict(rows, EvaluationConfig(served="better"), served=SERVED)
    assert found["reasons"] == [
        "the log loss is equal to the served model's, at worst equal, but it must be better"
    ]
    modes = {
        item["rule"]: item["mode"]
        for item in verdict(rows, EvaluationConfig(mode="better"), served=SERVED)["thresholds"]
    }
    assert (modes["change"], modes["served"]) == ("better", "no_worse")
    off = verdict(rows, EvaluationConfig(served="off"), served=SERVED)
    assert "served" not in {item["rule"] for item in off["thresholds"]}


def test_the_served_model_on_slices() -> None:
    """The thresholds hold on a slice as those of the baseline do."""
    served = (*GOOD[:40], *BAD[40:])
    settings = EvaluationConfig(
        min_auc=0.0,
        min_rows=40,
        slices=(SliceConfig(feature="x", edges=(0.0,)),),
        slice_thresholds=True,
    )
    found = verdict(with_served(BAD, served), settings, [-1.0] * 40 + [1.0] * 40, served=SERVED)
    failed = [
        t["slice"] for t in found["thresholds"] if t["rule"] == "served" and not t["passed"] and t["slice"]
    ]
    assert failed == ["x <= 0", "x <= 0"]
    assert found["slices"][0]["metrics"]["auc"]["served"] == 1.0


def test_the_served_model_is_one_network_also_with_several_seeds() -> None:
    """Its interval does not contain the spread of seeds: it is that of one seed."""
    rows = noisy(0.02)
    served = np.array(rows.predictions["baseline"], np.float32)
    one = rows.with_model("served", served)
    other = noisy(-0.2).predictions
    several = rows._replace(other_seeds=(other,)).with_model("served", served)
    found = [verdict(rows, served=SERVED)["metrics"]["log_loss"] for rows in (one, several)]
    assert found[0]["served"] == found[1]["served"]
    (low, high), (wider_low, wider_high) = (metric["interval"]["served"] for metric in found)
    assert (wider_low, wider_high) == pytest.approx((low, high), rel=0.1)
    widths = [metric["interval"]["candidate"][1] - metric["interval"]["candidate"][0] for metric in found]
    assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize("outcome", ["none", "removed", "damaged", "unloadable", "undefined"])
def test_a_served_model_that_is_not_compared_does_not_decide(outcome: Any) -> None:
    """Not even with evaluation.served: better."""
    found = verdict(
        scored(GOOD, BAD),
        EvaluationConfig(served="better"),
        served=SERVED.model_copy(update={"outcome": outcome}),
    )
    assert found["blessed"]
    assert found["served"]["outcome"] == outcome


def test_the_finding_follows_from_the_interval() -> None:
    """Worse for the penalties, better for early stopping: each by its own interval. Equal models are equal."""
    right = [0.8 if label else 0.2 for label in LABELS]
    half_right = [0.9 if (label + number // 4) % 2 else 0.6 for number, label in enumerate(LABELS)]
    found = verdict(three(BAD, HALF, right), EvaluationConfig(min_auc=0.0))
    assert [found["contributions"][part]["finding"] for part in ("early_stopping", "penalties")] == [
        "better",
        "worse",
    ]
    assert verdict(scored(half_right, half_right))["metrics"]["auc"]["finding"] == "equal"


def test_without_early_stopping_there_is_only_the_total() -> None:
    """For logistic regression, or with training.early_stopping: 0."""
    parts = verdict(scored(GOOD, BAD))["contributions"]
    assert (parts["early_stopping"], parts["penalties"]) == (None, None)
    assert parts["total"]["value"] == pytest.approx(-0.405465, abs=1e-6)
    assert verdict(scored(GOOD, None))["contributions"] is None


def test_means_over_the_seeds_are_compared_and_the_first_candidate_is_limited() -> None:
    """Two seeds: the published candidate predicts well, the second one like the baseline."""
    rows = scored(GOOD, BAD)
    rows = rows._replace(other_seeds=({name: np.array(BAD, np.float32) for name in rows.predictions},))
    found = verdict(rows)
    auc, loss = found["metrics"]["auc"], found["metrics"]["log_loss"]
    assert (auc["candidate"], auc["baseline"], auc["difference"]) == (0.75, 0.5, 0.25)
    assert loss["difference"] == pytest.approx(-0.405465 / 2, abs=1e-6)
    assert [item["seed"] for item in found["seeds"]] == [42, 43]
    assert found["seeds"][0]["candidate"] == pytest.approx(0.308, abs=1e-3)
    assert found["seeds"][1]["candidate"] == found["seeds"][1]["baseline"]
    floor, change = found["thresholds"][:2]
    assert (floor["rule"], floor["value"]) == ("floor", 1.0)
    assert (change["rule"], change["value"]) == ("change", 0.25)
    assert verdict(scored(GOOD, BAD))["seeds"] == []


def test_the_first_candidate_is_limited_on_slices_too() -> None:
    """The published candidate has the AUC 1/2 in the slice, the mean of both seeds 3/4; the differences are means."""
    rows = scored(BAD, BAD)
    second = {"candidate": np.array(GOOD, np.float32), "baseline": rows.predictions["baseline"]}
    settings = EvaluationConfig(slices=(SliceConfig(feature="x", edges=(0.0,)),), slice_thresholds=True)
    found = verdict(rows._replace(other_seeds=(second,)), settings, [-1.0] * 80)
    floor, change = (item for item in found["thresholds"] if item["slice"] and item["metric"] == "auc")
    assert (floor["rule"], floor["value"], floor["passed"]) == ("floor", 0.5, False)
    assert (change["rule"], change["value"], change["passed"]) == ("change", 0.25, True)
    assert found["slices"][0]["metrics"]["auc"]["candidate"] == 0.75


def test_a_second_seed_that_fails_widens_the_interval() -> None:
    """With one seed the candidate is clearly better; with three, of which one is bad, it is not."""
    rows = scored(GOOD, HALF)
    bad = {"candidate": np.array([1 - p for p in GOOD], np.float32), "baseline": rows.predictions["baseline"]}
    assert verdict(rows)["metrics"]["log_loss"]["finding"] == "better"
    three_seeds = rows._replace(other_seeds=(rows.predictions, bad))
    assert verdict(three_seeds)["metrics"]["log_loss"]["finding"] == "unclear"


def test_the_base_rate_is_the_share_in_the_training_split() -> None:
    """Three of four training rows are positive; on the test split, half of the rows are."""
    train = scored(GOOD, BAD, (0, 1, 1, 1) * 20)
    metrics = verdict(scored(GOOD, BAD), train=train)["metrics"]
    assert metrics["log_loss"]["base_rate"] == pytest.approx(-(math.log(0.75) + math.log(0.25)) / 2)
    assert metrics["brier"]["base_rate"] == pytest.approx((0.75**2 + 0.25**2) / 2)
    assert metrics["pr_auc"]["base_rate"] == 0.5
    weighted = train._replace(weights=np.array((9, 1, 1, 1) * 20, np.float32))
    metrics = verdict(scored(GOOD, BAD), train=weighted)["metrics"]
    assert metrics["log_loss"]["base_rate"] == pytest.approx(-(math.log(0.25) + math.log(0.75)) / 2)


def test_limits_of_the_other_metrics() -> None:
    """PR-AUC, Brier score and calibration error; there is no threshold unless its key is set."""
    settings = EvaluationConfig(min_auc=0.0, min_pr_auc=0.6, max_brier=0.2, max_calibration_error=0.05)
    found = verdict(scored(BAD, BAD), settings)
    assert found["reasons"] == [
        # Two rows in four at 0.6 and two at 0.4, one of each class.
        "the PR-AUC is 0.5000, not at least 0.6",
        "the Brier score is 0.2600, not at most 0.2",
        "the calibration error is 0.1000, not at most 0.05",
    ]
    loose = settings.model_copy(update={"min_pr_auc": 0.5, "max_brier": 0.27, "max_calibration_error": 0.11})
    assert verdict(scored(BAD, BAD), loose)["blessed"]


def test_the_tolerance_follows_the_base_rate() -> None:
    """5% of the log loss of the base rate, so that it means as much where one row in 16 is positive."""
    labels = ([1] + [0] * 15) * 20
    rare = scored([0.5 if label else 0.03 for label in labels], [0.4] * 320, labels)
    bounds = [item["bound"] for item in verdict(rare)["thresholds"] if item["metric"] == "log_loss"]
    entropy = -(math.log(1 / 16) / 16 + 15 * math.log(15 / 16) / 16)
    assert bounds == [pytest.approx(0.05 * entropy, rel=5e-3)] * 2
    fixed = verdict(rare, EvaluationConfig(max_log_loss_rise=0.01))["thresholds"]
    assert [item["bound"] for item in fixed if item["metric"] == "log_loss"] == [0.01, 0.01]


NEVER = {
    "no rows": (scored([], [], []), "the test split has 0 rows, fewer than 50 (evaluation.min_rows)"),
    "too few rows": (
        scored(GOOD[:48], BAD[:48], LABELS[:48]),
        "the test split has 48 rows, fewer than 50 (evaluation.min_rows)",
    ),
    "only 1": (
        scored(GOOD, BAD, [1] * 80),
        "all rows of the test split (80) have the label 1, so there is no AUC",
    ),
    "only 0": (
        scored(GOOD, BAD, [0] * 80),
        "all rows of the test split (80) have the label 0, so there is no AUC",
    ),
    "one positive row": (
        # 60 rows on which the AUC is 1.0 and its interval 1.0 to 1.0.
        scored([0.9, *[0.1] * 59], [0.6, *[0.5] * 59], [1, *[0] * 59]),
        "the test split has 1 row with the label 1, fewer than 10 (evaluation.min_positives)",
    ),
    "nine negative rows": (
        scored([*[0.1] * 9, *[0.9] * 51], [*[0.1] * 9, *[0.8] * 51], [*[0] * 9, *[1] * 51]),
        "the test split has 9 rows with the label 0, fewer than 10 (evaluation.min_positives)",
    ),
    "no baseline": (scored(GOOD, None), "there is no baseline to compare the model with"),
    "NaN": (
        scored((*GOOD[:79], NAN), BAD),
        "the candidate predicts NaN for 1 of 80 rows, so its AUC, PR-AUC, log loss, Brier score, calibration error "
        "can't be computed",
    ),
    "NaN of the baseline": (
        scored(GOOD, (NAN, NAN, *BAD[2:])),
        "the baseline predicts NaN for 2 of 80 rows, so its AUC, PR-AUC, log loss, Brier score, calibration error "
        "can't be computed",
    ),
}


@pytest.mark.parametrize(("test", "reason"), NEVER.values(), ids=NEVER.keys())
@pytest.mark.parametrize("mode", ["point", "no_worse", "better"])
def test_never_blessed(test: PairedScores, reason: str, mode: Any) -> None:
    """Whatever the thresholds are; each obstacle has its own sentence, and there is no other reason."""
    loose = EvaluationConfig(min_auc=0.0, max_auc_drop=1.0, max_log_loss_rise=9.0, max_gap=9.0, mode=mode)
    found = verdict(test, loose)
    assert (found["blessed"], found["reasons"]) == (False, [reason])


@pytest.mark.parametrize(
    ("counts", "reasons"),
    [
        ((10, 10), []),
        ((300, 9), ["the validation split has 9 rows with the label 1, fewer than 10"]),
        ((1, 99), ["the validation split has 1 row with the label 0, fewer than 10"]),
        (None, []),
    ],
)
def test_too_few_rows_of_a_class_in_the_validation_split(
    counts: tuple[int, int] | None, reasons: list[str]
) -> None:
    """Early stopping and the Tuner chose by this split. The reason names the key; unknown counts are no reason."""
    found = verdict(scored(GOOD, BAD), validation=Validation(counts))
    assert found["reasons"] == [f"{reason} (evaluation.min_positives)" for reason in reasons]
    assert found["blessed"] == (not reasons)


@pytest.mark.parametrize(("positives", "judged"), [(9, False), (10, True), (50, True), (51, False)])
def test_a_slice_with_too_few_rows_of_a_class_is_not_judged(positives: int, judged: bool) -> None:
    """Of the 60 rows where x is missing, at least 10 must be positive and 10 negative; the candidate is bad there."""
    labels = (*LABELS, *[1] * positives, *[0] * (60 - positives))
    test = scored((*GOOD, *[0.5] * 60), (*BAD, *[0.5] * 60), labels)
    settings = EvaluationConfig(slices=(SliceConfig(feature="x", edges=(0.0,)),), slice_thresholds=True)
    found = verdict(test, settings, [-1.0] * 80 + [NAN] * 60)
    assert [(part["too_small"], part["judged"]) for part in found["slices"]] == [
        (False, True),
        (True, False),
        (not judged, judged),
    ]
    assert ("where x missing, the AUC is 0.5000, not at least 0.6" in found["reasons"]) == judged
    assert any(item["slice"] == "x missing" for item in found["thresholds"]) == judged


def test_thresholds_apply_to_a_slice_only_if_configured_and_if_it_is_large_enough() -> None:
    """The candidate is bad on the 40 rows where x is above 0, good on the 40 others; no row lacks x."""
    test = scored((*GOOD[:40], *BAD[40:]), BAD)
    feature = [-1.0] * 40 + [1.0] * 40
    part = (SliceConfig(feature="x", edges=(0.0,)),)
    for applied, min_rows, judged in ((False, 40, 0), (True, 41, 0), (True, 40, 2)):
        settings = EvaluationConfig(slices=part, slice_thresholds=applied, min_rows=min_rows)
        found = verdict(test, settings, feature)
        assert sum(item["judged"] for item in found["slices"]) == judged
        assert len(found["thresholds"]) == 4 + 3 * judged
        assert found["blessed"] == (judged == 0)
    assert found["reasons"] == ["where x > 0, the AUC is 0.5000, not at least 0.6"]
    assert [(p["name"], p["rows"], p["positives"], p["too_small"]) for p in found["slices"]] == [
        ("x <= 0", 40, 20, False),
        ("x > 0", 40, 20, False),
        ("x missing", 0, 0, True),
    ]
    low, high, _ = found["slices"]
    assert low["metrics"]["auc"]["difference"] == 0.5
    assert high["metrics"]["auc"]["interval"]["difference"] == [0.0, 0.0]


def test_the_gap_as_a_threshold() -> None:
    """The candidate's log loss is higher by 0.4055 on the test split; there is no threshold unless max_gap is set."""
    test, train = scored(BAD, BAD), scored(GOOD, GOOD)
    loose = EvaluationConfig(min_auc=0.0)
    assert verdict(test, loose, train=train)["blessed"]
    gap = verdict(test, loose.model_copy(update={"max_gap": 0.4}), train=train)
    assert gap["gap"]["candidate"]["log_loss"]["difference"] == pytest.approx(0.405465, abs=1e-6)
    assert gap["gap"]["baseline"] == gap["gap"]["candidate"]
    assert gap["reasons"] == [
        "the log loss on the test split is 0.4055 worse than that on the training split, more than the 0.4 that is "
        "allowed"
    ]
    assert verdict(test, loose.model_copy(update={"max_gap": 0.41}), train=train)["blessed"]
    item = verdict(test, loose.model_copy(update={"max_gap": 0.41, "mode": "better"}), train=train)[
        "thresholds"
    ][4]
    low, high = item["interval"]
    assert low < item["value"] < high == item["compared"]
    assert (item["rule"], item["passed"]) == ("gap", False)


def test_the_verdict_on_a_sample_has_the_number_of_all_rows() -> None:
    """The reason that there is only one class, or are few rows of a class, mentions the sample, too."""
    found = verdict(
        scored(GOOD, BAD)._replace(split_rows=500), train=scored(GOOD, BAD)._replace(split_rows=900)
    )
    assert (found["rows"], found["sampled_from"]) == (80, 500)
    assert (found["gap"]["train_rows"], found["gap"]["train_sampled_from"]) == (80, 900)
    one_class = verdict(scored(GOOD, BAD, [1] * 80)._replace(split_rows=500))
    assert one_class["reasons"][:1] == [
        "all rows drawn from the test split (80) have the label 1, so there is no AUC"
    ]
    few = verdict(scored(GOOD, BAD, [1] * 77 + [0] * 3)._replace(split_rows=500))
    assert few["reasons"][0] == (
        "the sample of the test split has 3 rows with the label 0, fewer than 10 (evaluation.min_positives)"
    )


def test_an_operating_point_is_part_of_the_verdict() -> None:
    """It is chosen on the validation split and measured on the test split; it does not change the blessing."""
    settings = EvaluationConfig.model_validate({"operating_point": {"maximize": "f1"}})
    validation = Validation(scores=scored((0.3, 0.7, 0.7, 0.8), None, (0, 0, 1, 1)))
    found = verdict(scored(GOOD, BAD), settings, validation=validation)
    assert found["blessed"]
    assert found["operating_point"]["threshold"] == np.float32(0.7)  # F1 4/5; at 0.8 2/3
    assert found["operating_point"]["metrics"]["recall"]["test"] == 0.5
    assert found | {"operating_point": None} == verdict(scored(GOOD, BAD))


def test_without_the_demanded_operating_point_there_is_no_blessing() -> None:
    """The reason is that of `choose_threshold`, and the verdict has no operating point."""
    rule = {"maximize": "recall", "min_precision": 0.9}
    settings = EvaluationConfig.model_validate({"operating_point": rule})
    validation = Validation(scores=scored((0.3, 0.7, 0.7, 0.6), None, (0, 0, 1, 1)))
    found = verdict(scored(GOOD, BAD), settings, validation=validation)
    assert (found["blessed"], found["operating_point"]) == (False, None)
    assert found["reasons"] == [
        "on the validation split no threshold has a precision of at least 0.9 "
        "(evaluation.operating_point.min_precision); the highest precision is 0.6667"
    ]


def test_the_tolerance_of_a_slice_follows_its_own_base_rate() -> None:
    """One in four of the 80 rows with x above 0 is positive, half of the others: 5% of the log loss of each share."""
    labels = (*LABELS, *((0, 0, 0, 1) * 20))
    candidate = [0.8 if label else 0.2 for label in labels]
    settings = EvaluationConfig(slices=(SliceConfig(feature="x", edges=(0.0,)),), slice_thresholds=True)
    found = verdict(scored(candidate, candidate, labels), settings, [-1.0] * 80 + [1.0] * 80)
    bounds = {
        item["slice"]: item["bound"]
        for item in found["thresholds"]
        if (item["metric"], item["rule"]) == ("log_loss", "change")
    }
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert bounds["x > 0"] == pytest.approx(0.05 * entropy, rel=5e-3)
    assert bounds["x <= 0"] == pytest.approx(0.05 * math.log(2), rel=5e-3)
