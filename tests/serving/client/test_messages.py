"""The content of requests: our protocol buffers compared with TF Serving's, and the JSON."""

import json
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import FieldDescriptor as Field
from tensorflow.core.example import example_pb2
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    prediction_log_pb2,
)

from serving.client.connect import connect
from serving.client.messages import CLASSES, DT_FLOAT, MESSAGES, STATES
from tests.standins.tf_serving import scripted_server

MODULES = (
    predict_pb2,
    prediction_log_pb2,
    classification_pb2,
    input_pb2,
    example_pb2,
    model_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    meta_graph_pb2,
    tensor_pb2,
)
PUBLISHED = {
    **{
        name: message
        for module in MODULES
        for name, message in module.DESCRIPTOR.message_types_by_name.items()
    },
    "Dim": tensor_shape_pb2.TensorShapeProto.Dim.DESCRIPTOR,
    "TensorShapeProto": tensor_shape_pb2.TensorShapeProto.DESCRIPTOR,
    "StatusProto": get_model_status_pb2.ModelVersionStatus.DESCRIPTOR.fields_by_name["status"].message_type,
}


def wire(field: Any) -> tuple[Any, ...]:
    """Returns what determines the encoding of a field. An enumeration is encoded as int32."""
    kind = Field.TYPE_INT32 if field.type == Field.TYPE_ENUM else field.type
    message = field.message_type
    inner = tuple(wire(one) for one in message.fields) if message and message.GetOptions().map_entry else None
    name = message.name if message and inner is None else None
    return field.name, field.number, kind, field.is_repeated, field.is_packed, name, inner


@pytest.mark.parametrize("name", MESSAGES)
def test_our_messages_are_the_published_ones(name: str) -> None:
    """Each field's name, number and type, as in the protos of tensorflow-serving-api."""
    published = PUBLISHED[name].fields_by_name
    for field in CLASSES[name].DESCRIPTOR.fields:
        assert wire(field) == wire(published[field.name])


def test_constants_are_the_published_ones() -> None:
    """The numbers of the enumerations are the same."""
    assert types_pb2.DT_FLOAT == DT_FLOAT
    assert {value: name for name, value in get_model_status_pb2.ModelVersionStatus.State.items()} == STATES


def test_tensors_as_bytes() -> None:
    """A gRPC server can be configured to return bytes instead of numbers."""
    with scripted_server.grpc_server(scripted_server.Script([scripted_server.CONTENT])) as endpoint:
        assert connect(endpoint).predict({"a": np.zeros(3, np.float32)}).tolist() == [0.5] * 3


@pytest.mark.parametrize("start", [scripted_server.rest, scripted_server.grpc_server])
def test_no_rows_are_not_sent(start: Any) -> None:
    """The client answers itself: a server with batching would wait for a request with rows."""
    script = scripted_server.Script()
    with start(script) as endpoint:
        answered = connect(endpoint).predict({"a": np.zeros(0, np.float32)})
    assert answered.dtype == np.float32
    assert answered.shape == (0,)
    assert script.bodies == []


def test_the_json_of_a_request() -> None:
    """The request has columns, and NaN and infinities as the tokens that TF Serving accepts."""
    script = scripted_server.Script()
    with scripted_server.rest(script) as endpoint:
        column = np.array([0.1, -2, np.nan, np.inf, -np.inf], np.float32)
        connect(endpoint).predict({"a": column})
    assert script.bodies == ['{"inputs": {"a": [0.10000000149011612, -2.0, NaN, Infinity, -Infinity]}}']
    assert script.headers[0]["content-type"] == "application/json"


def test_the_numbers_bear_a_careless_parser() -> None:
    """A number that is off by three units in the last place of a double is still the same float32."""
    script = scripted_server.Script()
    bits = np.random.default_rng(6).integers(0, 0x7F800000, 10_000).astype(np.uint32)
    sent = bits.view(np.float32)
    with scripted_server.rest(script) as endpoint:
        connect(endpoint).predict({"a": sent})
    read = np.array(json.loads(script.bodies[0])["inputs"]["a"]).view(np.int64)
    for units in (-3, 3):
        careless = (read + units).view(np.float64)
        assert careless.astype(np.float32).tobytes() == sent.tobytes()
