"""The SavedModel: the Transform graph and the network as one, so that what is scored is what is served."""

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

        @tf.function(input_signature=[{name: tf.TensorSpec([None], tf.float32) for name in self._spec}])  # type: ignore[untyped-decorator]
        def serving_default(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            shaped = {name: tf.reshape(raw[name], [-1, *self._spec[name].shape]) for name in self._spec}
            return {"probability": tf.reshape(self._probability(shaped), [-1])}

        return {"serving_examples": serving_examples, "serving_default": serving_default}

    def _probability(self, raw: dict[str, tf.Tensor]) -> tf.Tensor:
        return self.model(self.transform(raw)[VECTOR], training=False)


def export(model: keras.Model, transform: tft.TFTransformOutput, label: str, path: str) -> None:
    """Writes the SavedModel to `path`; it loads wherever TensorFlow does, without this package."""
    servable = Servable(model, transform, label)
    tf.saved_model.save(servable, path, signatures=servable.signatures())
