"""Creates the section on the recalibration of a candidate that was trained with class weights."""

from collections.abc import Iterator

from components.common.calibration_record import CalibrationRecord
from components.common.formatting import count, html_number, html_significant, plural
from components.report.blocks import Block, Chart, ChartLine, Section, TableBlock, TextBlock
from components.report.run_artifacts import RunArtifacts


def recalibration(run: RunArtifacts) -> Iterator[Section]:
    """Yields the section with the calibration curves before and after; yields nothing without class weights."""
    record = run.candidate.calibration
    if record is not None:
        blocks: list[Block] = [TextBlock(_text(record))]
        if record.bins:
            blocks += [_chart(record), _table(record)]
        losses = f"log loss {html_number(record.before.log_loss)} → {html_number(record.after.log_loss)}"
        yield Section("recalibration", "Recalibration of the candidate", tuple(blocks), losses)


def _text(record: CalibrationRecord) -> str:
    before, after = record.before, record.after
    negative, positive = (
        html_significant(value, 4) for value in (record.negative_weight, record.positive_weight)
    )
    sign = "−" if record.shift < 0 else "+"  # noqa: RUF001 (the minus sign U+2212)
    origin = (
        f"The slope is not fitted, because {record.reason}; the shift reverses the class weights."
        if record.reason
        else f"Slope and shift are fitted on the {plural(record.rows, 'row')} of the validation split."
    )
    return (
        f"In training, each row of class 0 had the class weight {negative}, and each row of class 1 {positive} "
        "(training.class_weight), so that the trained network predicts class 1 too often. The output layer of the "
        f"exported model therefore computes logit → {html_number(record.slope)} · logit {sign} "
        f"{html_number(abs(record.shift))}. {origin} On this split, the log loss changes from "
        f"{html_number(before.log_loss)} to {html_number(after.log_loss)}, and the mean predicted probability from "
        f"{html_number(before.mean)} to {html_number(after.mean)}; the share of positives is "
        f"{html_number(record.observed)}."
    )


def _chart(record: CalibrationRecord) -> Chart:
    observed = tuple(part.observed for part in record.bins)
    before, after = (tuple(getattr(part, side) for part in record.bins) for side in ("before", "after"))
    distances = [
        html_number(max(abs(x - y) for x, y in zip(predicted, observed, strict=True)), 2)
        for predicted in (before, after)
    ]
    end = max(*before, *after, *observed)
    return Chart(
        "recalibration",
        "Calibration before and after",
        "Share of positives by mean predicted probability, in parts of the validation split of about equal weight. "
        f"Largest distance from the diagonal: before {distances[0]}, after {distances[1]}.",
        "mean predicted probability",
        "share of positives",
        lines=(
            ChartLine("before", "candidate", before, observed, dash=True, dots=True),
            ChartLine("after", "candidate", after, observed, dots=True),
            ChartLine("ideal", "reference", (0.0, end), (0.0, end), dash=True),
        ),
    )


def _table(record: CalibrationRecord) -> TableBlock:
    rows = tuple(
        (
            str(number),
            count(part.rows),
            html_number(part.observed),
            html_number(part.before),
            html_number(part.after),
        )
        for number, part in enumerate(record.bins, start=1)
    )
    headers = ("part", "rows", "share of positives", "mean prediction before", "mean prediction after")
    return TableBlock("The validation split by predicted probability", headers, rows)
