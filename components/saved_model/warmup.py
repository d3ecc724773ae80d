"""Writes and replays warm-up requests, which TF Serving runs before it serves a model.

Replaying them before publication shows that the model can be served.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from components.common.errors import BadModel
from components.common.file_names import SIGNATURE, WARMUP_FILE
from components.saved_model.card_file import Card, read_card
from components.saved_model.input_names import input_names
from components.saved_model.serving_api import APIS, ServingApi
from components.tasks.binary import BINARY
from components.tasks.known_tasks import task_of
from components.tasks.task import Output, Task

Array = npt.NDArray[Any]

BATCHES = (1, 32)  # A single row and a batch: TensorFlow chooses different kernels for them.
# TF Serving does not load a model with more requests, or with one that can't be read or fails: RunSavedModelWarmup
# in https://github.com/tensorflow/serving/blob/master/tensorflow_serving/servables/tensorflow/saved_model_warmup_util.cc
MAX_REQUESTS = 1_000
# The signatures compute the same function of a row, but TensorFlow may order the sums differently.
_TOLERANCE = 1e-5
_FLOAT32 = np.finfo(np.float32)
_INIT_OP = "__saved_model_init_op"  # not a signature for requests; TensorFlow keeps its name private
_METHODS = {"predict_log": tf.saved_model.PREDICT_METHOD_NAME} | {
    api.log_type: api.method for api in APIS.values()
}


def write_warmup(path: str, examples: Sequence[bytes], features: Sequence[str], task: Task = BINARY) -> None:
    """Adds warm-up requests to an exported model: for each signature one with a single row and one with up to 32 rows.

    The requests contain no model name: TF Serving sends them to the model that it loads.

    Args:
        path: the folder of a SavedModel that `components.saved_model.export.export` wrote.
        examples: serialized tf.Examples of the training split; the first `max(BATCHES)` are used.
        features: the names of the features in them.
        task: the task of the model.
    """
    api = APIS[task.signature]
    tf.io.gfile.makedirs(f"{path}/assets.extra")
    # The order of features in a serialized example varies; a fixed order gives the same file for the same rows.
    ordered = [tf.train.Example.FromString(row).SerializeToString(deterministic=True) for row in examples]
    sizes = sorted({min(size, len(ordered)) for size in BATCHES})
    with tf.io.TFRecordWriter(f"{path}/{WARMUP_FILE}") as writer:
        for rows in (ordered[:size] for size in sizes):
            for log in (_named(rows, features), _serialized(rows), api.request(rows)):
                writer.write(log.SerializeToString(deterministic=True))


def replay(path: str) -> int:
    """Loads a SavedModel as TF Serving does and runs its warm-up requests and each of its signatures.

    A signature without a warm-up request is run with one row of zeros or, for tf.Examples, with one empty example. The
    rows of the requests with tf.Examples are also sent through the other signatures that `write_warmup` writes requests
    for, if the model card names the features: the Evaluator scored one signature, and all must give its prediction.

    TF Serving runs the signatures in a session in which the graph's saver restored the variables. `tf.saved_model.load`
    restores them in another way, so its results may be right although a server's would be wrong.

    Args:
        path: the folder of the SavedModel.

    Returns:
        The number of warm-up requests; 0 if the model has none.

    Raises:
        BadModel: the model does not load, a request can't be read or fails, a result is not a probability (or a number,
            if the task is regression) for each row, or two signatures give a row different predictions.
        DamagedCard: the model card is damaged.
    """
    requests, card = _requests(path), read_card(path)
    task = task_of(str(card.get("task", BINARY.name)))  # Older cards have no task; all were of this one.
    comparisons = _same_rows(requests, path, card, APIS[task.signature])
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        try:
            signatures = tf.compat.v1.saved_model.load(session, ["serve"], path).signature_def
        except Exception as error:  # The parts of TensorFlow raise different errors for invalid files.
            raise BadModel(
                f"{path}: expected a SavedModel that loads. TensorFlow's error: {_line(error)}"
            ) from error
        for number, request in enumerate(requests, start=1):
            try:
                _run_request(session, signatures, request, task.output)
            except (ValueError, tf.errors.OpError) as error:
                raise BadModel(
                    f"{path}/{WARMUP_FILE}: request {number} of {len(requests)}: {_line(error)}"
                ) from error
        try:
            for request in _missing_requests(signatures, requests):
                _run_request(session, signatures, request, task.output)
            for same_rows in comparisons:
                _compare_signatures(session, signatures, same_rows, task.output)
        except (ValueError, tf.errors.OpError) as error:
            raise BadModel(f"{path}: {_line(error)}") from error
    return len(requests)


def _missing_requests(signatures: Any, requests: Sequence[Any]) -> Iterator[Any]:
    """Yields a request with one row for each signature that no request is for."""
    known = {_signature_name(getattr(log, log.WhichOneof("log_type")).request) for log in requests}
    for name in sorted(set(signatures) - known - {_INIT_OP}):
        signature = signatures[name]
        api = next((api for api in APIS.values() if api.method == signature.method_name), None)
        if api is not None:
            log = api.request([b""])
        else:
            log = PredictionLog()
            for key, info in signature.inputs.items():
                shape = [max(dim.size, 1) for dim in info.tensor_shape.dim]
                dtype = tf.as_dtype(info.dtype)
                values = np.full(shape, b"" if dtype == tf.string else 0, dtype.as_numpy_dtype)
                log.predict_log.request.inputs[key].CopyFrom(tf.make_tensor_proto(values, info.dtype))
        getattr(log, log.WhichOneof("log_type") or "predict_log").request.model_spec.signature_name = name
        yield log


def _same_rows(requests: Sequence[Any], path: str, card: Card, api: ServingApi) -> list[tuple[Any, ...]]:
    """Returns each request with tf.Examples, followed by requests to the other signatures with the same rows.

    Empty if the model has no card that names the features.
    """
    found: list[tuple[Any, ...]] = []
    features = [entry["feature"] for entry in card.get("inputs", ())]
    for log in requests:
        request = log.predict_log.request
        # By the signature's name: a feature called examples is an input of serving_default.
        if features and request.model_spec.signature_name == SIGNATURE and "examples" in request.inputs:
            rows = tf.make_ndarray(request.inputs["examples"]).tolist()
            try:
                found.append((log, _named(rows, features), api.request(rows)))
            except (tf.errors.OpError, DecodeError) as error:
                raise BadModel(f"{path}/{WARMUP_FILE}: a row can't be read: {_line(error)}") from error
    return found


def _compare_signatures(session: Any, signatures: Any, same_rows: Sequence[Any], output: Output) -> None:
    """Raises ValueError if two signatures give a row different predictions."""
    judged, *others = same_rows
    expected = _predictions(_run_request(session, signatures, judged, output), output)
    for log in others:
        found = _predictions(_run_request(session, signatures, log, output), output)
        row, column = np.unravel_index(np.argmax(np.abs(found - expected)), expected.shape)
        wanted, given = expected[row, column], found[row, column]
        if abs(given - wanted) > _TOLERANCE * max(1, abs(wanted)):
            raise ValueError(
                f"{_signature_name(getattr(log, log.WhichOneof('log_type')).request)}: expected the {output.name} that "
                f"serving_examples gives for row {row + 1}, {wanted}, got {given}."
            )


def _predictions(answers: dict[str, Array], output: Output) -> Array:
    """Returns the predictions for each row, [rows, outputs]: of a single output, they are the last column."""
    known = output.name, *(api.output for api in APIS.values())
    name = next(name for name in known if name in answers)
    found = answers[name].reshape(len(answers[name]), -1)
    return found if output.per_class else found[:, -1:]


def _signature_name(request: Any) -> str:
    return str(request.model_spec.signature_name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY)


def _named(rows: Sequence[bytes], features: Sequence[str]) -> Any:
    texts = {
        name
        for row in rows
        for name, values in tf.train.Example.FromString(row).features.feature.items()
        if values.HasField("bytes_list")
    }
    spec = {
        name: tf.io.FixedLenFeature([], tf.string, "")
        if name in texts
        else tf.io.FixedLenFeature([], tf.float32, float("nan"))
        for name in features
    }
    columns = tf.io.parse_example(tf.constant(rows), spec)
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = "serving_default"
    for feature, name in zip(features, input_names(features), strict=True):
        request.inputs[name].CopyFrom(tf.make_tensor_proto(columns[feature]))
    return PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def _serialized(rows: Sequence[bytes]) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = SIGNATURE
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(rows))
    return PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


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


def _run_request(session: Any, signatures: Any, log: Any, output: Output) -> dict[str, Array]:
    """Runs a request and returns the outputs. Raises ValueError if a server would reject it or a result is invalid."""
    kind = log.WhichOneof("log_type")
    if kind not in _METHODS:
        raise ValueError(f"expected one of {', '.join(_METHODS)}, got {kind}.")
    request = getattr(log, kind).request
    name = _signature_name(request)
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
    answers: dict[str, Array] = session.run(
        outputs, {signature.inputs[key].name: value for key, value in inputs.items()}
    )
    for key, values in answers.items():
        if values.shape[:1] != (rows,):
            raise ValueError(f"{name}: expected {rows} rows of {key!r}, got the shape {list(values.shape)}.")
        low, high = output.range or (_FLOAT32.min, _FLOAT32.max)
        possible = values.dtype.kind != "f" or ((values >= low) & (values <= high))
        if not np.all(possible):
            worst = values[~possible][0]  # Also finds NaN.
            wanted = f"between {low} and {high}" if output.range else "finite"
            raise ValueError(f"{name}: expected {key!r} to be {wanted}, got {worst}.")
    return answers


def _inputs(request: Any) -> dict[str, Array]:
    return {key: np.atleast_1d(tf.make_ndarray(tensor)) for key, tensor in request.inputs.items()}


def _examples(request: Any) -> dict[str, Array]:
    rows = [example.SerializeToString() for example in request.input.example_list.examples]
    return {tf.saved_model.CLASSIFY_INPUTS: np.array(rows, object)}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
