"""The SavedModel: the Transform graph and the network as one, so that what is scored is what is served."""

import itertools
import keyword
import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components.transform import VECTOR, feature_names


class Servable(tf.Module):  # type: ignore[misc]
    """From raw features to the probability of the label 1."""

    def __init__(self, model: keras.Model, transform: tft.TFTransformOutput, label: str) -> None:
        super().__init__()
        self.model = model
        self.transform = transform.transform_features_layer()
        spec = transform.raw_feature_spec()
        # What stands for a feature that an example lacks: missing, as NaN does.
        self._spec = {
            name: tf.io.FixedLenFeature(
                spec[name].shape, tf.float32, np.full(spec[name].shape, np.nan, np.float32)
            )
            for name in feature_names(spec, label)
        }

    def signatures(self) -> dict[str, Any]:
        """`serving_examples` takes serialized tf.Examples, `serving_default` each raw feature by name.

        Both take [batch], and return `probability`, float32 [batch, 1] and [batch].
        """

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
        def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probability": self._probability(tf.io.parse_example(examples, self._spec))}

        by_name = {
            name: tf.TensorSpec([None], tf.float32, name=given)
            for name, given in zip(self._spec, input_names(list(self._spec)), strict=True)
        }

        @tf.function(input_signature=[by_name])  # type: ignore[untyped-decorator]
        def serving_default(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            shaped = {name: tf.reshape(raw[name], [-1, *self._spec[name].shape]) for name in self._spec}
            return {"probability": tf.reshape(self._probability(shaped), [-1])}

        return {"serving_examples": serving_examples, "serving_default": serving_default}

    def _probability(self, raw: dict[str, tf.Tensor]) -> tf.Tensor:
        return self.model(self.transform(raw)[VECTOR], training=False)


def input_names(features: Sequence[str]) -> list[str]:
    """The name of each feature among the inputs of `serving_default`: its own where TensorFlow can carry it.

    What is not an ASCII letter, a digit or `_` becomes `_`; a name that would not begin with a letter, or that Python
    keeps for itself (`class`), gets `f_` before it, and one that is taken already a number behind it: `total day
    minutes` is `total_day_minutes`.

    Args:
        features: the features' own names, all different.

    Returns:
        As many names, all different, in the same order.
    """
    given: dict[str, str] = {}
    taken: set[str] = set()  # in lower case: TensorFlow tells inputs apart without regard to case
    # What can keep its name comes first, so that no changed name takes it away.
    for feature in features:
        if _plain(feature) == feature and feature.lower() not in taken:
            given[feature] = feature
            taken.add(feature.lower())
    for feature in (feature for feature in features if feature not in given):
        plain = _plain(feature)
        candidates = itertools.chain([plain], (f"{plain}_{number}" for number in itertools.count(2)))
        given[feature] = next(name for name in candidates if name.lower() not in taken)
        taken.add(given[feature].lower())
    return [given[feature] for feature in features]


def _plain(feature: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]", "_", feature)
    # TensorFlow makes the inputs parameters of a method.
    reserved = keyword.iskeyword(plain) or plain == "self"
    return plain if plain[:1].isalpha() and not reserved else f"f_{plain}"


def export(model: keras.Model, transform: tft.TFTransformOutput, label: str, path: str) -> None:
    """Writes the SavedModel to `path`; it loads wherever TensorFlow does, without this package."""
    servable = Servable(model, transform, label)
    tf.saved_model.save(servable, path, signatures=servable.signatures())
