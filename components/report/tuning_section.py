"""The section on the Tuner: its trials, and which of them the trainers took their values from."""

import math
from collections.abc import Iterator

from components.common.formatting import html_number, html_significant, metric_label, named_values, plural
from components.report.blocks import Block, Section, TableBlock, TextBlock
from components.report.run_artifacts import Json, RunArtifacts

NO_VALUES = ("trial_id", "score")
MOST_TRIALS = 50  # more are folded away


def tuning(run: RunArtifacts) -> Iterator[Section]:
    """Every trial with its values and its loss; no section without a Tuner."""
    if run.trials is not None:
        yield Section("tuning", "Tuning", tuple(_blocks(run, run.trials)))


def _blocks(run: RunArtifacts, trials: list[Json]) -> Iterator[Block]:
    if not trials:
        yield TextBlock("The Tuner left no account of its trials.", "quiet")
        return
    best = trials[0]
    how_many = plural(len(trials), "trial")
    yield TextBlock(
        f"Of {how_many}, number {_number(best)} had the lowest validation log loss, {html_number(best['score'])}; "
        "number 1 had the configured values."
    )
    for model, training in (("candidate", run.candidate), ("baseline", run.baseline)):
        took = (
            f"was trained with {named_values(training.tuned)}"
            if training.tuned
            else "took none of its values"
        )
        yield TextBlock(f"The {model} {took}.")
    names = [name for name in best if name not in NO_VALUES]
    rows = tuple(
        (
            f"{_number(trial)}, the best" if trial is best else f"{_number(trial)}",
            *(html_significant(trial.get(name)) for name in names),
            _loss(trial),
        )
        for trial in sorted(trials, key=_number)
    )
    heads = ("trial", *(metric_label(name) for name in names), "validation log loss")
    caption = "The Tuner's trials"
    fold = f"{caption}: {how_many}" if len(trials) > MOST_TRIALS else ""
    yield TableBlock(caption, heads, rows, summary=fold, good_rows=(_number(best) - 1,))


def _number(trial: Json) -> int:
    return int(trial["trial_id"]) + 1


def _loss(trial: Json) -> str:
    # The Tuner gives a training that ran away an infinite loss, so that none is worse.
    return html_number(trial["score"]) if math.isfinite(trial["score"]) else "not a number"
