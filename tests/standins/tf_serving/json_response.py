"""Converts responses to JSON: util/json_tensor.cc."""

import base64
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tests.standins.tf_serving.status import invalid


def predict_response(response: Any, by_row: bool) -> str:
    """MakeJsonFromTensors: a single output is written without its name."""
    outputs = {name: tf.make_ndarray(proto) for name, proto in sorted(response.outputs.items())}
    if not by_row:
        columns = {name: _json(name, value) for name, value in outputs.items()}
        body = columns.popitem()[1] if len(columns) == 1 else _object(columns)
        return f'{{\n    "outputs": {body}\n}}'
    sizes = {len(value) for value in outputs.values() if value.ndim}
    if any(not value.ndim for value in outputs.values()) or len(sizes) > 1:
        raise invalid(f"Tensor name: {next(iter(outputs))} has inconsistent batch size")
    rows = [
        _json(*next(iter(row.items())))
        if len(row) == 1
        else _object({n: _json(n, v) for n, v in row.items()})
        for row in ({name: value[i] for name, value in outputs.items()} for i in range(sizes.pop()))
    ]
    return f'{{\n    "predictions": [{", ".join(rows)}\n    ]\n}}'


def classify_response(response: Any) -> str:
    """MakeJsonFromClassificationResult: [label, score] for each class of each row."""
    rows = (
        ", ".join(f"[{json.dumps(one.label)}, {decimal(one.score)}]" for one in row.classes)
        for row in response.result.classifications
    )
    return f'{{\n    "results": [{", ".join(f"[{row}]" for row in rows)}\n    ]\n}}'


def regress_response(response: Any) -> str:
    """MakeJsonFromRegressionResult: the number of each row."""
    rows = ", ".join(decimal(row.value) for row in response.result.regressions)
    return f'{{\n    "results": [{rows}\n    ]\n}}'


def decimal(value: float) -> str:
    """WriteDecimal of a float: six digits if they give the same float32, else nine."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = f"{value:.6g}"
    if np.float32(text) != np.float32(value):
        text = f"{value:.9g}"
    return text if re.search("[.e]", text) else f"{text}.0"


def _json(name: str, value: Any) -> str:
    value = np.asarray(value)
    if value.ndim:
        return f"[{', '.join(_json(name, one) for one in value)}]"
    one = value.item()
    if isinstance(one, bytes):
        as_base64 = name.endswith("_bytes")
        return json.dumps({"b64": base64.b64encode(one).decode()} if as_base64 else one.decode())
    return decimal(one) if isinstance(one, float) else json.dumps(one)


def _object(members: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in members.items()) + "}"
