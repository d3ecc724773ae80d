"""TF Serving's APIs for tf.Examples: classification and regression. A model has the signature of one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, prediction_log_pb2, regression_pb2
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog


@dataclass(frozen=True, kw_only=True)
class ServingApi:
    """One of TF Serving's APIs.

    Attributes:
        signature: the name of the signature.
        method: the method that TF Serving expects in the signature.
        log_type: the field of PredictionLog with such requests.
        about: what the model card says of the signature.
        output: the output of the signature with the predictions of each row; with two classes, in the last column.
        answer: returns the outputs of the signature, for the outputs of the network, float32 [batch, outputs], and the
            names of the classes.
        request: returns a request with these serialized tf.Examples, without a model name.
    """

    signature: str
    method: str
    log_type: str
    about: str
    output: str
    answer: Callable[[tf.Tensor, Sequence[str]], dict[str, tf.Tensor]]
    request: Callable[[Sequence[bytes]], Any]


def _classes_and_scores(outputs: tf.Tensor, classes: Sequence[str]) -> dict[str, tf.Tensor]:
    """Returns the classes and their probabilities for each row, in the order of their numbers."""
    # The single output of a model for two classes is the probability of the second one.
    scores = tf.concat([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else tf.identity(outputs)
    return {
        tf.saved_model.CLASSIFY_OUTPUT_CLASSES: tf.repeat(tf.constant([classes]), tf.shape(outputs)[0], 0),
        tf.saved_model.CLASSIFY_OUTPUT_SCORES: scores,
    }


def _outputs(predictions: tf.Tensor, classes: Sequence[str]) -> dict[str, tf.Tensor]:
    del classes
    return {tf.saved_model.REGRESS_OUTPUTS: tf.identity(predictions)}


def _classification(rows: Sequence[bytes]) -> Any:
    request = classification_pb2.ClassificationRequest()
    _fill(request, "classify", rows)
    return PredictionLog(classify_log=prediction_log_pb2.ClassifyLog(request=request))


def _regression(rows: Sequence[bytes]) -> Any:
    request = regression_pb2.RegressionRequest()
    _fill(request, "regress", rows)
    return PredictionLog(regress_log=prediction_log_pb2.RegressLog(request=request))


def _fill(request: Any, signature: str, rows: Sequence[bytes]) -> None:
    request.model_spec.signature_name = signature
    request.input.example_list.examples.extend(tf.train.Example.FromString(row) for row in rows)


_ABOUT = "API; tf.Examples, with the features under their own names"
CLASSIFY = ServingApi(
    signature="classify",
    method=tf.saved_model.CLASSIFY_METHOD_NAME,
    log_type="classify_log",
    about=f"TF Serving's classification {_ABOUT}",
    output=tf.saved_model.CLASSIFY_OUTPUT_SCORES,
    answer=_classes_and_scores,
    request=_classification,
)
REGRESS = ServingApi(
    signature="regress",
    method=tf.saved_model.REGRESS_METHOD_NAME,
    log_type="regress_log",
    about=f"TF Serving's regression {_ABOUT}",
    output=tf.saved_model.REGRESS_OUTPUTS,
    answer=_outputs,
    request=_regression,
)
APIS = {api.signature: api for api in (CLASSIFY, REGRESS)}
