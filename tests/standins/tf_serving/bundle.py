"""A loaded version: a SavedModel in a session, as in servables/tensorflow/saved_model_bundle_factory.cc.

The session is that of TensorFlow, so its messages, for example for a wrong shape or type, are those of the server.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.python.saved_model.loader_impl import SavedModelLoader
from tensorflow_serving.apis import classification_pb2, predict_pb2, prediction_log_pb2, regression_pb2

from tests.standins.tf_serving.status import BY_NUMBER, Code, Status, invalid

DEFAULT_SIGNATURE = "serving_default"
WARM_UP = Path("assets.extra", "tf_serving_warmup_requests")
MAX_WARM_UP = 1000


class Batching:
    """The effect of --enable_batching on responses. Requests are not merged, as that does not change responses.

    Args:
        max_batch_size: the maximum number of rows in a request; servables/tensorflow/session_bundle_config.proto.
    """

    def __init__(self, max_batch_size: int = 1000) -> None:
        self._max_batch_size = max_batch_size
        self._batches: Counter[frozenset[str]] = Counter()
        self._changed = threading.Condition()
        self._closed = False

    def admit(self, feeds: Mapping[str, Any]) -> None:
        """Checks the inputs of a request; returns when its batch is complete.

        A batch without rows stays open until a request with rows joins it: measured on the real server. Requests with
        the same inputs share batches.

        Sources: batching/batching_session.cc, and TensorFlow's kernels/batching_util/shared_batch_scheduler.h.
        """
        self._check(feeds)
        queue = frozenset(feeds)
        rows = len(next(iter(feeds.values())))
        with self._changed:
            if rows:
                self._batches[queue] += 1
                self._changed.notify_all()
                return
            before = self._batches[queue]
            self._changed.wait_for(lambda: self._closed or self._batches[queue] > before)
            if self._closed:
                raise Status(Code.CANCELLED, "The server stops.")

    def close(self) -> None:
        """Aborts the requests that wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _check(self, feeds: Mapping[str, Any]) -> None:
        shapes = [np.shape(value) for value in feeds.values()]
        if not all(shapes):
            raise invalid("Batching Run() input tensors must have at least one dimension")
        if len({shape[0] for shape in shapes}) > 1:
            raise invalid("Batching Run() input tensors must have equal 0th-dimension size")
        if shapes[0][0] > self._max_batch_size:
            raise invalid(
                f"Task size {shapes[0][0]} is larger than maximum input batch size {self._max_batch_size}"
            )


