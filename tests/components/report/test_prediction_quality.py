"""The sections with the gap, the curves, the confusion matrices and the slices."""
# ruff: noqa: RUF001 (the report writes a real minus sign, which screen readers read out)

from typing import Any

import pytest

from components.report import prediction_quality
from components.report.blocks import Chart, TableBlock, TextBlock

UNDEFINED = {"train": None, "test": None, "difference": None}


def test_the_gap_of_both_models(sample: Any) -> None:
    """The section has a sentence on log loss, and a row for each metric and model."""
    first, table = prediction_quality.gap(sample.run()).blocks
    assert first == TextBlock(
        "From training rows to unseen rows, log loss changes by +0.0900 for the candidate and by +0.4100 for the "
        "baseline: the candidate overfits less."
    )
    assert isinstance(table, TableBlock)
    assert table.rows[0] == ("log loss, candidate", "0.3000", "0.3900", "+0.0900")
    assert table.rows[2] == ("log loss, baseline", "0.1000", "0.5100", "+0.4100")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"baseline": None}, "On unseen rows the candidate's log loss differs by +0.0900."),
        (
            {"candidate": {"log_loss": UNDEFINED, "auc": UNDEFINED}},
            "The gap of the candidate's log loss is not defined.",
        ),
    ],
)
def test_an_incomplete_gap(sample: Any, change: Any, sentence: str) -> None:
    """Without a baseline, or with predictions that are NaN, the sentence is shorter."""
    gap = sample.verdict().gap.model_dump() | change
    assert prediction_quality.gap(sample.run(verdict=sample.verdict(gap=gap))).blocks[0] == TextBlock(
        sentence
    )


def test_a_gap_of_a_sample(sample: Any) -> None:
    """The section has the number of training rows in the sample and in the split."""
    gap = sample.verdict().gap.model_dump() | {"train_sampled_from": 7_200_000}
    first = prediction_quality.gap(sample.run(verdict=sample.verdict(gap=gap))).blocks[0]
    assert isinstance(first, TextBlock)
    assert first.text.endswith(
        "overfits less. The training split has 7,200,000 rows; a uniform sample of 608 was measured."
    )


def test_the_curves_and_the_confusion_matrices(sample: Any) -> None:
    """The section has three charts with their text, a matrix for each model, and the bins of the calibration."""
    blocks = prediction_quality.predictions(sample.run()).blocks
    assert [(block.id, block.text) for block in blocks if isinstance(block, Chart)] == [
        (
            "roc",
            "True positive rate by false positive rate. Area below it: candidate 0.8767, baseline 0.8804.",
        ),
        ("precision-recall", "Precision by recall. Area below it: candidate 0.8714, baseline 0.8746."),
        (
            "calibration",
            "Share of positives by mean predicted probability. Largest distance from the diagonal, of "
            "the bins with at least 20 rows: candidate 0.10, baseline 0.10.",
        ),
    ]
    matrix, _, bins = (block for block in blocks if isinstance(block, TableBlock))
    assert matrix.caption == "Confusion matrix of the candidate, at a probability of 0.5"
    assert matrix.rows == (("actual positive", "91", "17"), ("actual negative", "12", "83"))
    assert bins.headers[3] == "95% interval of the share"
    assert bins.rows[0] == ("candidate, 1", "0.1000", "0.2000", "0.1334 to 0.2888", "100")
    assert bins.summary == "Calibration, bin by bin: 4 rows"


def test_a_confusion_matrix_of_weighted_rows(sample: Any) -> None:
    """The sums of weights are not rounded to whole rows."""
    cells = {"true_positive": 1234.5, "false_positive": 12, "true_negative": 83.25, "false_negative": 0.5}
    curves = sample.verdict().curves.candidate.model_dump() | {"confusion": cells}
    verdict = sample.verdict(curves={"candidate": curves, "baseline": None})
    blocks = prediction_quality.predictions(sample.run(verdict=verdict)).blocks
    matrix = next(block for block in blocks if isinstance(block, TableBlock))
    assert matrix.rows == (("actual positive", "1,234.5", "0.5"), ("actual negative", "12", "83.25"))


