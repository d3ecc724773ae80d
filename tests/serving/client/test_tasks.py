"""Models of a number and of several classes, over both protocols and in this process."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
import urllib3
from tensorflow_serving.apis import prediction_log_pb2, prediction_service_pb2_grpc, regression_pb2

from serving.client.connect import connect
from serving.predict.local_model import LocalModel
from tests.serving.conftest import Running, Serve
from tests.serving.models import CLASSES, write_classes_model, write_number_model, write_warm_up

COLUMNS = {"a": np.array([0.25, 0.5], np.float32), "b": np.array([0.5, 0.25], np.float32)}


def start(serve: Serve, write: Callable[[Path], None], folder: Path) -> Running:
    """Serves a new model, with a warm-up request for regression."""
    write(folder / "new")
    request = regression_pb2.RegressionRequest()
    request.model_spec.signature_name = "regress"
    request.input.example_list.examples.append(tf.train.Example())
    if write is write_number_model:
        log = prediction_log_pb2.RegressLog(request=request)
        write_warm_up(folder / "new", [prediction_log_pb2.PredictionLog(regress_log=log)])
    shutil.copytree(folder / "new", folder / "served" / "1")
    return serve(folder / "served")


@pytest.fixture(scope="module")
def numbers(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A server of a regression."""
    return start(serve, write_number_model, tmp_path_factory.mktemp("number"))


@pytest.fixture(scope="module")
def classes(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A server of a model of three classes."""
    return start(serve, write_classes_model, tmp_path_factory.mktemp("classes"))


def test_numbers(numbers: Running, protocol: str) -> None:
    """By hand: 100 a - b; there are no classes."""
    client = connect(getattr(numbers, protocol))
    assert client.predict(COLUMNS).tolist() == [24.5, 49.75]
    assert client.classes() == ()


def test_the_regression_api(numbers: Running) -> None:
    """TF Serving's own API for tf.Examples, in which a feature may be absent, over both protocols."""
    body: dict[str, Any] = {"signature_name": "regress", "examples": [{"a": 0.5, "b": 0.25}, {"b": 2.0}]}
    response = urllib3.request("POST", f"{numbers.rest}/v1/models/regpipe:regress", json=body)
    assert (response.status, response.json()) == (200, {"results": [49.75, -2.0]})
    request = regression_pb2.RegressionRequest()
    request.model_spec.name, request.model_spec.signature_name = "regpipe", "regress"
    features = {"a": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5]))}
    request.input.example_list.examples.append(tf.train.Example(features=tf.train.Features(feature=features)))
    with grpc.insecure_channel(numbers.grpc.removeprefix("grpc://")) as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Regress(request)
    assert [row.value for row in answer.result.regressions] == [50.0]


def test_several_classes(classes: Running, protocol: str) -> None:
    """A column for each class, in the order of the names, also for one row; the default output has the names too."""
    client = connect(getattr(classes, protocol))
    assert client.classes() == CLASSES
    assert client.predict(COLUMNS).tolist() == [[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]]
    one = client.predict({name: column[:1] for name, column in COLUMNS.items()})
    assert one.tolist() == [[0.25, 0.5, 0.25]]
    assert one.dtype == np.float32
    inputs = json.dumps({"inputs": {name: column.tolist() for name, column in COLUMNS.items()}})
    raw = urllib3.request("POST", f"{classes.rest}/v1/models/regpipe:predict", body=inputs).json()
    assert raw["outputs"]["prediction"] == ["größe", "x"]


@pytest.mark.parametrize(
    ("write", "names", "expected"),
    [
        (write_classes_model, CLASSES, [[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]]),
        (write_number_model, (), [24.5, 49.75]),
    ],
)
def test_in_this_process(write: Callable[[Path], None], names: Any, expected: Any, tmp_path: Path) -> None:
    """As from a server."""
    write(tmp_path / "model")
    model = LocalModel(str(tmp_path / "model"))
    assert model.classes() == names
    assert model.predict(COLUMNS).tolist() == expected
