"""The sections with the verdict in a sentence, the thresholds, and candidate beside baseline."""
# ruff: noqa: RUF001 (the report writes a real minus sign, which screen readers read out)

from pathlib import Path
from typing import Any

import pytest

from components.common.verdict_record import Verdict
from components.report import verdict_section
from components.report.blocks import Chart, TableBlock, TextBlock


def test_a_pushed_model(sample: Any) -> None:
    """The sentence has what the interval says, and what brought the difference; the last block has the folder."""
    section = verdict_section.verdict(sample.run())
    assert section.blocks[0] == TextBlock(
        "Pushed: better than without regularization: log loss 0.3919 against 0.5113. Most of the difference is due to "
        "early stopping; the penalties and dropout make it 0.0194 better, which may be chance.",
        "good",
    )
    assert section.blocks[-1] == TextBlock("The model is in /runs/serving/17.")


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        ("worse", "worse than without regularization: log loss 0.3919 against 0.5113."),
        (
            "unclear",
            "no clear difference from the same network without regularization: log loss 0.3919 against 0.5113.",
        ),
        (None, "log loss 0.3919 against 0.5113 without regularization."),
    ],
)
def test_a_pushed_model_that_is_not_better(sample: Any, finding: str | None, sentence: str) -> None:
    """A tolerance may let such a model pass; the sentence does not call it better. The values do not decide."""
    verdict = sample.verdict(contributions={"total": sample.contribution(-0.1194, finding)})
    assert verdict_section.headline(sample.run(verdict=verdict)).text == f"Pushed: {sentence}"


def test_a_blessed_model_of_a_run_without_the_pusher(sample: Any) -> None:
    """The comparison is as that of a pushed model."""
    text = verdict_section.headline(sample.run(pushed_path=None)).text
    assert text.startswith("Blessed, but not pushed: better than without regularization: log loss 0.3919")


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
    """Who, when and why, and beside it the Evaluator's reasons."""
    verdict = sample.verdict(blessed=False, reasons=["the AUC is 0.5, not at least 0.6"])
    facts = {"override": {"by": "ada", "at": "2026-11-20T12:00:00+00:00", "reason": sample.SCRIPT}}
    first, *_ = verdict_section.verdict(sample.run(verdict=verdict, facts=facts)).blocks
    by_hand = "Published by hand by ada on 2026-11-20 12:00 UTC: <script>alert(1)</script>."
    assert first == TextBlock(f"{by_hand} Not blessed by the Evaluator: the AUC is 0.5, not at least 0.6.")
    none = verdict_section.headline(sample.run(facts=facts, verdict=None))
    assert none == TextBlock(f"{by_hand} The Evaluator wrote no verdict.")


def test_a_blessed_model_that_was_not_pushed(sample: Any) -> None:
    """The sentence has the reason why it was not pushed, also after it was blessed by hand."""
    reason = "ann rolled back from this model on 2026-01-31: complaints"
    held = sample.run(pushed_path=None, not_pushed_because=reason)
    assert verdict_section.headline(held) == TextBlock(f"Blessed, but not pushed: {reason}.", "bad")
    facts = {"override": {"by": "ada", "at": "2026-11-20T12:00:00+00:00", "reason": "it was the data"}}
    assert verdict_section.headline(sample.run(not_pushed_because=reason, facts=facts)) == TextBlock(
        "Published by hand by ada on 2026-11-20 12:00 UTC: it was the data. Blessed by the Evaluator. Not pushed by "
        f"the pipeline: {reason}."
    )


def test_the_table_of_thresholds(sample: Any) -> None:
    """A row has sentence, outcome, rows, value, bound, interval, both models, and what was compared with the bound."""
    rows = [
        sample.threshold(),
        sample.threshold(
            rule="change", metric="log_loss", direction="<=", mode="better", slice="age <= 30", value=0.01,
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
            "the worse end of the interval",
        ),
    )  # fmt: skip
    assert table.bad_rows == (1,)


@pytest.mark.parametrize(
    ("rule", "mode", "compared"),
    [
        ("change", "no_worse", "the value; must not be clearly worse"),
        ("base_rate", "no_worse", "the value; must not be clearly worse"),
        ("floor", "no_worse", "the value"),
        ("gap", "no_worse", "the value"),
        ("change", "point", "the value"),
        ("floor", "better", "the worse end of the interval"),
        ("floor", "confidence", "the worse end of the interval"),
    ],
)
def test_what_was_compared_with_the_bound(sample: Any, rule: str, mode: str, compared: str) -> None:
    """Only a change and a difference from the base rate can be clearly worse; `confidence` is the old `better`."""
    table = verdict_section.thresholds([sample.threshold(rule=rule, mode=mode)], "Every threshold")
    assert table.rows[0][-1] == compared