def test_undefined_curves(sample: Any) -> None:
    """A test split of one class has no ROC curve; the other charts are shown."""
    curves = sample.verdict().curves.candidate.model_dump() | {"roc": None, "precision_recall": None}
    blocks = prediction_quality.predictions(
        sample.run(verdict=sample.verdict(curves={"candidate": curves, "baseline": None}))
    ).blocks
    assert [block.id for block in blocks if isinstance(block, Chart)] == ["calibration"]
    sentence = "There is no ROC curve: it needs rows of both classes and predictions that are numbers."
    assert TextBlock(sentence, "quiet") in blocks


def test_slices(sample: Any) -> None:
    """The section has a table for each slice, then the thresholds on slices."""
    part, judged = prediction_quality.slices(sample.run()).blocks
    assert isinstance(part, TableBlock)
    assert part.caption == "<script>alert(1)</script> <= 30: 80 rows, 31 positive"
    assert part.rows[0][:8] == (
        "AUC", "0.8600", "0.8700", "0.7500", "0.6931", "−0.0100", "−0.0200 to −0.0000", "no clear difference"
    )  # fmt: skip
    assert isinstance(judged, TableBlock)
    assert [row[:2] for row in judged.rows] == [("The AUC is 0.86, not at least 0.9", "FAILED")]


def test_a_slice_that_is_too_small(sample: Any) -> None:
    """The caption of its table has a note that it is too small."""
    small = sample.verdict().slices[0].model_dump() | {
        "rows": 1,
        "positives": 0,
        "too_small": True,
        "name": "age > 90",
    }
    (table,) = prediction_quality.slices(
        sample.run(verdict=sample.verdict(slices=[small], thresholds=[]))
    ).blocks
    assert isinstance(table, TableBlock)
    assert table.caption == "age > 90: 1 row, 0 positive; too few to compare"


def test_no_slices(sample: Any) -> None:
    """The sentence names the key that makes slices."""
    (text,) = prediction_quality.slices(sample.run(verdict=sample.verdict(slices=[]))).blocks
    assert text == TextBlock(
        "There are none; evaluation.slices divides the test split by the values of a feature.", "quiet"
    )


def test_a_bin_of_few_rows(sample: Any) -> None:
    """Its distance from the diagonal is no headline; a record of an earlier version has no intervals."""
    bins: dict[str, list[float]] = {"predicted": [0.1, 0.45], "observed": [0.16, 0.0], "rows": [20, 19]}
    curves = sample.verdict().curves.candidate.model_dump()
    for calibration, text in ((bins, "candidate 0.06."), (bins | {"rows": [19, 1]}, "candidate none.")):
        record = sample.verdict(curves={"candidate": curves | {"calibration": calibration}, "baseline": None})
        blocks = prediction_quality.predictions(sample.run(verdict=record)).blocks
        chart = next(block for block in blocks if isinstance(block, Chart) and block.id == "calibration")
        assert chart.text.endswith(text)
        assert isinstance(blocks[-1], TableBlock)
        assert [row[3] for row in blocks[-1].rows] == ["", ""]
        assert [row[4] for row in blocks[-1].rows] == [f"{rows:g}" for rows in calibration["rows"]]


def test_the_curves_of_the_served_model(sample: Any) -> None:
    """They are lines of their own, with their colour; the table of the bins and a confusion matrix follow."""
    verdict = sample.verdict()
    curves = verdict.curves.model_copy(update={"served": verdict.curves.candidate})
    section = prediction_quality.predictions(
        sample.run(verdict=verdict.model_copy(update={"curves": curves}))
    )
    charts = [block for block in section.blocks if isinstance(block, Chart)]
    assert charts
    for chart in charts:
        assert ("served model", "served") in {(line.name, line.series) for line in chart.lines}
    captions = [block.caption for block in section.blocks if isinstance(block, TableBlock)]
    assert "Confusion matrix of the served model, at a probability of 0.5" in captions
