"""The sentences about a verdict."""

import pytest

from components.common.verdict_record import Contribution, Contributions, Finding
from components.common.verdict_text import (
    comparison_sentence,
    finding_label,
    first_reasons,
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
        (None, "log loss 0.4000 against 0.5000 without regularization."),
    ],
)
def test_the_interval_of_the_difference_decides_what_is_said(finding: Finding | None, expected: str) -> None:
    """Not the values. Without early stopping there is nothing to say about the parts."""
    assert comparison_sentence(0.4, 0.5, Contributions(total=part(-0.1, finding))) == expected


def test_a_verdict_of_an_earlier_version_has_no_contributions() -> None:
    """The sentence has the two log losses only."""
    assert comparison_sentence(0.4, 0.5, None) == "log loss 0.4000 against 0.5000 without regularization."


@pytest.mark.parametrize(("candidate", "baseline"), [(0.4, None), (None, 0.5), (None, None)])
def test_without_a_baseline(candidate: float | None, baseline: float | None) -> None:
    """Or with an undefined log loss, there is no comparison."""
    found = comparison_sentence(candidate, baseline, None)
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
    assert comparison_sentence(0.5, 1.5, contributions) == (
        "better than without regularization: log loss 0.5000 against 1.5000. "
        f"{amount} of the difference is due to early stopping; what the penalties and dropout add, -0.1000, may be "
        "chance."
    )


@pytest.mark.parametrize(
    ("penalties", "expected"),
    [
        (part(-0.05, "better"), "what the penalties and dropout add, -0.0500, makes it better."),
        (part(0.05, "worse"), "what the penalties and dropout add, +0.0500, makes it worse."),
        (part(-0.00001, "unclear"), "what the penalties and dropout add, 0, may be chance."),
        (part(-0.05), "what the penalties and dropout add, -0.0500, has no interval."),
        (part(0.0, "unclear"), "the penalties and dropout changed nothing."),
    ],
)
def test_what_the_penalties_add(penalties: Contribution, expected: str) -> None:
    """The interval of candidate minus early stopping alone decides."""
    contributions = Contributions(
        total=part(-0.1, "better"), early_stopping=part(-0.05, "better"), penalties=penalties
    )
    assert comparison_sentence(0.4, 0.5, contributions).endswith(
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
    assert comparison_sentence(0.4, 0.5, contributions) == (
        f"{begin}Early stopping alone: -0.1200; what the penalties and dropout add, +0.0200, makes it worse."
    )


@pytest.mark.parametrize(
    ("finding", "label"),
    [("better", "better"), ("worse", "worse"), ("unclear", "no clear difference"), (None, "")],
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
            "the log loss differs from the baseline's by +0.1000, at worst +0.3000, not at most +0.2",
        ),
        (
            "base_rate",
            "log loss minus base rate's",
            "the log loss differs from that of the base rate by +0.1000, at worst +0.3000, not at most +0.2",
        ),
        (
            "gap",
            "log loss, test minus train",
            "the log loss on the test split differs from that on the training split by +0.1000, at worst +0.3000, "
            "not at most +0.2",
        ),
    ],
)
def test_thresholds(rule: str, subject: str, sentence: str) -> None:
    """Differences and their bounds have a sign."""
    assert threshold_subject(rule, "log_loss") == subject
    found = threshold_sentence(rule, "log_loss", 0.1, relation="not at most", bound=0.2, worst=0.3)
    assert found == sentence
