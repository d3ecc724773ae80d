"""Creates the section on the Tuner: its trials, and the values that the trainers took from the best trial."""

import math
from collections.abc import Iterator

from components.common.formatting import html_number, html_significant, metric_label, named_values, plural
from components.report.blocks import Block, Section, TableBlock, TextBlock
from components.report.run_artifacts import Json, RunArtifacts

NOT_HYPERPARAMETERS = ("trial_id", "score")
MAX_EXPANDED_ROWS = 50  # a longer table is collapsed


def tuning(run: RunArtifacts) -> Iterator[Section]:
    """Yields the section with the values and the loss of each trial; yields nothing without a Tuner."""
    if run.trials is not None:
        yield Section("tuning", "Tuning", tuple(_blocks(run, run.trials)))


def _blocks(run: RunArtifacts, trials: list[Json]) -> Iterator[Block]:
    if not trials:
        yield TextBlock("The Tuner wrote no trials.", "quiet")
        return
    best = trials[0]
    trial_count = plural(len(trials), "trial")
    yield TextBlock(
        f"Of {trial_count}, trial {_number(best)} had the lowest validation log loss, {html_number(best['score'])}. "
        "Trial 1 used the configured values."
    )
    for model, training in (("candidate", run.candidate), ("baseline", run.baseline)):
        if training.tuned:
            yield TextBlock(f"The {model} was trained with {named_values(training.tuned)}.")
        else:
            yield TextBlock(f"The {model} uses none of the tuned values.")
    names = [name for name in best if name not in NOT_HYPERPARAMETERS]
    rows = tuple(
        (
            f"{_number(trial)}, the best" if trial is best else f"{_number(trial)}",
            *(html_significant(trial.get(name)) for name in names),
            _loss(trial),
        )
        for trial in sorted(trials, key=_number)
    )
    headers = ("trial", *(metric_label(name) for name in names), "validation log loss")
    caption = "Trials of the Tuner"
    summary = f"{caption}: {trial_count}" if len(trials) > MAX_EXPANDED_ROWS else ""
    yield TableBlock(caption, headers, rows, summary=summary, good_rows=(_number(best) - 1,))


def _number(trial: Json) -> int:
    return int(trial["trial_id"]) + 1


def _loss(trial: Json) -> str:
    # The Tuner records an infinite loss for a training that diverged, so that every other trial is better.
    return html_number(trial["score"]) if math.isfinite(trial["score"]) else "diverged"
