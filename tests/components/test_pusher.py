"""The real executor, on folders that stand for models."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import proto_utils

from components.pusher import Executor, next_version, versions

MODEL = {"saved_model.pb": b"graph\0", "variables/variables.index": b"index", "assets/words.txt": b"a\nb\n"}
Push = Callable[..., Artifact]


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "serving"


@pytest.fixture
def push(tmp_path: Path, serving: Path) -> Push:
    """Pushes MODEL, blessed or not, and returns the artifact with what was noted of it."""
    for name, data in MODEL.items():
        path = tmp_path / "model" / "Format-Serving" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def run(*, blessed: bool) -> Artifact:
        model, blessing = standard_artifacts.Model(), standard_artifacts.ModelBlessing()
        pushed = standard_artifacts.PushedModel()
        model.uri, blessing.uri, pushed.uri = (
            str(tmp_path / name) for name in ("model", "blessing", "pushed")
        )
        blessing.set_int_custom_property("blessed", int(blessed))
        destination = pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(serving))
        )
        Executor().Do(
            {"model": [model], "model_blessing": [blessing]},
            {"pushed_model": [pushed]},
            {"push_destination": proto_utils.proto_to_json(destination)},
        )
        return pushed

    return run


def test_blessed(push: Push, serving: Path, tmp_path: Path) -> None:
    """All files under the time as an integer, nothing beside it, the same in the artifact; all of it is noted."""
    before = int(time.time())
    pushed = push(blessed=True)
    (version,) = names(serving)
    assert before <= int(version) <= time.time()
    assert content(serving / version) == MODEL
    assert content(tmp_path / "pushed") == MODEL
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_version") == version
    assert pushed.get_string_custom_property("pushed_destination") == str(serving / version)


def test_not_blessed(push: Push, serving: Path, tmp_path: Path) -> None:
    """The folder is left as it is, and is not even made; it is noted that nothing was pushed."""
    assert push(blessed=False).get_int_custom_property("pushed") == 0
    assert not serving.exists()
    (serving / "7").mkdir(parents=True)
    (serving / "7" / "saved_model.pb").write_bytes(b"old")
    push(blessed=False)
    assert content(serving) == {"7/saved_model.pb": b"old"}
    assert not (tmp_path / "pushed").exists()


def test_two_pushes_in_a_second(push: Push, serving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gets a version of its own; the later one is the higher."""
    monkeypatch.setattr("components.pusher.time.time", lambda: 1_700_000_000.9)
    noted = [push(blessed=True).get_string_custom_property("pushed_version") for _ in range(2)]
    assert noted == ["1700000000", "1700000001"]
    assert content(serving) == {
        f"{version}/{name}": data for version in noted for name, data in MODEL.items()
    }


def test_a_push_that_dies_half_way(push: Push, serving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until all is there, no name in the folder is one that a server would load."""

    def die(source: str, target: str) -> None:
        assert content(Path(source)) == MODEL
        assert Path(target).name.isdecimal()
        raise KeyboardInterrupt

    monkeypatch.setattr("components.pusher.fileio.rename", die)
    with pytest.raises(KeyboardInterrupt):
        push(blessed=True)
    assert versions(str(serving)) == []
    assert not any(name.isdecimal() for name in names(serving))
    monkeypatch.undo()
    push(blessed=True)
    assert len(versions(str(serving))) == 1


def test_versions(serving: Path) -> None:
    """Integers only, by value; what is not there has none."""
    assert versions(str(serving)) == []
    for name in ("incoming-11-1", "1.5", "-3", "v12", "13.tmp", "latest", *map(str, range(120, 80, -1))):
        (serving / name).mkdir(parents=True)
    assert versions(str(serving)) == list(range(81, 121))


def test_next_version(serving: Path) -> None:
    """The time, but never lower than what is there: a clock may have been wrong."""
    (serving / "5").mkdir(parents=True)
    assert abs(next_version(str(serving)) - time.time()) < 2
    (serving / "9999999999").mkdir()
    assert next_version(str(serving)) == 10_000_000_000
