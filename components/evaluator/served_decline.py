"""Says whether the served model does clearly worse on this test split than on that of the run that published it."""

import math
import statistics

from components.common.formatting import interval, metric_label, number
from components.common.served_record import ServedReference
from components.common.verdict_record import ComparedMetric
from components.evaluator.thresholds import LOSS_TOLERANCE

# That of a warning by chance, of one table. A table is read each night, and nobody looks at a warning that comes often.
_ERROR_PROBABILITY = 0.001


def served_decline(
    reference: ServedReference, loss: str, losses: ComparedMetric, confidence: float
) -> str | None:
    """Returns two sentences if the served model does clearly worse than in its card; otherwise None.

    Nothing that is measured on this run's rows alone shows wrong labels: those of the test split are as wrong as those
    that the candidate learned from. The served model learned from other labels, so its loss shows them.

    The rise must be more than chance: the two losses are of different rows, so their errors, which the intervals show,
    are independent. It must also be of practical importance, by the tolerance of the thresholds.

    Args:
        reference: the served model, with the loss in its card.
        loss: the name of the task's loss.
        losses: the loss of all models on this test split.
        confidence: the confidence level of its intervals, and of that in the card.
    """
    now = losses.interval.served if losses.interval else None
    if reference.loss is None or reference.loss_interval is None or now is None:
        return None
    if losses.served is None or losses.base_rate is None:
        return None
    error = math.hypot(losses.served - now[0], reference.loss_interval[1] - reference.loss)
    normal = statistics.NormalDist()
    by_chance = error * normal.inv_cdf(1 - _ERROR_PROBABILITY) / normal.inv_cdf((1 + confidence) / 2)
    if losses.served - reference.loss <= max(by_chance, LOSS_TOLERANCE * losses.base_rate):
        return None
    return (
        f"The {metric_label(loss)} of the served model (version {reference.version}) is {number(losses.served)} "
        f"({interval(now)}) on this test split, and was {number(reference.loss)} ({interval(reference.loss_interval)}) "
        "on that of the run that published it. Either the label depends on the features in another way now, or labels "
        "or features of the new rows are wrong; wrong labels also make a wrong model look good, so look at the new "
        "rows."
    )
