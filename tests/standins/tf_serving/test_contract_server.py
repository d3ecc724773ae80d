"""The parts of the contract server that other tests rely on: warm-up, start, batching and flags."""

import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import urllib3
from tensorflow_serving.apis import prediction_log_pb2

from serving.client.connect import connect
from serving.client.exceptions import RequestRejected
from serving.client.retries import RetryPolicy
from tests.serving.models import WARM_UP, predict_log, write_model, write_warm_up
from tests.standins.tf_serving.bundle import MAX_WARM_UP, Batching, Bundle
from tests.standins.tf_serving.contract_server import ContractServer, build, main, parser
from tests.standins.tf_serving.manager import Manager, Polling
from tests.standins.tf_serving.status import Code, Status
from tests.waiting import wait_until

QUICK = Polling(seconds=0.02, load_retries=0)
ONE = {"a": np.zeros(1, np.float32), "b": np.zeros(1, np.float32)}


@pytest.fixture(scope="module")
def echo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that returns its inputs: see tests/serving/models.py."""
    path = tmp_path_factory.mktemp("echo") / "model"
    write_model(path)
    return path


@pytest.fixture
def base_path(echo_model: Path, tmp_path: Path) -> Path:
    """A folder with version 1."""
    shutil.copytree(echo_model, tmp_path / "models" / "1")
    return tmp_path / "models"


def test_warm_up(base_path: Path) -> None:
    """Loading fails if a warm-up request fails, if there are too many, or if the file has no valid records."""
    path = base_path / "1"
    good, bad = predict_log(a=[1.0], b=[2.0]), predict_log(a=[1.0])
    write_warm_up(path, [good] * MAX_WARM_UP)
    Bundle(path, None)
    for logs, message in (
        ([good, bad], "INVALID_ARGUMENT: input size does not match signature: 1!=2"),
        ([good] * (MAX_WARM_UP + 1), "INVALID_ARGUMENT: Number of warmup records exceeds the maximum (1000)"),
    ):
        write_warm_up(path, logs)
        with pytest.raises(Status) as error:
            Bundle(path, None)
        assert str(error.value).startswith(message)
    write_warm_up(path, [good, prediction_log_pb2.PredictionLog()])  # a record without a log type is accepted
    Bundle(path, None)
    with tf.io.TFRecordWriter(str(path / WARM_UP)) as writer:
        writer.write(b"no message")
    with pytest.raises(Status, match="INVALID_ARGUMENT: Failed to parse warmup record: ") as error:
        Bundle(path, None)
    (path / WARM_UP).write_bytes(b"these are no records")
    with pytest.raises(Status) as error:
        Bundle(path, None)
    assert error.value.code == Code.DATA_LOSS


def test_a_newest_version_that_cannot_be_loaded_at_the_start(base_path: Path) -> None:
    """The server does not start, although there is an older version."""
    (base_path / "2").mkdir()
    with pytest.raises(Status) as error:
        ContractServer([Manager("regpipe", base_path, QUICK, None)])
    message = "UNKNOWN: 1 servable(s) did not become available: {{{name: regpipe version: 2} due to error: NOT_FOUND: "
    assert str(error.value).startswith(message)


def test_a_request_larger_than_a_batch(base_path: Path) -> None:
    """With --enable_batching it is refused, not split; columns of different lengths are refused, too."""
    server = ContractServer([Manager("regpipe", base_path, QUICK, Batching(2))])
    client = connect(f"grpc://127.0.0.1:{server.port}")
    assert client.predict({name: np.zeros(2, np.float32) for name in "ab"}).tolist() == [0.0, 0.0]
    with pytest.raises(
        RequestRejected, match=r"INVALID_ARGUMENT: Task size 3 is larger than maximum input batch size 2$"
    ):
        client.predict({name: np.zeros(3, np.float32) for name in "ab"})
    body = '{"inputs": {"a": [1.0], "b": [1.0, 2.0]}}'
    response = urllib3.request(
        "POST", f"http://127.0.0.1:{server.rest_port}/v1/models/regpipe:predict", body=body
    )
    assert response.status == 400
    assert "must have equal 0th-dimension size" in response.data.decode()
    server.stop()


def test_a_restart_between_two_requests(base_path: Path) -> None:
    """On the same ports: the clients reconnect without an error."""
    server = ContractServer([Manager("regpipe", base_path, QUICK, None)])
    ports = server.port, server.rest_port
    retry_policy = RetryPolicy(attempts=10, first_wait=0.05)
    endpoints = f"grpc://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    clients = [connect(endpoint, retry_policy=retry_policy) for endpoint in endpoints]
    assert [client.predict(ONE).item() for client in clients] == [0.0, 0.0]
    server.stop()
    server = ContractServer([Manager("regpipe", base_path, QUICK, None)], *ports)
    assert [client.predict(ONE).item() for client in clients] == [0.0, 0.0]
    server.stop()


def test_configuration_files(base_path: Path, tmp_path: Path) -> None:
    """Two models of one configuration file, batching, and metrics."""
    (tmp_path / "models.config").write_text(
        "model_config_list {"
        + "".join(
            f'config {{ name: "{name}" base_path: "{base_path}" model_platform: "tensorflow" }}'
            for name in ("m", "n")
        )
        + "}"
    )
    (tmp_path / "batching.config").write_text(
        "max_batch_size { value: 5 }\nbatch_timeout_micros { value: 0 }\n"
    )
    (tmp_path / "monitoring.config").write_text('prometheus_config { enable: true, path: "/metrics" }')
    server = build(
        parser().parse_args(
            [
                f"--model_config_file={tmp_path / 'models.config'}",
                "--port=0",
                "--rest_api_port=0",
                "--enable_batching",
                f"--batching_parameters_file={tmp_path / 'batching.config'}",
                f"--monitoring_config_file={tmp_path / 'monitoring.config'}",
            ]
        )
    )
    rest = f"http://127.0.0.1:{server.rest_port}"
    for model in ("m", "n"):
        client = connect(rest, model=model)
        assert client.predict(ONE).item() == 0
        with pytest.raises(RequestRejected, match="maximum input batch size 5"):
            client.predict({name: np.zeros(6, np.float32) for name in "ab"})
    assert urllib3.request("GET", f"{rest}/metrics").status == 200
    server.stop()


def test_the_published_binary_refuses_request_logging(
    base_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a logging_config it does not start, whatever the type of the collector."""
    monkeypatch.setattr("signal.signal", lambda *_: None)  # the handlers of this process stay
    (tmp_path / "models.config").write_text(
        f'model_config_list {{ config {{ name: "m" base_path: "{base_path}" model_platform: "tensorflow" '
        'logging_config { log_collector_config { type: "file" filename_prefix: "/logs/m" } '
        "sampling_config { sampling_rate: 0.01 } } } }"
    )
    assert main([f"--model_config_file={tmp_path / 'models.config'}", "--port=0"]) == 255
    assert "No request-logger-creator provided." in capfd.readouterr().out


