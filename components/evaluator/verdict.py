"""The verdict: whether the candidate may be published, and everything that decided it."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.common.formatting import METRIC_LABELS
from components.config.evaluation import EvaluationConfig
from components.evaluator.bootstrap import METRICS, Scored, intervals
from components.evaluator.curves import curves
from components.evaluator.metrics import FUNCTIONS, Rows, auc, log_loss
from components.evaluator.slices import Slice, slices
from components.evaluator.thresholds import conditions, gap_condition, threshold

CANDIDATE, BASELINE = "candidate", "baseline"
_METHOD = "paired percentile bootstrap over the rows of the test split"


def judge(
    test: Scored, train: Scored, features: Mapping[str, npt.NDArray[np.float32]], settings: EvaluationConfig
) -> dict[str, Any]:
    """The whole verdict, as it is written to `verdict.json` (there, NaN is null).

    A candidate without a baseline, on too few rows, on one class, or with a metric that is NaN is never blessed.

    Args:
        test: the test split, or a sample of it, as the candidate sees it and, if there is one, the baseline, in this
            order.
        train: the training split, likewise.
        features: of the test split, those that `settings.slices` names; [rows] each.
        settings: thresholds, slices, bootstrap.
    """
    metrics = _metrics(test, settings, list(METRIC_LABELS))
    gap = _gap(test, train)
    parts = [
        (part, _metrics(_only(test, part), settings, list(METRICS)))
        for wanted in settings.slices
        for part in slices(wanted, features[wanted.feature])
    ]
    thresholds = list(_thresholds(metrics, gap, parts, settings))
    obstacles = list(_obstacles(test, metrics, settings))
    missed = [
        item["sentence"]
        for item in thresholds
        # Why a value is not a number is said by an obstacle, where there is one.
        if not item["passed"] and not (obstacles and math.isnan(item["compared"]))
    ]
    bootstrap = {"method": _METHOD} | settings.model_dump(include={"resamples", "confidence", "seed"})
    verdict: dict[str, Any] = _without_nan(
        {
            "blessed": not obstacles and not missed,
            "reasons": obstacles + missed,
            "rows": test.labels.size,
            "sampled_from": test.split_rows if test.is_sample else None,
            "positives": int(np.count_nonzero(test.labels)),
            "bootstrap": bootstrap,
            "mode": settings.mode,
            "metrics": metrics,
            "thresholds": thresholds,
            "slices": [_slice(part, measured, test, settings) for part, measured in parts],
            "gap": gap,
            "curves": {
                model: curves(Rows(test.labels, test.predictions[model]))
                if model in test.predictions
                else None
                for model in (CANDIDATE, BASELINE)
            },
        }
    )
    return verdict


def _metrics(rows: Scored, settings: EvaluationConfig, names: list[str]) -> dict[str, Any]:
    """Each metric of both models, their difference and, for METRICS, the intervals of all three."""
    drawn = intervals(rows, settings)
    undefined = (math.nan, math.nan)
    found = {}
    for name in names:
        values = {
            model: FUNCTIONS[name](Rows(rows.labels, predictions))
            for model, predictions in rows.predictions.items()
        }
        if BASELINE in values:
            values["difference"] = values[CANDIDATE] - values[BASELINE]
        interval = {key: drawn[name].get(key, undefined) for key in values} if name in METRICS else None
        nothing = dict.fromkeys((CANDIDATE, BASELINE, "difference"))
        found[name] = {
            **(nothing | values),
            "interval": nothing | interval if interval is not None else None,
        }
    return found


def _gap(test: Scored, train: Scored) -> dict[str, Any]:
    """Log loss and AUC of each model on both splits, and test minus training."""
    found: dict[str, Any] = {
        "train_rows": train.labels.size,
        "train_sampled_from": train.split_rows if train.is_sample else None,
        CANDIDATE: None,
        BASELINE: None,
    }
    for model in test.predictions:
        found[model] = {}
        for name, function in (("log_loss", log_loss), ("auc", auc)):
            on_train, on_test = (
                function(Rows(split.labels, split.predictions[model])) for split in (train, test)
            )
            found[model][name] = {"train": on_train, "test": on_test, "difference": on_test - on_train}
    return found


def _thresholds(
    metrics: dict[str, Any],
    gap: dict[str, Any],
    parts: list[tuple[Slice, dict[str, Any]]],
    settings: EvaluationConfig,
) -> Iterator[dict[str, Any]]:
    for condition in conditions(metrics, settings):
        yield threshold(condition, settings, None)
    if settings.max_gap is not None:
        yield threshold(gap_condition(metrics, gap, settings.max_gap), settings, None)
    for part, measured in parts:
        if _is_judged(part, settings):
            for condition in conditions(measured, settings):
                yield threshold(condition, settings, part.name)


def _obstacles(test: Scored, metrics: dict[str, Any], settings: EvaluationConfig) -> Iterator[str]:
    """Why nothing can be decided, whatever the thresholds say."""
    rows, positives = test.labels.size, int(np.count_nonzero(test.labels))
    if BASELINE not in test.predictions:
        yield "there is no baseline to compare the model with"
    if rows < settings.min_rows:
        yield f"the test split has {rows:,} rows, fewer than {settings.min_rows:,} (evaluation.min_rows)"
    if rows and positives in (0, rows):
        which = "drawn from the test split" if test.is_sample else "of the test split"
        yield f"all rows {which} ({rows:,}) have the label {int(positives > 0)}, so there is no AUC"
        return
    for model in test.predictions:
        undefined = [METRIC_LABELS[name] for name in METRICS if math.isnan(metrics[name][model])]
        if rows and undefined:
            nan = int(np.count_nonzero(np.isnan(test.predictions[model])))
            yield (
                f"the {model} predicts NaN for {nan:,} of {rows:,} rows, so its {' and '.join(undefined)} can't be told"
            )


def _slice(part: Slice, metrics: dict[str, Any], test: Scored, settings: EvaluationConfig) -> dict[str, Any]:
    rows = int(np.count_nonzero(part.rows))
    return {
        "name": part.name,
        "feature": part.feature,
        "above": part.above,
        "up_to": part.up_to,
        "missing": part.missing,
        "rows": rows,
        "positives": int(np.count_nonzero(test.labels[part.rows])),
        "too_small": rows < settings.min_rows,
        "judged": _is_judged(part, settings),
        "metrics": metrics,
    }


def _is_judged(part: Slice, settings: EvaluationConfig) -> bool:
    return settings.slice_thresholds and int(np.count_nonzero(part.rows)) >= settings.min_rows


def _only(rows: Scored, part: Slice) -> Scored:
    return Scored(
        rows.labels[part.rows], {model: values[part.rows] for model, values in rows.predictions.items()}
    )


def _without_nan(value: Any) -> Any:
    """The same with None for NaN, and lists for tuples: JSON has neither."""
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        inner = [_without_nan(item) for item in value]
        return None if inner and isinstance(value, tuple) and all(item is None for item in inner) else inner
    return None if isinstance(value, float) and not math.isfinite(value) else value
