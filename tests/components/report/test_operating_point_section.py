"""The section on the operating point, and its mark in the charts."""

from typing import Any

from components.report import prediction_quality, run_page
from components.report.blocks import Chart, ChartLine, TableBlock, TextBlock
from components.report.operating_point_section import operating_point

HIGHEST = "The decision on a row is positive if its probability is at least 0.6000. This threshold gives the highest "
VALIDATION = "recall with a precision of at least 0.9 on the validation split (1,189 rows). "
OPTIMISTIC = (
    "The values there are those of the best threshold, and therefore optimistic. The intervals are those of the test "
    "split, with the threshold fixed."
)


def test_the_decisions_on_both_splits(sample: Any) -> None:
    """With the intervals on the test split and what was demanded; a metric without an interval has none."""
    (section,) = operating_point(sample.run(verdict=sample.verdict(operating_point=sample.operating_point())))
    text, metrics, confusion = section.blocks
    assert text == TextBlock(HIGHEST + VALIDATION + OPTIMISTIC)
    assert isinstance(metrics, TableBlock)
    assert metrics.rows == (
        ("Precision", "0.9100", "0.8750", "0.7500 to 0.9500", "≥ 0.9"),
        ("Recall", "0.8000", "0.7000", "", ""),
        ("Positive decisions", "0.4000", "0.5000", "", ""),
    )
    assert metrics.bad_rows == ()
    assert isinstance(confusion, TableBlock)
    assert confusion.rows == (
        ("True positive", "70", "60 to 80"),
        ("False positive", "10", ""),
        ("True negative", "90", ""),
        ("False negative", "30", ""),
    )


def test_an_interval_below_what_is_demanded(sample: Any) -> None:
    """A sentence says so, and its row is marked."""
    point = sample.operating_point(upper=0.89)
    (section,) = operating_point(sample.run(verdict=sample.verdict(operating_point=point)))
    assert section.blocks[1] == TextBlock(
        "The interval of the precision on the test split is below the demanded 0.9.", "bad"
    )
    assert isinstance(section.blocks[2], TableBlock)
    assert section.blocks[2].bad_rows == (0,)


def test_a_sample_of_the_validation_split(sample: Any) -> None:
    """Both numbers of rows are in the text."""
    point = sample.operating_point(validation_sampled_from=5_000)
    (section,) = operating_point(sample.run(verdict=sample.verdict(operating_point=point)))
    sampled = "They are a uniform sample of its 5,000 rows (evaluation.max_rows). "
    assert section.blocks[0] == TextBlock(HIGHEST + VALIDATION + sampled + OPTIMISTIC)


def test_without_an_operating_point_there_is_no_section(sample: Any) -> None:
    """Also without a verdict."""
    assert not list(operating_point(sample.run()))
    assert not list(operating_point(sample.run(verdict=None)))
    with_point = sample.run(verdict=sample.verdict(operating_point=sample.operating_point()))
    ids = [[section.id for section in run_page.sections(run)] for run in (sample.run(), with_point)]
    assert ids[1] == [*ids[0][:4], "operating-point", *ids[0][4:]]


def test_the_point_in_the_charts(sample: Any) -> None:
    """On the ROC curve at 10 of 100 negatives and the recall, on the other curve at recall and precision."""
    verdict = sample.verdict(operating_point=sample.operating_point())
    blocks = prediction_quality.predictions(sample.run(verdict=verdict)).blocks
    charts = {block.id: block for block in blocks if isinstance(block, Chart)}
    assert charts["roc"].lines[-1] == ChartLine("operating point", "candidate", (0.1,), (0.7,), dots=True)
    assert charts["roc"].text.endswith(
        "0.8804. Operating point: false positive rate 0.10, true positive rate 0.70."
    )
    assert charts["precision-recall"].lines[-1] == ChartLine(
        "operating point", "candidate", (0.7,), (0.875,), dots=True
    )
    assert charts["precision-recall"].text.endswith("0.8746. Operating point: recall 0.70, precision 0.88.")
    assert all(line.name != "operating point" for line in charts["calibration"].lines)


def test_an_undefined_point_is_not_in_the_charts(sample: Any) -> None:
    """Without a positive decision there is no precision."""
    point = sample.operating_point()
    point["metrics"]["precision"] = {"validation": 1.0, "test": None}
    blocks = prediction_quality.predictions(sample.run(verdict=sample.verdict(operating_point=point))).blocks
    charts = {block.id: block for block in blocks if isinstance(block, Chart)}
    assert [line.name for line in charts["precision-recall"].lines] == ["candidate", "baseline"]
    assert charts["roc"].lines[-1].name == "operating point"
