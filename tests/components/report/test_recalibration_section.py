"""The section on the recalibration of a candidate that was trained with class weights."""
# ruff: noqa: RUF001 (pages contain the minus sign U+2212)

import dataclasses
from typing import Any

from components.common.calibration_record import CalibrationBin, CalibrationRecord, CalibrationScores
from components.report import recalibration_section, run_page
from components.report.blocks import Chart, ChartLine, Section, TableBlock, TextBlock

RECORD = CalibrationRecord(
    method="platt",
    slope=1.25,
    shift=-3.0,
    negative_weight=0.525,
    positive_weight=10.5,
    rows=2_000,
    observed=0.05,
    before=CalibrationScores(log_loss=0.5, mean=0.4),
    after=CalibrationScores(log_loss=0.125, mean=0.05),
    bins=(
        CalibrationBin(rows=1_500, observed=0.0, before=0.2, after=0.01),
        CalibrationBin(rows=500, observed=0.2, before=0.9, after=0.15),
    ),
)


def recalibrated(sample: Any, record: CalibrationRecord) -> Any:
    run = sample.run()
    return dataclasses.replace(run, candidate=dataclasses.replace(run.candidate, calibration=record))


def section(sample: Any, record: CalibrationRecord) -> Section:
    (found,) = recalibration_section.recalibration(recalibrated(sample, record))
    return found


def test_the_curves_before_and_after(sample: Any) -> None:
    """The text has the function and both losses; the chart has two curves and the diagonal; the table all numbers."""
    text, chart, table = section(sample, RECORD).blocks
    assert text == TextBlock(
        "In training, each row of class 0 had the class weight 0.525, and each row of class 1 10.5 "
        "(training.class_weight), so that the trained network predicts class 1 too often. The output layer of the "
        "exported model therefore computes logit → 1.2500 · logit − 3.0000. Slope and shift are fitted on the 2,000 "
        "rows of the validation split. On this split, the log loss changes from 0.5000 to 0.1250, and the mean "
        "predicted probability from 0.4000 to 0.0500; the share of positives is 0.0500."
    )
    assert isinstance(chart, Chart)
    assert chart.lines == (
        ChartLine("before", "candidate", (0.2, 0.9), (0.0, 0.2), dash=True, dots=True),
        ChartLine("after", "candidate", (0.01, 0.15), (0.0, 0.2), dots=True),
        ChartLine("ideal", "reference", (0.0, 0.9), (0.0, 0.9), dash=True),
    )
    assert chart.text.endswith("Largest distance from the diagonal: before 0.70, after 0.05.")
    assert isinstance(table, TableBlock)
    assert table.rows == (
        ("1", "1,500", "0.0000", "0.2000", "0.0100"),
        ("2", "500", "0.2000", "0.9000", "0.1500"),
    )


def test_the_reason_for_a_shift_alone(sample: Any) -> None:
    """Without finite logits there are no bins, and so neither chart nor table."""
    record = RECORD.model_copy(
        update={"method": "shift", "reason": "a logit is not finite", "slope": 1.0, "bins": ()}
    )
    (text,) = section(sample, record).blocks
    assert isinstance(text, TextBlock)
    assert (
        "The slope is not fitted, because a logit is not finite; the shift reverses the class weights."
        in text.text
    )


def test_the_place_in_the_page(sample: Any) -> None:
    """It follows the learning curves; without class weights there is no such section."""
    ids = [found.id for found in run_page.sections(recalibrated(sample, RECORD))]
    assert ids[ids.index("training") + 1] == "recalibration"
    assert "recalibration" not in [found.id for found in run_page.sections(sample.run())]
    assert "Calibration before and after" in run_page.render(recalibrated(sample, RECORD))
