"""The sections with the verdict in a sentence, the thresholds, and candidate beside baseline."""
# ruff: noqa: RUF001 (the report writes a real minus sign, which screen readers read out)

from typing import Any

import pytest

from components.report import verdict_section
from components.report.blocks import TableBlock, TextBlock


def test_a_pushed_model_that_won(sample: Any) -> None:
    """A lower log loss is called a win; the last block has the folder of the model."""
    section = verdict_section.verdict(sample.run())
    assert section.blocks[0] == TextBlock(
        "Pushed: the model beat its unregularized baseline, log loss 0.3919 against 0.5113.", "good"
    )
    assert section.blocks[-1] == TextBlock("The model is in /runs/serving/17.")


@pytest.mark.parametrize(
    ("log_loss", "sentence"),
    [
        (
            {"candidate": 0.52, "baseline": 0.51},
            "Pushed: the model passed every threshold, with log loss 0.5200 against 0.5100 for its unregularized "
            "baseline.",
        ),
        ({"candidate": 0.52, "baseline": None}, "Pushed: the model passed every threshold."),
    ],
)
def test_a_pushed_model_that_did_not_win(sample: Any, log_loss: Any, sentence: str) -> None:
    """A tolerance may let a slightly worse model pass; the sentence does not call that a win."""
    verdict = sample.verdict(metrics={"log_loss": log_loss})
    assert verdict_section.headline(sample.run(verdict=verdict)).text == sentence


def test_a_model_that_was_not_blessed(sample: Any) -> None:
    """The sentence has all reasons, and that nothing was published."""
    verdict = sample.verdict(
        blessed=False, reasons=["the AUC is 0.5, not at least 0.6", "the log loss is NaN"]
    )
    assert verdict_section.headline(sample.run(verdict=verdict, pushed_path=None)) == TextBlock(
        "Not blessed: the AUC is 0.5, not at least 0.6; the log loss is NaN. Nothing was published.", "bad"
    )


def test_many_reasons_are_counted(sample: Any) -> None:
    """The headline has four of six reasons, and the number of the others."""
    verdict = sample.verdict(blessed=False, reasons=["a", "b", "c", "d", "e", "f"])
    assert (
        verdict_section.headline(sample.run(verdict=verdict, pushed_path=None)).text
        == "Not blessed: a; b; c; d; and 2 more. Nothing was published."
    )


def test_a_model_that_was_blessed_by_hand(sample: Any) -> None:
    """The sentence keeps the Evaluator's reasons; below it are who, when and why."""
    verdict = sample.verdict(blessed=False, reasons=["the AUC is 0.5, not at least 0.6"])
    facts = {"override": {"by": "ada", "at": "2026-11-20T12:00:00+00:00", "reason": sample.SCRIPT}}
    first, second, *_ = verdict_section.verdict(sample.run(verdict=verdict, facts=facts)).blocks
    assert first == TextBlock("Not blessed by the Evaluator (the AUC is 0.5, not at least 0.6), but by hand.")
    assert second == TextBlock(
        "Blessed by hand by ada, 2026-11-20T12:00:00+00:00. Reason: <script>alert(1)</script>"
    )


def test_a_blessed_model_that_was_not_pushed(sample: Any) -> None:
    """The sentence has the reason why it was not pushed, also after it was blessed by hand."""
    reason = "ann rolled back from this model on 2026-01-31: complaints"
    held = sample.run(pushed_path=None, not_pushed_because=reason)
    assert verdict_section.headline(held) == TextBlock(f"Blessed, but not pushed: {reason}.", "bad")
    facts = {"override": {"by": "ada", "at": "2026-11-20T12:00:00+00:00", "reason": "it was the data"}}
    assert verdict_section.headline(sample.run(not_pushed_because=reason, facts=facts)) == TextBlock(
        f"Blessed by the Evaluator, published by hand. The pipeline did not push it: {reason}."
    )


def test_the_table_of_thresholds(sample: Any) -> None:
    """A row has sentence, outcome, rows, value, bound, interval, both models, and what was compared with the bound."""
    rows = [
        sample.threshold(),
        sample.threshold(
            rule="change", metric="log_loss", direction="<=", mode="confidence", slice="age <= 30", value=0.01,
            interval=[-0.02, 0.04], bound=0.0, candidate=0.4, baseline=None, passed=False, sentence="it rose",
        ),
    ]  # fmt: skip
    table = verdict_section.thresholds(rows, "Every threshold")
    assert table.rows == (
        (
            "The AUC is 0.8767, at least 0.6", "passed", "all", "0.8767", "≥ 0.6", "0.8200 to 0.9200", "0.8767",
            "0.8804", "the value",
        ),
        (
            "It rose", "FAILED", "age <= 30", "+0.0100", "≤ 0", "−0.0200 to +0.0400", "0.4000", "none",
            "the interval",
        ),
    )  # fmt: skip
    assert table.bad_rows == (1,)


def test_the_two_models_side_by_side(sample: Any) -> None:
    """Values, the signed difference, what it means, and the intervals where there are some."""
    about, table = verdict_section.comparison(sample.run()).blocks
    assert isinstance(about, TextBlock)
    assert about.text == (
        "Measured on 203 rows of the test split, 108 of them positive, through the serving signature. The difference "
        "is the candidate's value minus the baseline's; log loss, in nats, is better when lower. Intervals: 95%, "
        "paired percentile bootstrap over the rows of the test split, 1,000 resamples, seed 1. A difference whose "
        "interval includes 0 may be chance."
    )
    assert isinstance(table, TableBlock)
    assert table.rows[1:] == (
        ("PR-AUC", "0.8714", "0.8746", "−0.0032", "worse", "", "", ""),
        (
            "log loss", "0.3919", "0.5113", "−0.1194", "better", "0.3819 to 0.4019", "0.5013 to 0.5213",
            "−0.1294 to −0.1094",
        ),
    )  # fmt: skip


def test_without_a_baseline(sample: Any) -> None:
    """The section has the candidate's metrics, and that there was no baseline."""
    metric = {"candidate": 0.8, "baseline": None, "difference": None, "interval": None}
    about, table = verdict_section.comparison(
        sample.run(verdict=sample.verdict(metrics={"auc": metric}))
    ).blocks
    assert isinstance(about, TextBlock)
    assert about.text.endswith("There was no baseline to compare with.")
    assert isinstance(table, TableBlock)
    assert table.rows == (("AUC", "0.8000", "none", "none", "", "", "", ""),)


def test_a_sample_of_the_test_split(sample: Any) -> None:
    """The number of all rows follows the number of measured rows."""
    about = verdict_section.comparison(sample.run(verdict=sample.verdict(sampled_from=2_400_000))).blocks[0]
    assert isinstance(about, TextBlock)
    assert about.text.startswith(
        "Measured on 203 rows of the test split, 108 of them positive, through the serving signature. They are a "
        "uniform sample of its 2,400,000 rows (evaluation.max_rows). The difference is"
    )
