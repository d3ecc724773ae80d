"""Regression: the label is a number, and the output is its predicted value.

The networks are trained on the label minus its mean, divided by its standard deviation, both of the training split. So
losses and strengths do not depend on the unit of the label. After the training the output layer is multiplied and
shifted back (see `components.training.objective`), so the exported models predict the label itself.
"""

import math
from typing import TYPE_CHECKING, Any

from components.tasks.task import AtMargins, Loss, Output, Task, TaskMetric

if TYPE_CHECKING:
    from components.tasks.task import Floats

# In standard deviations of the label: beyond it, the Huber loss grows only linearly.
HUBER_DELTA = 1.0


def _squares(labels: Any, predictions: Any) -> Any:
    import tensorflow as tf

    return tf.square(predictions - labels)[..., 0]


def _huber_losses(labels: Any, predictions: Any) -> Any:
    """Returns r ** 2 / 2 for residuals r up to HUBER_DELTA, beyond that a line with the same slope (Huber, 1964)."""
    import tensorflow as tf

    size = tf.abs(predictions - labels)[..., 0]
    inner = tf.minimum(size, HUBER_DELTA)
    return inner * (size - inner / 2)


def _absolute_errors(labels: Any, predictions: Any) -> Any:
    import tensorflow as tf

    return tf.cast(tf.abs(predictions - labels), tf.float64)


def _squares_at_margins(labels: "Floats", margins: "Floats") -> AtMargins:
    import numpy as np

    residuals = margins - labels
    return AtMargins(
        losses=np.square(residuals),
        slopes=2 * residuals,
        curvatures=np.full(residuals.shape, 2.0),
        further=np.abs(residuals),
    )


def _huber_at_margins(labels: "Floats", margins: "Floats") -> AtMargins:
    """Returns slope / residual as the curvature: the second derivative is 0 for large residuals.

    A parabola with this curvature touches the loss at the residual and is nowhere below it, so each step lowers the
    loss: iteratively reweighted least squares (Holland and Welsch, 1977).
    """
    import numpy as np

    residuals = margins - labels
    size = np.abs(residuals)
    inner = np.minimum(size, HUBER_DELTA)
    return AtMargins(
        losses=inner * (size - inner / 2),
        slopes=np.clip(residuals, -HUBER_DELTA, HUBER_DELTA),
        curvatures=HUBER_DELTA / np.maximum(size, HUBER_DELTA),
        further=size,
    )


_OUTPUT = Output(name="prediction", activation="linear", range=None, is_scaled=True)
SQUARED_ERROR = Loss(
    name="mse",
    label="MSE",
    output=_OUTPUT,
    of_rows=_squares,
    unit="of the scaled label",
    further_metric="mae",
    further_unit="mean absolute error, in standard deviations of the label",
    further_of_rows=_absolute_errors,
    at_margins=_squares_at_margins,
)
HUBER = Loss(
    name="huber",
    label="Huber loss",
    output=_OUTPUT,
    of_rows=_huber_losses,
    unit="of the scaled label",
    further_metric="mae",
    further_unit="mean absolute error, in standard deviations of the label",
    further_of_rows=_absolute_errors,
    at_margins=_huber_at_margins,
)
REGRESSION = Task(
    name="regression",
    losses=(SQUARED_ERROR, HUBER),
    metrics=(
        TaskMetric(
            name="rmse",
            label="RMSE",
            lower_is_better=True,
            range=(0.0, math.inf),
            limit="max_rmse",
            tolerance="max_rmse_rise",
        ),
        TaskMetric(name="mae", label="MAE", lower_is_better=True, range=(0.0, math.inf), limit="max_mae"),
        TaskMetric(name="r2", label="R2", range=(-math.inf, 1.0), limit="min_r2"),
    ),
    loss="rmse",
    score="r2",
    label_is_class=False,
    has_positive=False,
    no_features="mean label",
    no_features_means="the mean of the label in the training split as the prediction of each row",
    no_features_metrics=("rmse", "mae"),
    plots=("fit", "residuals"),
    signature="regress",
    predicts="The value of {label!r}",
    linear_model="linear regression",
    keys=frozenset(),
)
