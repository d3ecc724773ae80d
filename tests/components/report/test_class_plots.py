"""The report and the terminal on a model of several classes: its own metrics, the confusion matrix and its words."""

import json
from typing import Any

import numpy as np
import pytest

from components.common.ingest_record import IngestRecord, RowCounts
from components.common.verdict_record import ClassScores, Verdict
from components.config.evaluation import EvaluationConfig, SliceConfig
from components.evaluator.paired_scores import PairedScores, SplitScores
from components.evaluator.verdict import compute_verdict
from components.report import changes_section, data_section, prediction_quality, verdict_section
from components.report.blocks import Chart, TableBlock, TextBlock
from components.report.class_plots import class_plots
from components.report.run_artifacts import RunArtifacts
from components.tasks.multiclass import MULTICLASS
from pipeline_def.runs.collect import verdict_fields
from pipeline_def.runs.summary import Summary
from pipeline_def.terminal.summary_view import render

NAMES = ("barbera", "barolo", "größe")
# Of binary classification and of regression.
OTHER_WORDS = ("log loss", "PR-AUC", "positive", "Brier", "base rate", "ROC", "RMSE", "mean label")


def scores(name: str, *predicted: int) -> ClassScores:
    return ClassScores(
        name=name, rows=sum(predicted), predicted=predicted, precision=0.5, recall=0.25, f1=None, auc=1.0
    )


CLASSES = (scores("a", 6, 2, 0), scores("b", 1, 9, 0), scores("c", 0, 3, 7))


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    """A good candidate, a worse baseline and a served model, on 300 rows of three classes."""
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 3, 300)

    def probabilities(noise: float) -> Any:
        margins = 3.0 * np.eye(3)[labels] + noise * generator.normal(size=(300, 3))
        powers = np.exp(margins)
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    seed = {"candidate": probabilities(1.0), "baseline": probabilities(3.0), "served": probabilities(1.5)}
    rows = PairedScores(labels.astype(np.float32), seed, task=MULTICLASS, classes=NAMES)
    settings = EvaluationConfig(resamples=100, slices=(SliceConfig(feature="x", edges=(0.0,)),))
    x = np.linspace(-1, 1, 300).astype(np.float32)
    found = compute_verdict(SplitScores(rows, {"x": x}), rows, settings)
    return Verdict.model_validate_json(found.to_json())


def test_the_report_has_the_words_of_several_classes(verdict: Verdict) -> None:
    """Each section names the cross-entropy or the macro AUC; none has a word of another task."""
    run = RunArtifacts(config={}, verdict=verdict)
    for section in (
        verdict_section.verdict(run),
        verdict_section.threshold_section(run),
        verdict_section.comparison(run),
        prediction_quality.gap(run),
        prediction_quality.predictions(run),
        prediction_quality.slices(run),
    ):
        text = json.dumps([vars(block) for block in section.blocks], default=str) + str(section.summary)
        assert "cross-entropy" in text.lower() or "macro AUC" in text, section.id
        assert [word for word in OTHER_WORDS if word in text] == [], section.id
    charts = [block for block in prediction_quality.predictions(run).blocks if isinstance(block, Chart)]
    assert [chart.id for chart in charts] == [
        "confusion-candidate",
        "confusion-baseline",
        "confusion-served-model",
    ]


def test_the_terminal_has_the_words_of_several_classes(verdict: Verdict) -> None:
    """Within 80 columns."""
    summary = Summary(run_id="r", status="not_blessed", exit_code=4, **verdict_fields(verdict))
    text = render(Summary.model_validate_json(summary.to_json()))
    assert max(map(len, text.splitlines())) <= 80
    assert [word for word in OTHER_WORDS if word in text] == []
    assert "macro AUC" in text


def test_the_matrix_and_the_scores() -> None:
    """By hand: 22 of 28 rows are right; shares are of the rows of a class; the candidate comes first in each class."""
    matrix, table, *matrices = class_plots({"candidate": CLASSES, "baseline": CLASSES[:]})
    assert isinstance(matrix, Chart)
    assert matrix.cells is not None
    assert (matrix.levels, matrix.cells.columns) == (("a", "b", "c"), ("a", "b", "c"))
    assert matrix.cells.shares == ((0.75, 0.25, 0.0), (0.1, 0.9, 0.0), (0.0, 0.3, 0.7))
    assert matrix.cells.texts[0] == ("6", "2", "0")
    assert "78.6% are predicted correctly" in matrix.text
    assert matrix.text.endswith("Most often confused, in rows: c as b 3, a as b 2, b as a 1.")
    blocks = [block for block in (table, *matrices) if isinstance(block, TableBlock)]
    assert blocks[0].rows[:2] == (
        ("a, candidate", "8", "0.5000", "0.2500", "none", "1.0000"),
        ("a, baseline", "8", "0.5000", "0.2500", "none", "1.0000"),
    )
    assert blocks[1].headers == ("class", "predicted a", "predicted b", "predicted c")
    assert blocks[1].rows[2] == ("c", "0", "3", "7")


def test_many_classes_and_none() -> None:
    """A matrix of many classes is only drawn; without scores there is a sentence."""
    many = tuple(scores(f"c{number}", *np.eye(30, dtype=int)[number].tolist()) for number in range(30))
    blocks = list(class_plots({"candidate": many}))
    assert [type(block) for block in blocks] == [Chart, TableBlock]
    (text,) = class_plots({})
    assert isinstance(text, TextBlock)


def test_the_rows_of_each_class() -> None:
    """By split, with the share in all rows; a change of the shares is shown."""
    ingest = IngestRecord(
        rows=RowCounts(train=6, eval=2, test=2),
        class_rows={"train": (4, 2, 0), "eval": (1, 0, 1), "test": (0, 1, 1)},
        classes=NAMES,
        task="multiclass",
        features=("x",),
        label="cultivar",
        digest="d",
    )
    section = data_section.data(RunArtifacts(config={}, ingest=ingest))
    (table,) = (b for b in section.blocks if isinstance(b, TableBlock) and b.caption == "Rows by class")
    assert table.rows[:2] == (("barbera", "4", "1", "0", "50.0%"), ("barolo", "2", "0", "1", "30.0%"))
    assert changes_section._class_shares(ingest) == "barbera 50.0%, barolo 30.0%, größe 20.0%"
