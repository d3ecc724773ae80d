"""The summary on the terminal: its first sentence is the result of the run, and it fits 80 columns."""

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from components.common.drift_record import DriftFinding
from components.common.ingest_record import RowCounts
from components.common.verdict_record import (
    Contribution,
    Contributions,
    MetricIntervals,
    OperatingPoint,
    SeedScores,
    ServedComparison,
    Threshold,
    Verdict,
)
from components.common.verdict_text import threshold_sentence
from pipeline_def.runs.collect import verdict_fields
from pipeline_def.runs.summary import (
    BothMetrics,
    DriftComparison,
    DriftSummary,
    GapSummary,
    Intervals,
    ModelMetrics,
    Override,
    Sampled,
    SliceSummary,
    StepRecord,
    Summary,
)
from pipeline_def.terminal.summary_view import render, show

BETTER = ModelMetrics(
    auc=0.9123,
    log_loss=0.412,
    accuracy=0.85,
    pr_auc=0.9,
    brier=0.13,
    calibration_error=0.05,
    precision=0.7,
    recall=0.8,
    example_count=200,
)
WORSE = ModelMetrics(
    auc=0.9011,
    log_loss=0.655,
    accuracy=0.85,
    pr_auc=0.88,
    brier=0.15,
    calibration_error=0.0625,
    precision=0.71,
    recall=0.75,
    example_count=200,
)
BASE_RATE = ModelMetrics(log_loss=0.6931, brier=0.25, pr_auc=0.5, example_count=200)
FINDINGS = {
    "auc": "unclear",
    "pr_auc": "unclear",
    "log_loss": "better",
    "brier": "better",
    "accuracy": "unclear",
    "calibration_error": "worse",
}
CONTRIBUTIONS = Contributions(
    total=Contribution(value=-0.243, interval=(-0.3, -0.2), finding="better"),
    early_stopping=Contribution(value=-0.12, interval=(-0.2, -0.04), finding="better"),
    penalties=Contribution(value=-0.123, interval=(-0.25, 0.004), finding="unclear"),
)
STEPS = (
    StepRecord(name="ExampleGen", seconds=1.25, cached=True, status="cached"),
    StepRecord(name="Pusher", seconds=2.0, cached=False, status="done"),
)


def floor(metric: str, value: float | None, bound: float, *, passed: bool) -> Threshold:
    return Threshold(
        metric=metric, rule="floor", direction=">=", value=value, bound=bound, passed=passed, sentence="said"
    )


def change(metric: str, value: float | None, bound: float, *, passed: bool) -> Threshold:
    return Threshold(
        metric=metric,
        rule="change",
        direction="<=" if metric == "log_loss" else ">=",
        value=value,
        bound=bound,
        passed=passed,
        sentence="said",
    )


def summary(**fields: Any) -> Summary:
    given: dict[str, Any] = {
        "run_id": "20250131T120000Z",
        "status": "pushed",
        "exit_code": 0,
        "rows": RowCounts(train=1600, eval=200, test=200),
        "metrics": BothMetrics(candidate=BETTER, baseline=WORSE),
        "thresholds": (
            floor("auc", 0.9123, 0.6, passed=True),
            change("auc", 0.0112, -0.01, passed=True),
            change("log_loss", -0.243, 0.0, passed=True),
        ),
        "steps": STEPS,
        "logs": "runs/runs/20250131T120000Z/logs",
    }
    return Summary(**(given | fields))


