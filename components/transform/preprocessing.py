"""Transform: imputes every numeric feature, scales it to 0-1 and packs all of them into one vector.

Of categorical features it finds the categories. With one vector instead of one tensor per feature, four analyzers are
enough for any number of numeric features, and one for all categorical ones.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from components.transform.categories import categorize
from components.transform.clipping import estimate_bounds
from components.transform.vector import (
    CATEGORY,
    CATEGORY_COUNTS,
    CATEGORY_TEXTS,
    HAS_INDICATOR,
    MISSING,
    VECTOR,
    features_by_kind,
)

# A feature has a missing indicator if more than this share of its values in the training split is missing.
INDICATOR_SHARE = 0.01


def preprocessing_fn(inputs: dict[str, tf.Tensor], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Scales the numeric features and numbers the categories of the others, by their values in the training split.

    The categories of a feature are its most frequent texts in the training split, and missing values if they are
    frequent enough; see `components.transform.categories`. `components.transform.vector` makes a 0-1 column of each.

    Missing numbers (NaN) are replaced; then x -> (x - low) / (high - low), clipped to 0-1. With the scaling `min_max`,
    low and high are the minimum and the maximum of the training split, and missing values become its mean. With
    `clipped_min_max`, low and high are not beyond the bounds that `components.transform.clipping` estimates; in a
    column with values beyond them, missing values become the mean of the clipped values. So a few extreme values change
    neither the scale of the others nor the imputed value. A column without two different values becomes 0.

    With a weight column, a row of the integer weight n counts as n equal rows in the means, the bounds and the share of
    missing values. The minimum and the maximum do not depend on weights, which are greater than 0. The analyzers read
    the weights, but no output depends on them, so the exported model does not need them.

    Args:
        inputs: a tensor [batch] or [batch, 1] for each feature: float32, or string for a categorical one; and a float32
            tensor for the weight.
        custom_config: `label`, the name of the label's column; `weight`, that of the weight column, or None; and the
            values of data.scaling, data.missing_indicator, data.max_categories and data.min_category_count, each under
            the name of its key.

    Returns:
        Of the numeric features, if there are any: `features`, float32 [batch, n_features], finite, between 0 and 1, in
        alphabetical order; of the same
        shape `missing`: 1 for a missing value, else 0. `components.transform.vector` makes the vector from both,
        because the number of indicators is known only after the analysis, but the shapes of outputs before it.
        And, also of this shape, the same for every row, computed only where they are used: `has_missing_indicator`
        (1 for features of which more than 1% of the training rows are missing, but not all, else 0); `training_min`,
        `training_max` and `training_mean` of the training split as it is; `clip_low` and `clip_high`, which become 0
        and 1; and `imputed_value`.
        Of the categorical features, if there are any: `category`, int64 [batch, n_categorical], in alphabetical order,
        the number of the category; and, for the first row only, `category_texts` and `category_counts`, the attributes
        of `components.transform.categories.Categories`.
    """
    names = features_by_kind(inputs, custom_config["label"], custom_config["weight"])
    outputs: dict[str, tf.Tensor] = {}
    if names.numeric:
        outputs |= _scale(_columns(inputs, names.numeric), inputs, custom_config)
    if names.categorical:
        texts = _columns(inputs, names.categorical)
        numbers, categories = categorize(
            texts, custom_config["max_categories"], custom_config["min_category_count"]
        )
        batch = tf.shape(texts[0])
        outputs |= {
            CATEGORY: numbers,
            CATEGORY_TEXTS: _for_first_row(categories.texts, batch),
            CATEGORY_COUNTS: _for_first_row(categories.counts, batch),
        }
    return outputs


def _columns(inputs: dict[str, tf.Tensor], names: Sequence[str]) -> list[tf.Tensor]:
    return [tf.reshape(inputs[name], [-1]) for name in names]


def _for_first_row(values: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    # Copies for all rows, which tf.data would make although no one uses them, take most of the time of reading.
    return tf.tile(values[None], tf.concat([tf.minimum(batch, 1), [1, 1]], 0))


def _scale(
    columns: list[tf.Tensor], inputs: dict[str, tf.Tensor], custom_config: dict[str, Any]
) -> dict[str, tf.Tensor]:
    """Returns the outputs of the numeric features, which are given as columns, [batch] each."""
    weights = None
    if custom_config["weight"] is not None:
        weights = tf.reshape(tf.cast(inputs[custom_config["weight"]], tf.float64), [-1])
    stacked = tf.cast(tf.stack(columns, axis=1), tf.float32)
    # float64: in float32, sums of many rows and max - min of large values would lose digits or overflow.
    raw = tf.cast(stacked, tf.float64)
    missing = tf.math.is_nan(raw)
    infinity = tf.constant(float("inf"), tf.float64)
    summands = [
        tf.where(missing, tf.zeros_like(raw), raw),
        tf.cast(~missing, tf.float64),
        tf.cast(missing, tf.float64),
    ]
    summed = tf.stack(summands, axis=1)
    if weights is not None:
        summed *= weights[:, None, None]
    total, count, missing_count = tf.unstack(tft.sum(summed, reduce_instance_dims=False))
    low = tft.min(tf.where(missing, infinity, raw), reduce_instance_dims=False)
    high = tft.max(tf.where(missing, -infinity, raw), reduce_instance_dims=False)
    mean = tf.math.divide_no_nan(total, count)
    shown = {"training_min": low, "training_max": high, "training_mean": mean}
    imputed = mean
    if custom_config["scaling"] == "clipped_min_max":
        bounds = estimate_bounds(stacked, weights)
        clipped = (low < bounds.low) | (bounds.high < high)
        # The exact mean where nothing is clipped: that of the clipped values is the mean of a sample.
        imputed = tf.where(clipped, bounds.mean, mean)
        low, high = tf.maximum(low, bounds.low), tf.minimum(high, bounds.high)
    varies = high > low
    width = tf.where(varies, high - low, tf.ones_like(high))
    scaled = tf.where(varies, (tf.where(missing, imputed, raw) - low) / width, tf.zeros_like(raw))
    has_indicator = (missing_count > INDICATOR_SHARE * (count + missing_count)) & (count > 0)
    if custom_config["missing_indicator"] == "none":
        has_indicator = tf.zeros_like(has_indicator)
    outputs = {VECTOR: tf.clip_by_value(scaled, 0.0, 1.0), MISSING: missing}
    shown[HAS_INDICATOR] = tf.cast(has_indicator, tf.float64)
    shown |= {"clip_low": low, "clip_high": high, "imputed_value": imputed}
    outputs |= {name: tf.zeros_like(raw) + values for name, values in shown.items()}
    return {name: tf.cast(values, tf.float32) for name, values in outputs.items()}
