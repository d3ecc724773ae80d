"""Exports the Transform graph and the network as one SavedModel, so that the model that is scored is the one served."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow.core.protobuf import saved_model_pb2

from components.common import storage
from components.saved_model.input_names import input_names
from components.saved_model.stable_names import stabilize_names
from components.transform.vector import features_by_kind, missing_values, read_layout

CLASSIFY = "classify"


def export(
    model: keras.Model,
    transform: tft.TFTransformOutput,
    label: str,
    path: str,
    classes: tuple[str, str] = ("0", "1"),
    weight: str | None = None,
) -> None:
    """Writes a SavedModel that needs only TensorFlow to load, not this package.

    The same weights and the same Transform graph give the same bytes, no matter what else the process has traced.

    Args:
        model: a network that `build_model` returned.
        transform: the output of the Transform step.
        label: the name of the label column.
        path: the folder to write to; created if it does not exist.
        classes: the names of the label's values 0 and 1 in the signature `classify`.
        weight: the name of the weight column, if there is one; the model does not read it.
    """
    module = tf.Module()
    # A server restores the tracked variables in a session. If the Keras model were tracked, these would be copies that
    # Keras makes of its variables, and the graph would read variables that were not restored. The Transform graph has
    # only constants; if its layer were tracked, it would be saved a second time as a Keras model.
    module.weights = [weight.value for weight in model.weights]
    tf.saved_model.save(module, path, signatures=signatures(model, transform, label, classes, weight))
    file = f"{path}/saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(storage.read(file))
    for meta_graph in saved.meta_graphs:
        # tf.saved_model.save supports only the method predict; TF Serving classifies only through this one.
        meta_graph.signature_def[CLASSIFY].method_name = tf.saved_model.CLASSIFY_METHOD_NAME
        stabilize_names(meta_graph)
    storage.write(file, saved.SerializeToString(deterministic=True))
    # The fingerprint contains a random number, and the checksum of the file before it was changed.
    tf.io.gfile.remove(f"{path}/fingerprint.pb")


def signatures(
    model: keras.Model,
    transform: tft.TFTransformOutput,
    label: str,
    classes: tuple[str, str],
    weight: str | None = None,
) -> dict[str, Any]:
    """Returns the three signatures of the model; the arguments are those of `export`.

    Returns:
        `serving_default`: from raw features, named as in `input_names`, float32 or, if they are categorical, string
        [batch], to `probability` [batch].
        `serving_examples`: from `examples`, serialized tf.Examples, string [batch], to `probability` [batch, 1].
        `classify`: for TF Serving's classification API. From `inputs`, like `examples` above, to `classes`, string
        [batch, 2], and `scores`, float32 [batch, 2], in the order of the labels 0, 1.

        NaN, or an empty text, means a missing value; in an example a feature may also be absent. `probability` is
        that of the label 1.
    """
    raw_spec = transform.raw_feature_spec()
    kinds = features_by_kind(raw_spec, label, weight)
    types = dict.fromkeys(kinds.numeric, tf.float32) | dict.fromkeys(kinds.categorical, tf.string)
    features = sorted(types)
    shapes = {name: raw_spec[name].shape for name in features}
    spec = {
        name: tf.io.FixedLenFeature(shapes[name], types[name], missing)
        for name, missing in missing_values(raw_spec, features).items()
    }
    layout = read_layout(transform, label, weight)
    layer = transform.transform_features_layer()
    serialized = tf.TensorSpec([None], tf.string)
    named = {
        name: tf.TensorSpec([None], types[name], name=given)
        for name, given in zip(features, input_names(features), strict=True)
    }

    def probability(raw: dict[str, tf.Tensor]) -> tf.Tensor:
        # Called directly: Keras would name the operations after the number of such layers in this process.
        with tf.name_scope("transform"):
            vectors = layer.call(raw)
        return model(layout.assemble(vectors), training=False)

    # AutoGraph has nothing to convert, but would take most of the time of an export.
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