PUSHED = """\
Pushed: better than without regularization: log loss 0.4120 against 0.6550.
About half of the difference is due to early stopping; the penalties and
dropout make it 0.1230 better, which may be chance.

On the test split    candidate    baseline  difference
AUC                     0.9123      0.9011     +0.0112  unclear
PR-AUC                  0.9000      0.8800     +0.0200  unclear
log loss                0.4120      0.6550     -0.2430  better
Brier score             0.1300      0.1500     -0.0200  better
accuracy                0.8500      0.8500           0  unclear
calibration error       0.0500      0.0625     -0.0125  worse
precision               0.7000      0.7100     -0.0100
recall                  0.8000      0.7500     +0.0500
rows                       200         200
base rate alone: log loss 0.6931, Brier score 0.2500, PR-AUC 0.5000

What regularization brought               log loss
candidate minus baseline                   -0.2430   -0.3000 to -0.2000  better
early stopping alone minus baseline        -0.1200   -0.2000 to -0.0400  better
candidate minus early stopping alone       -0.1230   -0.2500 to +0.0040  unclear

Threshold                            value       bound
AUC, candidate                      0.9123      >= 0.6  passed
AUC minus baseline's               +0.0112    >= -0.01  passed
log loss minus baseline's          -0.2430        <= 0  passed

Model     version 3 in runs/serving/3
Rows      1,600 train, 200 eval, 200 test
Bad rows  3 set aside in runs/rejected_rows.jsonl
Warning   Left out, because they hold text throughout: 'name', 'street',
          'town', 'county', 'country'.
Run       20250131T120000Z: 2 steps in 3.2 s, 1 from cache
Logs      runs/runs/20250131T120000Z/logs"""


def test_pushed() -> None:
    """The words behind the metrics are the findings, whatever the values are."""
    text = render(
        summary(
            metrics=BothMetrics(candidate=BETTER, baseline=WORSE, base_rate=BASE_RATE),
            findings=FINDINGS,
            contributions=CONTRIBUTIONS,
            rows=RowCounts(train=1600, eval=200, test=200, rejected=3),
            rejected_rows="runs/rejected_rows.jsonl",
            warnings=(
                "Left out, because they hold text throughout: 'name', 'street', 'town', 'county', 'country'.",
            ),
            pushed_version=3,
            pushed_path="runs/serving/3",
        )
    )
    assert text == PUSHED
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("finding", "begin"),
    [
        (
            "unclear",
            "Pushed: no clear difference from the same network without regularization: log\n"
            "loss 0.4120 against 0.6550.\n\n",
        ),
        ("worse", "Pushed: worse than without regularization: log loss 0.4120 against 0.6550.\n\n"),
    ],
)
def test_pushed_within_a_tolerance_is_not_called_a_win(finding: Any, begin: str) -> None:
    """Without early stopping there is no table of its part."""
    total = Contribution(value=-0.243, interval=(-0.5, 0.1), finding=finding)
    text = render(summary(contributions=Contributions(total=total)))
    assert text.startswith(begin)
    assert "What regularization brought" not in text


SEEDS = """
Log loss by seed     candidate    baseline  early stopping
42                      0.4000      0.6000          0.5000
43                      0.5000      0.6000          0.7000
44                      0.6000      0.9000
standard deviation      0.1000      0.1732          0.1414

"""


def test_several_training_seeds() -> None:
    """The spread is over the seeds with the model: sqrt(0.01), sqrt(0.03), sqrt(0.02). The other values are means."""
    seeds = (
        SeedScores(seed=42, candidate=0.4, baseline=0.6, early_stopped=0.5),
        SeedScores(seed=43, candidate=0.5, baseline=0.6, early_stopped=0.7),
        SeedScores(seed=44, candidate=0.6, baseline=0.9),
    )
    text = render(summary(seeds=seeds))
    assert SEEDS in text
    below_rows = """\
rows                       200         200
means of 3 training seeds; the intervals cover seeds and rows
"""
    assert below_rows in text
    assert "\ncandidate, and test minus train: of seed 42, whose network may be published\n" in text
    alone = tuple(SeedScores(seed=item.seed, candidate=item.candidate) for item in seeds)
    assert "\n44                      0.6000\nstandard deviation      0.1000\n\n" in render(
        summary(seeds=alone)
    )


def test_a_run_with_records_of_version_1(version_1: Path) -> None:
    """No words behind the metrics, no rows for metrics that were not measured then, and no further tables."""
    text = render(Summary.read(str(version_1)))
    table = """\
Pushed: log loss 0.3229 against 0.7826 without regularization.

On the test split  candidate  baseline  difference         95% interval
AUC                   0.9141    0.9057     +0.0084   -0.0247 to +0.0433
PR-AUC                0.9019    0.8757     +0.0262
log loss              0.3229    0.7826     -0.4597   -0.7280 to -0.2282
accuracy              0.9115    0.8542     +0.0573   +0.0208 to +0.0938
precision             0.9000    0.8632     +0.0368
recall                0.9278    0.8454     +0.0825
rows                     192       192

log loss, test minus train: candidate -0.0020, baseline +0.7585
"""
    assert text.startswith(table)
    assert "\nlog loss minus baseline's          -0.4597        <= 0  passed\n" in text
    run = Summary(run_id="r", status="pushed", exit_code=0, **verdict_fields(Verdict.read(str(version_1))))
    assert render(run).startswith(table)


