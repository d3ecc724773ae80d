"""The Evaluator's record in the summary of a run."""

import json
import math

import numpy as np

from components.bootstrap import Scored
from components.config import EvaluationConfig, SliceConfig
from components.verdict import judge
from pipeline_def.outcome import judged
from pipeline_def.summary import Summary
from pipeline_def.verdict import render


def summary(rows: Scored, settings: EvaluationConfig, feature: list[float]) -> Summary:
    """As a run makes it: by way of the file."""
    verdict = judge(rows, rows, {"x": np.array(feature, np.float32)}, settings)
    return Summary(
        run_id="r",
        status="not_blessed",
        exit_code=4,
        **judged(json.loads(json.dumps(verdict, allow_nan=False))),
    )


def test_everything_that_decided_is_in_the_summary() -> None:
    """Metrics, intervals, thresholds with their sentences, slices, gap and reasons, and the terminal shows them."""
    labels = np.array([0, 1] * 40, np.float32)
    predictions = {"candidate": 0.25 + 0.5 * labels, "baseline": 0.4 + 0.2 * labels}
    settings = EvaluationConfig(
        slices=(SliceConfig(feature="x", edges=(0.0,)),),
        max_gap=0.1,
        mode="confidence",
        slice_thresholds=True,
    )
    found = summary(Scored(labels, predictions), settings, [-1.0] * 60 + [1.0] * 20)
    assert found.metrics is not None
    assert found.metrics.baseline is not None
    assert (found.metrics.candidate.auc, found.metrics.candidate.example_count) == (1.0, 80)
    assert found.intervals is not None
    assert found.intervals.auc.candidate == (1.0, 1.0)
    assert found.gap is not None
    assert found.gap.candidate.log_loss == 0.0  # the splits are the same
    assert [(t.rule, t.slice, t.passed) for t in found.thresholds] == [
        ("floor", None, True),
        ("change", None, True),
        ("change", None, True),
        ("gap", None, True),
        ("floor", "x <= 0", True),
        ("change", "x <= 0", True),
        ("change", "x <= 0", True),
    ]
    assert [(part.name, part.rows, part.too_small) for part in found.slices] == [
        ("x <= 0", 60, False),
        ("x > 0", 20, True),
        ("x missing", 0, True),
    ]
    assert found.reasons == ()
    assert Summary.model_validate_json(found.to_json()).thresholds == found.thresholds
    lines = render(found).splitlines()
    assert max(map(len, lines)) <= 80
    assert "x <= 0                            60      0.2877      0.5108     -0.2231" in lines


def test_what_is_not_a_number_stays_one_on_the_way() -> None:
    """The record has null for NaN; the terminal says NaN, and the reason."""
    nothing = np.array([1] * 60, np.float32), np.full(60, 0.5, np.float32)
    rows = Scored(nothing[0], {"candidate": nothing[1], "baseline": nothing[1]})
    found = summary(rows, EvaluationConfig(), [0.0] * 60)
    assert found.metrics is not None
    assert found.metrics.candidate.auc is not None
    assert math.isnan(found.metrics.candidate.auc)
    text = render(found)
    assert text.startswith(
        "Not blessed: all rows of the test split (60) have the label 1, so there is no\nAUC.\n"
    )
    assert "\nAUC                      NaN       NaN         NaN\n" in text


def test_a_candidate_alone() -> None:
    """Without a baseline: its metrics, no differences, and the reason."""
    labels = np.array([0, 1] * 40, np.float32)
    found = summary(Scored(labels, {"candidate": 0.25 + 0.5 * labels}), EvaluationConfig(), [0.0] * 80)
    assert found.metrics is not None
    assert found.metrics.baseline is None
    text = render(found)
    assert text.startswith("Not blessed: there is no baseline to compare the model with.\n")
    assert "\nOn the test split    candidate\nAUC                     1.0000\n" in text
