"""Names the outputs of Transform, and reads the scaling from its graph, for all that use the transformed rows."""

import math
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components.common.scaling_record import FeatureScaling, ScalingRecord

VECTOR = "features"
# The fields of `FeatureScaling` by the name of the output, each the same for every row.
SCALING = {
    "training_min": "min",
    "training_max": "max",
    "training_mean": "mean",
    "clip_low": "low",
    "clip_high": "high",
    "imputed_value": "imputed",
}


def feature_names(columns: Any, label: str) -> list[str]:
    """Returns the features in the order of the vector: by name, so that the order of the columns does not matter.

    Args:
        columns: the names of all columns of the examples, in any order.
        label: the name of the label's column.
    """
    return sorted(set(columns) - {label})


def read_scaling(transform: tft.TFTransformOutput, label: str) -> ScalingRecord:
    """Reads the scaling from the graph of Transform, so it is that of the exported model.

    Args:
        transform: the output of the Transform step.
        label: the name of the label's column.
    """
    spec = transform.raw_feature_spec()
    features = feature_names(spec, label)
    missing = {name: tf.fill([1, *spec[name].shape], np.float32(np.nan)) for name in features}
    outputs = transform.transform_features_layer()(missing)
    columns = zip(*(outputs[output][0].numpy().tolist() for output in SCALING), strict=True)
    return ScalingRecord(
        features={
            name: FeatureScaling(**dict(zip(SCALING.values(), values, strict=True)))
            if all(map(math.isfinite, values))
            else FeatureScaling()
            for name, values in zip(features, columns, strict=True)
        }
    )
