"""Which version TF Serving has loaded, as folders come and go: of the contract server or of the binary."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.client.connect import connect
from serving.client.predictor import Client
from serving.client.retries import RetryPolicy
from tests.serving.conftest import SECONDS, Running, Serve
from tests.standins.tf_serving.manager import version_of
from tests.waiting import wait_until

ONE = {"a": np.zeros(1, np.float32), "b": np.zeros(1, np.float32)}
Publish = Callable[[str, float], None]
LOOKS = 4 * SECONDS + 0.05  # enough for the server to have looked, and done nothing


@pytest.fixture(scope="session")
def constants(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    """Models that answer 0.1, 0.2 or 0.3, whatever is asked."""
    from tests.serving.models import write_model

    folder = tmp_path_factory.mktemp("constants")
    models = {value: folder / f"{value}" for value in (0.1, 0.2, 0.3)}
    for value, path in models.items():
        write_model(path, value)
    return models


@pytest.fixture
def publish(constants: dict[float, Path], tmp_path: Path) -> Publish:
    """publish("7", 0.2): a folder of that name with such a model, at once complete."""

    def run(name: str, value: float) -> None:
        shutil.copytree(constants[value], tmp_path / "incoming")
        (tmp_path / "models").mkdir(exist_ok=True)
        (tmp_path / "incoming").rename(tmp_path / "models" / name)

    return run


@pytest.fixture
def start(serve: Serve, tmp_path: Path) -> Iterator[Callable[[], Client]]:
    """Starts a server of tmp_path/models, and gives a client of it."""
    started: list[Running] = []

    def run() -> Client:
        started.append(serve(tmp_path / "models"))
        return connect(started[-1].rest, retry_policy=RetryPolicy(attempts=1))

    yield run
    for running in started:
        running.stop()


def states(client: Client) -> dict[int, str]:
    return {one.version: one.state for one in client.status()}


def answer(client: Client) -> float:
    return round(client.predict(ONE).item(), 3)


def test_only_the_highest_number(publish: Publish, start: Any, tmp_path: Path) -> None:
    """As a number, not as text; what is no number is not looked at."""
    for name, value in (("9", 0.1), ("10", 0.2), ("11.tmp", 0.3), ("v12", 0.3), (".13", 0.3)):
        publish(name, value)
    client = start()
    assert states(client) == {10: "AVAILABLE"}
    assert answer(client) == 0.2


def test_a_newer_version(publish: Publish, start: Any) -> None:
    """It is loaded, and then the older one unloaded, which is reported for ever."""
    publish("1", 0.1)
    client = start()
    publish("2", 0.2)
    wait_until(lambda: states(client) == {2: "AVAILABLE", 1: "END"})
    assert [one.version for one in client.status()] == [2, 1]
    assert answer(client) == 0.2


def test_an_older_version_changes_nothing(publish: Publish, start: Any) -> None:
    """It is not even known."""
    publish("5", 0.1)
    client = start()
    publish("4", 0.2)
    time.sleep(LOOKS)
    assert states(client) == {5: "AVAILABLE"}


def test_a_broken_version(publish: Publish, start: Any, tmp_path: Path) -> None:
    """It ends with an error, the older one goes on; a newer good one takes over."""
    publish("1", 0.1)
    client = start()
    (tmp_path / "models" / "2").mkdir()
    wait_until(lambda: states(client) == {2: "END", 1: "AVAILABLE"})
    broken = client.status()[0]
    assert broken.code == "NOT_FOUND"
    assert "should have a file called `saved_model.pb`" in broken.message
    assert answer(client) == 0.1
    publish("3", 0.3)
    wait_until(lambda: states(client) == {3: "AVAILABLE", 2: "END", 1: "END"})
    assert answer(client) == 0.3


def test_a_broken_version_that_is_completed_is_not_tried_again(
    publish: Publish, start: Any, tmp_path: Path
) -> None:
    """The reason to publish with one rename: what was seen half is lost until there is a newer one."""
    publish("1", 0.1)
    client = start()
    (tmp_path / "models" / "2").mkdir()
    wait_until(lambda: states(client).get(2) == "END")
    (tmp_path / "models" / "2").rmdir()
    publish("2", 0.2)
    time.sleep(LOOKS)
    assert states(client) == {2: "END", 1: "AVAILABLE"}


def test_the_newest_is_removed(publish: Publish, start: Any, tmp_path: Path) -> None:
    """The one before comes back."""
    publish("1", 0.1)
    publish("2", 0.2)
    client = start()
    assert answer(client) == 0.2
    shutil.rmtree(tmp_path / "models" / "2")
    wait_until(lambda: states(client) == {2: "END", 1: "AVAILABLE"})
    assert answer(client) == 0.1


def test_all_are_removed(publish: Publish, start: Any, tmp_path: Path) -> None:
    """An empty folder unloads the model; a folder that is gone does not."""
    publish("1", 0.1)
    client = start()
    (tmp_path / "models").rename(tmp_path / "elsewhere")
    time.sleep(LOOKS)
    assert answer(client) == 0.1
    (tmp_path / "models").mkdir()
    wait_until(lambda: states(client) == {1: "END"})


def test_no_answer_is_lost_while_versions_change(publish: Publish, start: Any) -> None:
    """Six threads ask without a pause, and without retries; each answer is that of a version that was there."""
    publish("1", 0.1)
    client = start()
    answers: list[list[float]] = [[] for _ in range(6)]
    stop = threading.Event()

    def ask(own: list[float]) -> None:
        while not stop.is_set():
            own.append(answer(client))

    threads = [threading.Thread(target=ask, args=(own,)) for own in answers]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(answers))
    for name, value in (("2", 0.2), ("3", 0.3)):
        publish(name, value)
        wait_until(lambda value=value: all(value in own for own in answers))  # type: ignore[misc]
    stop.set()
    for thread in threads:
        thread.join()
    for own in answers:
        assert own == sorted(own)
        assert set(own) == {0.1, 0.2, 0.3}


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("0", 0),
        ("0012", 12),
        ("1700000000", 1_700_000_000),
        ("-3", -3),
        ("+3", 3),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("1.5", None),
        ("1_000", None),
        ("٣", None),
        ("v1", None),
        ("", None),
    ],
)
def test_version_numbers(name: str, version: int | None) -> None:
    """What absl::SimpleAtoi takes for a 64-bit integer."""
    assert version_of(name) == version
