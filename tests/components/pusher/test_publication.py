"""Publication to a folder on this disk, with real SavedModels."""

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import BadModel
from components.common.model_files import model_digest
from components.pusher.publication import Destination, PublishedVersion, publish, publishing, version_store
from components.saved_model.card_file import write_card

MakeModel = Callable[..., str]
CARD = "assets.extra/model_card.json"


def content(folder: Path | str) -> dict[str, bytes]:
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def folders(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.is_dir())


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips fsync, which takes most of the time; no test here simulates a power failure."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "serving"


@pytest.fixture
def push(serving: Path) -> Callable[..., PublishedVersion]:
    def push(model: str, keep: int = 5, **entries: Any) -> PublishedVersion:
        return publish(
            model, Destination(directory=str(serving), keep_versions=keep, model_name="m"), entries
        )

    return push


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def set_to(seconds: float) -> None:
        monkeypatch.setattr("components.pusher.version_numbers.time.time", lambda: seconds)

    return set_to


def test_what_is_published(push: Any, make_model: MakeModel, serving: Path) -> None:
    """The folder has all files, its name is the time as an integer, and the card has the old and the new entries."""
    model = make_model()
    (Path(model) / CARD).write_text('{"name": "m", "run": "?"}')
    before = int(time.time())
    published = push(model, run="r1", evaluation={"blessed": True})
    assert before <= published.version <= time.time()
    assert published.path == str(serving / str(published.version))
    assert not published.already_published
    assert folders(serving) == [str(published.version)]
    files = content(published.path)
    card = json.loads(files.pop(CARD))
    assert files == {name: data for name, data in content(model).items() if name != CARD}
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", card.pop("published"))
    assert re.fullmatch("[0-9a-f]{64}", published.digest)
    assert re.fullmatch("[0-9a-f]{64}", card.pop("card_digest"))
    assert card == {
        "name": "m",
        "run": "r1",
        "evaluation": {"blessed": True},
        "version": published.version,
        "digest": published.digest,
    }


def test_the_statistics_are_published_with_the_model(
    make_model: MakeModel, serving: Path, tmp_path: Path
) -> None:
    """Beside the card, not part of the digest; a copy of the version keeps them; an earlier version wrote none."""
    place = Destination(directory=str(serving), keep_versions=5, model_name="m")
    (tmp_path / "training_statistics.json").write_text("{}")
    model = make_model()
    with publishing(place) as publisher:
        first = publisher.publish(model, {}, statistics=str(tmp_path))
        other = publisher.publish(make_model(0.75), {}, statistics=str(tmp_path / "none"))
        again = publisher.publish(first.path, {})
    name = "assets.extra/training_statistics.json"
    assert content(first.path)[name] == content(again.path)[name] == b"{}"
    assert name not in content(other.path)
    assert first.digest == again.digest == model_digest(model)


def test_the_same_model_again_is_no_new_version(push: Any, make_model: MakeModel, serving: Path) -> None:
    """Fingerprint and card don't count. Another model is a new version, and so is the first one after that."""
    first = push(make_model(0.25, "a"))
    again = make_model(0.25, "b")
    (Path(again) / "fingerprint.pb").write_bytes(b"drawn anew at each export")
    (Path(again) / CARD).write_text("{}")
    assert push(again) == PublishedVersion(first.version, first.path, first.digest, already_published=True)
    other = push(make_model(0.75))
    assert other.version > first.version
    assert other.digest != first.digest
    back = push(again)
    assert back.version > other.version
    assert not back.already_published
    assert len(folders(serving)) == 3


