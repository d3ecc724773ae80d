"""Creates an example request for curl, with a real row from the model's warm-up requests."""

import json
import shlex
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from components.common.file_names import WARMUP_FILE
from serving.client.messages import CLASSES
from serving.client.predictor import SIGNATURE


def first_warmup_row(model: Path) -> dict[str, float | str] | None:
    """Returns the first row of the first warm-up request: the value of each input.

    Args:
        model: the folder of the SavedModel.

    Returns:
        None if there is no valid request, or it is for another signature than `serving_default`.
    """
    try:
        record = _first_record(model / WARMUP_FILE)
        request = CLASSES["PredictionLog"].FromString(record).predict_log.request
        if request.model_spec.signature_name != SIGNATURE:
            return None
        return {name: _first_value(request.inputs[name]) for name in sorted(request.inputs)}
    except (OSError, ValueError, IndexError, struct.error, DecodeError):
        return None


def curl_command(url: str, model: str, row: Mapping[str, float | str]) -> str:
    """Returns a shell command that requests the probability of one row; a missing value is written as NaN."""
    body = json.dumps({"instances": [dict(row)]})
    return f"curl -sS -X POST {shlex.quote(f'{url}/v1/models/{model}:predict')} -d {shlex.quote(body)}"


def _first_record(file: Path) -> bytes:
    """Reads a TFRecord file: eight bytes of length, four bytes of checksum, then the record."""
    content = file.read_bytes()
    (size,) = struct.unpack_from("<Q", content)
    return content[12 : 12 + size]


def _first_value(tensor: Any) -> float | str:
    """Returns the first value: a text, or a number rounded to the shortest decimal that is the same float32."""
    if tensor.string_val:
        text: str = tensor.string_val[0].decode()
        return text
    values = np.frombuffer(tensor.tensor_content, "<f4") if tensor.tensor_content else tensor.float_val
    return float(str(np.float32(values[0])))
