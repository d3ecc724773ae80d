"""The sentences about a verdict."""

import math
from typing import Any

import pytest

from components.common.served_record import ServedReference
from components.common.verdict_record import (
    ComparedMetric,
    Contribution,
    Contributions,
    Finding,
    OperatingPoint,
)
from components.common.verdict_text import (
    comparison_sentence,
    difference_finding,
    finding_label,
    first_reasons,
    missed_demands,
    operating_rule,
    served_sentence,
    threshold_sentence,
    threshold_subject,
)


def part(value: float | None, finding: Finding | None = None) -> Contribution:
    return Contribution(value=value, finding=finding)


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        ("better", "better than without regularization: log loss 0.4000 against 0.5000."),
        ("worse", "worse than without regularization: log loss 0.4000 against 0.5000."),
        (
            "unclear",
            "no clear difference from the same network without regularization: log loss 0.4000 against 0.5000.",
        ),
        ("equal", "equal to the same network without regularization: log loss 0.4000 against 0.5000."),
        (None, "log loss 0.4000 against 0.5000 without regularization."),
    ],
)
def test_the_interval_of_the_difference_decides_what_is_said(finding: Finding | None, expected: str) -> None:
    """Not the values. Without early stopping there is nothing to say about the parts."""
    assert comparison_sentence("log_loss", 0.4, 0.5, Contributions(total=part(-0.1, finding))) == expected


def test_a_verdict_of_an_earlier_version_has_no_contributions() -> None:
    """The sentence has the two log losses only."""
    assert (
        comparison_sentence("log_loss", 0.4, 0.5, None)
        == "log loss 0.4000 against 0.5000 without regularization."
    )


@pytest.mark.parametrize(("candidate", "baseline"), [(0.4, None), (None, 0.5), (None, None)])
def test_without_a_baseline(candidate: float | None, baseline: float | None) -> None:
    """Or with an undefined log loss, there is no comparison."""
    found = comparison_sentence("log_loss", candidate, baseline, None)
    assert found == "there is no baseline to compare the model with."


@pytest.mark.parametrize(
    ("early_stopping", "amount"),
    [
        (-1.05, "All"),  # the penalties made it worse
        (-1.0, "All"),
        (-0.95, "Almost all"),
        (-0.9, "Almost all"),
        (-0.85, "Most"),
        (-0.6, "Most"),
        (-0.55, "About half"),
        (-0.4, "About half"),
        (-0.35, "A part"),
        (-0.1, "A part"),
        (-0.05, "Almost none"),
        (0.1, "Almost none"),  # early stopping made it worse
    ],
)
def test_the_share_of_early_stopping(early_stopping: float, amount: str) -> None:
    """Of a difference of -1: 100%, 90%, 60%, 40% and 10% are the limits."""
    contributions = Contributions(
        total=part(-1.0, "better"), early_stopping=part(early_stopping), penalties=part(-0.1, "unclear")
    )
    assert comparison_sentence("log_loss", 0.5, 1.5, contributions) == (
        "better than without regularization: log loss 0.5000 against 1.5000. "
        f"{amount} of the difference is due to early stopping; the penalties and dropout make it 0.1000 "
        "better, which may be chance."
    )


@pytest.mark.parametrize(
    ("penalties", "expected"),
    [
        (part(-0.05, "better"), "the penalties and dropout make it 0.0500 better."),
        (part(0.05, "worse"), "the penalties and dropout make it 0.0500 worse."),
        (part(-0.00001, "unclear"), "the penalties and dropout change nothing."),
        (part(-0.05), "the penalties and dropout make it 0.0500 better, without an interval."),
        (part(0.0, "unclear"), "the penalties and dropout change nothing."),
    ],
)
def test_what_the_penalties_add(penalties: Contribution, expected: str) -> None:
    """The interval of candidate minus early stopping alone decides."""
    contributions = Contributions(
        total=part(-0.1, "better"), early_stopping=part(-0.05, "better"), penalties=penalties
    )
    assert comparison_sentence("log_loss", 0.4, 0.5, contributions).endswith(
        f". About half of the difference is due to early stopping; {expected}"
    )