def test_the_same_model_with_another_operating_point_is_a_new_version(
    push: Any, make_model: MakeModel
) -> None:
    """The decisions on its predictions are others. The metrics at the same threshold don't count."""
    model = make_model()
    first = push(model)
    versions = [first.version]
    for threshold, f1, already in (
        (0.25, 0.5, False), (0.25, 0.75, True), (0.5, 0.5, False), (None, 0.5, False), (None, 0.5, True),
    ):  # fmt: skip
        point = None if threshold is None else {"threshold": threshold, "f1": f1}
        published = push(model, evaluation={"operating_point": point})
        assert published.already_published == already
        assert (published.version > versions[-1]) != already
        assert published.digest == first.digest
        versions.append(published.version)


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.data-00000-of-00001"])
def test_a_current_version_that_was_damaged_is_published_again(
    push: Any, make_model: MakeModel, file: str
) -> None:
    """The files count, not the digest in the card."""
    model = make_model()
    first = push(model)
    (Path(first.path) / file).unlink()
    second = push(model)
    assert second.version > first.version
    assert content(second.path).keys() == content(model).keys() | {CARD}


def test_two_pushes_in_a_second(push: Any, make_model: MakeModel, clock: Any) -> None:
    """Each gets a version of its own; the later one is the higher."""
    clock(1_700_000_000.9)
    assert [push(make_model(answer)).version for answer in (0.25, 0.5)] == [1_700_000_000, 1_700_000_001]


def test_a_clock_that_goes_back(push: Any, make_model: MakeModel, clock: Any, serving: Path) -> None:
    """Versions only grow, also where the folder of the newest one is gone."""
    clock(1_700_000_000)
    first = push(make_model(0.25))
    clock(1_600_000_000)
    second = push(make_model(0.5))
    assert second.version == first.version + 1
    shutil.rmtree(first.path)
    shutil.rmtree(second.path)
    assert push(make_model(0.75)).version == second.version + 1


def test_what_else_is_in_the_folder(push: Any, make_model: MakeModel, serving: Path) -> None:
    """The version is higher than every integer name, also of a file; only our own leftovers are removed."""
    (serving / "9999999998").mkdir(parents=True)
    (serving / "9999999999").write_text("a file")
    for name in ("latest", "v12", "-5", "1.5", "99999999999999999999", "incoming-3", "removed-3"):
        (serving / name).mkdir()
    published = push(make_model(), keep=1)
    assert published.version == 10_000_000_000
    assert set(folders(serving)) == {
        "9999999998", "latest", "v12", "-5", "1.5", "99999999999999999999", "10000000000"
    }  # fmt: skip
    assert (serving / "9999999999").read_text() == "a file"


def test_no_version_is_left(push: Any, make_model: MakeModel, serving: Path) -> None:
    """The highest integer that a server can read is the last version."""
    (serving / str(2**63 - 1)).mkdir(parents=True)
    with pytest.raises(ValueError, match=r"expected a version below 9223372036854775807"):
        push(make_model())


