"""Multiclass classification: the label is one of several classes, and the outputs are the probabilities of each.

The labels are the numbers of the classes, from 0, in the order of their names.
"""

import math
from typing import Any

from components.tasks.task import Loss, Output, Task, TaskMetric

MAX_CLASSES = 100


def _cross_entropies(labels: Any, probabilities: Any) -> Any:
    """Returns -log of the probability of each row's class; the labels need not have the leading axes."""
    import keras
    import tensorflow as tf

    classes = tf.broadcast_to(labels[..., 0], tf.shape(probabilities)[:-1])
    return keras.losses.sparse_categorical_crossentropy(classes, probabilities)


def _hits(labels: Any, probabilities: Any) -> Any:
    """Returns 1 for each row whose class has the highest probability, otherwise 0."""
    import tensorflow as tf

    predicted = tf.cast(tf.argmax(probabilities, axis=-1)[..., None], tf.float32)
    return tf.cast(predicted == labels, tf.float64)


CROSS_ENTROPY = Loss(
    name="cross_entropy",
    label="cross-entropy",
    output=Output(name="probabilities", activation="softmax", range=(0, 1), per_class=True),
    of_rows=_cross_entropies,
    unit="in nats",
    further_metric="accuracy",
    further_unit="share of rows predicted correctly",
    further_of_rows=_hits,
    at_margins=None,
)
MULTICLASS = Task(
    name="multiclass",
    losses=(CROSS_ENTROPY,),
    metrics=(
        TaskMetric(
            name="cross_entropy",
            label="cross-entropy",
            lower_is_better=True,
            unit="nats",
            range=(0.0, math.inf),
            tolerance="max_cross_entropy_rise",
        ),
        TaskMetric(
            name="macro_auc", label="macro AUC", limit="min_macro_auc", tolerance="max_macro_auc_drop"
        ),
        TaskMetric(name="accuracy", label="accuracy", limit="min_accuracy"),
        TaskMetric(name="macro_f1", label="macro F1", limit="min_macro_f1"),
    ),
    loss="cross_entropy",
    score="macro_auc",
    label_is_class=True,
    has_positive=False,
    no_features="class shares",
    no_features_means="the share of each class in the training split as its probability for each row",
    no_features_metrics=("cross_entropy", "accuracy"),
    plots=("classes",),
    signature="classify",
    predicts="The class of {label!r}",
    linear_model="multinomial logistic regression",
    keys=frozenset(),
)