class Bundle:
    """A SavedModel in a session, warmed up.

    Args:
        path: the version's folder.
        batching: None without --enable_batching.

    Raises:
        Status: it can't be loaded, or a warm-up request fails.
    """

    def __init__(self, path: Path, batching: Batching | None) -> None:
        self._batching = batching
        if not (path / "saved_model.pb").exists():  # session_bundle/oss/session_bundle_util.cc
            raise Status(
                Code.NOT_FOUND,
                "Specified file path does not appear to contain a SavedModel bundle (should have a file called "
                f"`saved_model.pb`)\nSpecified file path: {path}",
            )
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._session = tf.compat.v1.Session(graph=self._graph)
            meta_graph = _as_status(lambda: _load(self._session, str(path)))
        self.signatures = dict(meta_graph.signature_def)
        self._warm_up(path / WARM_UP)

    def _warm_up(self, path: Path) -> None:
        """servables/tensorflow/saved_model_warmup_util.cc: one request that fails fails the load."""
        if not path.exists():
            return
        records = _as_status(lambda: list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()))
        for number, record in enumerate(records, start=1):
            try:
                log = prediction_log_pb2.PredictionLog.FromString(record)
            except DecodeError:
                raise invalid(f"Failed to parse warmup record: {record!r} from {path}") from None
            kind = log.WhichOneof("log_type")
            if kind == "predict_log":
                self.predict(log.predict_log.request)
            elif kind == "classify_log":
                self.classify(log.classify_log.request)
            elif kind == "regress_log":
                self.regress(log.regress_log.request)
            elif kind is not None:  # A record without a log type is accepted.
                raise Status(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")
            if number > MAX_WARM_UP:
                raise invalid(f"Number of warmup records exceeds the maximum ({MAX_WARM_UP}) at {path}")

    def predict(self, request: Any) -> Any:
        """servables/tensorflow/predict_util.cc. The caller adds the version to the response."""
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in self.signatures:
            raise Status(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        signature = self.signatures[name]
        feeds = _input_values(signature, request.inputs)
        outputs = list(request.output_filter) or sorted(signature.outputs)
        for alias in outputs:
            if alias not in signature.outputs:
                raise invalid(
                    f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                    f"{{{_joined(signature.outputs)}}}."
                )
        if len(set(outputs)) < len(outputs):
            twice = next(alias for alias in outputs if outputs.count(alias) > 1)
            raise invalid(f"duplicate output tensor alias: {twice}")
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.signature_name = name
        values = self._run(feeds, [signature.outputs[alias].name for alias in outputs])
        for alias, value in zip(outputs, values, strict=True):
            response.outputs[alias].CopyFrom(_as_proto_field(value))
        return response

    def classify(self, request: Any) -> Any:
        """servables/tensorflow/classifier.cc. The caller adds the version to the response."""
        name, signature = self._of_examples(request)
        _check_classification(signature)
        examples = np.array(_serialized(request.input), object)
        aliases = [alias for alias in ("classes", "scores") if alias in signature.outputs]
        values = self._run(
            {signature.inputs["inputs"].name: examples}, [signature.outputs[alias].name for alias in aliases]
        )
        outputs = dict(zip(aliases, values, strict=True))
        for alias, dtype in (("classes", object), ("scores", np.float32)):
            if alias in outputs:
                _check_classes(alias, outputs[alias], dtype, len(examples))
        response = classification_pb2.ClassificationResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.signature_name = name
        for row in range(len(examples)):
            classes = response.result.classifications.add().classes
            for column in range(values[0].shape[1]):
                one = classes.add()
                if "classes" in outputs:
                    one.label = outputs["classes"][row, column]
                if "scores" in outputs:
                    one.score = outputs["scores"][row, column]
        return response

    def regress(self, request: Any) -> Any:
        """servables/tensorflow/regressor.cc. The caller adds the version to the response."""
        name, signature = self._of_examples(request)
        if len(signature.inputs) != 1 or len(signature.outputs) != 1:
            raise invalid("Expected one input Tensor and one output Tensor.")
        if "inputs" not in signature.inputs or "outputs" not in signature.outputs:
            raise invalid(f"No regression inputs or outputs found in SignatureDef: {signature}")
        examples = np.array(_serialized(request.input), object)
        (values,) = self._run(
            {signature.inputs["inputs"].name: examples}, [signature.outputs["outputs"].name]
        )
        if values.shape not in ((len(examples),), (len(examples), 1)):
            raise invalid(
                "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
                f"{list(values.shape)}"
            )
        if values.dtype != np.float32:
            raise invalid(f"Expected output Tensor of DT_FLOAT. Got: {values.dtype}")
        response = regression_pb2.RegressionResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.signature_name = name
        for value in values.ravel().tolist():
            response.result.regressions.add(value=value)
        return response

    def _of_examples(self, request: Any) -> tuple[str, Any]:
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in self.signatures:
            raise invalid(f"No signature was found with the name: {name}")
        return name, self.signatures[name]

    def _run(self, feeds: Mapping[str, Any], fetches: Sequence[str]) -> list[Any]:
        """Session::Run. Python's `run` would first compare each shape with the placeholder; the server does not."""
        if self._batching is not None:
            self._batching.admit(feeds)
        tensor = self._graph.get_tensor_by_name
        by_reference = {tensor(name).ref(): value for name, value in feeds.items()}
        fetched = [tensor(name) for name in fetches]
        values: list[Any] = _as_status(
            lambda: self._session._do_run(None, [], fetched, by_reference, None, None)
        )
        return values


def _load(session: Any, path: str) -> Any:
    """LoadSavedModel in tensorflow/cc/saved_model/loader.cc: without a checkpoint, no variable is restored."""
    loader = SavedModelLoader(path)
    tags = [tf.saved_model.SERVING]
    saver, _ = loader.load_graph(session.graph, tags)
    if Path(path, "variables", "variables.index").exists():
        loader.restore_variables(session, saver)
    loader.run_init_ops(session, tags)
    return loader.get_meta_graph_def_from_tags(tags)


def _joined(names: Any) -> str:
    return ",".join(sorted(names))


def _input_values(signature: Any, given: Any) -> dict[str, Any]:
    """VerifyRequestInputsSize in predict_util.cc, then GetInputValues in tensorflow/cc/saved_model/util.cc."""
    expected = signature.inputs
    if len(given) > len(expected) or (len(given) < len(expected) and not signature.defaults):
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(expected)} len({{{_joined(given)}}}) != "
            f"len({{{_joined(expected)}}}). Sent extra: {{{_joined(set(given) - set(expected))}}}. "
            f"Missing but required: {{{_joined(set(expected) - set(given))}}}."
        )
    feeds = {}
    for alias, info in sorted(expected.items()):
        if alias not in given:
            raise invalid(
                f"Signature input alias: {alias}(feed name: {info.name}) not found in request and no default value "
                f"provided. Inputs expected to be in the request {{{_joined(given)}}}, or default input alias set: "
            )
        try:
            feeds[info.name] = tf.make_ndarray(given[alias])
        except (TypeError, ValueError):
            raise invalid(f"tensor parsing error: {alias}") from None
    return feeds