def test_keep_versions(
    push: Any, make_model: MakeModel, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest versions are kept; a version that can't be removed does not make the push fail."""
    made = [push(make_model(answer), keep=3).version for answer in (0.1, 0.2, 0.3, 0.4)]
    assert folders(serving) == [str(version) for version in made[1:]]

    def fail(path: Path) -> None:
        raise PermissionError(path)

    monkeypatch.setattr("components.pusher.local_folder._remove", fail)
    last = push(make_model(0.5), keep=1)
    monkeypatch.undo()
    assert str(last.version) in folders(serving)
    assert not push(make_model(0.6), keep=2).already_published
    assert folders(serving) == [str(last.version), str(last.version + 1)]


def bad_signature(folder: Path) -> None:
    (folder / "saved_model.pb").write_bytes(b"not a graph")


def no_weights(folder: Path) -> None:
    shutil.rmtree(folder / "variables")


BAD: dict[str, tuple[float, Callable[[Path], None], str]] = {
    "no graph": (0.5, bad_signature, "expected a SavedModel that loads. TensorFlow's error: "),
    "no weights": (0.5, no_weights, "expected a SavedModel that loads. TensorFlow's error: "),
    "not a number": (float("nan"), lambda _: None, "expected 'probability' to be between 0 and 1, got nan."),
    "no probability": (1.5, lambda _: None, "expected 'probability' to be between 0 and 1, got 1.5."),
    "empty": (0.5, shutil.rmtree, "Expected a SavedModel, found no files."),
}


@pytest.mark.parametrize(("answer", "spoil", "message"), BAD.values(), ids=BAD.keys())
def test_a_model_that_can_t_be_served_is_not_published(
    push: Any, make_model: MakeModel, serving: Path, answer: float, spoil: Any, message: str
) -> None:
    """The error has the model and the reason; no files are left, and the current version stays."""
    push(make_model(0.25))
    before = content(serving)
    model = make_model(answer, "bad")
    spoil(Path(model))
    with pytest.raises(BadModel, match=f"^{re.escape(model)} was not published. .*{re.escape(message)}"):
        push(model)
    assert content(serving) == before


def test_a_model_without_requests_is_run_all_the_same(push: Any, make_model: MakeModel) -> None:
    """With a row of zeros for each signature."""
    good, bad = make_model(0.5), make_model(1.5)
    for model in (good, bad):
        (Path(model) / "assets.extra" / "tf_serving_warmup_requests").unlink()
    assert not push(good).already_published
    with pytest.raises(BadModel, match=r"expected 'probability' to be between 0 and 1, got 1\.5\."):
        push(bad)


def test_a_damaged_card_of_the_model_is_not_published(
    push: Any, make_model: MakeModel, serving: Path
) -> None:
    """The message names the card."""
    model = make_model()
    (Path(model) / CARD).write_text('{"name": ')
    with pytest.raises(
        BadModel, match=r"model_card\.json: expected a model card \(a JSON object\), found a damaged"
    ):
        push(model)
    write_card(model, {"data": {"missing_values": ["-1"]}})
    (Path(model) / CARD).write_text((Path(model) / CARD).read_text().replace("-1", "-9"))
    with pytest.raises(BadModel, match=r"model_card\.json: .* the file is damaged\."):
        push(model)
    assert folders(serving) == []


def test_a_file_in_the_way(push: Any, make_model: MakeModel, serving: Path) -> None:
    serving.write_text("in the way")
    with pytest.raises(NotADirectoryError) as raised:
        push(make_model())
    assert str(raised.value) == f"{serving}: expected a folder to publish to, found a file."


def test_a_note_that_is_no_number(push: Any, make_model: MakeModel, serving: Path) -> None:
    """Without the number, a version could be used twice."""
    push(make_model(0.25))
    (serving / "last_version").write_text("many\n")
    with pytest.raises(
        ValueError, match=r"last_version: expected the number of the last version, got 'many'\.$"
    ):
        push(make_model(0.5))


def test_all_is_on_the_disk_before_it_is_a_version(
    push: Any, make_model: MakeModel, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file and folder is flushed before the rename, and the rename itself afterwards."""
    flushed: set[int] = set()  # inodes: a file is flushed before it has its name
    at_rename: list[list[Path]] = []
    fsync, rename = os.fsync, Path.rename

    def note_flush(descriptor: int) -> None:
        flushed.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def note_rename(source: Path, target: str) -> Path:
        assert target == str(serving / source.name.removeprefix("incoming-"))
        at_rename.append([path for path in (source, *source.rglob("*")) if path.stat().st_ino not in flushed])
        flushed.clear()
        return rename(source, target)

    monkeypatch.setattr(os, "fsync", note_flush)
    monkeypatch.setattr(Path, "rename", note_rename)
    push(make_model())
    assert at_rename == [[]]
    assert serving.stat().st_ino in flushed


def test_two_at_once_wait_for_each_other(push: Any, make_model: MakeModel, serving: Path) -> None:
    """They don't remove each other's copies, and all are published."""
    models = [make_model(answer) for answer in (0.1, 0.2, 0.3, 0.4)]
    threads = [threading.Thread(target=push, args=[model]) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders(serving)) == 4
    place = version_store(Destination(directory=str(serving), keep_versions=5, model_name="m"))
    assert {
        content(place.path(version))["variables/variables.data-00000-of-00001"]
        for version in place.versions()
    } == {content(model)["variables/variables.data-00000-of-00001"] for model in models}
