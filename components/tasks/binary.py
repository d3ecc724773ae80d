"""Binary classification: the label has two values, and the output is the probability of the one that counts as 1."""

from typing import Any

import numpy as np

from components.tasks.task import AtMargins, Floats, Loss, Output, Task, TaskMetric


def _log_losses(labels: Any, probability: Any) -> Any:
    """Returns the log loss of each row; the labels need not have the leading axes of the probabilities."""
    import keras
    import tensorflow as tf

    return keras.losses.binary_crossentropy(tf.broadcast_to(labels, tf.shape(probability)), probability)


def _hits(labels: Any, probability: Any) -> Any:
    """Returns 1 for each row that is classified correctly at a threshold of 0.5, otherwise 0."""
    import tensorflow as tf

    return tf.cast((probability > 0.5) == (labels > 0.5), tf.float64)


def _at_margins(labels: Floats, margins: Floats) -> AtMargins:
    """Returns log(1 + exp(-margin)) for the label 1 and log(1 + exp(margin)) for the label 0, without overflow."""
    probability = np.exp(-np.logaddexp(0, -margins))
    return AtMargins(
        losses=np.logaddexp(0, margins) - labels * margins,
        slopes=probability - labels,
        curvatures=probability * (1 - probability),
        further=((margins > 0) == (labels > 0.5)).astype(np.float64),
    )


LOG_LOSS = Loss(
    name="log_loss",
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
        TaskMetric(name="auc"),
        TaskMetric(name="pr_auc"),
        TaskMetric(name="log_loss", lower_is_better=True),
        TaskMetric(name="brier", lower_is_better=True),
        TaskMetric(name="accuracy"),
        TaskMetric(name="calibration_error", lower_is_better=True),
    ),
    loss="log_loss",
    signature="classify",
    predicts="The probability that {label!r} is {positive!r}",
    linear_model="logistic regression",
    keys=frozenset({"training.class_weight"}),
)
