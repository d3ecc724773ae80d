"""Writes and replays warm-up requests, which TF Serving runs before it serves a model.

Replaying them before publication shows that the model can be served.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import classification_pb2, predict_pb2, prediction_log_pb2
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from components.common.errors import BadModel
from components.common.file_names import WARMUP_FILE
from components.saved_model.input_names import input_names

Array = npt.NDArray[Any]

BATCHES = (1, 32)  # A single row and a batch: TensorFlow chooses different kernels for them.
# TF Serving does not load a model with more requests, or with one that can't be read or fails: RunSavedModelWarmup
# in https://github.com/tensorflow/serving/blob/master/tensorflow_serving/servables/tensorflow/saved_model_warmup_util.cc
MAX_REQUESTS = 1_000
_METHODS = {
    "predict_log": tf.saved_model.PREDICT_METHOD_NAME,
    "classify_log": tf.saved_model.CLASSIFY_METHOD_NAME,
}


def write_warmup(path: str, examples: Sequence[bytes], features: Sequence[str]) -> None:
    """Adds warm-up requests to an exported model: for each signature one with a single row and one with up to 32 rows.

    The requests contain no model name: TF Serving sends them to the model that it loads.

    Args:
        path: the folder of a SavedModel that `components.saved_model.export.export` wrote.
        examples: serialized tf.Examples of the training split; the first `max(BATCHES)` are used.
        features: the names of the features in them.
    """
    tf.io.gfile.makedirs(f"{path}/assets.extra")
    # The order of features in a serialized example varies; a fixed order gives the same file for the same rows.
    ordered = [tf.train.Example.FromString(row).SerializeToString(deterministic=True) for row in examples]
    sizes = sorted({min(size, len(ordered)) for size in BATCHES})
    with tf.io.TFRecordWriter(f"{path}/{WARMUP_FILE}") as writer:
        for rows in (ordered[:size] for size in sizes):
            for log in (_named(rows, features), _serialized(rows), _classified(rows)):
                writer.write(log.SerializeToString(deterministic=True))


def replay(path: str) -> int:
    """Loads a SavedModel as TF Serving does and runs its warm-up requests.

    TF Serving runs the signatures in a session in which the graph's saver restored the variables. `tf.saved_model.load`
    restores them in another way, so its results may be right although a server's would be wrong.

    Args:
        path: the folder of the SavedModel.

    Returns:
        The number of requests that were run; 0 if the model has none.

    Raises:
        BadModel: the model does not load, a request can't be read or fails, or a result is not a probability for each
            row.
    """
    requests = _requests(path)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        try:
            signatures = tf.compat.v1.saved_model.load(session, ["serve"], path).signature_def
        except Exception as error:  # The parts of TensorFlow raise different errors for invalid files.
            raise BadModel(
                f"{path}: expected a SavedModel that loads. TensorFlow's error: {_line(error)}"
            ) from error
        for number, request in enumerate(requests, start=1):
            try:
                _run_request(session, signatures, request)
            except (ValueError, tf.errors.OpError) as error:
                raise BadModel(
                    f"{path}/{WARMUP_FILE}: request {number} of {len(requests)}: {_line(error)}"
                ) from error
    return len(requests)


def _named(rows: Sequence[bytes], features: Sequence[str]) -> Any:
    missing = tf.io.FixedLenFeature([], tf.float32, float("nan"))
    columns = tf.io.parse_example(tf.constant(rows), dict.fromkeys(features, missing))
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = "serving_default"
    for feature, name in zip(features, input_names(features), strict=True):
        request.inputs[name].CopyFrom(tf.make_tensor_proto(columns[feature]))
    return PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def _serialized(rows: Sequence[bytes]) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = "serving_examples"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(rows))
    return PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def _classified(rows: Sequence[bytes]) -> Any:
    request = classification_pb2.ClassificationRequest()
    request.model_spec.signature_name = "classify"
    request.input.example_list.examples.extend(tf.train.Example.FromString(row) for row in rows)
    return PredictionLog(classify_log=prediction_log_pb2.ClassifyLog(request=request))


def _requests(path: str) -> list[Any]:
    file = f"{path}/{WARMUP_FILE}"
    if not tf.io.gfile.exists(file):
        return []
    records = tf.data.TFRecordDataset(file).take(MAX_REQUESTS + 1)
    try:
        requests = [PredictionLog.FromString(record) for record in records.as_numpy_iterator()]
    except (tf.errors.OpError, DecodeError) as error:
        raise BadModel(
            f"{file}: expected a TFRecord file of PredictionLogs. It can't be read: {_line(error)}"
        ) from error
    if len(requests) > MAX_REQUESTS:
        raise BadModel(f"{file}: expected at most {MAX_REQUESTS:,} requests, got more.")
    return requests


def _run_request(session: Any, signatures: Any, log: Any) -> None:
    """Runs a request. Raises ValueError if a server would reject it or the result is invalid."""
    kind = log.WhichOneof("log_type")
    if kind not in _METHODS:
        raise ValueError(f"expected one of {', '.join(_METHODS)}, got {kind}.")
    request = getattr(log, kind).request
    name = request.model_spec.signature_name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    if name not in signatures or signatures[name].method_name != _METHODS[kind]:
        raise ValueError(f"expected a signature {name!r} of {_METHODS[kind]}, found none.")
    signature = signatures[name]
    inputs = _inputs(request) if kind == "predict_log" else _examples(request)
    given = {key: tf.as_dtype(value.dtype).name for key, value in inputs.items()}
    expected = {key: tf.as_dtype(info.dtype).name for key, info in signature.inputs.items()}
    if given != expected:
        raise ValueError(f"{name}: expected the inputs {expected}, got {given}.")
    rows = min(len(value) for value in inputs.values())
    if not rows:
        raise ValueError(f"{name}: expected at least one row, got none.")
    outputs = {key: info.name for key, info in signature.outputs.items()}
    answers = session.run(outputs, {signature.inputs[key].name: value for key, value in inputs.items()})
    for key, values in answers.items():
        if values.shape[:1] != (rows,):
            raise ValueError(f"{name}: expected {rows} rows of {key!r}, got the shape {list(values.shape)}.")
        if values.dtype.kind == "f" and not ((values >= 0) & (values <= 1)).all():
            worst = values[~((values >= 0) & (values <= 1))][0]  # Also finds NaN.
            raise ValueError(f"{name}: expected {key!r} to be between 0 and 1, got {worst}.")


def _inputs(request: Any) -> dict[str, Array]:
    return {key: np.atleast_1d(tf.make_ndarray(tensor)) for key, tensor in request.inputs.items()}


def _examples(request: Any) -> dict[str, Array]:
    rows = [example.SerializeToString() for example in request.input.example_list.examples]
    return {tf.saved_model.CLASSIFY_INPUTS: np.array(rows, object)}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