def test_not_blessed_has_each_missed_threshold_and_that_nothing_was_published() -> None:
    missed = (
        floor("auc", 0.55, 0.6, passed=False),
        change("auc", 0.0112, -0.01, passed=True),
        change("log_loss", 0.02, 0.0, passed=False),
    )
    reasons = (
        threshold_sentence("floor", "auc", 0.55, passed=False, bound=0.6),
        threshold_sentence("change", "log_loss", 0.02, passed=False, bound=0.0),
    )
    text = render(summary(status="not_blessed", exit_code=4, thresholds=missed, reasons=reasons))
    assert text.startswith(
        "Not blessed: the AUC is 0.5500, not at least 0.6; the log loss is 0.0200 worse\n"
        "than the baseline's, but it must be no worse.\n"
        "Nothing was published; any served model is unchanged.\n"
    )
    assert "\nAUC, candidate                      0.5500      >= 0.6  FAILED\n" in text
    assert "\nlog loss minus baseline's          +0.0200        <= 0  FAILED\n" in text


def test_a_run_that_ends_before_the_pusher() -> None:
    steps = (*STEPS[:1], StepRecord(name="Pusher", seconds=0, cached=False, status="skipped"))
    text = render(summary(status="partial", exit_code=0, thresholds=(), metrics=None, steps=steps))
    assert text.startswith("Done: the selected steps ran; the Pusher is not one of them.\n")
    assert "1 step in 1.2 s, all from cache" in text


def test_undefined_metrics_are_shown_as_nan() -> None:
    broken = ModelMetrics(auc=math.nan, log_loss=None, accuracy=0.5)
    missed = (
        floor("auc", math.nan, 0.6, passed=False),
        change("auc", None, -0.01, passed=False),
    )
    text = render(
        summary(
            status="not_blessed",
            exit_code=4,
            metrics=BothMetrics(candidate=broken, baseline=WORSE),
            thresholds=missed,
        )
    )
    assert "\nAUC                       none      0.9011        none\n" in text
    assert "\nlog loss                  none      0.6550        none\n" in text
    assert "\nAUC, candidate                        none      >= 0.6  FAILED\n" in text
    assert "\nAUC minus baseline's                  none    >= -0.01  FAILED\n" in text
    assert "\nrows                      none         200\n" in text


def test_a_candidate_alone() -> None:
    text = render(summary(metrics=BothMetrics(candidate=BETTER)))
    assert "\nOn the test split    candidate\nAUC                     0.9123\n" in text


def test_data_refused_keeps_the_lines_of_the_reason() -> None:
    error = "2 anomalies:\nfeature   what\n" + "x" * 100
    text = render(
        Summary(run_id="r", status="data_refused", exit_code=3, error=error, rejected_rows="bad.jsonl")
    )
    assert text == (
        f"Data refused: {error}\n"
        "Nothing was published; any served model is unchanged.\n\n"
        "Bad rows  set aside in bad.jsonl\n"
        "Run       r"
    )


def test_failed_shows_step_reason_last_lines_and_logs() -> None:
    text = render(
        Summary(
            run_id="r",
            status="failed",
            exit_code=1,
            error="ValueError: boom",
            log_tail=("Traceback [red]", "  raise"),
            steps=(StepRecord(name="Trainer", seconds=3, cached=False, status="failed"),),
            logs="runs/logs",
        )
    )
    assert text == (
        "Failed in Trainer: ValueError: boom\n"
        "Nothing was published; any served model is unchanged.\n\n"
        "The last lines of its log:\n"
        "  Traceback [red]\n"
        "    raise\n\n"
        "Run       r: 1 step in 3.0 s\n"
        "Logs      runs/logs"
    )


