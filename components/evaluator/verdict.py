"""Decides whether the candidate may be published, and returns the verdict with all metrics, thresholds and reasons."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.common.formatting import metric_label, plural
from components.common.served_record import ServedReference
from components.common.verdict_record import (
    BASELINE,
    CANDIDATE,
    SERVED,
    BootstrapSettings,
    BothCurves,
    EvaluatedSlice,
    GeneralizationGap,
    MetricGap,
    ModelGap,
    OperatingPoint,
    SeedScores,
    ServedComparison,
    Threshold,
    Verdict,
)
from components.common.verdict_text import served_sentence
from components.config.evaluation import EvaluationConfig
from components.evaluator.comparison import Metrics, compare_metrics, contributions, with_base_rate
from components.evaluator.curves import curves
from components.evaluator.metric_functions import METRIC_FUNCTIONS
from components.evaluator.metrics import undefined_rows
from components.evaluator.operating_point import NoOperatingPoint, operating_point
from components.evaluator.paired_scores import PairedScores, SplitScores
from components.evaluator.served_decline import served_decline
from components.evaluator.slices import Slice, slices
from components.evaluator.thresholds import conditions, gap_condition, threshold
from components.tasks.task import Task

_METHOD = "paired percentile bootstrap over the {drawn} of the test split"


class Validation(NamedTuple):
    """What the verdict uses of the validation split, by which the trainers and the Tuner choose.

    Attributes:
        counts: the rows of each class; None: unknown.
        scores: the rows as scored by the candidate; only used to choose an operating point.
    """

    counts: Sequence[int] | None = None
    scores: PairedScores | None = None


_UNKNOWN = Validation()


class _MeasuredSlice(NamedTuple):
    """A slice, and the metrics of the network that may be published: with several seeds, that of the first one."""

    part: EvaluatedSlice
    own: Metrics


def compute_verdict(
    scored: SplitScores,
    train: PairedScores,
    settings: EvaluationConfig,
    validation: Validation = _UNKNOWN,
    *,
    first_seed: int = 0,
    served: ServedReference | None = None,
) -> Verdict:
    """Computes the verdict.

    A candidate without a baseline, on too few rows, on too few rows of a class, with an undefined metric, or without
    the configured operating point is never blessed.

    Args:
        scored: the test split, or a sample of it, as scored by the candidate and, if there are such, the baseline, the
            network with early stopping alone and the served model, in this order; and the features that
            `settings.slices` names.
        train: the training split, as scored by the candidate and the baseline.
        settings: thresholds, slices, bootstrap, operating point.
        validation: what is known of the validation split.
        first_seed: the seed of the first training; the others follow it.
        served: the served model, which is among the models of `scored` if it is compared; None: it is not looked up.
    """
    test = with_base_rate(scored.scores, train)
    task = test.task
    metrics = compare_metrics(test, settings, [metric.name for metric in task.metrics])
    own = _own(test, metrics, settings)
    gap = _gap(test, train)
    texts = settings.sliced_values()
    measured_slices = tuple(
        _slice(part, test.select(part.rows), settings)
        for wanted in settings.slices
        for part in slices(wanted, scored.features[wanted.feature], texts.get(wanted.feature, ()))
    )
    decides = served is not None and served.outcome == "compared"
    applied = settings if decides else settings.model_copy(update={"served": "off"})
    thresholds = tuple(_thresholds(metrics, own, gap, measured_slices, applied, task))
    point, no_point = _operating_point(validation.scores, test, settings)
    obstacles = (
        *_obstacles(test, metrics, settings),
        *(_few_of_a_class("the validation split", validation.counts, settings) if validation.counts else ()),
        *no_point,
    )
    missed = tuple(
        item.sentence
        for item in thresholds
        # If there is an obstacle, it already explains why a value is undefined.
        if not item.passed and not (obstacles and item.compared is None)
    )
    groups = _groups(test)
    return Verdict(
        blessed=not obstacles and not missed,
        reasons=obstacles + missed,
        rows=test.labels.size,
        sampled_from=test.split_rows if test.is_sample else None,
        positives=_positives(test),
        bootstrap=BootstrapSettings(
            method=_METHOD.format(
                drawn="rows"
                if test.groups is None
                else f"{plural(groups or 0, 'group')}, each drawn as a whole,"
            ),
            resamples=settings.resamples,
            confidence=settings.confidence,
            seed=settings.seed,
            groups=groups,
        ),
        mode=settings.mode,
        task=task.name,
        metrics=metrics,
        contributions=contributions(metrics, task.loss),
        seeds=tuple(_seed_scores(test, first_seed)) if test.other_seeds else (),
        thresholds=thresholds,
        slices=tuple(item.part for item in measured_slices),
        operating_point=point,
        gap=gap,
        curves=BothCurves(
            **{
                model: curves(test.scored(model), settings.confidence, task.plots)
                for model in (CANDIDATE, BASELINE, SERVED)
                if model in test.predictions
            }
        ),
        served=_served(served, metrics, task.loss, settings.confidence),
    )


def _served(
    reference: ServedReference | None, metrics: Metrics, loss: str, confidence: float
) -> ServedComparison | None:
    if reference is None:
        return None
    losses = metrics[loss]
    return ServedComparison(
        **reference.model_dump(),
        sentence=served_sentence(reference, loss, losses),
        decline=served_decline(reference, loss, losses, confidence),
    )


def _operating_point(
    validation: PairedScores | None, test: PairedScores, settings: EvaluationConfig
) -> tuple[OperatingPoint | None, tuple[str, ...]]:
    """Returns the operating point, if one is configured, or the reason why there is none."""
    if validation is None:
        return None, ()
    try:
        return operating_point(validation, test, settings), ()
    except NoOperatingPoint as reason:
        return None, (str(reason),)


def _seed_scores(test: PairedScores, first_seed: int) -> Iterator[SeedScores]:
    for number, predictions in enumerate(test.seeds):
        losses = {
            model: METRIC_FUNCTIONS[test.task.loss](test.scored(model, number)) for model in predictions
        }
        yield SeedScores.model_validate({"seed": first_seed + number, **losses})


def _gap(test: PairedScores, train: PairedScores) -> GeneralizationGap:
    return GeneralizationGap(
        train_rows=train.labels.size,
        train_sampled_from=train.split_rows if train.is_sample else None,
        candidate=_model_gap(test, train, CANDIDATE),
        baseline=_model_gap(test, train, BASELINE) if BASELINE in test.predictions else None,
    )


def _model_gap(test: PairedScores, train: PairedScores, model: str) -> ModelGap:
    def metric_gap(name: str) -> MetricGap:
        on_train, on_test = (METRIC_FUNCTIONS[name](split.scored(model)) for split in (train, test))
        return MetricGap(train=on_train, test=on_test, difference=on_test - on_train)

    return {name: metric_gap(name) for name in (test.task.loss, test.task.score)}


def _thresholds(
    metrics: Metrics,
    own: Metrics,
    gap: GeneralizationGap,
    measured_slices: Iterable[_MeasuredSlice],
    settings: EvaluationConfig,
    task: Task,
) -> Iterator[Threshold]:
    for condition in conditions(metrics, own, settings, task):
        yield threshold(condition, None)
    if settings.max_gap is not None:
        yield threshold(gap_condition(own, gap, settings.max_gap, settings.mode, task.loss), None)
    for part, own_on_slice in measured_slices:
        if part.judged:
            for condition in conditions(part.metrics, own_on_slice, settings, task):
                # The base rate of a slice is that of its test rows, which no model could know.
                if condition.rule != "base_rate":
                    yield threshold(condition, part.name)


def _obstacles(test: PairedScores, metrics: Metrics, settings: EvaluationConfig) -> Iterator[str]:
    """Yields the reasons, apart from missed thresholds, why the candidate can't be blessed."""
    rows, task = test.labels.size, test.task
    if BASELINE not in test.predictions:
        yield "there is no baseline to compare the model with"
    if rows < settings.min_rows:
        yield f"the test split has {rows:,} rows, fewer than {settings.min_rows:,} (evaluation.min_rows)"
    groups = _groups(test)
    if groups is not None and groups < settings.min_groups:
        yield (
            f"the test split has {plural(groups, 'group')}, fewer than {settings.min_groups:,} "
            "(evaluation.min_groups)"
        )
    if rows and test.labels.min() == test.labels.max():
        which = "drawn from the test split" if test.is_sample else "of the test split"
        label = metric_label(task.score)
        yield f"all rows {which} ({rows:,}) have the label {test.labels[0]:g}, so there is no {label}"
        return
    if rows and task.has_positive:
        which = "the sample of the test split" if test.is_sample else "the test split"
        yield from _few_of_a_class(which, _class_counts(test.labels), settings)
        yield from _few_groups_of_a_class(which, test, settings)
    for model in (name for name in (CANDIDATE, BASELINE) if name in test.predictions):
        undefined = [
            metric_label(name) for name in task.interval_metrics if getattr(metrics[name], model) is None
        ]
        if rows and undefined:
            nan = max(undefined_rows(seed[model]) for seed in test.seeds)
            yield (
                f"the {model} predicts NaN for {nan:,} of {rows:,} rows, "
                f"so its {', '.join(undefined)} can't be computed"
            )


