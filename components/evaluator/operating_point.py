"""Chooses the decision threshold of the candidate on the validation split, and measures it on the test split."""

import numpy as np

from components.common.formatting import number, plural
from components.common.verdict_record import (
    CANDIDATE,
    ConfusionIntervals,
    DecisionMetric,
    OperatingPoint,
    OperatingRule,
)
from components.config.evaluation import EvaluationConfig
from components.config.operating_point_settings import OperatingPointConfig
from components.evaluator.bootstrap import draw_resample, percentiles
from components.evaluator.curves import confusion_matrix
from components.evaluator.decision_counts import (
    DecisionCounts,
    count_decisions,
    decided_positive,
    decision_cells,
    ranked_counts,
)
from components.evaluator.metrics import ScoredRows, undefined_rows
from components.evaluator.paired_scores import PairedScores

_KEY = "evaluation.operating_point"
# What decides between the thresholds, and between those that are equal in it.
_OPTIMIZED: dict[OperatingRule | None, tuple[str, ...]] = {
    "f1": ("f1",),
    "recall": ("recall",),
    "precision": ("precision", "recall"),
    "cost": ("cost",),
}


class NoOperatingPoint(Exception):
    """There is no threshold as configured. The message is a sentence in lower case, without a full stop."""


def choose_threshold(rows: ScoredRows, wanted: OperatingPointConfig) -> float:
    """Returns the threshold that maximizes or minimizes what is configured; see `DecisionCounts.metrics`.

    The decision on a row is positive if its probability is at least the threshold. The thresholds that are compared
    are the distinct predictions of the rows; for costs also the float32 next above the highest one, with which no
    decision is positive. Of thresholds with the same maximal precision, the one with the highest recall is chosen. Of
    thresholds that are equal in this, the highest is chosen.

    Args:
        rows: the validation split, as scored by the candidate; each row counts as often as its weight says.
        wanted: what is maximized or minimized, and what is demanded beside it.

    Raises:
        NoOperatingPoint: there are no rows, or none with label 1, a prediction is NaN, or no threshold reaches the
            demanded precision.
    """
    undefined = undefined_rows(rows.predictions)
    if undefined:
        raise NoOperatingPoint(
            f"the candidate predicts NaN for {plural(undefined, 'row')} of the validation split, so there is no "
            f"operating point ({_KEY})"
        )
    if not (rows.row_weights()[rows.labels > 0] > 0).any():
        raise NoOperatingPoint(
            f"the validation split has no row with the label 1, so there is no operating point ({_KEY})"
        )
    ranked = ranked_counts(rows)
    thresholds, counts = ranked.predictions, ranked.decisions()
    costs = wanted.costs()
    if costs is not None:
        thresholds = np.append(np.nextafter(thresholds[0], np.float32(2)), thresholds)
        none = DecisionCounts(
            np.zeros(1), np.zeros(1), ranked.found[-1:] - ranked.hits[-1:], ranked.hits[-1:]
        )
        counts = DecisionCounts(*(np.append(*both) for both in zip(none, counts, strict=True)))
    metrics = counts.metrics(costs)
    left = np.arange(thresholds.size)
    for metric, least in wanted.demanded().items():
        left = left[metrics[metric][left] >= least]
        if not left.size:
            raise NoOperatingPoint(
                f"on the validation split no threshold has a {metric} of at least {least:g} "
                f"({_KEY}.min_{metric}); the highest {metric} is {number(float(np.nanmax(metrics[metric])))}"
            )
    for metric in _OPTIMIZED[wanted.rule]:
        values = metrics[metric][left]
        left = left[values == (np.nanmin(values) if metric == "cost" else np.nanmax(values))]
    return float(thresholds[left[0]])


def operating_point(
    validation: PairedScores, test: PairedScores, settings: EvaluationConfig
) -> OperatingPoint | None:
    """Chooses the threshold on the validation split, and measures the first candidate's decisions on the test split.

    The intervals are percentile intervals over resamples of the test rows (Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993, chapter 13). The threshold is the same in all resamples: they say how the decisions with this
    threshold vary with the test rows, not how the choice of the threshold varies.

    Args:
        validation: the validation split, as scored by the candidate.
        test: the test split, as scored by the candidate.
        settings: `operating_point`, and the settings of the bootstrap.

    Returns:
        None if no operating point is configured.

    Raises:
        NoOperatingPoint: see `choose_threshold`.
    """
    wanted = settings.operating_point
    if wanted.rule is None:
        return None
    costs, demanded = wanted.costs(), wanted.demanded()
    threshold = choose_threshold(validation.scored(CANDIDATE), wanted)
    on_validation, on_test = (_decisions(rows, threshold).metrics(costs) for rows in (validation, test))
    drawn = _resampled_decisions(test, threshold, settings)
    intervals = {
        name: percentiles(values, settings.confidence) for name, values in drawn.metrics(costs).items()
    }
    return OperatingPoint(
        rule=wanted.rule,
        threshold=threshold,
        false_positive_cost=wanted.false_positive_cost,
        false_negative_cost=wanted.false_negative_cost,
        validation_rows=validation.labels.size,
        validation_sampled_from=validation.split_rows if validation.is_sample else None,
        metrics={
            name: DecisionMetric(
                validation=float(on_validation[name]),
                test=float(value),
                interval=intervals[name] if np.isfinite(value) else None,
                demanded=demanded.get(name),
            )
            for name, value in on_test.items()
        },
        confusion=confusion_matrix(
            test.scored(CANDIDATE), decided_positive(test.predictions[CANDIDATE], threshold)
        ),
        confusion_intervals=ConfusionIntervals.model_validate(
            {name: percentiles(values, settings.confidence) for name, values in drawn._asdict().items()}
        ),
    )


def _decisions(rows: PairedScores, threshold: float) -> DecisionCounts:
    positive = decided_positive(rows.predictions[CANDIDATE], threshold)
    return count_decisions(decision_cells(rows.labels, positive), rows.scored(CANDIDATE).row_weights())


def _resampled_decisions(test: PairedScores, threshold: float, settings: EvaluationConfig) -> DecisionCounts:
    """Counts the decisions on each resample of the test rows, [resamples]; no resamples if there are no rows."""
    generator = np.random.default_rng(settings.seed)
    cells = decision_cells(test.labels, decided_positive(test.predictions[CANDIDATE], threshold))
    counts = np.array(
        [
            count_decisions(cells, draw_resample(test, generator))
            for _ in range(settings.resamples if test.labels.size else 0)
        ]
    ).reshape(-1, len(DecisionCounts._fields))
    return DecisionCounts(*counts.T)
