"""The sentences about a verdict."""

import math

import pytest

from components.common.verdict_text import (
    better_or_worse,
    comparison_sentence,
    first_reasons,
    threshold_sentence,
    threshold_subject,
)


@pytest.mark.parametrize(
    ("metric", "change", "expected"),
    [
        ("auc", 0.01, "better"),
        ("auc", -0.01, "worse"),
        ("log_loss", 0.01, "worse"),
        ("log_loss", -0.01, "better"),
        ("auc", 0.00001, ""),
        ("auc", math.nan, ""),
        ("auc", None, ""),
    ],
)
def test_better_or_worse(metric: str, change: float | None, expected: str) -> None:
    """Log loss is better when lower; a difference that four decimals do not show is neither."""
    assert better_or_worse(metric, change) == expected


@pytest.mark.parametrize(
    ("candidate", "baseline", "expected"),
    [
        (0.4, 0.5, "beat its unregularized baseline, log loss 0.4000 against 0.5000"),
        (0.5, 0.5, "passed every threshold, with log loss 0.5000 against 0.5000"),
        (0.6, 0.5, "passed every threshold, with log loss 0.6000 against 0.5000"),
        (0.4, None, "passed every threshold."),
        (None, None, "passed every threshold."),
    ],
)
def test_only_a_lower_log_loss_is_a_win(
    candidate: float | None, baseline: float | None, expected: str
) -> None:
    """A tolerance may let a slightly worse model pass."""
    assert expected in comparison_sentence(candidate, baseline)


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