def test_a_step_that_failed_after_the_push_does_not_hide_it() -> None:
    """The headline has the step, the next line the version that is being served, and where."""
    text = render(
        summary(
            status="failed",
            exit_code=1,
            error="OSError: no space left",
            steps=(*STEPS, StepRecord(name="Report", seconds=1, cached=False, status="failed")),
            pushed_version=3,
            pushed_path="runs/serving/3",
        )
    )
    assert text.startswith(
        "Failed in Report: OSError: no space left\n"
        "The model was pushed before that: version 3 is being served.\n\n"
    )
    assert "Model     version 3 in runs/serving/3\n" in text
    assert "Nothing was published" not in text


@pytest.mark.parametrize("status", ["pushed", "not_blessed", "data_refused", "failed"])
def test_every_status_renders_without_further_fields(status: str) -> None:
    assert render(Summary.model_validate({"run_id": "r", "status": status, "exit_code": 1}))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    plain, terminal = io.StringIO(), Terminal()
    show(summary(), plain)
    show(summary(), terminal)
    assert plain.getvalue() == render(summary()) + "\n"
    assert "\x1b[1;32mPushed" in terminal.getvalue()


def test_json_has_no_nan_and_reads_back() -> None:
    text = summary(metrics=BothMetrics(candidate=ModelMetrics(auc=math.nan))).to_json()
    assert json.loads(text)["metrics"]["candidate"]["auc"] is None
    assert Summary.model_validate_json(summary().to_json()) == summary()
    assert {
        "run_id",
        "status",
        "exit_code",
        "rows",
        "metrics",
        "thresholds",
        "steps",
        "pushed_version",
    } <= set(json.loads(text))
    assert "report_path" in json.loads(text)


def test_a_difference_too_small_for_four_digits_keeps_its_sign_among_the_thresholds() -> None:
    missed = (
        change("log_loss", 0.00002, 0.0, passed=False),
        change("auc", 0.0, 0.0, passed=False),
    )
    text = render(summary(status="not_blessed", exit_code=4, thresholds=missed))
    assert "\nlog loss minus baseline's         +2.0e-05        <= 0  FAILED\n" in text
    assert "\nAUC minus baseline's                     0        >= 0  FAILED\n" in text


def test_a_threshold_that_is_clearly_worse() -> None:
    """Its value is within the bound, so the row has the bound that decided: a tenth of it."""
    missed = change("log_loss", 0.0123, 0.0347, passed=False).model_copy(
        update={"mode": "no_worse", "clearly_worse": True, "rule": "base_rate"}
    )
    text = render(summary(status="not_blessed", exit_code=4, thresholds=(missed,)))
    line = "log loss minus base rate's         +0.0123 <= +0.00347  FAILED (clearly worse)"
    assert line in text.splitlines()


def test_the_columns_of_a_threshold_that_is_compared_by_its_value_in_the_mode_better() -> None:
    """Its worse end is not compared: that column is empty, and the bound is below its head."""
    strict = change("auc", 0.0112, -0.02, passed=True).model_copy(
        update={"mode": "better", "compared": 0.001}
    )
    lenient = change("log_loss", -0.0091, 0.0346, passed=True).model_copy(
        update={"mode": "no_worse", "rule": "early_stopping"}
    )
    rows = """\
Threshold                            value    at worst       bound
AUC minus baseline's               +0.0112     +0.0010    >= -0.02  passed
log loss minus stopping alone      -0.0091              <= +0.0346  passed
"""
    assert rows in render(summary(thresholds=(strict, lenient)))


OPERATING_POINT = """
log loss minus baseline's          -0.2430        <= 0  passed

Operating point: positive if the probability is at least 0.4133
the highest recall with a precision of at least 0.925 on the validation split
Decisions           validation     test        95% interval
precision               0.9250   0.8800    0.8312 to 0.9101  demanded 0.925
recall                  0.9012     none
cost per row           12.5000  13.2500  10.1250 to 15.3750
on test: 1,090 true and 10 false positives, 85 true and 7 false negatives
The interval of the precision on the test split is below the demanded 0.925.

Run """


