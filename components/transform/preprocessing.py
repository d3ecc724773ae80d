"""Transform: imputes every raw feature, scales it to 0-1 and packs all of them into one vector.

With one vector instead of one tensor per feature, four analyzers are enough for any number of features.
"""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

VECTOR = "features"
# Statistics of each feature in the training split, the same for every row: see `preprocessing_fn`.
LOW, HIGH, MEAN = "training_min", "training_max", "training_mean"


def feature_names(columns: Any, label: str) -> list[str]:
    """Returns the features in the order of the vector: by name, so that the order of the columns does not matter.

    Args:
        columns: the names of all columns of the examples, in any order.
        label: the name of the label's column.
    """
    return sorted(set(columns) - {label})


def preprocessing_fn(inputs: dict[str, tf.Tensor], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Scales the raw features by their ranges in the training split.

    Missing values (NaN) are replaced by the training mean; then x -> (x - min) / (max - min), clipped to 0-1 because
    other rows may have values outside of the training range. A column without two different values becomes 0.

    Args:
        inputs: a float32 tensor [batch] or [batch, 1] for each feature; other columns are ignored.
        custom_config: `label`, the name of the label's column.

    Returns:
        `features`: float32 [batch, n_features], finite, between 0 and 1, in the order of `feature_names`; and, of the
        same shape, `training_min`, `training_max` and `training_mean`, which are computed only where they are used.
    """
    names = feature_names(inputs, custom_config["label"])
    columns = [tf.reshape(inputs[name], [-1]) for name in names]
    # float64: in float32, sums of many rows and max - min of large values would lose digits or overflow.
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
