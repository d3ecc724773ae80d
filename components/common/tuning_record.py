"""The trials of the Tuner, as they are stored in TFX's `tuner_results.json`."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from components.tasks.binary import LOG_LOSS

TRIAL_ID, SCORE, METRIC, ZERO_SHARE, CHOSEN = "trial_id", "score", "metric", "zero_share", "chosen"


class Trial(NamedTuple):
    """One combination of strengths.

    Attributes:
        number: from 1.
        loss: the validation loss, in the unit in which the training minimizes it; infinite if the training diverged.
        zero_share: the fraction of the weights that is exactly 0.
        chosen: whether the candidate is trained with these strengths.
        strengths: by name of the key: those of the candidate, on all rows.
        metric: the name of the loss.
    """

    number: int
    loss: float
    zero_share: float
    chosen: bool
    strengths: dict[str, float]
    metric: str = LOG_LOSS.name  # the only one in a file of an earlier version

    def measured(self) -> dict[str, float | str]:
        """Returns the values that KerasTuner stores beside the id and the score of the trial."""
        return {
            **self.strengths,
            METRIC: self.metric,
            ZERO_SHARE: self.zero_share,
            CHOSEN: float(self.chosen),
        }


def parse_trials(results: str) -> list[Trial]:
    """Reads the trials in the text of TFX's `tuner_results.json`, by number.

    Raises:
        ValueError: the text is not the JSON of such trials.
    """
    try:
        return sorted(_trial(found) for found in json.loads(results))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"expected a list of trials, got {results[:200]!r}") from error


def _trial(found: Mapping[str, Any]) -> Trial:
    fields = (TRIAL_ID, SCORE, METRIC, ZERO_SHARE, CHOSEN)
    return Trial(
        number=int(found[TRIAL_ID]) + 1,
        loss=found[SCORE],
        zero_share=found[ZERO_SHARE],
        chosen=bool(found[CHOSEN]),
        strengths={name: value for name, value in found.items() if name not in fields},
        metric=found.get(METRIC, LOG_LOSS.name),
    )
