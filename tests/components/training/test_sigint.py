"""Ctrl-C while it is held back: it comes when it is asked for, or at the end, and never in between."""

import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training import loop
from components.training.dataset import InMemoryDataset
from components.training.network import build_model
from components.training.sigint import defer_sigint


@pytest.fixture(autouse=True)
def python_s_own() -> Iterator[None]:
    """Whatever started the tests may have had SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(happened: list[str], error: Exception | None = None, ask: bool = False) -> None:
    """Is interrupted while it is held back, and then goes on: to ask for it, to an error, or to the end."""
    with defer_sigint() as check:
        check()
        signal.raise_signal(signal.SIGINT)
        happened.append("went on")
        if ask:
            check()
        if error:
            raise error
        happened.append("ended")


def test_it_comes_when_it_is_asked_for() -> None:
    """And not before; afterwards Ctrl-C is Python's again."""
    happened: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(happened, ask=True)
    assert happened == ["went on"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_comes_at_the_end_at_the_latest() -> None:
    """Nothing is lost where nobody asks."""
    happened: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(happened)
    assert happened == ["went on", "ended"]


def test_an_error_comes_first() -> None:
    """What went wrong is told, and Ctrl-C is Python's again."""
    with pytest.raises(ValueError, match="wrong"):
        interrupted([], ValueError("wrong"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_it_is_ignored_it_stays_so() -> None:
    """As under nohup."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with defer_sigint() as check:
        signal.raise_signal(signal.SIGINT)
        check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_thread_leaves_it_as_it_is() -> None:
    """Only the main thread may have a say in signals."""
    seen: list[object] = []

    def work() -> None:
        with defer_sigint() as check:
            check()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_a_training_ends_between_two_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before the second epoch: its first call into the graph is still made, and no other."""
    run_epoch, calls = loop._EpochRunner.run_epoch, []

    def epoch(self: Any, number: int, *rest: Any) -> dict[str, float]:
        run_steps = self._run_steps

        def counted(*rows: Any) -> Any:
            calls.append(number)
            return run_steps(*rows)

        monkeypatch.setattr(self, "_run_steps", counted)
        if number == 2:
            signal.raise_signal(signal.SIGINT)
        found: dict[str, float] = run_epoch(self, number, *rest)
        monkeypatch.setattr(self, "_run_steps", run_steps)
        return found

    monkeypatch.setattr(loop._EpochRunner, "run_epoch", epoch)
    monkeypatch.setattr(loop, "STEPS_PER_CALL", 1)
    rows = InMemoryDataset(np.zeros((6, 1), np.float32), np.array([[0], [1]] * 3, np.float32))
    model = build_model(1, ModelConfig(hidden_units=()))
    with pytest.raises(KeyboardInterrupt):
        loop.run_training_loop(model, rows, rows, TrainingConfig(epochs=3, batch_size=2, early_stopping=0))
    assert calls == [1, 1, 1, 2]
