"""Which errors are retried, over both protocols, with servers that respond from a script."""

import random
import socket
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
    """start(step, step, ...) returns the endpoint of a server with these steps, and its script."""
    with ExitStack() as stack:

        def run(*steps: Any) -> tuple[str, Script]:
            script = Script(list(steps))
            server = {"rest": scripted_server.rest, "grpc": scripted_server.grpc_server}[protocol]
            return stack.enter_context(server(script)), script

        yield run


@pytest.mark.parametrize("step", [Fail(503), Fail(429), RESET], ids=str)
def test_what_may_pass_is_tried_again(start: Start, step: Any) -> None:
    """The server fails twice and then responds."""
    endpoint, script = start(step, step)
    assert connect(endpoint, retry_policy=QUICK).predict(COLUMNS).tolist() == [0.5, 0.5]
    assert len(script.bodies) == 3
    assert script.bodies[0] == script.bodies[2]


def test_a_gateway_without_a_server(protocol: str) -> None:
    """502 is retried, too; gRPC has no such code."""
    script = Script([Fail(502)])
    with scripted_server.rest(script) as endpoint:
        assert connect(endpoint, retry_policy=QUICK).predict(COLUMNS).tolist() == [0.5, 0.5]


def test_not_for_ever(start: Start, protocol: str) -> None:
    """The message has the number of attempts and the last error."""
    endpoint, script = start(*[Fail(503)] * 9)
    with pytest.raises(ServerUnavailable) as error:
        connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    reason = {"rest": "503 Service Unavailable: scripted 503", "grpc": "UNAVAILABLE: scripted 503"}[protocol]
    assert str(error.value) == f"{endpoint}, model regpipe: no response after 3 attempts: {reason}"
    assert len(script.bodies) == 3


@pytest.mark.parametrize("status", [400, 500])
def test_what_was_refused_is_not_tried_again(start: Start, status: int, protocol: str) -> None:
    """There is one request; the message has the code and the server's message."""
    endpoint, script = start(Fail(status))
    with pytest.raises(RequestRejected) as error:
        connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    http = {400: "400 Bad Request", 500: "500 Internal Server Error"}[status]
    code = http if protocol == "rest" else scripted_server.CODES[status]
    assert str(error.value) == f"{endpoint}, model regpipe: {code}: scripted {status}"
    assert len(script.bodies) == 1


def test_the_deadline_is_not_tried_again(start: Start) -> None:
    """A server that takes too long is still processing the first request; a second is enough for it to arrive."""
    endpoint, script = start(HANG)
    with pytest.raises(ServerUnavailable) as error:
        connect(endpoint, retry_policy=RetryPolicy(timeout=1.0)).predict(COLUMNS)
    assert str(error.value) == f"{endpoint}, model regpipe: no response within 1 s."
    assert len(script.bodies) == 1


def test_the_servers_own_deadline(start: Start) -> None:
    """It raises ServerUnavailable and is not retried either."""
    endpoint, script = start(Fail(504))
    with pytest.raises(ServerUnavailable):
        connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    assert len(script.bodies) == 1


def test_as_long_as_the_server_asks(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is the one that the server asks for, if it is longer than the policy's."""
    waits: list[float] = []
    monkeypatch.setattr("serving.client.retries.time", Mock(sleep=waits.append))
    endpoint, script = start(Fail(503, after=1))
    connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    assert waits == [1.0]
    assert len(script.bodies) == 2


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3), ("Fri, 20 Nov 2026 10:00:07 GMT", 7), ("soon", None), (None, None)]
)
def test_retry_after(header: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP has two forms of it; any other text is ignored."""
    monkeypatch.setattr(
        "serving.client.rest.datetime", Mock(now=lambda zone: datetime(2026, 11, 20, 10, tzinfo=zone))
    )
    assert _seconds(header) == seconds


def test_a_longer_wait_than_the_policy_allows(start: Start) -> None:
    """If the server asks for more than `longest_wait`, there is no retry."""
    endpoint, script = start(Fail(503, after=3600))
    with pytest.raises(ServerUnavailable, match=r"after 1 attempt: .* \(the server asks to wait 3600 s\)$"):
        connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    assert len(script.bodies) == 1


def test_a_port_that_is_closed(protocol: str) -> None:
    """All attempts are made, and the message contains the refused connection."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        endpoint = f"{'http' if protocol == 'rest' else 'grpc'}://127.0.0.1:{one.getsockname()[1]}"
        with pytest.raises(ServerUnavailable, match=r"no response after 3 attempts: .*[Cc]onnection refused"):
            connect(endpoint, retry_policy=QUICK).predict(COLUMNS)


def test_an_invalid_response(start: Start) -> None:
    """The message contains the response, and there is no retry."""
    endpoint, script = start(GARBAGE)
    with pytest.raises(ServingError, match=r"expected (predictions of 2 rows|one output), got"):
        connect(endpoint, retry_policy=QUICK).predict(COLUMNS)
    assert len(script.bodies) == 1


def test_one_connection(start: Start) -> None:
    """One connection is used for all requests."""
    endpoint, script = start()
    client = connect(endpoint)
    for _ in range(5):
        client.predict(COLUMNS)
    assert len(script.connections) == 1


def test_headers(start: Start) -> None:
    """They are sent with every request."""
    endpoint, script = start()
    connect(endpoint, headers={"Authorization": "Bearer secret"}).predict(COLUMNS)
    assert script.headers[0]["authorization"] == "Bearer secret"


def test_the_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """They double up to the longest wait, of which a random part of up to half is subtracted."""
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
def test_an_invalid_policy(given: dict[str, Any], message: str) -> None:
    """The error has the expected value."""
    with pytest.raises(ValueError, match=r".") as error:
        RetryPolicy(**given)
    assert str(error.value) == message
