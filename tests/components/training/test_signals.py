"""A deferred Ctrl-C is raised by the check function or at the end of the context, and nowhere else."""

import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training import epoch_runner
from components.training.dataset import InMemoryDataset
from components.training.loop import run_training_loop
from components.training.network import build_model
from components.training.signals import defer_signals


@pytest.fixture(autouse=True)
def default_sigint_handler() -> Iterator[None]:
    """Sets Python's handler, as the process that started the tests may ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(happened: list[str], error: Exception | None = None, call_check: bool = False) -> None:
    """Sends SIGINT inside the context, then calls check, raises an error, or reaches the end."""
    with defer_signals() as check:
        check()
        signal.raise_signal(signal.SIGINT)
        happened.append("went on")
        if call_check:
            check()
        if error:
            raise error
        happened.append("ended")


def test_check_raises_it() -> None:
    """It is not raised earlier, and Python's handler is restored."""
    happened: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(happened, call_check=True)
    assert happened == ["went on"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_end_of_the_context_raises_it() -> None:
    """Without a call of check, the end of the context raises it."""
    happened: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(happened)
    assert happened == ["went on", "ended"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_signals_that_end_a_process_are_deferred_too(number: signal.Signals) -> None:
    """If Python handles them: the handler is called at the check, and is set again afterwards."""
    happened: list[object] = []

    def handler(received: int, _: object) -> None:
        happened.append(received)

    before = signal.signal(number, handler)
    try:
        with defer_signals() as check:
            signal.raise_signal(number)
            happened.append("went on")
            check()
        assert happened == ["went on", number, number]
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


def test_an_error_takes_precedence() -> None:
    """The error is raised, and Python's handler is restored."""
    with pytest.raises(ValueError, match="wrong"):
        interrupted([], ValueError("wrong"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_signal_stays_ignored() -> None:
    """As when started with nohup."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with defer_signals() as check:
        signal.raise_signal(signal.SIGINT)
        check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_thread_does_not_change_the_handler() -> None:
    """Only the main thread can set signal handlers."""
    seen: list[object] = []

    def work() -> None:
        with defer_signals() as check:
            check()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_a_training_ends_between_two_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C before the second epoch, one more call of the graph is made."""
    run_epoch, calls = epoch_runner.EpochRunner.run_epoch, []

    def epoch(self: Any, number: int, *rest: Any) -> epoch_runner.Metrics:
        run_steps = self._run_steps

        def counted(*rows: Any) -> Any:
            calls.append(number)
            return run_steps(*rows)

        monkeypatch.setattr(self, "_run_steps", counted)
        if number == 2:
            signal.raise_signal(signal.SIGINT)
        found = run_epoch(self, number, *rest)
        monkeypatch.setattr(self, "_run_steps", run_steps)
        return found

    monkeypatch.setattr(epoch_runner.EpochRunner, "run_epoch", epoch)
    monkeypatch.setattr(epoch_runner, "STEPS_PER_CALL", 1)
    rows = InMemoryDataset(np.zeros((6, 1), np.float32), np.array([[0], [1]] * 3, np.float32))
    model = build_model(1, ModelConfig(hidden_units=(), l1=1e-4, l2=1e-3))
    with pytest.raises(KeyboardInterrupt):
        run_training_loop(model, rows, rows, TrainingConfig(epochs=3, batch_size=2, early_stopping=0))
    assert calls == [1, 1, 1, 2]