def test_requests_without_rows_block_a_batched_server(base_path: Path) -> None:
    """They wait for a request with rows. When they hold all REST threads, status has no answer, but gRPC still has."""
    server = ContractServer([Manager("regpipe", base_path, QUICK, Batching())], rest_threads=2)
    model = f"http://127.0.0.1:{server.rest_port}/v1/models/regpipe"
    body = '{"inputs": {"a": [], "b": []}}'

    def ask() -> Any:
        return urllib3.request("POST", f"{model}:predict", body=body, retries=False, timeout=30).json()

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(ask)
        assert urllib3.request("GET", model, retries=False, timeout=5).status == 200
        two = pool.submit(ask)
        wait_until(lambda: is_blocked(model))
        assert not one.done()
        assert not two.done()
        assert connect(f"grpc://127.0.0.1:{server.port}").predict(ONE).tolist() == [0.0]
        assert [one.result(10), two.result(10)] == [{"outputs": []}] * 2
    assert not is_blocked(model)
    server.stop()


def test_requests_without_rows_without_batching(base_path: Path) -> None:
    """They are answered at once."""
    server = ContractServer([Manager("regpipe", base_path, QUICK, None)])
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/regpipe:predict"
    response = urllib3.request("POST", url, body='{"inputs": {"a": [], "b": []}}', retries=False, timeout=5)
    assert response.json() == {"outputs": []}
    server.stop()


def is_blocked(model: str) -> bool:
    """Returns whether the server does not answer a request for its status."""
    try:
        urllib3.request("GET", model, retries=False, timeout=0.3)
    except urllib3.exceptions.TimeoutError:
        return True
    return False


@pytest.mark.parametrize(("threads", "newer"), [(0, False), (2, True)])
def test_a_broken_version_that_is_tried_again(base_path: Path, threads: int, newer: bool) -> None:
    """It delays a newer version if there is only the thread that polls, and not with --num_load_threads=2."""
    polling = Polling(seconds=0.02, load_retries=5, retry_seconds=60, load_threads=threads)
    manager = Manager("regpipe", base_path, polling, None)
    server = ContractServer([manager])
    (base_path / "2").mkdir()
    wait_until(lambda: manager.states()[0][:2] == (2, "LOADING"))
    shutil.copytree(base_path / "1", base_path / "incoming")
    (base_path / "incoming").rename(base_path / "3")
    if newer:
        wait_until(
            lambda: {one[0]: one[1] for one in manager.states()} == {3: "AVAILABLE", 2: "LOADING", 1: "END"}
        )
    else:
        with pytest.raises(TimeoutError):
            manager.wait_for_polls(1, seconds=0.5)
        assert [one[:2] for one in manager.states()] == [(2, "LOADING"), (1, "AVAILABLE")]
    server.stop()


def test_an_unknown_flag(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The usage is printed and the server goes on with the default: here, without a model, it fails later."""
    monkeypatch.setattr("signal.signal", lambda *_: None)  # the handlers of this process stay
    assert main(["--model_base_pth=/models/regpipe"]) == 255
    out = capfd.readouterr().out
    assert out.startswith("unknown argument: --model_base_pth=/models/regpipe\nusage: ")
    assert "server_options.model_base_path and server_options.model_config_file are empty!" in out


def test_a_rest_port_that_is_taken(base_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is only logged; gRPC is served."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = ContractServer(
            [Manager("regpipe", base_path, QUICK, None)], rest_port=taken.getsockname()[1]
        )
    assert server.rest_port is None
    assert "Failed to start HTTP Server" in capfd.readouterr().out
    assert connect(f"grpc://127.0.0.1:{server.port}").predict(ONE).tolist() == [0.0]
    server.stop()
