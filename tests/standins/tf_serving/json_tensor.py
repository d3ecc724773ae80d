"""Converts JSON to requests: util/json_tensor.cc.

The parser is that of Python, which accepts NaN, Infinity and -Infinity as rapidjson does with kParseNanAndInfFlag. What
else rapidjson accepts is added here; the messages for invalid JSON are others.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from tests.standins.tf_serving.status import Status, invalid

DEBUG_LIMIT = 256
INF = re.compile(r'("(?:[^"\\]|\\.)*")|\bInf\b')  # a text, which is kept, or the token
SMALLEST_NORMAL = np.finfo(np.float32).smallest_normal
TYPES = {type(None): "Null", dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}


def parse(text: str) -> dict[str, Any]:
    """Returns the object at the start of the text; the rest is ignored (kParseStopWhenDoneFlag)."""
    if not text:
        raise invalid("JSON Parse error: The document is empty")
    try:
        text = INF.sub(lambda found: found[1] or "Infinity", text.removeprefix("\ufeff").lstrip())
        decoder = json.JSONDecoder(parse_float=_number, parse_int=_number, object_pairs_hook=_first_of_each)
        document, _ = decoder.raw_decode(text)
    except ValueError as error:
        raise invalid(f"JSON Parse error: {error}") from None
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {_shown(document)} Is not object")
    signature = document.get("signature_name", "")
    if not isinstance(signature, str):
        raise invalid(
            f"JSON Value: {_shown(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    return document


def _number(text: str) -> int | float:
    if abs(float(text)) == float("inf"):
        raise ValueError("Number too big to be stored in double.")
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns an object; of equal keys the first counts, as in rapidjson's FindMember."""
    return dict(reversed(pairs)) if len(dict(pairs)) < len(pairs) else dict(pairs)


def predict_request(document: dict[str, Any], inputs: Mapping[str, Any]) -> tuple[Any, bool]:
    """Returns the request of FillPredictRequestFromJson, and whether its format is that of rows.

    Args:
        document: the parsed body.
        inputs: the inputs of the signature: TensorInfo by name.
    """
    if {"instances", "inputs"} <= document.keys():
        raise invalid(
            f"JSON Value: {_shown(document)} Not formatted correctly expecting only one of 'inputs' or 'instances' "
            "keys to exist "
        )
    if "instances" in document:
        instances = document["instances"]
        if not isinstance(instances, list):
            raise invalid(f"JSON Value: {_shown(document)} Expecting 'instances' to be an list/array")
        if not instances:
            raise invalid(f"JSON Value: {_shown(document)} No values in 'instances' array")
        values, by_row = _from_rows(instances, inputs), True
    elif "inputs" in document:
        values, by_row = _from_columns(document["inputs"], inputs), False
    else:
        raise invalid("Missing 'inputs' or 'instances' key")
    request = predict_pb2.PredictRequest()
    for name, value in values.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request, by_row


