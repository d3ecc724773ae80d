"""The verdict on rows whose metrics are known, as verdict.json has it."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from components.common.ingest_record import ClassCounts
from components.common.verdict_record import Verdict
from components.config.evaluation import EvaluationConfig, SliceConfig
from components.evaluator.bootstrap import PairedScores
from components.evaluator.verdict import compute_verdict

NAN = float("nan")
LABELS = (0, 0, 1, 1) * 20
GOOD = (0.1, 0.4, 0.6, 0.9) * 20  # AUC 1, log loss -(ln 0.9 + ln 0.6) / 2
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
    validation: ClassCounts | None = None,
) -> dict[str, Any]:
    features = {"x": np.array(feature, np.float32)}
    found = compute_verdict(test, train or test, features, settings or EvaluationConfig(), validation)
    text = found.model_dump_json()
    assert Verdict.model_validate_json(text) == found
    content: dict[str, Any] = json.loads(text, parse_constant=pytest.fail)  # no NaN, which JSON does not have
    return content


def test_a_better_candidate_is_blessed() -> None:
    """The verdict has every threshold with value, interval, bound, both models' values and a sentence."""
    found = verdict(scored(GOOD, BAD))
    assert (found["blessed"], found["reasons"], found["rows"], found["positives"]) == (True, [], 80, 40)
    assert [(t["metric"], t["rule"], t["slice"], t["mode"], t["passed"]) for t in found["thresholds"]] == [
        ("auc", "floor", None, "point", True),
        ("auc", "change", None, "point", True),
        ("log_loss", "change", None, "point", True),
    ]
    assert (
        [t["sentence"] for t in found["thresholds"]]
        == [
            "the AUC is 1.0000, at least 0.6",
            "the AUC differs from the baseline's by +0.5000, at least -0.02",
            "the log loss differs from the baseline's by -0.4055, at most 0",  # ln(0.4 / 0.6) / 2 + ln(0.4 / 0.9) / 2
        ]
    )
    change = found["thresholds"][1]
    assert (change["value"], change["candidate"], change["baseline"]) == (0.5, 1.0, 0.5)
    assert change["interval"] == found["metrics"]["auc"]["interval"]["difference"]
    assert change["compared"] == change["value"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"min_auc": 0.6}, "the AUC is 0.5000, not at least 0.6"),
        ({"max_auc_drop": 0.4}, "the AUC differs from the baseline's by -0.5000, not at least -0.4"),
        ({"max_log_loss_rise": 0.4}, "the log loss differs from the baseline's by +0.4055, not at most +0.4"),
    ],
)
def test_one_missed_threshold_is_enough(settings: dict[str, float], reason: str) -> None:
    """The candidate is not blessed, and the missed threshold is the only reason."""
    loose = {"min_auc": 0.0, "max_auc_drop": 1.0, "max_log_loss_rise": 9.0}
    found = verdict(scored(BAD, GOOD), EvaluationConfig.model_validate(loose | settings))
    assert (found["blessed"], found["reasons"]) == (False, [reason])


def test_a_value_that_equals_its_bound_passes() -> None:
    """For all three thresholds."""
    same = EvaluationConfig(min_auc=0.5, max_auc_drop=0.0, max_log_loss_rise=0.0)
    assert verdict(scored(BAD, BAD), same)["blessed"]


def test_the_confidence_mode_compares_the_worse_end_of_the_interval() -> None:
    """A candidate that is better by less than chance passes in the mode point, and not in the mode confidence."""
    generator = np.random.default_rng(1)
    labels = generator.integers(2, size=200)
    noise = generator.random((2, 200))
    candidate, baseline = 0.45 * labels + 0.5 * noise[0], 0.43 * labels + 0.5 * noise[1]
    test = scored(list(candidate), list(baseline), labels.tolist())
    point, confidence = (verdict(test, EvaluationConfig(mode=mode)) for mode in ("point", "confidence"))
    assert point["metrics"] == confidence["metrics"]
    assert point["blessed"]
    assert not confidence["blessed"]
    for item in confidence["thresholds"]:
        low, high = item["interval"]
        assert item["compared"] == (high if item["metric"] == "log_loss" else low)
        assert low < item["value"] < high
    loss = confidence["thresholds"][2]
    assert loss["value"] < 0 < loss["compared"]
    assert loss["sentence"] == (
        f"the log loss differs from the baseline's by {loss['value']:+.4f}, at worst {loss['compared']:+.4f}, "
        "not at most 0"
    )
    assert loss["sentence"] in confidence["reasons"]


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
        "the candidate predicts NaN for 1 of 80 rows, so its AUC and log loss can't be computed",
    ),
    "NaN of the baseline": (
        scored(GOOD, (NAN, NAN, *BAD[2:])),
        "the baseline predicts NaN for 2 of 80 rows, so its AUC and log loss can't be computed",
    ),
}


@pytest.mark.parametrize(("test", "reason"), NEVER.values(), ids=NEVER.keys())
@pytest.mark.parametrize("mode", ["point", "confidence"])
def test_never_blessed(test: PairedScores, reason: str, mode: Any) -> None:
    """Whatever the thresholds are; each obstacle has its own sentence, and there is no other reason."""
    loose = EvaluationConfig(min_auc=0.0, max_auc_drop=1.0, max_log_loss_rise=9.0, max_gap=9.0, mode=mode)
    found = verdict(test, loose)
    assert (found["blessed"], found["reasons"]) == (False, [reason])


@pytest.mark.parametrize(
    ("counts", "reasons"),
    [
        (ClassCounts(10, 10), []),
        (ClassCounts(300, 9), ["the validation split has 9 rows with the label 1, fewer than 10"]),
        (ClassCounts(1, 99), ["the validation split has 1 row with the label 0, fewer than 10"]),
        (None, []),
    ],
)
def test_too_few_rows_of_a_class_in_the_validation_split(
    counts: ClassCounts | None, reasons: list[str]
) -> None:
    """Early stopping and the Tuner chose by this split. The reason names the key; unknown counts are no reason."""
    found = verdict(scored(GOOD, BAD), validation=counts)
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
        assert len(found["thresholds"]) == 3 + 3 * judged
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
        "the log loss on the test split differs from that on the training split by +0.4055, not at most +0.4"
    ]
    assert verdict(test, loose.model_copy(update={"max_gap": 0.41}), train=train)["blessed"]
    item = verdict(test, loose.model_copy(update={"max_gap": 0.41, "mode": "confidence"}), train=train)[
        "thresholds"
    ][3]
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
