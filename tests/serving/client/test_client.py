"""The client over both protocols, with a server of real models."""

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import urllib3

from serving.client.connect import connect
from serving.client.exceptions import ModelNotFound, RequestRejected
from serving.client.predictor import Client, VersionStatus
from tests.components.conftest import AWKWARD
from tests.serving.conftest import Running

NAN, INFINITY = float("nan"), float("inf")
AS_INPUT = "f___price___a_b___x___script_"
ROWS = {"a": [1.0, NAN, 99.0, INFINITY], "b": [4.0, NAN, -99.0, 7.0], AS_INPUT: [50.0, NAN, 3e38, -INFINITY]}


def float32(**columns: list[float]) -> dict[str, Any]:
    return {name: np.array(column, np.float32) for name, column in columns.items()}


def example(row: dict[str, float]) -> bytes:
    made = tf.train.Example()
    for name, value in row.items():
        made.features.feature[name].float_list.value.append(value)
    serialized: bytes = made.SerializeToString()
    return serialized


@pytest.fixture
def client(server: Running, protocol: str) -> Iterator[Client]:
    """A client for the exported logistic regression."""
    connected = connect(getattr(server, protocol))
    yield connected
    connected.close()


@pytest.fixture
def echo_client(echo: Running, protocol: str) -> Iterator[Client]:
    """A client for the model that returns its inputs."""
    connected = connect(getattr(echo, protocol))
    yield connected
    connected.close()


def test_input_names(client: Client) -> None:
    """The inputs of serving_default, sorted; the name of the third feature is changed."""
    assert client.input_names() == ["a", "b", AS_INPUT]


def test_parity_with_the_saved_model(client: Client, exported: Path) -> None:
    """Values in range, out of range, missing or infinite give the probability of the reloaded signature."""
    signature = tf.saved_model.load(str(exported / "1")).signatures["serving_default"]
    expected = signature(**{name: tf.constant(column) for name, column in ROWS.items()})["probability"]
    answered = client.predict(float32(**ROWS))
    assert answered.dtype == np.float32
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(answered, expected, rtol=0, atol=1e-6)


def test_all_signatures_answer_alike(server: Running) -> None:
    """tf.Examples give the same results, in both signatures; an absent feature counts as NaN."""
    rows = [{"a": 1.0, "b": 4.0, AWKWARD: 50.0}, {"b": 2.5}]
    columns = float32(a=[1.0, NAN], b=[4.0, 2.5]) | {AS_INPUT: np.array([50.0, NAN], np.float32)}
    expected = connect(server.rest).predict(columns)
    path = f"{server.rest}/v1/models/regpipe"
    serialized = [{"b64": base64.b64encode(example(row)).decode()} for row in rows]
    body: dict[str, Any] = {"signature_name": "serving_examples", "inputs": serialized}
    parsed = urllib3.request("POST", f"{path}:predict", json=body).json()["outputs"]
    body = {"signature_name": "classify", "examples": rows}
    classified = urllib3.request("POST", f"{path}:classify", json=body).json()["results"]
    np.testing.assert_allclose(np.ravel(parsed), expected, rtol=0, atol=1e-6)
    assert [[label for label, _ in row] for row in classified] == [["0", "1"]] * 2
    scores = [[score for _, score in row] for row in classified]
    np.testing.assert_allclose(scores, np.stack([1 - expected, expected], axis=1), rtol=0, atol=1e-6)


def test_float32_comes_back_exactly(echo_client: Client, protocol: str) -> None:
    """100,000 bit patterns, with infinities and NaN, come back without a changed bit; over REST, subnormals are 0."""
    bits = np.random.default_rng(5).integers(0, 2**32, 100_000, np.uint64).astype(np.uint32)
    sent = np.concatenate(
        [bits.view(np.float32), np.array([0.1, -0.0, 1e-45, 3.4028235e38, INFINITY, NAN], np.float32)]
    )
    answered = echo_client.predict({"a": sent, "b": np.full_like(sent, NAN)})
    exact = ~np.isnan(sent)
    subnormal = (np.abs(sent) < np.finfo(np.float32).smallest_normal) & (sent != 0)
    assert subnormal.sum() > 300
    if protocol == "rest":
        assert not answered[subnormal].any()
        exact &= ~subnormal
    assert np.isnan(answered[np.isnan(sent)]).all()
    assert answered[exact].tobytes() == sent[exact].tobytes()


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_as_many_answers_as_rows(echo_client: Client, rows: int) -> None:
    """The results are in the order of the rows; no rows give no results."""
    numbers = np.arange(rows, dtype=np.float32)
    answered = echo_client.predict({"a": numbers, "b": np.full_like(numbers, NAN)})
    assert answered.dtype == np.float32
    assert answered.tolist() == numbers.tolist()


