"""The table of the metrics: the function of each name."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from components.evaluator.class_metrics import cross_entropies, cross_entropy, macro_auc, macro_f1
from components.evaluator.metrics import (
    Array,
    Floats,
    ScoredRows,
    accuracy,
    auc,
    average_precision,
    brier_score,
    calibration_error,
    example_count,
    log_loss,
    mae,
    precision,
    r2,
    recall,
    rmse,
    row_losses,
    squared_errors,
)


class RowLoss(NamedTuple):
    """A loss as a function of the mean over the rows.

    Attributes:
        of_rows: returns what the mean is taken of, float64 [rows], of labels, float32 [rows], and predictions.
        rise: returns by how much the loss rises if the mean rises, of the mean and its rise, float64 [...].
    """

    of_rows: Callable[[Array, Array], Floats]
    rise: Callable[[Floats, Floats], Floats]


ROW_LOSSES = {
    "log_loss": RowLoss(lambda labels, predictions: row_losses(labels, predictions)[0], lambda _, rise: rise),
    "rmse": RowLoss(squared_errors, lambda mean, rise: np.sqrt(mean + rise) - np.sqrt(mean)),
    "cross_entropy": RowLoss(cross_entropies, lambda _, rise: rise),
}
METRIC_FUNCTIONS: dict[str, Callable[[ScoredRows], float]] = {
    "auc": auc,
    "pr_auc": average_precision,
    "log_loss": log_loss,
    "brier": brier_score,
    "accuracy": accuracy,
    "calibration_error": calibration_error,
    "precision": precision,
    "recall": recall,
    "rmse": rmse,
    "mae": mae,
    "r2": r2,
    "cross_entropy": cross_entropy,
    "macro_auc": macro_auc,
    "macro_f1": macro_f1,
    "example_count": example_count,
}
