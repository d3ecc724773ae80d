"""The rules of TF Serving over gRPC, for the contract server or the binary."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.conftest import Running

Code = grpc.StatusCode


@dataclass(frozen=True)
class Stubs:
    """The stubs of tensorflow-serving-api on one channel."""

    prediction: Any
    model: Any


@pytest.fixture(scope="module")
def stubs(echo: Running) -> Iterator[Stubs]:
    """Returns a request to the model that returns its inputs."""
    with grpc.insecure_channel(echo.grpc.removeprefix("grpc://")) as channel:
        yield Stubs(
            prediction_service_pb2_grpc.PredictionServiceStub(channel),
            model_service_pb2_grpc.ModelServiceStub(channel),
        )


def spec(name: str = "regpipe", version: int | None = None, **fields: Any) -> Any:
    made = model_pb2.ModelSpec(name=name, **fields)
    if version is not None:
        made.version.value = version
    return made


def predict_request(model_spec: Any = None, dtype: Any = np.float32, **columns: Any) -> Any:
    request = predict_pb2.PredictRequest(model_spec=model_spec or spec())
    for name, column in columns.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(np.array(column, dtype)))
    return request


def refusal(call: Callable[..., Any], request: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as error:
        call(request, timeout=10)
    return error.value.code(), error.value.details()


def test_predict(stubs: Stubs) -> None:
    """Floats are in float_val; the response has the model's name, signature and version."""
    response = stubs.prediction.Predict(predict_request(a=[0.5, 1], b=[np.nan, 2]))
    assert list(response.outputs) == ["probability"]
    assert list(response.outputs["probability"].float_val) == [0.5, 2.0]
    assert not response.outputs["probability"].tensor_content
    assert response.model_spec == spec(version=3, signature_name="serving_default")


def test_output_filter(stubs: Stubs) -> None:
    """The response has only the requested outputs."""
    request = predict_request(spec(signature_name="two"), a=[1.5])
    request.output_filter.append("words_bytes")
    response = stubs.prediction.Predict(request)
    assert {name: tf.make_ndarray(one).tolist() for name, one in response.outputs.items()} == {
        "words_bytes": [b"1.5"]
    }


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (predict_pb2.PredictRequest(), Code.INVALID_ARGUMENT, "Missing ModelSpec"),
        (predict_request(spec("")), Code.INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (predict_request(spec("none")), Code.NOT_FOUND, "Servable not found for request: Latest(none)"),
        (
            predict_request(spec(version=4)),
            Code.NOT_FOUND,
            "Servable not found for request: Specific(regpipe, 4)",
        ),
        (
            predict_request(spec(version_label="stable")),
            Code.INVALID_ARGUMENT,
            "Unrecognized servable version label: stable",
        ),
        (
            predict_request(spec(signature_name="none")),
            Code.FAILED_PRECONDITION,
            'Serving signature key "none" not found.',
        ),
        (
            predict_request(a=[1]),
            Code.INVALID_ARGUMENT,
            "input size does not match signature: 1!=2 len({a}) != len({a,b}). Sent extra: {}. "
            "Missing but required: {b}.",
        ),
        (
            predict_request(a=[1], b=[1], c=[1]),
            Code.INVALID_ARGUMENT,
            "input size does not match signature: 3!=2 len({a,b,c}) != len({a,b}). Sent extra: {c}. "
            "Missing but required: {}.",
        ),
        (
            predict_request(a=[1], c=[1]),
            Code.INVALID_ARGUMENT,
            "Signature input alias: b(feed name: serving_default_b:0) not found in request and no default value "
            "provided. Inputs expected to be in the request {a,c}, or default input alias set: ",
        ),
        (
            predict_request(dtype=np.float64, a=[1], b=[1]),
            Code.INVALID_ARGUMENT,
            "to be float but double is provided",
        ),
        (
            predict_request(dtype=np.int64, a=[1], b=[1]),
            Code.INVALID_ARGUMENT,
            "to be float but int64 is provided",
        ),
        (
            predict_request(dtype=bytes, a=[b"1"], b=[b"1"]),
            Code.INVALID_ARGUMENT,
            "to be float but string is provided",
        ),
        (predict_request(a=[1, 2], b=[1]), Code.INVALID_ARGUMENT, "Shapes of all inputs must match"),
    ],
)
def test_what_predict_refuses(stubs: Stubs, request_: Any, code: grpc.StatusCode, words: str) -> None:
    """The error has the code and the message of the server or of TensorFlow."""
    got, details = refusal(stubs.prediction.Predict, request_)
    assert got == code
    assert details == words or words in details.splitlines()[0]


