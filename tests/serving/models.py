"""Small SavedModels with obvious results."""

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

WARM_UP = Path("assets.extra", "tf_serving_warmup_requests")


def write_model(path: Path, constant: float | None = None) -> None:
    """Writes a model of the inputs `a` and `b`, both float32 [batch].

    Its `probability` is `a`, or `b` where that is a number: values go through it unchanged. Further signatures:
    `classify` takes tf.Examples with `a` and gives it as the score of `1`; `two` has two outputs; `text` takes strings.

    Args:
        path: a folder that is not there yet.
        constant: what `probability` is for all rows instead.
    """

    @tf.function(input_signature=[{n: tf.TensorSpec([None], tf.float32, name=n) for n in ("a", "b")}])  # type: ignore[untyped-decorator]
    def serving_default(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        both = tf.stack([raw["a"], raw["b"]], axis=1)  # which refuses columns of different lengths
        values = tf.where(tf.math.is_nan(both[:, 1]), both[:, 0], both[:, 1])
        return {"probability": values if constant is None else tf.fill(tf.shape(values), constant)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])  # type: ignore[untyped-decorator]
    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        score = tf.io.parse_example(inputs, {"a": tf.io.FixedLenFeature([], tf.float32, -1.0)})["a"]
        classes = tf.tile(tf.constant([["0", "1"]]), [tf.shape(score)[0], 1])
        return {"scores": tf.stack([1 - score, score], axis=1), "classes": classes}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="a")])  # type: ignore[untyped-decorator]
    def two(a: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"same": a, "words_bytes": tf.as_string(a, precision=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="words")])  # type: ignore[untyped-decorator]
    def text(words: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"words": words}

    signatures = {"serving_default": serving_default, "classify": classify, "two": two, "text": text}
    tf.saved_model.save(tf.Module(), str(path), signatures=signatures)


CLASSES = ("x", "größe", "z")
INPUTS = {name: tf.TensorSpec([None], tf.float32, name=name) for name in ("a", "b")}
PARSED = {name: tf.io.FixedLenFeature([], tf.float32, 0.0) for name in INPUTS}
EXAMPLES = tf.TensorSpec([None], tf.string)


def write_classes_model(path: Path) -> None:
    """Writes a model of three classes as regpipe exports it, of the inputs `a` and `b`, float32 [batch].

    The probabilities of CLASSES are `a`, `b` and `1 - a - b`; a feature that an example does not have is 0.

    Args:
        path: a folder that is not there yet.
    """
    names = tf.constant(CLASSES)

    def probabilities(raw: dict[str, tf.Tensor]) -> tf.Tensor:
        return tf.stack([raw["a"], raw["b"], 1 - raw["a"] - raw["b"]], axis=1)

    @tf.function(input_signature=[INPUTS])  # type: ignore[untyped-decorator]
    def serving_default(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        found = probabilities(raw)
        return {"probabilities": found, "prediction": tf.gather(names, tf.argmax(found, axis=1))}

    @tf.function(input_signature=[EXAMPLES])  # type: ignore[untyped-decorator]
    def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": probabilities(tf.io.parse_example(examples, PARSED))}

    @tf.function(input_signature=[EXAMPLES])  # type: ignore[untyped-decorator]
    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = probabilities(tf.io.parse_example(inputs, PARSED))
        return {"classes": tf.repeat(names[None], tf.shape(scores)[0], 0), "scores": scores}

    signatures = {
        "serving_default": serving_default,
        "serving_examples": serving_examples,
        "classify": classify,
    }
    tf.saved_model.save(tf.Module(), str(path), signatures=signatures)


def write_number_model(path: Path) -> None:
    """Writes a regression as regpipe exports it: `prediction` is `100 a - b`, for inputs like those above.

    Args:
        path: a folder that is not there yet.
    """

    def predicted(raw: dict[str, tf.Tensor]) -> tf.Tensor:
        return 100 * raw["a"] - raw["b"]

    @tf.function(input_signature=[INPUTS])  # type: ignore[untyped-decorator]
    def serving_default(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"prediction": predicted(raw)}

    @tf.function(input_signature=[EXAMPLES])  # type: ignore[untyped-decorator]
    def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"prediction": predicted(tf.io.parse_example(examples, PARSED))[:, None]}

    @tf.function(input_signature=[EXAMPLES])  # type: ignore[untyped-decorator]
    def regress(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"outputs": predicted(tf.io.parse_example(inputs, PARSED))[:, None]}

    signatures = {
        "serving_default": serving_default,
        "serving_examples": serving_examples,
        "regress": regress,
    }
    tf.saved_model.save(tf.Module(), str(path), signatures=signatures)


def predict_log(**columns: list[float]) -> Any:
    """Returns a warm-up request for the default signature."""
    request = predict_pb2.PredictRequest()
    for name, column in columns.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(column, tf.float32))
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def write_warm_up(path: Path, logs: list[Any]) -> None:
    """Writes warm-up requests into the model at `path`."""
    (path / WARM_UP).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path / WARM_UP)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())
