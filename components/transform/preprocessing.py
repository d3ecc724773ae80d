"""Transform: every raw feature imputed, scaled to 0-1 and packed into one vector.

One vector instead of one tensor per feature: four analyzers in all, whatever the number of features.
"""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

VECTOR = "features"
# What the training split shows of each feature, the same for every row: see `preprocessing_fn`.
LOW, HIGH, MEAN = "training_min", "training_max", "training_mean"


def feature_names(columns: Any, label: str) -> list[str]:
    """The order of the features in the vector: by name, so that it never depends on the order of the file.

    Args:
        columns: the names of all columns of the examples, in any order.
        label: the name of the label's column.
    """
    return sorted(set(columns) - {label})


def preprocessing_fn(inputs: dict[str, tf.Tensor], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Scales the raw features by what the training split shows.

    Missing values (NaN) become the training mean; then x -> (x - min) / (max - min), clipped to 0-1 because rows
    that were not in the training split may lie outside of it. A column with one value, or with none, becomes 0.

    Args:
        inputs: a float32 tensor [batch] or [batch, 1] for each feature; other columns are ignored.
        custom_config: `label`, the name of the label's column.

    Returns:
        `features`: float32 [batch, n_features], finite, between 0 and 1, in the order of `feature_names`; and, of the
        same shape, `training_min`, `training_max` and `training_mean`, which nothing computes unless it is asked for.
    """
    names = feature_names(inputs, custom_config["label"])
    columns = [tf.reshape(inputs[name], [-1]) for name in names]
    # float64: the sums of many rows, and max - min of large values, would lose digits or overflow in float32.
    raw = tf.cast(tf.stack(columns, axis=1), tf.float64)
    missing = tf.math.is_nan(raw)
    infinity = tf.constant(float("inf"), tf.float64)
    total = tft.sum(tf.where(missing, tf.zeros_like(raw), raw), reduce_instance_dims=False)
    count = tft.sum(tf.cast(~missing, tf.float64), reduce_instance_dims=False)
    low = tft.min(tf.where(missing, infinity, raw), reduce_instance_dims=False)
    high = tft.max(tf.where(missing, -infinity, raw), reduce_instance_dims=False)
    varies = high > low
    width = tf.where(varies, high - low, tf.ones_like(high))
    mean = tf.math.divide_no_nan(total, count)
    imputed = tf.where(missing, mean, raw)
    scaled = tf.where(varies, (imputed - low) / width, tf.zeros_like(raw))
    outputs = {VECTOR: tf.clip_by_value(scaled, 0.0, 1.0)}
    shown = {LOW: low, HIGH: high, MEAN: mean}
    outputs |= {name: tf.zeros_like(raw) + values for name, values in shown.items()}
    return {name: tf.cast(values, tf.float32) for name, values in outputs.items()}