def _few_of_a_class(which: str, counts: Sequence[int], settings: EvaluationConfig) -> Iterator[str]:
    for label, rows in enumerate(counts):
        if rows < settings.min_positives:
            yield (
                f"{which} has {plural(rows, 'row')} with the label {label}, fewer than {settings.min_positives:,} "
                "(evaluation.min_positives)"
            )


def _few_groups_of_a_class(which: str, rows: PairedScores, settings: EvaluationConfig) -> Iterator[str]:
    """Yields a reason for each class with rows in few groups: a group is one observation, however many rows it has."""
    for label, found in enumerate(_observations(rows) if rows.groups is not None else ()):
        if found < settings.min_positives:
            yield (
                f"{which} has {plural(found, 'group')} with rows with the label {label}, fewer than "
                f"{settings.min_positives:,} (evaluation.min_positives)"
            )


def _own(rows: PairedScores, metrics: Metrics, settings: EvaluationConfig) -> Metrics:
    """Returns the same metrics of the first seed, whose network may be published, instead of the means."""
    return compare_metrics(rows.first_seed(), settings, metrics) if rows.other_seeds else metrics


def _slice(part: Slice, rows: PairedScores, settings: EvaluationConfig) -> _MeasuredSlice:
    groups = _groups(rows)
    too_small = rows.labels.size < settings.min_rows or (groups is not None and groups < settings.min_groups)
    if rows.task.has_positive:
        too_small = too_small or min(_observations(rows)) < settings.min_positives
    # The base rate of a slice is that of its own rows: the tolerance of its loss follows from it.
    rows = with_base_rate(rows, rows)
    metrics = compare_metrics(rows, settings, rows.task.interval_metrics)
    judged = settings.slice_thresholds and not too_small
    found = EvaluatedSlice(
        name=part.name,
        feature=part.feature,
        above=part.above,
        up_to=part.up_to,
        missing=part.missing,
        value=part.value,
        rows=rows.labels.size,
        positives=_positives(rows),
        too_small=too_small,
        judged=judged,
        metrics=metrics,
    )
    return _MeasuredSlice(found, _own(rows, metrics, settings) if judged else metrics)


def _groups(rows: PairedScores) -> int | None:
    """Returns the number of groups; None if the rows do not belong to groups."""
    return None if rows.groups is None else np.unique(rows.groups).size


def _observations(rows: PairedScores) -> tuple[int, int]:
    """Returns the rows of each class, or the groups that have such rows."""
    if rows.groups is None:
        return _class_counts(rows.labels)
    negatives, positives = (np.unique(rows.groups[rows.labels == label]).size for label in (0, 1))
    return negatives, positives


def _positives(rows: PairedScores) -> int | None:
    return _class_counts(rows.labels)[1] if rows.task.has_positive else None


def _class_counts(labels: npt.NDArray[np.float32]) -> tuple[int, int]:
    positives = int(np.count_nonzero(labels))
    return labels.size - positives, positives