def test_an_operating_point() -> None:
    """The table has the values on both splits, the intervals on test, and what was demanded, within 80 columns."""
    values = {
        "precision": {"validation": 0.925, "test": 0.88, "interval": (0.8312, 0.9101), "demanded": 0.925},
        "recall": {"validation": 0.9012, "test": math.nan},
        "cost": {"validation": 12.5, "test": 13.25, "interval": (10.125, 15.375)},
    }
    fields = {
        "rule": "recall", "threshold": 0.41327655, "validation_rows": 100, "metrics": values,
        "confusion": {"true_positive": 1090, "false_positive": 10, "true_negative": 85, "false_negative": 7},
        "confusion_intervals": {},
    }  # fmt: skip
    point = OperatingPoint.model_validate(fields)
    intervals = Intervals.model_validate({"confidence": 0.95})
    text = render(summary(operating_point=point, intervals=intervals, rows=None))
    assert OPERATING_POINT in text
    assert max(map(len, text.splitlines())) <= 80
    sums = {"true_positive": 90.25, "false_positive": 10.0, "true_negative": 1085.5, "false_negative": 7.0}
    sampled = OperatingPoint.model_validate(
        fields | {"validation_sampled_from": 2_500, "confusion": sums, "rule": "f1"}
    )
    lines = render(summary(operating_point=sampled, intervals=intervals)).splitlines()
    assert "(100 of 2,500 rows; evaluation.max_rows)" in lines
    sums_line = "on test: 90.2 true and 10.0 false positives, 1,085.5 true and 7.0 false negatives"
    assert lines[lines.index(sums_line) + 1] == "(sums of the weights of the rows)"
    assert "(sums of the weights of the rows)" not in text


NEXT_STEPS = """
Logs      runs/runs/20250131T120000Z/logs

What you can do next:
- `regpipe study` shows which regularization helps on this table, and at which
  strength.
- `regpipe bless --run 20261126T142819.083076Z --reason "..." --root /data/runs --config night.yaml`
  publishes the model anyway."""


def test_what_can_be_done_is_at_the_end() -> None:
    """Within 78 columns; but a command is on one line, so that it can be copied."""
    steps = (
        "`regpipe study` shows which regularization helps on this table, and at which strength.",
        '`regpipe bless --run 20261126T142819.083076Z --reason "..." --root /data/runs --config night.yaml` publishes '
        "the model anyway.",
    )
    assert render(summary(status="not_blessed", exit_code=4, next_steps=steps)).endswith(NEXT_STEPS)


INTERVALS = Intervals.model_validate(
    {
        "confidence": 0.9,
        "auc": MetricIntervals(difference=(-0.01, 0.0301)),
        "log_loss": MetricIntervals(difference=(-0.3, -0.2)),
        "brier": MetricIntervals(difference=(-0.0301, 0.0301)),
    }
)
NOT_BLESSED = """\
Not blessed: the AUC is 0.0112 better than the baseline's, at worst 0.0100
worse, but it must be better.
Nothing was published; any served model is unchanged.

On the test split  candidate  baseline  difference         90% interval
AUC                   0.9123    0.9011     +0.0112   -0.0100 to +0.0301  unclear
PR-AUC                0.9000    0.8800     +0.0200
log loss              0.4120    0.6550     -0.2430   -0.3000 to -0.2000  better
Brier score           0.1300    0.1500     -0.0200   -0.0301 to +0.0301  unclear
accuracy              0.8500    0.8500           0
calibration error     0.0500    0.0625     -0.0125
precision             0.7000    0.7100     -0.0100
recall                0.8000    0.7500     +0.0500
rows                     200       200

What regularization brought               log loss         90% interval
candidate minus baseline                   -0.2430   -0.3000 to -0.2000  better
early stopping alone minus baseline        -0.1200   -0.2000 to -0.0400  better
candidate minus early stopping alone       -0.1230   -0.2500 to +0.0040  unclear

log loss, test minus train: candidate +0.0500, baseline +0.6000

Slice                           rows    log loss    baseline  difference
total day minutes <= 180         150      0.4120      0.6550     -0.2430
a feature with a very long…       10  too few to compare (1 positive)

Threshold                            value    at worst       bound
AUC minus baseline's               +0.0112     -0.0100        >= 0  FAILED
log loss, test minus train         +0.0500     +0.0700     <= +0.1  passed
where total day minutes <= 180
AUC minus baseline's               +0.0112     -0.0200        >= 0  FAILED
on slices: 1 of 2 passed

Rows      1,600 train, 200 eval, 200 test
Run       20250131T120000Z: 2 steps in 3.2 s, 1 from cache
Logs      runs/runs/20250131T120000Z/logs"""


