"""The SavedModel: the Transform graph and the network as one, so that what is scored is what is served."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components.saved_model.input_names import input_names
from components.transform.preprocessing import VECTOR, feature_names

CLASSIFY = "classify"


def export(
    model: keras.Model,
    transform: tft.TFTransformOutput,
    label: str,
    path: str,
    classes: tuple[str, str] = ("0", "1"),
) -> None:
    """Writes the SavedModel to `path`; it loads wherever TensorFlow does, without this package.

    Processes that do the same write the same bytes; in another one, the names of functions may hold other numbers.

    Args:
        model: as `build_model` made it.
        transform: the output of the Transform step.
        label: the name of the label's column.
        path: a folder; made if it is not there.
        classes: what the signature `classify` calls the label's 0 and 1.
    """
    module = tf.Module()
    # A server restores in a session what the checkpoint tracks. Through the Keras model that would be copies, which
    # Keras makes for each of its variables, and the graph would read what nobody restored. The Transform graph has
    # constants only; tracked, its layer would be saved a second time as a Keras model.
    module.weights = [weight.value for weight in model.weights]
    tf.saved_model.save(module, path, signatures=signatures(model, transform, label, classes))
    # tf.saved_model.save knows no method but predict; TF Serving classifies only through a signature of this one.
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(path)
    updater.replace_method_name(CLASSIFY, tf.saved_model.CLASSIFY_METHOD_NAME)
    updater.save()
    # The checksum of the file before that change, and a random number.
    tf.io.gfile.remove(f"{path}/fingerprint.pb")


def signatures(
    model: keras.Model, transform: tft.TFTransformOutput, label: str, classes: tuple[str, str]
) -> dict[str, Any]:
    """The three ways to ask the model for a batch of rows; the arguments are those of `export`.

    Returns:
        `serving_default`: each raw feature by its name in `input_names`, float32 [batch], to `probability` [batch].
        `serving_examples`: `examples`, serialized tf.Examples, string [batch], to `probability` [batch, 1].
        `classify`: of TF Serving's classification API. `inputs`, as `examples` above, to `classes`, string [batch, 2],
        and their `scores`, float32 [batch, 2], in the order 0, 1.

        NaN is a missing value; in an example a feature may also be absent. `probability` is that of the label 1.
    """
    raw_spec = transform.raw_feature_spec()
    features = feature_names(raw_spec, label)
    shapes = {name: raw_spec[name].shape for name in features}
    spec = {
        name: tf.io.FixedLenFeature(shape, tf.float32, np.full(shape, np.nan, np.float32))
        for name, shape in shapes.items()
    }
    layer = transform.transform_features_layer()
    serialized = tf.TensorSpec([None], tf.string)
    named = {
        name: tf.TensorSpec([None], tf.float32, name=given)
        for name, given in zip(features, input_names(features), strict=True)
    }

    def probability(raw: dict[str, tf.Tensor]) -> tf.Tensor:
        return model(layer(raw)[VECTOR], training=False)

    # Nothing here is for AutoGraph to translate, and looking for it takes most of the time of an export.
    @tf.function(input_signature=[serialized], autograph=False)  # type: ignore[untyped-decorator]
    def of_examples(examples: tf.Tensor) -> tf.Tensor:
        return probability(tf.io.parse_example(examples, spec))

    @tf.function(input_signature=[named], autograph=False)  # type: ignore[untyped-decorator]
    def serving_default(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        shaped = {name: tf.reshape(raw[name], [-1, *shape]) for name, shape in shapes.items()}
        return {"probability": tf.reshape(probability(shaped), [-1])}

    @tf.function(input_signature=[serialized], autograph=False)  # type: ignore[untyped-decorator]
    def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probability": of_examples(examples)}

    @tf.function(input_signature=[serialized], autograph=False)  # type: ignore[untyped-decorator]
    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        positive = of_examples(inputs)
        return {
            tf.saved_model.CLASSIFY_OUTPUT_CLASSES: tf.repeat(
                tf.constant([classes]), tf.shape(positive)[0], 0
            ),
            tf.saved_model.CLASSIFY_OUTPUT_SCORES: tf.concat([1 - positive, positive], axis=1),
        }

    return {"serving_default": serving_default, "serving_examples": serving_examples, CLASSIFY: classify}