@pytest.mark.parametrize(
    ("total", "begin"),
    [
        (
            part(-0.1, "unclear"),
            "no clear difference from the same network without regularization: log loss 0.4000 against 0.5000. ",
        ),
        (part(0.1, "worse"), "worse than without regularization: log loss 0.4000 against 0.5000. "),
    ],
)
def test_no_improvement_has_no_shares(total: Contribution, begin: str) -> None:
    """The two parts are given as numbers."""
    contributions = Contributions(
        total=total, early_stopping=part(-0.12, "unclear"), penalties=part(0.02, "worse")
    )
    assert comparison_sentence("log_loss", 0.4, 0.5, contributions) == (
        f"{begin}Early stopping alone makes it 0.1200 better, which may be chance; the penalties and dropout make it "
        "0.0200 worse."
    )


@pytest.mark.parametrize(
    ("finding", "label"),
    [
        ("better", "better"),
        ("worse", "worse"),
        ("unclear", "no clear difference"),
        ("equal", "equal"),
        (None, ""),
    ],
)
def test_findings_in_words(finding: Finding | None, label: str) -> None:
    """A metric without an interval has no finding."""
    assert finding_label(finding) == label


def test_the_first_four_reasons() -> None:
    """The others are counted."""
    assert first_reasons(()) == "the Evaluator gave no reason"
    assert first_reasons("abcd") == "a; b; c; d"
    assert first_reasons("abcdef") == "a; b; c; d; and 2 more"


@pytest.mark.parametrize(
    ("rule", "subject", "sentence"),
    [
        ("floor", "log loss, candidate", "the log loss is 0.1000, at worst 0.3000, not at most 0.2"),
        (
            "change",
            "log loss minus baseline's",
            "the log loss is 0.1000 worse than the baseline's, at worst 0.3000 worse, more than the 0.2 that is "
            "allowed",
        ),
        (
            "base_rate",
            "log loss minus base rate's",
            "the log loss is 0.1000 worse than that of the base rate, at worst 0.3000 worse, more than the 0.2 that is "
            "allowed",
        ),
        (
            "served",
            "log loss minus served model's",
            "the log loss is 0.1000 worse than the served model's, at worst 0.3000 worse, more than the 0.2 that is "
            "allowed",
        ),
        (
            "gap",
            "log loss, test minus train",
            "the log loss on the test split is 0.1000 worse than that on the training split, at worst 0.3000 worse, "
            "more than the 0.2 that is allowed",
        ),
    ],
)
def test_thresholds(rule: str, subject: str, sentence: str) -> None:
    """A difference is a size, and better or worse."""
    assert threshold_subject(rule, "log_loss") == subject
    found = threshold_sentence(rule, "log_loss", 0.1, passed=False, bound=0.2, end=0.3)
    assert found == sentence


@pytest.mark.parametrize(
    ("metric", "value", "end", "bound", "passed", "expected"),
    [
        ("auc", 0.01, None, -0.02, True, "is 0.0100 better than X, at most 0.02 worse is allowed"),
        ("auc", 0.0, None, -0.02, True, "is equal to X, at most 0.02 worse is allowed"),
        ("auc", 0.01, -0.01, 0.0, False, "is 0.0100 better than X, at worst 0.0100 worse, but it must be better"),
        ("log_loss", -0.2, -0.1, 0.0, True, "is 0.2000 better than X, at worst 0.1000 better, as it must be better"),
        ("log_loss", 0.01, None, 0.0, False, "is 0.0100 worse than X, but it must be no worse"),
        (
            "log_loss", 0.02, 0.01, 0.003, False,
            "is 0.0200 worse than X, at best 0.0100 worse, more than the 0.003 that is allowed",
        ),
        ("log_loss", math.nan, None, 0.1, False, "can't be compared with X"),
    ],
)  # fmt: skip
def test_better_and_worse(
    metric: str, value: float, end: float | None, bound: float, passed: bool, expected: str
) -> None:
    """For both directions; an end of the interval is named if it was compared."""
    found = threshold_sentence("change", metric, value, passed=passed, bound=bound, end=end)
    label = {"auc": "AUC", "log_loss": "log loss"}[metric]
    assert found == f"the {label} {expected}".replace("X", "the baseline's")


@pytest.mark.parametrize(
    ("interval", "expected"),
    [((0.0, 0.0), "equal"), ((0.0, 0.1), "unclear"), ((0.01, 0.1), "worse"), ((-0.1, -0.01), "better"), (None, None)],
)  # fmt: skip
def test_what_an_interval_says(interval: Any, expected: str | None) -> None:
    """Of a log loss. No difference on any resample is equality, not doubt."""
    assert difference_finding("log_loss", interval) == expected