def not_blessed(**fields: Any) -> Summary:
    """A candidate that is not blessed in the mode `better`, with slices and a threshold on the gap."""
    name = "total day minutes <= 180"
    missed = change("auc", 0.0112, 0.0, passed=False).model_copy(update={"mode": "better", "compared": -0.01})
    gap = Threshold(
        metric="log_loss",
        rule="gap",
        direction="<=",
        value=0.05,
        compared=0.07,
        bound=0.1,
        mode="better",
        passed=True,
        sentence="said",
    )
    thresholds = (
        missed,
        gap,
        missed.model_copy(update={"slice": name, "compared": -0.02}),
        gap.model_copy(update={"slice": name}),
    )
    given: dict[str, Any] = {
        "status": "not_blessed",
        "exit_code": 4,
        "intervals": INTERVALS,
        "findings": {"auc": "unclear", "log_loss": "better", "brier": "unclear"},
        "contributions": CONTRIBUTIONS,
        "gap": GapSummary(candidate={"log_loss": 0.05}, baseline={"log_loss": 0.6}),
        "thresholds": thresholds,
        "slices": (
            SliceSummary(
                name=name, rows=150, positives=70, too_small=False, candidate=BETTER, baseline=WORSE
            ),
            SliceSummary(
                name="a feature with a very long name <= 3",
                rows=10,
                positives=1,
                too_small=True,
                candidate=BETTER,
                baseline=WORSE,
            ),
            SliceSummary(name="a missing", rows=0, positives=0, too_small=True, candidate=ModelMetrics()),
        ),
        "reasons": (threshold_sentence("change", "auc", 0.0112, passed=False, bound=0.0, end=-0.01),),
    }
    return summary(**(given | fields))


def test_intervals_gap_slices_and_the_worse_end_of_the_interval() -> None:
    """Everything is within 80 columns; slices without rows are left out, passed thresholds on slices are counted."""
    text = render(not_blessed())
    assert text == NOT_BLESSED
    assert max(map(len, text.splitlines())) <= 80
    older = [
        item.model_copy(update={"mode": "confidence"}) for item in not_blessed().thresholds
    ]  # the name of `better` in version 1
    assert render(not_blessed(thresholds=older)) == NOT_BLESSED


def test_samples_are_shown_with_the_number_of_all_rows() -> None:
    """Below the rows and below the gap, within 80 columns also for billions of rows."""
    sampled = {
        "test": Sampled(rows=1_000_000, of=2_400_000_000),
        "train": Sampled(rows=1_000_000, of=7_200_000_000),
    }
    text = render(not_blessed(sampled=sampled))
    below_rows = """\
rows                     200       200
measured on 1,000,000 of 2,400,000,000 test rows (evaluation.max_rows)
"""
    below_gap = """\
log loss, test minus train: candidate +0.0500, baseline +0.6000
measured on 1,000,000 of 7,200,000,000 train rows (evaluation.max_rows)
"""
    assert below_rows in text
    assert below_gap in text
    assert max(map(len, text.splitlines())) <= 80


def test_published_by_hand_shows_who_when_and_why_before_the_verdict() -> None:
    """The reason why the Evaluator did not bless the model is still shown."""
    override = Override(by="ann", at="2026-01-31T12:00:00+00:00", reason="recall matters more")
    text = render(
        not_blessed(
            status="pushed", exit_code=0, override=override, pushed_version=7, pushed_path="runs/serving/7"
        )
    )
    assert text.startswith(
        "Published by hand by ann on 2026-01-31 12:00 UTC: recall matters more. Not\n"
        "blessed by the Evaluator: the AUC is 0.0112 better than the baseline's, at\n"
        "worst 0.0100 worse, but it must be better.\n\n"
    )
    assert "Model     version 7 in runs/serving/7" in text
    assert "Nothing was published" not in text


