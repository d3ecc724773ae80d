"""The sections on the learning curves and on the weights."""

import math
from typing import Any

import pytest

from components.report import training_section
from components.report.blocks import Chart, TableBlock, TextBlock
from components.report.run_artifacts import TrainingArtifacts


def test_the_restored_epoch_is_marked(sample: Any) -> None:
    """Each chart marks the first epoch with the lowest validation log loss; the first sentence names it too."""
    first, *blocks = training_section.learning_curves(sample.run()).blocks
    assert isinstance(first, TextBlock)
    assert first.text == (
        "The candidate stopped early, after epoch 12 of 30, and has the weights of epoch 7: its validation log loss "
        "was not lower in the next 5 epochs. The baseline was trained for 30 epochs and has the last weights."
    )
    charts = [block for block in blocks if isinstance(block, Chart)]
    assert [chart.id for chart in charts] == ["curve-loss", "curve-log_loss", "curve-accuracy"]
    assert all(chart.mark == (7.0, "best epoch: 7") for chart in charts)


@pytest.mark.parametrize(
    ("patience", "epochs", "sentence"),
    [
        (0, 12, "The candidate was trained for 12 epochs, without early stopping."),
        (
            5,
            12,
            "The candidate was trained for all 12 epochs and has the weights of epoch 7, in which its validation log "
            "loss was lowest.",
        ),
    ],
)
def test_other_ends_of_a_training(sample: Any, patience: int, epochs: int, sentence: str) -> None:
    """Without early stopping no epoch is marked; with it, a training may still run for all epochs."""
    config = {"training": {"epochs": epochs, "early_stopping": patience}}
    first, chart, *_ = training_section.learning_curves(sample.run(config=config)).blocks
    assert isinstance(first, TextBlock)
    assert first.text.startswith(sentence)
    assert isinstance(chart, Chart)
    assert (chart.mark is None) == (patience == 0)


def test_a_regression_has_its_own_curves(sample: Any) -> None:
    """The loss and the second metric of the history, of the loss that the configuration names, of scaled labels."""
    names = {"log_loss": "huber", "accuracy": "mae", "val_log_loss": "val_huber", "val_accuracy": "val_mae"}
    history = [
        {names.get(name, name): value for name, value in row.items()} for row in sample.history(12, best=7)
    ]
    ingest = sample.ingest(
        task="regression", positives=None, negative_label=None, positive_label=None, label="price"
    )
    run = sample.run(
        config={"training": {"epochs": 30, "early_stopping": 5, "loss": "huber"}},
        ingest=ingest,
        candidate=TrainingArtifacts(history),
        baseline=TrainingArtifacts(history),
    )
    first, *blocks = training_section.learning_curves(run).blocks
    assert isinstance(first, TextBlock)
    assert "epoch 7: its validation Huber loss was not lower" in first.text
    charts = [block for block in blocks if isinstance(block, Chart)]
    assert [chart.id for chart in charts] == ["curve-loss", "curve-huber", "curve-mae"]
    assert all(chart.mark == (7.0, "best epoch: 7") for chart in charts)
    assert not any("nats" in f"{chart.title} {chart.y_label}" for chart in charts)


def test_a_diverged_training(sample: Any) -> None:
    """The text gives the reason why it ended; its last loss, which is not finite, is in the table but in no chart."""
    history = sample.history(6, best=4)
    history[-1] |= {"loss": math.inf, "val_loss": math.inf, "val_log_loss": math.nan}
    first, chart, _, _, table, _ = training_section.learning_curves(
        sample.run(candidate=TrainingArtifacts(history))
    ).blocks
    assert isinstance(first, TextBlock)
    assert first.text.startswith(
        "The candidate's training diverged: its loss was not finite after epoch 6 of 30. It has the weights of "
        "epoch 4, in which its validation log loss was lowest."
    )
    assert isinstance(chart, Chart)
    assert [line.x for line in chart.lines[:2]] == [(1, 2, 3, 4, 5)] * 2
    assert isinstance(table, TableBlock)
    assert table.rows[-1] == ("6", "infinite", "0.6167", "0.5600", "infinite", "NaN", "0.7500")


def test_both_models_have_lines_and_tables(sample: Any) -> None:
    """Each chart has training and validation lines of both; a collapsed table has a row for each epoch."""
    blocks = training_section.learning_curves(sample.run()).blocks
    chart = blocks[2]
    assert isinstance(chart, Chart)
    assert [(line.name, line.dash, len(line.x)) for line in chart.lines] == [
        ("candidate, training", False, 12),
        ("candidate, validation", True, 12),
        ("baseline, training", False, 30),
        ("baseline, validation", True, 30),
    ]
    assert "candidate, validation: from 0.5600 in epoch 1 to 0.5500 in epoch 12;" in chart.text
    candidate, baseline = (block for block in blocks if isinstance(block, TableBlock))
    assert (candidate.summary, baseline.summary) == (
        "The candidate by epoch: 12 rows",
        "The baseline by epoch: 30 rows",
    )
    assert candidate.headers == (
        "epoch", "training loss", "training log loss", "training accuracy", "validation loss",
        "validation log loss", "validation accuracy",
    )  # fmt: skip
    assert candidate.rows[0] == ("1", "1.7000", "0.7000", "0.5100", "0.8000", "0.5600", "0.7500")


def test_an_older_history_without_log_loss_is_drawn(sample: Any) -> None:
    """Missing metrics have no chart and no columns, and no epoch is marked."""
    history = [{"epoch": 1, "loss": 0.5, "val_loss": 0.6}]
    run = sample.run(candidate=sample.TrainingArtifacts(history, None), baseline=sample.TrainingArtifacts())
    charts = [block for block in training_section.learning_curves(run).blocks if isinstance(block, Chart)]
    assert [(chart.id, chart.mark) for chart in charts] == [("curve-loss", None)]
    assert charts[0].lines[0].dots


def test_the_weights(sample: Any) -> None:
    """Shares are over all layers, norms by layer."""
    first, layers, *_ = training_section.weights(sample.run()).blocks
    assert first == TextBlock(
        "Of the candidate's weights, 50.0% are exactly 0 and 60.0% are below 0.001 in absolute value. "
        "Of the baseline's weights, 0.0% are exactly 0 and 10.0% are below 0.001 in absolute value. "
        "The candidate uses 1 of 2 features and drops 1."
    )
    assert isinstance(layers, TableBlock)
    assert layers.rows[0] == ("hidden_1, candidate", "100", "50.0%", "60.0%", "12.35", "2.50")
    assert layers.rows[-1] == ("output, baseline", "10", "0.0%", "10.0%", "12.35", "2.50")


def test_a_histogram_is_a_density(sample: Any) -> None:
    """Its area is 1 for bins of any width: 40% of the weights in a bin of width 1, 60% in one of width 2."""
    chart = training_section.weights(sample.run()).blocks[2]
    assert isinstance(chart, Chart)
    bars = chart.bars[0]
    assert bars.heights == pytest.approx((0.4, 0.3))
    assert chart.floor == pytest.approx(0.15)
    assert math.isclose(0.4 * 1 + 0.3 * 2, 1)
