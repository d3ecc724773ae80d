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
