"""The report and the terminal on a regression: its own metrics, plots and words."""

import json
from typing import Any

import numpy as np
import pytest

from components.common.importance_record import FeatureImportance, ImportanceRecord
from components.common.verdict_record import Verdict
from components.config.evaluation import EvaluationConfig, SliceConfig
from components.evaluator.paired_scores import PairedScores, SplitScores
from components.evaluator.verdict import compute_verdict
from components.report import feature_section, prediction_quality, verdict_section
from components.report.blocks import Chart, Section, TextBlock
from components.report.run_artifacts import RunArtifacts
from components.tasks.regression import REGRESSION
from pipeline_def.runs.collect import verdict_fields
from pipeline_def.runs.summary import Summary
from pipeline_def.terminal.summary_view import render

# Of binary classification.
OTHER_WORDS = ("log loss", "AUC", "nats", "positive", "Brier", "base rate", "ROC")


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    """A candidate with an RMSE near 2,000, a worse baseline, and a served model; two training seeds."""
    generator = np.random.default_rng(1)
    labels = 50_000 + 10_000 * generator.normal(size=400)
    errors = {"candidate": 2_000, "baseline": 4_000, "early_stopped": 2_500, "served": 3_000}
    seed = {
        name: (labels + size * generator.normal(size=400)).astype(np.float32) for name, size in errors.items()
    }
    rows = PairedScores(labels.astype(np.float32), seed, other_seeds=(seed,), task=REGRESSION)
    settings = EvaluationConfig(
        resamples=100, slices=(SliceConfig(feature="x", edges=(0.0,)),), slice_thresholds=True, max_rmse=1_000
    )
    x = np.linspace(-1, 1, 400).astype(np.float32)
    found = compute_verdict(SplitScores(rows, {"x": x}), rows, settings)
    return Verdict.model_validate_json(found.to_json())


def text_of(section: Section) -> str:
    return json.dumps([vars(block) for block in section.blocks], default=str) + str(section.summary)


def test_the_report_has_the_words_of_a_regression(verdict: Verdict) -> None:
    """Each section names RMSE or R2; none has a word of binary classification."""
    features = (FeatureImportance(feature="x", value=120.5, interval=(100.0, 140.0)),)
    importance = ImportanceRecord(loss="rmse", rows=400, permutations=5, confidence=0.95, features=features)
    run = RunArtifacts(config={}, verdict=verdict, importance=importance)
    sections = (
        verdict_section.verdict(run),
        verdict_section.threshold_section(run),
        verdict_section.comparison(run),
        prediction_quality.gap(run),
        prediction_quality.predictions(run),
        prediction_quality.slices(run),
        feature_section.features(run),
    )
    for section in sections:
        text = text_of(section)
        assert "RMSE" in text or "R2" in text, section.id
        assert [word for word in OTHER_WORDS if word in text] == [], section.id
    assert "mean label" in text_of(sections[2])


def test_the_plots(verdict: Verdict) -> None:
    """Prediction against label, and the residuals, of all three exported models."""
    blocks = prediction_quality.predictions(RunArtifacts(config={}, verdict=verdict)).blocks
    fit, residuals = blocks
    assert isinstance(fit, Chart)
    assert isinstance(residuals, Chart)
    assert [line.name for line in fit.lines] == ["exact", "served model", "baseline", "candidate"]
    assert [len(line.x) for line in fit.lines] == [2, 400, 400, 400]
    assert [line.joined for line in fit.lines] == [True, False, False, False]
    assert [sum(bars.heights) for bars in residuals.bars] == [400, 400, 400]
    assert residuals.mark == (0.0, "0: exact")
    undefined = verdict.model_copy(
        update={
            "curves": verdict.curves.model_copy(
                update={"candidate": type(verdict.curves.candidate)(), "baseline": None, "served": None}
            )
        }
    )
    (text,) = prediction_quality.predictions(RunArtifacts(config={}, verdict=undefined)).blocks
    assert isinstance(text, TextBlock)


def test_the_terminal_has_the_words_of_a_regression(verdict: Verdict) -> None:
    """Within 80 columns, also where the values are large."""
    fields: dict[str, Any] = verdict_fields(verdict)
    summary = Summary(run_id="r", status="not_blessed", exit_code=4, **fields)
    again = Summary.model_validate_json(summary.to_json())
    assert again == summary
    text = render(again)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert [word for word in OTHER_WORDS if word in text] == []
    (base,) = (line for line in lines if line.startswith("mean label alone: RMSE "))
    assert ", MAE " in base
    rmse = next(line.split() for line in lines if line.startswith("RMSE "))
    assert 1_800 < float(rmse[1]) < 2_200
    assert 3_700 < float(rmse[2]) < 4_300
    assert any(line.startswith("RMSE by seed") for line in lines)
    assert any(line.startswith("RMSE minus mean label's") for line in lines)