def _from_rows(instances: list[Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """FillTensorMapFromInstancesList: each object has exactly the inputs as keys."""
    objects = _is_object(instances[0])
    if not isinstance(instances[0], dict) and len(inputs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    columns: dict[str, list[Any]] = {name: [] for name in inputs}
    for number, element in enumerate(instances):
        place = f"Failed to process element: {number}"
        if _is_object(element) != objects:
            got, expected = ("list", "object") if objects else ("object", "value/list")
            raise invalid(f"Expecting {expected} but got {got} at item {number} of input list")
        named = element if objects else {next(iter(inputs)): element}
        for name, item in named.items():
            try:
                if name not in inputs:
                    raise invalid(f"JSON object: does not have named input: {name}")
                value = _tensor(item, inputs[name].dtype)
                if columns[name] and value.shape != columns[name][0].shape:
                    first = columns[name][0]
                    if value.size != first.size:
                        raise invalid(f"Expecting tensor size: {first.size} but got: {value.size}")
                    raise invalid(f"Expecting shape {_shape(first)} but got: {_shape(value)}")
            except Status as error:
                key = f" key: {name}" if objects else ""
                raise invalid(f"{place}{key} of 'instances' list. Error: {error}") from None
            columns[name].append(value)
        if set(named) != set(inputs):
            raise invalid(
                f"{place} of 'instances' list. JSON object: {_shown(element)} keys must be equal to: "
                f"{','.join(sorted(inputs))}"
            )
    return {name: np.stack(column) for name, column in columns.items()}


def _from_columns(given: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """FillTensorMapFromInputsMap: unknown inputs are ignored."""
    if not _is_object(given):
        if len(inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        given = {next(iter(inputs)): given}
    missing = [name for name in inputs if name not in given]
    if missing:
        raise invalid(f"Missing named input: {missing[0]} in 'inputs' object.")
    return {name: _tensor(given[name], info.dtype) for name, info in inputs.items()}


def _tensor(item: Any, dtype: int) -> Any:
    """FillTensorProto: the first element of each list defines the shape of all others."""
    shape = []
    first = item
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    values: list[Any] = []
    _fill(item, 0, shape, dtype, values)
    return np.array(values, tf.dtypes.as_dtype(dtype).as_numpy_dtype).reshape(shape)


def _fill(item: Any, level: int, shape: list[int], dtype: int, values: list[Any]) -> None:
    if not isinstance(item, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {_shown(item)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        values.append(_value(item, dtype))
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(item) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(item)} at level: {level} expected size: {shape[level]}"
        )
    for one in item:
        _fill(one, level + 1, shape, dtype, values)


def _value(item: Any, dtype: int) -> Any:
    """AddValueToTensor, for the input types of this project's models."""
    if dtype in (tf.float32.as_datatype_enum, tf.float64.as_datatype_enum):
        if isinstance(item, int | float) and not isinstance(item, bool):
            # Subnormal numbers become 0: measured on the real server.
            subnormal = dtype == tf.float32.as_datatype_enum and abs(item) < SMALLEST_NORMAL
            return np.copysign(0.0, item) if subnormal else item
    elif dtype == tf.string.as_datatype_enum:
        if isinstance(item, str):
            return item.encode()
        if isinstance(item, dict):
            return _decoded(item)
    kind = str(item) if isinstance(item, bool) else TYPES[type(item)]
    expected = tf.dtypes.as_dtype(dtype).name.replace("32", "")
    raise invalid(f"JSON Value: {_shown(item)} Type: {kind} is not of expected type: {expected}")


def _is_object(item: Any) -> bool:
    """Returns whether the item is an object other than base64 data: IsValBase64Object."""
    return isinstance(item, dict) and not (list(item) == ["b64"] and isinstance(item["b64"], str))


def _decoded(item: dict[str, Any]) -> bytes:
    if _is_object(item):
        raise invalid(f"JSON Value: {_shown(item)} not formatted correctly for base64 data")
    text = item["b64"]
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)  # Padding may be absent.
    except binascii.Error:
        raise invalid("Unable to base64 decode") from None


def fill_examples(request: Any, method: str, document: dict[str, Any]) -> Any:
    """FillClassifyRegressRequestFromJson: fills a request of the method `classify` or `regress` and returns it."""
    target = request.input.example_list
    if "context" in document:
        target = request.input.example_list_with_context
        target.context.CopyFrom(_example(document["context"]))
    if "examples" not in document:
        raise invalid(
            f"JSON Value: {_shown(document)} When method is {method}, key 'examples' is expected and was not found"
        )
    if not isinstance(document["examples"], list):
        raise invalid(f"JSON Value: {_shown(document)} Expecting 'examples' value to be an list/array")
    if not document["examples"]:
        raise invalid(f"JSON Value: {_shown(document)} 'examples' value is an empty array")
    target.examples.extend(_example(item) for item in document["examples"])
    return request


def _example(item: Any) -> Any:
    """MakeExampleFromJsonObject: a number with a decimal point is a float, one without is an integer."""
    if not isinstance(item, dict):
        raise invalid(f"Example must be JSON object but got JSON {TYPES.get(type(item), str(item))}")
    example = tf.train.Example()
    for name, content in item.items():
        feature = example.features.feature[name]
        for value in content if isinstance(content, list) else [content]:
            kind, converted = _feature_value(name, value)
            if feature.WhichOneof("kind") not in (None, kind):
                raise invalid(
                    f"Unexpected element type in feature: {name} expecting type: {kind.split('_')[0]}"
                )
            getattr(feature, kind).value.append(converted)
    return example


def _feature_value(name: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, bool | int):
        return "int64_list", int(value)
    if isinstance(value, float):
        return "float_list", value
    if isinstance(value, str):
        return "bytes_list", value.encode()
    if isinstance(value, dict) and not _is_object(value):
        return "bytes_list", _decoded(value)
    raise invalid(f"Feature: {name} has element with unexpected JSON type: {TYPES[type(value)]}")


def _shape(value: Any) -> str:
    return f"[{','.join(map(str, value.shape))}]"


def _shown(item: Any) -> str:
    """JsonValueToDebugString."""
    return json.dumps(item)[:DEBUG_LIMIT]
