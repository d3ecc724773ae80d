"""Which version TF Serving loads when folders appear and disappear; for the contract server or the binary."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from serving.client.connect import connect
from serving.client.exceptions import RequestRejected
from serving.client.predictor import Client
from serving.client.retries import RetryPolicy
from tests.serving.conftest import Running, Serve
from tests.standins.tf_serving.manager import version_of
from tests.waiting import wait_until

ONE = {"a": np.zeros(1, np.float32), "b": np.zeros(1, np.float32)}
Publish = Callable[[str, float], None]
Start = Callable[[], tuple[Client, Running]]


@pytest.fixture(scope="session")
def constants(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    """Models that always return 0.1, 0.2 or 0.3."""
    from tests.serving.models import write_model

    folder = tmp_path_factory.mktemp("constants")
    models = {value: folder / f"{value}" for value in (0.1, 0.2, 0.3)}
    for value, path in models.items():
        write_model(path, value)
    return models


@pytest.fixture
def publish(constants: dict[float, Path], tmp_path: Path) -> Publish:
    """publish("7", 0.2) creates a folder of that name with a model, complete from the start."""

    def run(name: str, value: float) -> None:
        shutil.copytree(constants[value], tmp_path / "incoming")
        (tmp_path / "models").mkdir(exist_ok=True)
        (tmp_path / "incoming").rename(tmp_path / "models" / name)

    return run


@pytest.fixture
def start(serve: Serve, tmp_path: Path) -> Iterator[Start]:
    """Starts a server of tmp_path/models; returns a client and the server."""
    started: list[Running] = []

    def run() -> tuple[Client, Running]:
        started.append(serve(tmp_path / "models"))
        return connect(started[-1].rest, retry_policy=RetryPolicy(attempts=1)), started[-1]

    yield run
    for running in started:
        running.stop()


def states(client: Client) -> dict[int, str]:
    return {one.version: one.state for one in client.status()}


def answer(client: Client) -> float:
    return round(client.predict(ONE).item(), 3)


def test_only_the_highest_number(publish: Publish, start: Start, tmp_path: Path) -> None:
    """The versions are compared as numbers, not as text; other names are ignored."""
    for name, value in (("9", 0.1), ("10", 0.2), ("11.tmp", 0.3), ("v12", 0.3), (".13", 0.3)):
        publish(name, value)
    client, _ = start()
    assert states(client) == {10: "AVAILABLE"}
    assert answer(client) == 0.2


def test_a_newer_version(publish: Publish, start: Start) -> None:
    """It is loaded, then the older one is unloaded, which stays in the list of states."""
    publish("1", 0.1)
    client, _ = start()
    publish("2", 0.2)
    wait_until(lambda: states(client) == {2: "AVAILABLE", 1: "END"})
    assert [one.version for one in client.status()] == [2, 1]
    assert answer(client) == 0.2


def test_an_older_version_changes_nothing(publish: Publish, start: Start) -> None:
    """It does not appear in the list of states."""
    publish("5", 0.1)
    client, server = start()
    publish("4", 0.2)
    server.wait_for_polls()
    assert states(client) == {5: "AVAILABLE"}


def test_a_broken_version(publish: Publish, start: Start, tmp_path: Path) -> None:
    """It ends with an error and the older one stays available; a newer valid one replaces it."""
    publish("1", 0.1)
    client, _ = start()
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
    publish: Publish, start: Start, tmp_path: Path
) -> None:
    """A version that was found incomplete is never served, so publication must use one rename."""
    publish("1", 0.1)
    client, server = start()
    (tmp_path / "models" / "2").mkdir()
    wait_until(lambda: states(client).get(2) == "END")
    (tmp_path / "models" / "2").rmdir()
    publish("2", 0.2)
    server.wait_for_polls()
    assert states(client) == {2: "END", 1: "AVAILABLE"}


def test_a_version_without_its_weights(
    publish: Publish, serve: Serve, exported: Path, tmp_path: Path
) -> None:
    """It becomes AVAILABLE if it has no warm-up requests, and each prediction fails: the Pusher must load it before."""
    publish("1", 0.1)
    shutil.copytree(exported / "1", tmp_path / "incoming", ignore=shutil.ignore_patterns("variables"))
    running = serve(tmp_path / "models")
    client = connect(running.rest, retry_policy=RetryPolicy(attempts=1))
    (tmp_path / "incoming").rename(tmp_path / "models" / "2")
    wait_until(lambda: states(client) == {2: "AVAILABLE", 1: "END"})
    with pytest.raises(RequestRejected, match=r"400 Bad Request: .*Could not find variable"):
        client.predict({name: np.zeros(1, np.float32) for name in client.input_names()})
    running.stop()


def test_the_newest_is_removed(publish: Publish, start: Start, tmp_path: Path) -> None:
    """The previous version is loaded again."""
    publish("1", 0.1)
    publish("2", 0.2)
    client, _ = start()
    assert answer(client) == 0.2
    shutil.rmtree(tmp_path / "models" / "2")
    wait_until(lambda: states(client) == {2: "END", 1: "AVAILABLE"})
    assert answer(client) == 0.1


def test_all_are_removed(publish: Publish, start: Start, tmp_path: Path) -> None:
    """If the folder is empty, the model is unloaded; if the folder is missing, it is not."""
    publish("1", 0.1)
    client, server = start()
    (tmp_path / "models").rename(tmp_path / "elsewhere")
    server.wait_for_polls()
    assert answer(client) == 0.1
    (tmp_path / "models").mkdir()
    wait_until(lambda: states(client) == {1: "END"})


def test_no_answer_is_lost_while_versions_change(publish: Publish, start: Start) -> None:
    """Six threads send requests without pauses and retries; each result is that of a published version."""
    publish("1", 0.1)
    client, _ = start()
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
        ("-3", -3),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("٣", None),
        ("v1", None),
    ],
)
def test_version_numbers(name: str, version: int | None) -> None:
    """Names that absl::SimpleAtoi parses as a 64-bit integer."""
    assert version_of(name) == version
