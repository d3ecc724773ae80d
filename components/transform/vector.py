"""Puts the outputs of Transform together to the vector that the networks read, and reads the scaling from its graph.

Every reader of transformed rows uses this module: the trainers, the Tuner, the study and the exported model.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from components.common.scaling_record import FeatureCategories, FeatureScaling, ScalingRecord

# The outputs of Transform: see `components.transform.preprocessing.preprocessing_fn`.
VECTOR, MISSING, HAS_INDICATOR = "features", "missing", "has_missing_indicator"
CATEGORY, CATEGORY_TEXTS, CATEGORY_COUNTS = "category", "category_texts", "category_counts"
# The fields of `FeatureScaling` by the name of the output, each the same for every row.
SCALING = {
    "training_min": "min",
    "training_max": "max",
    "training_mean": "mean",
    "clip_low": "low",
    "clip_high": "high",
    "imputed_value": "imputed",
}


class FeatureNames(NamedTuple):
    """The names of the features, each kind in alphabetical order, so that the order of the table does not matter."""

    numeric: list[str]
    categorical: list[str]


def features_by_kind(columns: Mapping[str, Any], label: str, weight: str | None = None) -> FeatureNames:
    """Returns the features: those of the type string are categorical, all others are numeric.

    Args:
        columns: all columns of the examples, each with its `dtype`: tensors, or a feature spec.
        label: the name of the label's column.
        weight: the name of the weight column, if there is one.
    """
    names = sorted(set(columns) - {label, weight})
    return FeatureNames(
        [name for name in names if columns[name].dtype != tf.string],
        [name for name in names if columns[name].dtype == tf.string],
    )


class VectorLayout(NamedTuple):
    """The columns of the vector: scaled numbers, the missing indicators of some of them, and then the categories.

    Attributes:
        names: the names of all columns, in their order, all different. An indicator is named after its feature: "age
            missing"; a category is too: "color=red", "color missing", "color other".
        features: for each column, the feature that a report lists it as: a categorical feature has several columns; an
            indicator is listed on its own.
        indicated: the indices of the numeric features that have an indicator, ascending.
        categories: of each categorical feature, how many categories it has, and whether other texts have a column.
    """

    names: tuple[str, ...]
    features: tuple[str, ...]
    indicated: tuple[int, ...]
    categories: tuple[tuple[int, bool], ...] = ()

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.names)

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """The number of the feature of each column, from 0; the columns of a feature are neighbours."""
        numbers = {feature: number for number, feature in enumerate(dict.fromkeys(self.features))}
        return np.array([numbers[feature] for feature in self.features], np.int64)

    def assemble(self, outputs: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns the vectors, float32 [batch, width], from the outputs of Transform's graph."""
        parts = [outputs[VECTOR]] if VECTOR in outputs else []
        if self.indicated:
            parts.append(tf.gather(outputs[MISSING], self.indicated, axis=1))
        for index, (size, has_other) in enumerate(self.categories):
            # Every other text has a number above those of the categories; without a column of its own, all are 0.
            number = tf.minimum(outputs[CATEGORY][:, index], size)
            parts.append(tf.one_hot(number, size + has_other))
        return tf.concat(parts, axis=1) if len(parts) > 1 else parts[0]


def vector_layout(
    features: Sequence[str],
    indicated: Sequence[int],
    categories: Mapping[str, FeatureCategories] | None = None,
) -> VectorLayout:
    """Names the columns of the vector.

    >>> vector_layout(["age", "income"], [0]).names
    ('age', 'income', 'age missing')

    Args:
        features: the names of the numeric features, in the order of the vector.
        indicated: the indices of those that have an indicator.
        categories: the categories of each categorical feature, in the order of the vector.
    """
    names, listed = list(features), list(features)

    def append(name: str, suffix: str, feature: str | None = None) -> None:
        while name in names:  # a feature may have this name
            name += f" ({suffix})"
        names.append(name)
        listed.append(feature or name)

    for index in indicated:
        append(f"{features[index]} missing", "indicator")
    for feature, found in (categories or {}).items():
        for column in found.columns(feature):
            append(column, "category", feature)
    return VectorLayout(
        tuple(names),
        tuple(listed),
        tuple(indicated),
        tuple((found.size, found.has_other) for found in (categories or {}).values()),
    )


def read_layout(transform: tft.TFTransformOutput, label: str, weight: str | None = None) -> VectorLayout:
    """Reads from the graph of Transform which features have an indicator; the arguments are those of `read_scaling`."""
    names, constants = _read_constants(transform, label, weight)
    flags = constants[HAS_INDICATOR] if names.numeric else []
    return vector_layout(names.numeric, np.flatnonzero(flags).tolist(), _categories(names, constants))


def read_scaling(transform: tft.TFTransformOutput, label: str, weight: str | None = None) -> ScalingRecord:
    """Reads the scaling from the graph of Transform, so it is that of the exported model.

    Args:
        transform: the output of the Transform step.
        label: the name of the label's column.
        weight: the name of the weight column, if there is one.
    """
    names, constants = _read_constants(transform, label, weight)
    columns = zip(*(constants[output] for output in SCALING), strict=True) if names.numeric else ()
    return ScalingRecord(
        features={
            name: FeatureScaling(**dict(zip(SCALING.values(), values, strict=True)))
            if all(map(math.isfinite, values))
            else FeatureScaling()
            for name, values in zip(names.numeric, columns, strict=True)
        },
        categories=_categories(names, constants),
    )


def _categories(names: FeatureNames, constants: Mapping[str, list[Any]]) -> dict[str, FeatureCategories]:
    if not names.categorical:
        return {}
    texts, counts = constants[CATEGORY_TEXTS], constants[CATEGORY_COUNTS]
    found = {}
    for name, of_feature, (*own, other) in zip(names.categorical, texts, counts, strict=True):
        rows = {text.decode(): count for text, count in zip(of_feature, own, strict=True) if count}
        found[name] = FeatureCategories(missing_rows=rows.pop("", 0), rows=rows, other_rows=other)
    return found


def missing_values(spec: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Returns the value that means missing, of the shape in the feature spec, for each of the named features."""
    return {
        name: np.full(spec[name].shape, b"", object)
        if spec[name].dtype == tf.string
        else np.full(spec[name].shape, np.nan, np.float32)
        for name in names
    }


def _read_constants(
    transform: tft.TFTransformOutput, label: str, weight: str | None
) -> tuple[FeatureNames, dict[str, list[Any]]]:
    """Returns the features, and the values of all outputs in a row without values."""
    spec = transform.raw_feature_spec()
    names = features_by_kind(spec, label, weight)
    missing = missing_values(spec, [*names.numeric, *names.categorical])
    row = transform.transform_features_layer()(
        {name: tf.constant(value[None], spec[name].dtype) for name, value in missing.items()}
    )
    return names, {output: values[0].numpy().tolist() for output, values in row.items()}