def point(rule: str, interval: Any = None, **demanded: float) -> OperatingPoint:
    """An operating point; `interval` is that of each metric."""
    metrics = {
        name: {"validation": 0.9, "test": 0.8, "interval": interval, "demanded": demanded.get(name)}
        for name in ("precision", "recall", "f1", "positive_share")
    }
    cells = dict.fromkeys(("true_positive", "false_positive", "true_negative", "false_negative"), 1)
    costs = {"false_positive_cost": 1.0, "false_negative_cost": 2.5} if rule == "cost" else {}
    return OperatingPoint.model_validate(
        {
            "rule": rule, "threshold": 0.5, "validation_rows": 10, "metrics": metrics, "confusion": cells,
            "confusion_intervals": {}, **costs,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (point("f1"), "the highest F1"),
        (point("recall", precision=0.9), "the highest recall with a precision of at least 0.9"),
        (point("precision", recall=0.85), "the highest precision with a recall of at least 0.85"),
        (point("cost"), "the lowest cost (false positive 1, false negative 2.5)"),
    ],
)
def test_how_an_operating_point_was_chosen(found: OperatingPoint, expected: str) -> None:
    assert operating_rule(found) == expected


@pytest.mark.parametrize(
    ("interval", "missed"),
    [((0.7, 0.89), True), ((0.7, 0.9), False), ((0.7, 0.95), False), ((0.92, 0.95), False), (None, False)],
)
def test_a_demanded_value_is_missed_if_the_whole_interval_is_below(interval: Any, missed: bool) -> None:
    """The value on the test split may be below by chance. Only what is demanded is compared."""
    sentence = "The interval of the precision on the test split is below the demanded 0.9."
    assert list(missed_demands(point("recall", interval, precision=0.9))) == [sentence] * missed
    assert list(missed_demands(point("f1", interval))) == []


@pytest.mark.parametrize(
    ("finding", "begin"),
    [
        ("better", "Better than the served model (version 7)"),
        ("worse", "Worse than the served model (version 7)"),
        ("unclear", "No clear difference from the served model (version 7)"),
        (None, "Compared with the served model (version 7)"),
    ],
)
def test_the_comparison_with_the_served_model(finding: Finding | None, begin: str) -> None:
    """The interval decides what is said, not the values."""
    log_loss = ComparedMetric(candidate=0.4, served=0.5, served_finding=finding)
    assert served_sentence(ServedReference(outcome="compared", version=7), "log_loss", log_loss) == (
        f"{begin}: log loss 0.4000 against 0.5000. No test row was one of its training rows."
    )


@pytest.mark.parametrize(
    ("published_by", "reason", "who"),
    [
        ("override", "it is good", "blessed by hand by ann on 2026-11-20: it is good"),
        ("rollback", "complaints", "from a rollback by ann on 2026-11-20: complaints"),
        ("rollback", "", "from a rollback by ann on 2026-11-20"),
    ],
)
def test_a_served_model_that_a_person_published(published_by: Any, reason: str, who: str) -> None:
    """The sentence has who, when and why."""
    reference = ServedReference(
        outcome="compared", version=7, published_by=published_by, by="ann", at="2026-11-20", reason=reason
    )
    log_loss = ComparedMetric(candidate=0.4, served=0.5, served_finding="better")
    assert served_sentence(reference, "log_loss", log_loss).startswith(
        f"Better than the served model (version 7, {who}): "
    )


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        (
            ServedReference(outcome="none"),
            "No model was served before this one, so it is compared with none.",
        ),
        (
            ServedReference(outcome="unrecorded"),
            "This model is served already, and its card does not say which model it replaced, so it is compared with "
            "none.",
        ),
        (
            ServedReference(outcome="removed", version=7, digest="ab"),
            "The model that was served before this one (version 7) is no longer at the destination, so it is not "
            "compared with this one.",
        ),
        (
            ServedReference(
                outcome="incompatible", version=7, problems=("its task is 'a'", "its label is 'b'")
            ),
            "The served model (version 7) is not compared with this one, and does not decide: its task is 'a'; its "
            "label is 'b'.",
        ),
        (
            ServedReference(outcome="other_split", version=7, problems=("the seed differs",)),
            "No clear difference from the served model (version 7): log loss 0.4000 against 0.5000. This does not "
            "decide, because test rows may be among its training rows: the seed differs.",
        ),
    ],
)
def test_a_served_model_that_does_not_decide(reference: ServedReference, sentence: str) -> None:
    """Each outcome has its sentence, with the reasons."""
    log_loss = ComparedMetric(candidate=0.4, served=0.5, served_finding="unclear")
    assert served_sentence(reference, "log_loss", log_loss) == sentence
