"""Puts the outputs of Transform together to the vector that the networks read, and reads the scaling from its graph.

Every reader of transformed rows uses this module: the trainers, the Tuner, the study and the exported model.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components.common.scaling_record import FeatureScaling, ScalingRecord

# The outputs of Transform: see `components.transform.preprocessing.preprocessing_fn`.
VECTOR, MISSING, HAS_INDICATOR = "features", "missing", "has_missing_indicator"
# The fields of `FeatureScaling` by the name of the output, each the same for every row.
SCALING = {
    "training_min": "min",
    "training_max": "max",
    "training_mean": "mean",
    "clip_low": "low",
    "clip_high": "high",
    "imputed_value": "imputed",
}


def feature_names(columns: Any, label: str, weight: str | None = None) -> list[str]:
    """Returns the features in the order of the vector: by name, so that the order of the columns does not matter.

    Args:
        columns: the names of all columns of the examples, in any order.
        label: the name of the label's column.
        weight: the name of the weight column, if there is one.
    """
    return sorted(set(columns) - {label, weight})


class VectorLayout(NamedTuple):
    """The columns of the vector: the scaled features, then the missing indicators of some of them.

    Attributes:
        names: the names of all columns, in their order; an indicator is named after its feature: "age missing".
        indicated: the indices of the features that have an indicator, ascending.
    """

    names: tuple[str, ...]
    indicated: tuple[int, ...]

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.names)

    def assemble(self, outputs: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns the vectors, float32 [batch, width], from the outputs of Transform's graph."""
        if not self.indicated:
            return outputs[VECTOR]
        return tf.concat([outputs[VECTOR], tf.gather(outputs[MISSING], self.indicated, axis=1)], axis=1)


def vector_layout(features: Sequence[str], indicated: Sequence[int]) -> VectorLayout:
    """Names the columns of the vector.

    >>> vector_layout(["age", "income"], [0]).names
    ('age', 'income', 'age missing')

    Args:
        features: the names of the features, in the order of the vector.
        indicated: the indices of the features that have an indicator.
    """
    names = list(features)
    for index in indicated:
        name = f"{features[index]} missing"
        while name in names:  # a feature may have this name
            name += " (indicator)"
        names.append(name)
    return VectorLayout(tuple(names), tuple(indicated))


def read_layout(transform: tft.TFTransformOutput, label: str, weight: str | None = None) -> VectorLayout:
    """Reads from the graph of Transform which features have an indicator; the arguments are those of `read_scaling`."""
    features, (flags,) = _read_constants(transform, [HAS_INDICATOR], label, weight)
    return vector_layout(features, np.flatnonzero(flags).tolist())


def read_scaling(transform: tft.TFTransformOutput, label: str, weight: str | None = None) -> ScalingRecord:
    """Reads the scaling from the graph of Transform, so it is that of the exported model.

    Args:
        transform: the output of the Transform step.
        label: the name of the label's column.
        weight: the name of the weight column, if there is one.
    """
    features, constants = _read_constants(transform, list(SCALING), label, weight)
    return ScalingRecord(
        features={
            name: FeatureScaling(**dict(zip(SCALING.values(), values, strict=True)))
            if all(map(math.isfinite, values))
            else FeatureScaling()
            for name, values in zip(features, zip(*constants, strict=True), strict=True)
        }
    )


def _read_constants(
    transform: tft.TFTransformOutput, outputs: list[str], label: str, weight: str | None
) -> tuple[list[str], list[list[float]]]:
    """Returns the features, and the values of each output, which are the same for every row."""
    spec = transform.raw_feature_spec()
    features = feature_names(spec, label, weight)
    missing = {name: tf.fill([1, *spec[name].shape], np.float32(np.nan)) for name in features}
    row = transform.transform_features_layer()(missing)
    return features, [row[output][0].numpy().tolist() for output in outputs]