def test_status(echo_client: Client) -> None:
    """It returns the only version, which is available."""
    assert echo_client.status() == [VersionStatus(3, "AVAILABLE", "OK", "")]


def test_a_version_that_is_asked_for(echo: Running, protocol: str) -> None:
    """Requests go to that version."""
    connected = connect(getattr(echo, protocol), version=3)
    assert connected.predict(float32(a=[0.5], b=[NAN])).tolist() == [0.5]
    assert [one.version for one in connected.status()] == [3]


def test_a_column_too_few(echo_client: Client) -> None:
    """The server's message has the version."""
    with pytest.raises(RequestRejected, match=r"(Missing named input: b in|Missing but required: \{b\})"):
        echo_client.predict(float32(a=[1.0]))


def test_a_column_too_many(echo_client: Client, echo: Running, protocol: str) -> None:
    """It is rejected over REST, too, where TF Serving would ignore it."""
    words = {
        "rest": "the model has no input c, d.",
        "grpc": "INVALID_ARGUMENT: input size does not match signature: 4!=2 len({a,b,c,d}) != len({a,b}). "
        "Sent extra: {c,d}. Missing but required: {}.",
    }
    with pytest.raises(RequestRejected) as error:
        echo_client.predict(float32(a=[1.0], b=[2.0], c=[3.0], d=[4.0]))
    assert str(error.value) == f"{getattr(echo, protocol)}, model regpipe: {words[protocol]}"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "expected a column for each input, got none."),
        (
            {"a": np.zeros(2, np.float32), "b": np.zeros(1, np.float32)},
            "expected each column to be float32 [2], or an array of texts, got float32 [1] for b.",
        ),
        (
            {"a": np.zeros((2, 1), np.float32)},
            "expected each column to be float32 [2], or an array of texts, got float32 [2, 1] for a.",
        ),
        (
            {"a": np.zeros(2)},
            "expected each column to be float32 [2], or an array of texts, got float64 [2] for a.",
        ),
    ],
)
def test_what_is_no_column(echo_client: Client, columns: dict[str, Any], message: str) -> None:
    """No request is sent."""
    with pytest.raises(ValueError, match=r".") as error:
        echo_client.predict(columns)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model": "other"}, "Servable not found for request: Latest(other)"),
        ({"version": 4}, "Servable not found for request: Specific(regpipe, 4)"),
    ],
)
def test_not_found(echo: Running, protocol: str, asked: dict[str, Any], words: str) -> None:
    """The message has the endpoint, the model, the version, the code and the server's message."""
    endpoint = getattr(echo, protocol)
    code = {"rest": "404 Not Found", "grpc": "NOT_FOUND"}[protocol]
    named = "model other" if "model" in asked else "model regpipe version 4"
    connected = connect(endpoint, **asked)
    for ask in (connected.input_names, lambda: connected.predict(float32(a=[1.0], b=[1.0]))):
        with pytest.raises(ModelNotFound) as error:
            ask()
        assert str(error.value) == f"{endpoint}, {named}: {code}: {words}"
    with pytest.raises(ModelNotFound, match="Could not find"):
        connected.status()


def test_the_port_of_the_other_protocol(echo: Running) -> None:
    """Each client detects the other protocol at once."""
    endpoint = echo.grpc.replace("grpc", "http")
    with pytest.raises(RequestRejected) as error:
        connect(endpoint).status()
    assert (
        str(error.value)
        == f"{endpoint}, model regpipe: this port does not support HTTP; it may be the gRPC port."
    )
    endpoint = echo.rest.replace("http", "grpc")
    with pytest.raises(RequestRejected) as error:
        connect(endpoint).status()
    assert (
        str(error.value)
        == f"{endpoint}, model regpipe: this port does not support gRPC; for REST, begin with http://."
    )


def test_a_model_without_the_signature(serve: Any, tmp_path: Path, protocol: str) -> None:
    """The message has the existing signatures."""
    module = tf.Module()
    module.two = tf.function(
        lambda a: {"b": a}, input_signature=[tf.TensorSpec([None], tf.float32, name="a")]
    )
    tf.saved_model.save(module, str(tmp_path / "1"), signatures={"two": module.two})
    running = serve(tmp_path)
    endpoint = getattr(running, protocol)
    with pytest.raises(ModelNotFound) as error:
        connect(endpoint).input_names()
    running.stop()
    expected = (
        f"{endpoint}, model regpipe: there is no signature serving_default, only __saved_model_init_op, two."
    )
    assert str(error.value) == expected


def test_threads_share_a_client(echo_client: Client) -> None:
    """Each thread gets its own result."""
    barrier = threading.Barrier(8)

    def ask(number: int) -> list[float]:
        barrier.wait()
        return [echo_client.predict(float32(a=[number + n / 8], b=[NAN])).item() for n in range(8)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert answers == [[number + n / 8 for n in range(8)] for number in range(8)]
