"""Exports the Transform graph and the network as one SavedModel, so that the model that is scored is the one served."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow.core.protobuf import saved_model_pb2

from components.common import storage
from components.saved_model.input_names import input_names
from components.saved_model.serving_api import CLASSIFY, REGRESS, ServingApi
from components.saved_model.stable_names import stabilize_names
from components.transform.vector import features_by_kind, missing_values, read_layout

CLASS_OUTPUT = "prediction"  # the output with the most probable class, beside the probabilities of all


def export(
    model: keras.Model,
    transform: tft.TFTransformOutput,
    label: str,
    path: str,
    classes: Sequence[str] = ("0", "1"),
    weight: str | None = None,
) -> None:
    """Writes a SavedModel that needs only TensorFlow to load, not this package.

    The same weights and the same Transform graph give the same bytes, no matter what else the process has traced.

    Args:
        model: a network that `build_model` returned.
        transform: the output of the Transform step.
        label: the name of the label column.
        path: the folder to write to; created if it does not exist.
        classes: the names of the classes, by their numbers; empty for a number, with the signature `regress` instead of
            `classify`.
        weight: the name of the weight column, if there is one; the model does not read it.
    """
    module = tf.Module()
    # A server restores the tracked variables in a session. If the Keras model were tracked, these would be copies that
    # Keras makes of its variables, and the graph would read variables that were not restored. The Transform graph has
    # only constants; if its layer were tracked, it would be saved a second time as a Keras model.
    module.weights = [weight.value for weight in model.weights]
    tf.saved_model.save(module, path, signatures=signatures(model, transform, label, classes, weight))
    api = _api(classes)
    file = f"{path}/saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(storage.read(file))
    for meta_graph in saved.meta_graphs:
        # tf.saved_model.save supports only the method predict; TF Serving's other APIs need their own.
        meta_graph.signature_def[api.signature].method_name = api.method
        stabilize_names(meta_graph)
    storage.write(file, saved.SerializeToString(deterministic=True))
    # The fingerprint contains a random number, and the checksum of the file before it was changed.
    tf.io.gfile.remove(f"{path}/fingerprint.pb")


def signatures(
    model: keras.Model,
    transform: tft.TFTransformOutput,
    label: str,
    classes: Sequence[str],
    weight: str | None = None,
) -> dict[str, Any]:
    """Returns the three signatures of the model; the arguments are those of `export`.

    Returns:
        `serving_default`: from raw features, named as in `input_names`, float32 or, if they are categorical, string
        [batch], to the output [batch]: `probability`, which is that of the label 1, or `prediction`. With an output for
        each class to `probabilities`, [batch, classes], and `prediction`, the most probable class, string [batch].
        `serving_examples`: from `examples`, serialized tf.Examples, string [batch], to the output [batch, 1], or to
        `probabilities`, [batch, classes].
        `classify`: for TF Serving's classification API. From `inputs`, like `examples` above, to `classes`, string
        [batch, classes], and `scores`, float32 [batch, classes], in the order of the numbers of the classes.
        `regress`: for TF Serving's regression API. From `inputs`, likewise, to `outputs`, float32 [batch, 1].

        NaN, or an empty text, means a missing value; in an example a feature may also be absent.
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
    output, api = model.layers[-1].name, _api(classes)
    named = {
        name: tf.TensorSpec([None], types[name], name=given)
        for name, given in zip(features, input_names(features), strict=True)
    }

    def predicted(raw: dict[str, tf.Tensor]) -> tf.Tensor:
        # Called directly: Keras would name the operations after the number of such layers in this process.
        with tf.name_scope("transform"):
            vectors = layer.call(raw)
        return model(layout.assemble(vectors), training=False)

    # AutoGraph has nothing to convert, but would take most of the time of an export.
    @tf.function(input_signature=[serialized], autograph=False)  # type: ignore[untyped-decorator]
    def of_examples(examples: tf.Tensor) -> tf.Tensor:
        return predicted(tf.io.parse_example(examples, spec))

    @tf.function(input_signature=[named], autograph=False)  # type: ignore[untyped-decorator]
    def serving_default(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        shaped = {name: tf.reshape(raw[name], [-1, *shape]) for name, shape in shapes.items()}
        return _named_outputs(output, predicted(shaped), classes)

    @tf.function(input_signature=[serialized], autograph=False)  # type: ignore[untyped-decorator]
    def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {output: of_examples(examples)}

    @tf.function(input_signature=[serialized], autograph=False)  # type: ignore[untyped-decorator]
    def of_api(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return api.answer(of_examples(inputs), classes)

    return {"serving_default": serving_default, "serving_examples": serving_examples, api.signature: of_api}


def _named_outputs(name: str, outputs: tf.Tensor, classes: Sequence[str]) -> dict[str, tf.Tensor]:
    if outputs.shape[1] == 1:
        return {name: tf.reshape(outputs, [-1])}
    predicted = tf.gather(tf.constant(classes), tf.argmax(outputs, axis=1))
    return {name: tf.identity(outputs), CLASS_OUTPUT: predicted}


def _api(classes: Sequence[str]) -> ServingApi:
    return CLASSIFY if classes else REGRESS
