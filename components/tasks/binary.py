"""Binary classification: the label has two values, and the output is the probability of the one that counts as 1."""

import math
from typing import TYPE_CHECKING, Any

from components.tasks.task import AtMargins, Loss, Output, Task, TaskMetric

if TYPE_CHECKING:
    from components.tasks.task import Floats


def _log_losses(labels: Any, probability: Any) -> Any:
    """Returns the log loss of each row; the labels need not have the leading axes of the probabilities."""
    import keras
    import tensorflow as tf

    return keras.losses.binary_crossentropy(tf.broadcast_to(labels, tf.shape(probability)), probability)


def _hits(labels: Any, probability: Any) -> Any:
    """Returns 1 for each row that is classified correctly at a threshold of 0.5, otherwise 0."""
    import tensorflow as tf

    return tf.cast((probability > 0.5) == (labels > 0.5), tf.float64)


def _at_margins(labels: "Floats", margins: "Floats") -> AtMargins:
    """Returns log(1 + exp(-margin)) for the label 1 and log(1 + exp(margin)) for the label 0, without overflow."""
    import numpy as np

    probability = np.exp(-np.logaddexp(0, -margins))
    return AtMargins(
        losses=np.logaddexp(0, margins) - labels * margins,
        slopes=probability - labels,
        curvatures=probability * (1 - probability),
        further=((margins > 0) == (labels > 0.5)).astype(np.float64),
    )


LOG_LOSS = Loss(
    name="log_loss",
    label="log loss",
    output=Output(name="probability", activation="sigmoid", range=(0, 1)),
    of_rows=_log_losses,
    unit="in nats",
    further_metric="accuracy",
    further_unit="share of rows predicted correctly",
    further_of_rows=_hits,
    at_margins=_at_margins,
)
BINARY = Task(
    name="binary",
    losses=(LOG_LOSS,),
    metrics=(
        TaskMetric(name="auc", label="AUC", limit="min_auc", tolerance="max_auc_drop"),
        TaskMetric(name="pr_auc", label="PR-AUC", limit="min_pr_auc"),
        TaskMetric(
            name="log_loss",
            label="log loss",
            lower_is_better=True,
            unit="nats",
            range=(0.0, math.inf),
            tolerance="max_log_loss_rise",
        ),
        TaskMetric(name="brier", label="Brier score", lower_is_better=True, limit="max_brier"),
        TaskMetric(name="accuracy", label="accuracy"),
        TaskMetric(
            name="calibration_error",
            label="calibration error",
            lower_is_better=True,
            limit="max_calibration_error",
        ),
        TaskMetric(name="precision", label="precision", has_interval=False),
        TaskMetric(name="recall", label="recall", has_interval=False),
    ),
    loss="log_loss",
    score="auc",
    label_is_class=True,
    has_positive=True,
    no_features="base rate",
    no_features_means="the share of positive rows in the training split as the probability of each row",
    no_features_metrics=("log_loss", "brier", "pr_auc"),
    plots=("roc", "precision_recall", "calibration", "confusion"),
    signature="classify",
    predicts="The probability that {label!r} is {positive!r}",
    linear_model="logistic regression",
    keys=frozenset({"training.class_weight", "evaluation.min_positives", "evaluation.operating_point"}),
)
