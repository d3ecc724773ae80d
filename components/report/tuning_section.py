"""Creates the section on the Tuner: the strengths that it tried, and those that it chose."""

import math
from collections.abc import Iterator

from components.common.formatting import (
    html_number,
    html_significant,
    metric_label,
    named_values,
    percent,
    plural,
)
from components.common.tuning_record import Trial
from components.report.blocks import Block, Section, TableBlock, TextBlock
from components.report.run_artifacts import RunArtifacts

MAX_EXPANDED_ROWS = 50  # a longer table is collapsed


def tuning(run: RunArtifacts) -> Iterator[Section]:
    """Yields the section with the strengths and the loss of each trial; yields nothing without a Tuner."""
    if run.trials is not None:
        chosen = _chosen(run.trials)
        summary = named_values(chosen.strengths) if chosen else "none"
        yield Section(
            "tuning", "Chosen strengths", tuple(_blocks(run.trials, metric_label(run.loss.name))), summary
        )


def _chosen(trials: tuple[Trial, ...]) -> Trial | None:
    return next((trial for trial in trials if trial.chosen), None)


def _blocks(trials: tuple[Trial, ...], loss: str) -> Iterator[Block]:
    chosen = _chosen(trials)
    if chosen is None:
        yield TextBlock("The Tuner wrote no trials.", "quiet")
        return
    best = min(trials, key=lambda trial: trial.loss)
    count = plural(len(trials), "combination")
    because = (
        "It has the lowest loss."
        if chosen is best
        else f"The lowest loss is {html_number(best.loss)}; the difference is within its standard error and "
        "tuning.tolerance, and the chosen network is the sparsest of those for which this holds."
    )
    yield TextBlock(
        f"Of {count}, the Tuner chose {named_values(chosen.strengths)}: a validation {loss} of "
        f"{html_number(chosen.loss)}, and {percent(chosen.zero_share, 0)} of the weights exactly zero. {because}"
    )
    names = list(chosen.strengths)
    rows = tuple(
        (
            f"{trial.number}, chosen" if trial is chosen else f"{trial.number}",
            *(html_significant(trial.strengths[name]) for name in names),
            # The Tuner records an infinite loss for a training that diverged.
            html_number(trial.loss) if math.isfinite(trial.loss) else "diverged",
            percent(trial.zero_share, 0),
        )
        for trial in trials
    )
    headers = ("trial", *(metric_label(name) for name in names), f"validation {loss}", "zero weights")
    caption = "Combinations of strengths"
    summary = f"{caption}: {count}" if len(trials) > MAX_EXPANDED_ROWS else ""
    yield TableBlock(caption, headers, rows, summary=summary, good_rows=(chosen.number - 1,))
