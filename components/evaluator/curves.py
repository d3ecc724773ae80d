"""What a report needs to draw a model's ROC, precision-recall and calibration curves without the examples."""

from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluator.metrics import Rows

POINTS = 200
BINS = 10


def curves(rows: Rows) -> dict[str, Any]:
    """The curves of one model; None for one that does not exist.

    Returns:
        `roc`: fpr and tpr, rising; `precision_recall`: recall, rising, and precision; both at most POINTS points,
        spread evenly over the different predictions, ends included. `calibration`: in BINS equal parts of 0-1, without
        the empty ones, the mean prediction, the share of class 1 and the rows. `confusion`: counts at one half.
    """
    predicted, actual = rows.predictions > 0.5, rows.labels > 0
    confusion = {
        "true_positive": int(np.count_nonzero(predicted & actual)),
        "false_positive": int(np.count_nonzero(predicted & ~actual)),
        "true_negative": int(np.count_nonzero(~predicted & ~actual)),
        "false_negative": int(np.count_nonzero(~predicted & actual)),
    }
    if not rows.labels.size or np.isnan(rows.predictions).any():
        return {"roc": None, "precision_recall": None, "calibration": None, "confusion": confusion}
    order = np.argsort(-rows.predictions, kind="stable")
    hits = np.cumsum(actual[order])
    # A threshold lies between two different predictions only: tied rows enter together.
    last_of_tie = np.flatnonzero(np.append(np.diff(rows.predictions[order]) != 0, True))
    return {
        "roc": _roc(hits, last_of_tie),
        "precision_recall": _precision_recall(hits, last_of_tie),
        "calibration": _calibration(rows),
        "confusion": confusion,
    }


def _roc(hits: npt.NDArray[Any], last_of_tie: npt.NDArray[Any]) -> dict[str, list[float]] | None:
    positives, negatives = int(hits[-1]), hits.size - int(hits[-1])
    if not positives or not negatives:
        return None
    at = last_of_tie[_thinned(last_of_tie.size, POINTS - 1)]
    return {
        "fpr": [0.0, *_rounded((at + 1 - hits[at]) / negatives)],
        "tpr": [0.0, *_rounded(hits[at] / positives)],
    }


def _precision_recall(hits: npt.NDArray[Any], last_of_tie: npt.NDArray[Any]) -> dict[str, list[float]] | None:
    if not hits[-1]:
        return None
    at = last_of_tie[_thinned(last_of_tie.size, POINTS)]
    return {"recall": _rounded(hits[at] / hits[-1]), "precision": _rounded(hits[at] / (at + 1))}


def _calibration(rows: Rows) -> dict[str, list[Any]]:
    bins = np.minimum((rows.predictions * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    filled = counts > 0
    return {
        "predicted": _rounded(np.bincount(bins, rows.predictions, BINS)[filled] / counts[filled]),
        "observed": _rounded(np.bincount(bins, rows.labels, BINS)[filled] / counts[filled]),
        "rows": counts[filled].tolist(),
    }


def _thinned(size: int, points: int) -> npt.NDArray[np.int64]:
    """At most `points` of `size` indices, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, size - 1, min(size, points)).round().astype(np.int64))


def _rounded(values: npt.NDArray[Any]) -> list[float]:
    rounded: list[float] = np.round(values.astype(np.float64), 6).tolist()
    return rounded