def test_all_models_side_by_side(sample: Any) -> None:
    """Values, the signed difference, what its interval says, and the intervals where there are some."""
    about, table, _ = verdict_section.comparison(sample.run()).blocks
    assert isinstance(about, TextBlock)
    assert about.text == (
        "Measured on 203 rows of the test split, 108 of them positive, through the serving signature. The difference "
        "is the candidate's value minus the baseline's; log loss (in nats), Brier score and calibration error are "
        "better when lower. Early stopping alone: the baseline with the weights of its best epoch. Base rate: the "
        "share of positive rows in the training split as the probability of each row. Intervals: 95%, paired "
        "percentile bootstrap over the rows of the test split, 1,000 resamples, seed 1. If the interval of a "
        "difference includes 0, there is no clear difference."
    )
    assert isinstance(table, TableBlock)
    assert table.headers == (
        "metric", "candidate", "baseline", "early stopping alone", "base rate", "difference",
        "interval of the difference", "candidate is", "interval of the candidate", "of the baseline",
    )  # fmt: skip
    assert table.rows[1:] == (
        (
            "PR-AUC", "0.8714", "0.8746", "0.7500", "0.6931", "−0.0032", "−0.0132 to +0.0068", "no clear difference",
            "0.8614 to 0.8814", "0.8646 to 0.8846",
        ),
        (
            "log loss", "0.3919", "0.5113", "0.7500", "0.6931", "−0.1194", "−0.1294 to −0.1094", "better",
            "0.3819 to 0.4019", "0.5013 to 0.5213",
        ),
        ("recall", "0.8426", "0.8333", "0.7500", "0.6931", "+0.0093", "", "", "", ""),
    )  # fmt: skip


def test_what_regularization_brought(sample: Any) -> None:
    """The two parts add up to the whole difference."""
    *_, table = verdict_section.comparison(sample.run()).blocks
    assert isinstance(table, TableBlock)
    assert table.caption == "What regularization brought"
    assert table.headers == ("difference of log loss", "value", "interval", "the first one is")
    assert table.rows == (
        ("Candidate minus baseline: everything", "−0.1194", "−0.1394 to −0.0994", "better"),
        ("Early stopping alone minus baseline", "−0.1000", "−0.1200 to −0.0800", "better"),
        (
            "Candidate minus early stopping alone: penalties and dropout",
            "−0.0194",
            "−0.0394 to +0.0006",
            "no clear difference",
        ),
    )


def test_without_early_stopping_there_are_no_parts(sample: Any) -> None:
    """The whole difference is in the table of metrics."""
    verdict = sample.verdict(contributions={"total": sample.contribution(-0.1194, "better")})
    assert len(verdict_section.comparison(sample.run(verdict=verdict)).blocks) == 2


def test_several_training_seeds(sample: Any) -> None:
    """A table has the log losses of each seed; the text says that the other values are means."""
    seeds = [
        {"seed": 42, "candidate": 0.39, "baseline": 0.51, "early_stopped": 0.41},
        {"seed": 43, "candidate": 0.4, "baseline": None, "early_stopped": None},
    ]
    about, *_, table = verdict_section.comparison(sample.run(verdict=sample.verdict(seeds=seeds))).blocks
    assert isinstance(about, TextBlock)
    assert (
        "The values are means over 2 training seeds; the intervals cover seeds and rows. The limits of the candidate "
        "alone and the gap hold for the network of seed 42, which may be published. Intervals: 95%"
        in about.text
    )
    assert isinstance(table, TableBlock)
    assert table.caption == "Log loss by training seed"
    assert table.headers == ("training seed", "candidate", "baseline", "early stopping alone")
    assert table.rows == (("42", "0.3900", "0.5100", "0.4100"), ("43", "0.4000", "none", "none"))