def test_a_tensor_that_does_not_fit_its_shape(stubs: Stubs) -> None:
    """The tensor has too few bytes."""
    request = predict_request(a=[1, 2], b=[1, 2])
    request.inputs["b"].tensor_content = b"\0\0\0"
    assert refusal(stubs.prediction.Predict, request) == (Code.INVALID_ARGUMENT, "tensor parsing error: b")


@pytest.mark.parametrize(
    ("filter_", "words"),
    [
        (
            ["x"],
            "output tensor alias not found in signature: x Outputs expected to be in the set {same,words_bytes}.",
        ),
        (["same", "same"], "duplicate output tensor alias: same"),
    ],
)
def test_output_filters_that_are_refused(stubs: Stubs, filter_: list[str], words: str) -> None:
    """An output that is unknown or requested twice is an error."""
    request = predict_request(spec(signature_name="two"), a=[1.5])
    request.output_filter.extend(filter_)
    assert refusal(stubs.prediction.Predict, request) == (Code.INVALID_ARGUMENT, words)


def test_long_words_are_cut(stubs: Stubs) -> None:
    """Messages are cut at 1,024 characters."""
    request = predict_request(spec(signature_name="two"), a=[1.5])
    request.output_filter.append("x" * 2000)
    _, details = refusal(stubs.prediction.Predict, request)
    assert len(details) == 1024 + len("...TRUNCATED")
    assert details.endswith("xxx...TRUNCATED")


def test_classify(stubs: Stubs) -> None:
    """The response has the label and the score of each class, and the version."""
    request = classification_pb2.ClassificationRequest(model_spec=spec(signature_name="classify"))
    assert refusal(stubs.prediction.Classify, request) == (Code.INVALID_ARGUMENT, "Input is empty.")
    example = request.input.example_list.examples.add()
    example.features.feature["a"].float_list.value.append(0.25)
    response = stubs.prediction.Classify(request)
    (row,) = response.result.classifications
    assert [(one.label, one.score) for one in row.classes] == [("0", 0.75), ("1", 0.25)]
    assert response.model_spec == spec(version=3, signature_name="classify")


def test_metadata(stubs: Stubs) -> None:
    """Only the field signature_def is valid; it has all signatures."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec())
    call = stubs.prediction.GetModelMetadata
    words = "GetModelMetadataRequest must specify at least one metadata_field"
    assert refusal(call, request) == (Code.INVALID_ARGUMENT, words)
    request.metadata_field.append("weights")
    assert refusal(call, request) == (Code.INVALID_ARGUMENT, "Metadata field weights is not supported")
    request.metadata_field[:] = ["signature_def"]
    response = call(request)
    assert response.model_spec == spec(version=3)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert {"serving_default", "classify", "two", "text"} <= set(signatures.signature_def)


def test_status(stubs: Stubs) -> None:
    """The status of all versions, or of one."""
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec())
    (one,) = stubs.model.GetModelStatus(request).model_version_status
    assert (one.version, one.state) == (3, get_model_status_pb2.ModelVersionStatus.AVAILABLE)
    assert (one.status.error_code, one.status.error_message) == (0, "")
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec(version=4))
    words = "Could not find version 4 of model regpipe"
    assert refusal(stubs.model.GetModelStatus, request) == (Code.NOT_FOUND, words)
    words = "Missing ModelSpec"
    request = get_model_status_pb2.GetModelStatusRequest()
    assert refusal(stubs.model.GetModelStatus, request) == (Code.INVALID_ARGUMENT, words)
