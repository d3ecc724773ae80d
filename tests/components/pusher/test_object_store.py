"""Publication to an object store: TensorFlow's ram://, changed so that objects appear only when complete."""

import functools
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2
from tfx.dsl.io import fileio

from components.common import storage
from components.common.errors import BadModel
from components.pusher.publication import Destination, PublishedVersion, publish

MakeModel = Callable[..., str]
_names = (f"ram://bucket{number}/models/churn" for number in itertools.count())


class Killed(BaseException):
    """Simulates the death of the process."""


class Store:
    """Counts the operations on the store; from number `die_at` on, each raises Killed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.operations = 0
        self.die_at = 0
        self._open, self._exists, self._remove = fileio.open, fileio.exists, fileio.remove
        for name in ("exists", "isdir", "listdir", "makedirs", "remove", "rmtree", "walk"):
            monkeypatch.setattr(fileio, name, self._counted(getattr(fileio, name)))
        monkeypatch.setattr(fileio, "open", self.open)

    def operation(self) -> None:
        self.operations += 1
        if self.die_at and self.operations >= self.die_at:
            raise Killed

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.operation()
            return function(*args, **options)

        return counted

    def open(self, path: str, mode: str) -> Any:
        self.operation()
        return self._open(path, mode) if mode == "rb" else Upload(self, path)

    def put(self, path: str, content: bytes) -> None:
        self.operation()
        if self._exists(path):  # ram:// would add to what is there
            self._remove(path)
        with self._open(path, "wb") as file:
            file.write(content)


class Upload:
    """A file that is being written to an object store and is not visible before it is closed."""

    def __init__(self, store: Store, path: str) -> None:
        self._store, self._path, self._content = store, path, b""

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is None:
            self._store.put(self._path, self._content)

    def write(self, chunk: bytes) -> None:
        self._store.operation()
        self._content += chunk


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    return Store(monkeypatch)


@pytest.fixture
def directory() -> str:
    return next(_names)


@pytest.fixture
def push(directory: str) -> Callable[..., PublishedVersion]:
    def push(model: str, keep: int = 5) -> PublishedVersion:
        place = Destination(directory=directory, keep_versions=keep, model_name="churn")
        return publish(model, place, {"run": "r1"})

    return push


def served(directory: str) -> str | None:
    """Returns the folder that a server with models.config loads, read as in TF Serving."""
    if "models.config" not in storage.list_folder(directory):
        return None
    text = storage.read(f"{directory}/models.config").decode()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.model_platform) == ("churn", "tensorflow")
    (version,) = model.model_version_policy.specific.versions
    return f"{model.base_path}/{version}"


def polled(directory: str) -> list[str]:
    """Returns the names that a server that polls the folder would load as versions."""
    return [name for name in storage.list_folder(directory) if name.isdecimal()]


def content(folder: str) -> dict[str, bytes]:
    found = {name: storage.read(f"{folder}/{name}") for name in storage.list_files(folder)}
    found.pop("assets.extra/model_card.json", None)
    return found


def test_what_is_published(push: Any, make_model: MakeModel, directory: str) -> None:
    """The whole model with its card is in the version that the servers' configuration names."""
    model = make_model()
    published = push(model)
    assert published.path == served(directory) == f"{directory}/versions/{published.version}"
    assert content(published.path) == content(model)
    card = json.loads(storage.read(f"{published.path}/assets.extra/model_card.json"))
    assert (card["version"], card["digest"], card["run"]) == (published.version, published.digest, "r1")
    assert polled(directory) == []


def test_the_same_model_again(push: Any, make_model: MakeModel, directory: str) -> None:
    """The same model is not published again; another one gets a higher version."""
    first = push(make_model(0.25, "a"))
    assert push(make_model(0.25, "b")) == PublishedVersion(
        first.version, first.path, first.digest, already_published=True
    )
    assert push(make_model(0.5)).version > first.version


def test_keep_versions(push: Any, make_model: MakeModel, directory: str) -> None:
    """The previously named version is kept: a server may not have read the change yet."""
    made = [push(make_model(answer), keep=1).version for answer in (0.1, 0.2, 0.3)]
    assert sorted(storage.list_folder(f"{directory}/versions")) == [str(version) for version in made[1:]]


def test_versions_grow_where_folders_are_gone(push: Any, make_model: MakeModel, directory: str) -> None:
    """The highest number is recorded."""
    storage.write(f"{directory}/last_version", b"9999999999\n")
    assert push(make_model()).version == 10_000_000_000


def test_a_bad_model(push: Any, make_model: MakeModel, directory: str) -> None:
    """No files are left, and the servers' configuration is unchanged."""
    first = push(make_model(0.25))
    with pytest.raises(BadModel, match=r"expected 'probability' to be between 0 and 1, got 2\.0\.$"):
        push(make_model(2.0))
    assert served(directory) == first.path
    assert storage.list_folder(f"{directory}/versions") == [str(first.version)]


def killed(store: Store, push: Any, model: str, number: int) -> bool:
    """Pushes until the given operation; returns whether that operation was reached."""
    store.operations, store.die_at = 0, number
    try:
        push(model)
    except Killed:
        return True
    finally:
        store.die_at = 0
    return False


@pytest.mark.parametrize("earlier", [0, 2])
def test_killed_at_every_operation(
    store: Store, make_model: MakeModel, earlier: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration names the old or the new version, which is complete; the next push cleans up."""
    monkeypatch.setattr(
        "components.saved_model.warmup.replay", lambda folder: 1
    )  # seconds, for all these models
    olds, new = [make_model(answer) for answer in (0.25, 0.5)][:earlier], make_model(0.75)
    for number in itertools.count(1):
        place = Destination(directory=next(_names), keep_versions=1, model_name="churn")
        push = functools.partial(publish, destination=place, entries={})
        paths = [push(old).path for old in olds]
        if not killed(store, push, new, number):
            break
        assert polled(place.directory) == []
        now = served(place.directory)
        activated = now not in (None, *paths[-1:])
        if now:
            assert content(now) == content(new if activated else olds[-1])
        last = push(new)
        assert (last.path, last.already_published) == (served(place.directory), activated)
        assert content(last.path) == content(new)
        kept = [path.rpartition("/")[2] for path in (*paths[-1:], last.path)]
        left = sorted(storage.list_folder(f"{place.directory}/versions"))
        # The very first may be complete and not be named: where nothing is named, nothing complete is removed.
        assert left[-len(kept) :] == kept
        assert len(left) == len(kept) or (not olds and not activated)
    assert number > 40  # it did walk


def test_a_store_that_does_not_answer(
    push: Any, make_model: MakeModel, directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that can't be listed does not count as empty: versions could be removed or numbers used twice."""

    def fail(*_: object) -> None:
        raise tf.errors.UnavailableError(None, None, "no answer")

    published = push(make_model(0.25))
    monkeypatch.setattr(tf.io.gfile, "exists", fail)  # isdir() says no instead
    for ask in (storage.exists, storage.list_folder, storage.list_files):
        with pytest.raises(OSError, match="no answer"):
            ask(directory)
    with pytest.raises(OSError, match="no answer"):
        push(make_model(0.5))
    monkeypatch.undo()
    assert served(directory) == published.path
    assert len(content(published.path)) > 3