def _check_classification(signature: Any) -> None:
    """PreProcessClassification."""
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if "inputs" not in signature.inputs:
        raise invalid(f"No classification inputs found in SignatureDef: {signature}")
    if not {"classes", "scores"} & set(signature.outputs):
        raise invalid(
            "Expected classification signature outputs to contain at least one of "
            f'"classes" or "scores". Signature was: {signature}'
        )


def _serialized(given: Any) -> list[bytes]:
    """InputToSerializedExampleTensor in servables/tensorflow/util.cc: the context is prepended to each example."""
    kind = given.WhichOneof("kind")
    examples = getattr(given, kind).examples if kind else []
    if not examples:
        raise invalid("Input is empty.")
    context = given.example_list_with_context.context.SerializeToString()
    return [context + example.SerializeToString() for example in examples]


def _check_classes(alias: str, value: Any, dtype: Any, rows: int) -> None:
    if value.ndim != 2:
        raise invalid(f"Expected Tensor shape: [batch_size num_classes] but got {list(value.shape)}")
    if value.dtype != dtype:
        expected = "DT_STRING" if dtype is object else "DT_FLOAT"
        raise invalid(f"Expected {alias} Tensor of {expected}. Got: {value.dtype}")
    if len(value) != rows:
        raise invalid(f"Expected {alias} output batch size of {rows}. Got: {len(value)}")


def _as_proto_field(value: Any) -> Any:
    """Tensor::AsProtoField: floats are in float_val, not in tensor_content."""
    if value.dtype != np.float32:
        return tf.make_tensor_proto(value)
    proto = tf.make_tensor_proto(np.zeros(value.shape, np.float32))
    proto.ClearField("tensor_content")
    proto.ClearField("float_val")
    proto.float_val.extend(value.ravel().tolist())
    return proto


def _as_status(call: Callable[[], Any]) -> Any:
    """Calls a function and converts its errors to Status, without the prefix that Python adds to messages."""
    try:
        return call()
    except tf.errors.OpError as error:
        message = re.sub(r"^Graph execution error:\s*", "", error.message)
        raise Status(BY_NUMBER[error.error_code], message) from error
    except Exception as error:  # errors of Python's loader for a file that can't be read or parsed
        raise Status(Code.UNKNOWN, f"{type(error).__name__}: {error}") from error