def test_without_a_baseline(sample: Any) -> None:
    """The section has the candidate's metrics, and that there was no baseline."""
    metric = {"candidate": 0.8, "baseline": None, "base_rate": 0.5, "difference": None, "interval": None}
    verdict = sample.verdict(metrics={"auc": metric, "log_loss": metric}, contributions=None)
    about, table = verdict_section.comparison(sample.run(verdict=verdict)).blocks
    assert isinstance(about, TextBlock)
    assert about.text.endswith("There was no baseline to compare with.")
    assert isinstance(table, TableBlock)
    assert table.rows[0] == ("AUC", "0.8000", "none", "none", "0.5000", "none", "", "", "", "")
    headline = verdict_section.headline(sample.run(verdict=verdict))
    assert headline.text == "Pushed: there is no baseline to compare the model with."


def test_a_verdict_of_version_1(sample: Any, version_1: Path) -> None:
    """The section has what was measured then: no finding, no model besides candidate and baseline, no parts."""
    run = sample.run(verdict=Verdict.read(str(version_1)))
    headline, log_loss, auc, _ = verdict_section.verdict(run).blocks
    assert headline == TextBlock("Pushed: log loss 0.3229 against 0.7826 without regularization.", "good")
    # Early stopping alone and the base rate were not measured.
    assert [chart.levels for chart in (log_loss, auc) if isinstance(chart, Chart)] == [
        ("without regularization",)
    ] * 2
    (thresholds,) = verdict_section.threshold_section(run).blocks
    assert isinstance(thresholds, TableBlock)
    assert [row[-1] for row in thresholds.rows] == ["the value"] * 3
    _, table = verdict_section.comparison(run).blocks
    assert isinstance(table, TableBlock)
    assert [row[0] for row in table.rows] == [
        "AUC", "PR-AUC", "log loss", "accuracy", "precision", "recall"
    ]  # fmt: skip
    assert table.rows[2] == (
        "log loss", "0.3229", "0.7826", "none", "none", "−0.4597", "−0.7280 to −0.2282", "",
        "0.2499 to 0.4057", "0.4950 to 1.1093",
    )  # fmt: skip


def test_a_sample_of_the_test_split(sample: Any) -> None:
    """The number of all rows follows the number of measured rows."""
    about = verdict_section.comparison(sample.run(verdict=sample.verdict(sampled_from=2_400_000))).blocks[0]
    assert isinstance(about, TextBlock)
    assert about.text.startswith(
        "Measured on 203 rows of the test split, 108 of them positive, through the serving signature. They are a "
        "uniform sample of its 2,400,000 rows (evaluation.max_rows). The difference is"
    )


def served_metric(sample: Any, candidate: float, served: float, finding: str | None) -> dict[str, Any]:
    metric = sample.metric(candidate, candidate, finding)
    interval = metric["interval"] and metric["interval"] | {
        "served": [served - 0.01, served + 0.01],
        "served_difference": [candidate - served - 0.01, candidate - served + 0.01],
    }
    more = {"served": served, "served_difference": candidate - served, "served_finding": finding}
    return {**metric, **more, "interval": interval}


def test_the_served_model_has_a_table_and_a_sentence(sample: Any) -> None:
    """With the difference and its interval; without a served model there is neither."""
    metrics = {
        "log_loss": served_metric(sample, 0.5, 0.25, "worse"),
        "recall": served_metric(sample, 0.75, 0.5, None),
    }
    served = {"outcome": "compared", "version": 7, "sentence": "Worse than the served model."}
    run = sample.run(verdict=sample.verdict(metrics=metrics, served=served))
    assert TextBlock("Worse than the served model.") in verdict_section.verdict(run).blocks
    tables = [block for block in verdict_section.comparison(run).blocks if isinstance(block, TableBlock)]
    (table,) = (table for table in tables if "served" in table.caption)
    assert table.rows == (
        ("log loss", "0.5000", "0.2500", "+0.2500", "+0.2400 to +0.2600", "worse", "0.2400 to 0.2600"),
        ("recall", "0.7500", "0.5000", "+0.2500", "", "", ""),
    )
    without = sample.run()
    assert not [
        block
        for block in (*verdict_section.comparison(without).blocks, *verdict_section.verdict(without).blocks)
        if "served" in str(getattr(block, "caption", ""))
    ]


def test_a_served_model_that_does_not_decide_is_marked(sample: Any) -> None:
    served = {"outcome": "unloadable", "version": 7, "sentence": "It is not compared."}
    run = sample.run(verdict=sample.verdict(served=served))
    assert TextBlock("It is not compared.", "bad") in verdict_section.verdict(run).blocks