def test_many_slices_are_cut_short() -> None:
    part = SliceSummary(
        name="x <= 1", rows=60, positives=30, too_small=False, candidate=BETTER, baseline=WORSE
    )
    text = render(not_blessed(slices=(part,) * 15))
    assert text.count("\nx <= 1 ") == 12
    assert "\nand 3 more, in summary.json\n" in text


def test_many_reasons_are_cut_short() -> None:
    """The table of thresholds shows all of them."""
    text = render(not_blessed(reasons=tuple(f"reason {number}" for number in range(1, 9))))
    assert text.startswith(
        "Not blessed: reason 1; reason 2; reason 3; reason 4; and 4 more.\nNothing was published"
    )


SENTENCE = (
    "No clear difference from the served model (version 7): log loss 0.4120 against 0.4100. No test row was one of its "
    "training rows."
)


def test_the_served_model() -> None:
    """Its sentence is below the result, and there is a table of its own, with the intervals of the differences."""
    served = ServedComparison(outcome="compared", version=7, sentence=SENTENCE)
    losses = MetricIntervals(difference=(-0.3, -0.2), served_difference=(-0.015, 0.02))
    intervals = Intervals.model_validate({"confidence": 0.95, "log_loss": losses})
    metrics = BothMetrics(candidate=BETTER, baseline=WORSE, served=BETTER | {"log_loss": 0.41})
    lines = render(
        summary(metrics=metrics, intervals=intervals, served=served, served_findings={"log_loss": "unclear"})
    ).splitlines()
    assert "No clear difference from the served model (version 7): log loss 0.4120 against" in lines
    assert "The served model   candidate    served  difference         95% interval" in lines
    assert "log loss              0.4120    0.4100     +0.0020   -0.0150 to +0.0200  unclear" in lines
    assert max(map(len, lines)) <= 80


def test_a_served_model_that_does_not_decide_is_a_warning() -> None:
    """It is among the warnings, and not said twice."""
    served = ServedComparison(outcome="incompatible", version=7, sentence="Not compared: z is missing.")
    text = render(summary(served=served, warnings=(served.sentence,)))
    assert text.count(served.sentence) == 1
    assert f"Warning   {served.sentence}" in text.splitlines()


def test_the_served_model_on_slices() -> None:
    """The table has one more column, and fits 80 columns."""
    name = "a long name of a feature <= 12345"
    part = SliceSummary(
        name=name, rows=100, positives=50, too_small=False, candidate=BETTER, baseline=WORSE, served=BETTER
    )
    lines = render(summary(slices=(part,))).splitlines()
    assert "Slice                   rows    log loss      served    baseline  difference" in lines
    assert "a long name of a f…      100      0.4120      0.4120      0.6550     -0.2430" in lines


def _finding(number: int) -> DriftFinding:
    return DriftFinding(
        feature=f"f{number}",
        kind="missing",
        measure="share",
        value=0.125,
        threshold=0.01,
        before="0.0% missing",
        now="12.5% missing",
    )


def test_drift() -> None:
    """Five findings of each reference, from what to what; why a reference is missing; nothing that moved, and off."""
    moved = DriftComparison(
        kind="served",
        name="the training data of version 3",
        rows_before=6,
        rows_now=6,
        features=9,
        moved=6,
        findings=tuple(map(_finding, range(6))),
    )
    steady = moved.model_copy(update={"name": "span 7", "moved": 0, "findings": ()})
    drift = DriftSummary(
        mode="warn", moved=6, comparisons=(moved, steady), notes=("Not compared: no model.",)
    )
    lines = render(Summary(run_id="r", status="partial", exit_code=0, drift=drift)).splitlines()
    start = lines.index("Drift     6 columns have moved since the training data of version 3")
    assert lines[start + 1] == "          f0: 0.0% missing, now 12.5% missing"
    assert lines[start + 5 :][:4] == [
        "          f4: 0.0% missing, now 12.5% missing",
        "          and more: see the report",
        "Drift     no drift since span 7",
        "Drift     Not compared: no model.",
    ]
    off = Summary(run_id="r", status="partial", exit_code=0, drift=DriftSummary(mode="off"))
    assert "Drift     not compared (data.drift is off)" in render(off).splitlines()
