"""What is tried again and what is not, over both protocols, against servers that answer from a script."""

import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from serving.client.connect import connect
from serving.client.exceptions import RequestRejected, ServerUnavailable, ServingError
from serving.client.rest import _seconds
from serving.client.retries import RetryPolicy
from tests.standins.tf_serving import scripted_server
from tests.standins.tf_serving.scripted_server import GARBAGE, HANG, RESET, Fail, Script

COLUMNS = {"a": np.zeros(2, np.float32)}
QUICK = RetryPolicy(timeout=5, attempts=3, first_wait=0.01)
Start = Callable[..., tuple[str, Script]]


@pytest.fixture
def start(protocol: str) -> Iterator[Start]:
    """start(step, step, ...) is the endpoint of a server of these steps, and its script."""
    with ExitStack() as stack:

        def run(*steps: Any) -> tuple[str, Script]:
            script = Script(list(steps))
            server = {"rest": scripted_server.rest, "grpc": scripted_server.grpc_server}[protocol]
            return stack.enter_context(server(script)), script

        yield run


@pytest.mark.parametrize("step", [Fail(503), Fail(429), RESET], ids=str)
def test_what_may_pass_is_tried_again(start: Start, step: Any) -> None:
    """A server that fails twice and then answers."""
    endpoint, script = start(step, step)
    assert connect(endpoint, retry_policy=QUICK).predict(COLUMNS).tolist() == [0.5, 0.5]
    assert len(script.bodies) == 3
    assert script.bodies[0] == script.bodies[2]


def test_a_gateway_without_a_server(protocol: str) -> None:
    """502 may pass, too; gRPC has no such code."""
    script = Script([Fail(502)])
    with scripted_server.rest(script) as endpoint:
        assert connect(endpoint, retry_policy=QUICK).predict(COLUMNS).tolist() == [0.5, 0.5]


def test_not_for_ever(start: Start, protocol: str) -> None:
    """The message says how often, and the last reason."""
    endpoint, script = start(*[Fail(503)] * 9)
    with pytest.raises(ServerUnavailable) as error:
        connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    reason = {"rest": "503 Service Unavailable: scripted 503", "grpc": "UNAVAILABLE: scripted 503"}[protocol]
    assert str(error.value) == f"{endpoint}, model regpipe: no answer after 3 attempts: {reason}"
    assert len(script.bodies) == 3


@pytest.mark.parametrize("status", [400, 500])
def test_what_was_refused_is_not_tried_again(start: Start, status: int, protocol: str) -> None:
    """One request; the message has the code and the server's words."""
    endpoint, script = start(Fail(status))
    with pytest.raises(RequestRejected) as error:
        connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    http = {400: "400 Bad Request", 500: "500 Internal Server Error"}[status]
    code = http if protocol == "rest" else scripted_server.CODES[status]
    assert str(error.value) == f"{endpoint}, model regpipe: {code}: scripted {status}"
    assert len(script.bodies) == 1


def test_the_deadline_is_not_tried_again(start: Start) -> None:
    """A server that takes too long is at work on the first request still."""
    endpoint, script = start(HANG)
    before = time.monotonic()
    with pytest.raises(ServerUnavailable) as error:
        connect(endpoint, retry_policy=RetryPolicy(timeout=0.2)).predict(COLUMNS)
    assert time.monotonic() - before < scripted_server.HANG_SECONDS
    assert str(error.value) == f"{endpoint}, model regpipe: no answer within 0.2 s."
    assert len(script.bodies) == 1


def test_the_servers_own_deadline(start: Start) -> None:
    """As Unavailable, and not tried again either."""
    endpoint, script = start(Fail(504))
    with pytest.raises(ServerUnavailable):
        connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    assert len(script.bodies) == 1


def test_as_long_as_the_server_asks(start: Start) -> None:
    """The server's wait holds where it is longer than ours."""
    endpoint, script = start(Fail(503, after=1))
    connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    assert 1 <= script.times[1] - script.times[0] < 2


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3), ("Fri, 20 Nov 2026 10:00:07 GMT", 7), ("soon", None), (None, None)]
)
def test_retry_after(header: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP has two forms of it; what is neither is as if it were not there."""
    monkeypatch.setattr(
        "serving.client.rest.datetime", Mock(now=lambda zone: datetime(2026, 11, 20, 10, tzinfo=zone))
    )
    assert _seconds(header) == seconds


def test_longer_than_anyone_waits(start: Start) -> None:
    """A server that asks for more than `longest_wait` is not asked again."""
    endpoint, script = start(Fail(503, after=3600))
    with pytest.raises(ServerUnavailable, match=r"after 1 attempt: .* \(the server asks to wait 3600 s\)$"):
        connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    assert len(script.bodies) == 1


def test_nobody_listens(protocol: str) -> None:
    """The attempts are made, and the message says that the connection was refused."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        endpoint = f"{'http' if protocol == 'rest' else 'grpc'}://127.0.0.1:{one.getsockname()[1]}"
        with pytest.raises(ServerUnavailable, match=r"no answer after 3 attempts: .*[Cc]onnection refused"):
            connect(endpoint, retry_policy=QUICK).predict(COLUMNS)


def test_an_answer_that_is_none(start: Start) -> None:
    """What the server gave is shown, and not asked for again."""
    endpoint, script = start(GARBAGE)
    with pytest.raises(ServingError, match=r"expected (2 probabilities|the output probability), got"):
        connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    assert len(script.bodies) == 1


def test_one_connection(start: Start) -> None:
    """It is kept open from request to request."""
    endpoint, script = start()
    client = connect(endpoint)
    for _ in range(5):
        client.predict(COLUMNS)
    assert len(script.connections) == 1


def test_headers(start: Start) -> None:
    """They go with every request."""
    endpoint, script = start()
    connect(endpoint, headers={"Authorization": "Bearer secret"}).predict(COLUMNS)
    assert script.headers[0]["authorization"] == "Bearer secret"


def test_the_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as long each time up to the longest, of which chance takes up to half away."""
    retry_policy = RetryPolicy(first_wait=1, longest_wait=5)
    for chance, share in ((0.0, 0.5), (1.0, 1.0)):
        monkeypatch.setattr(random, "uniform", lambda low, high, chance=chance: low + (high - low) * chance)
        assert [retry_policy.wait(n) for n in range(1, 6)] == [share * full for full in (1, 2, 4, 5, 5)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"timeout": 0}, "timeout must be > 0, got 0."),
        ({"timeout": float("nan")}, "timeout must be > 0, got nan."),
        ({"attempts": 0}, "attempts must be >= 1, got 0."),
    ],
)
def test_patience_that_is_none(given: dict[str, Any], message: str) -> None:
    """Refused with what was expected."""
    with pytest.raises(ValueError, match=r".") as error:
        RetryPolicy(**given)
    assert str(error.value) == message
