"""The throttle makes quick work due every few seconds, and slow work a tenth of the time."""

import pytest

from components.training.throttle import Throttle


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [100.0]
    monkeypatch.setattr("components.training.throttle.time.monotonic", lambda: clock[0])
    return clock


def due(throttle: Throttle, now: list[float], *times: float) -> list[bool]:
    found = []
    for now[0] in times:
        found.append(throttle.due())
    return found


def test_quick_work_is_due_every_few_seconds(now: list[float]) -> None:
    """The interval begins at the start, or at the end of the previous work."""
    throttle = Throttle(2.0)
    assert due(throttle, now, 100.0, 101.9, 102.0, 103.0) == [False, False, True, True]
    with throttle.timed():
        pass
    assert due(throttle, now, 104.9, 105.0) == [False, True]
    assert Throttle(2.0, due_at_start=True).due()


def test_slow_work_is_due_less_often(now: list[float]) -> None:
    """After one second of work, the training runs for nine seconds."""
    throttle = Throttle(2.0, due_at_start=True)
    with throttle.timed():
        now[0] = 101.0
    assert due(throttle, now, 103.0, 109.9, 110.0) == [False, False, True]
    with throttle.timed():
        now[0] = 110.1
    assert due(throttle, now, 112.0, 112.1) == [False, True]
