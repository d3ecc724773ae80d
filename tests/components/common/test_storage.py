"""All operations give the same results on a disk and on gs:// (TensorFlow's client with a stand-in server)."""

import datetime
import gzip
import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.common import storage

_folders = (f"gs://bucket/folder-{number}" for number in itertools.count())


@pytest.fixture(params=["disk", "gs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder that does not exist yet."""
    if request.param == "disk":
        return str(tmp_path / "folder")
    request.getfixturevalue("gcs")
    return next(_folders)


@pytest.mark.parametrize("content", [b"", b"\x00\xff\n", b"a" * 300_000])
def test_what_was_written_is_what_is_read(folder: str, content: bytes) -> None:
    """It replaces earlier content; the folders above are created."""
    path = f"{folder}/in/ü b.json"
    storage.write(path, b"before")
    storage.write(path, content, durable=True)
    assert storage.read(path) == content
    assert storage.list_folder(f"{folder}/in") == ["ü b.json"]


def test_what_is_not_there(folder: str) -> None:
    """Reading it is an error with its name; looking for it and removing it are not."""
    path = f"{folder}/none"
    with pytest.raises(FileNotFoundError) as missing:
        storage.read(path)
    assert str(missing.value) == f"[Errno 2] No such file or directory: '{path}'"
    assert not storage.exists(path)
    assert not storage.is_folder(folder)
    assert storage.list_folder(folder) == storage.glob(f"{folder}/*") == []
    storage.remove(path)
    storage.remove_folder(path)


def test_a_folder_and_what_is_in_it(folder: str) -> None:
    """Names of files and folders have no slash; a glob returns whole paths."""
    for name in ("b.csv", "a.csv", "sub/c.csv"):
        storage.write(f"{folder}/{name}", b"1")
    assert storage.exists(folder)
    assert storage.is_folder(folder)
    assert not storage.is_folder(f"{folder}/a.csv")
    assert storage.list_folder(folder) == ["a.csv", "b.csv", "sub"]
    assert storage.glob(f"{folder}/*.csv") == [f"{folder}/a.csv", f"{folder}/b.csv"]


def test_removing(folder: str) -> None:
    """Removes one file, or a folder with its content; a folder whose name begins with the same letters stays."""
    for name in ("a/1", "a/2", "a/sub/3", "ab"):
        storage.write(f"{folder}/{name}", b"1")
    storage.remove(f"{folder}/a/1")
    assert storage.list_folder(f"{folder}/a") == ["2", "sub"]
    storage.remove_folder(f"{folder}/a")
    assert storage.list_folder(folder) == ["ab"]


def test_a_compressed_file_is_read_as_text(folder: str) -> None:
    """The name decides; read() returns the compressed bytes."""
    packed = gzip.compress(b"a,b\n")
    storage.write(f"{folder}/t.csv.gz", packed)
    with storage.open_text(f"{folder}/t.csv.gz") as text:
        assert text.read() == b"a,b\n"
    assert storage.read(f"{folder}/t.csv.gz") == packed


def test_when_a_folder_changed_last(gcs: Any) -> None:
    """On a store, it is the time of the newest file; for an empty folder it is 0."""
    folder = next(_folders)
    for name, year in (("b", 2020), ("a", 2021)):
        gcs.store.now = lambda year=year: datetime.datetime(year, 1, 1, tzinfo=datetime.UTC)
        storage.write(f"{folder}/{name}", b"1")
    assert storage.last_modified(folder) == 1_609_459_200.0  # date -ud 2021-01-01 +%s
    assert storage.last_modified(f"{folder}/none") == 0.0


def test_a_store_that_refuses_is_an_error_that_says_so(gcs: Any) -> None:
    """It is neither one of TensorFlow's errors nor FileNotFoundError."""
    gcs.api.token = "another"
    with pytest.raises(OSError, match="Invalid Credentials") as refused:
        storage.read("gs://bucket/x")
    assert refused.value.filename == "gs://bucket/x"
    assert not isinstance(refused.value, FileNotFoundError)


def test_a_file_that_grows_has_its_name_at_the_end(folder: str) -> None:
    """Until then it is in the scratch folder, and afterwards it is no longer there."""
    path, scratch = f"{folder}/in/x", f"{folder}/scratch"
    storage.write(path, b"before")
    with storage.new_file(path, scratch=scratch) as file:
        file.write(b"one, ")
        file.write(b"two")
        assert storage.read(path) == b"before"
        assert storage.list_folder(f"{folder}/in") == ["x"]
    assert storage.read(path) == b"one, two"
    assert storage.list_folder(scratch) == []


def test_the_name_of_an_unfinished_file_can_not_be_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is another one each time, and if somebody had put a link there, the file behind it would not be written."""
    names = []
    for _ in range(2):
        with storage.new_file(str(tmp_path / "x")):
            names += [path.name for path in tmp_path.iterdir() if path.name != "x"]
    assert len(set(names)) == 2
    (tmp_path / "victim").write_text("before")
    (tmp_path / f".x.{uuid.UUID(int=0).hex}.unfinished").symlink_to(tmp_path / "victim")
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=0))
    with pytest.raises(FileExistsError), storage.new_file(str(tmp_path / "x")):
        pass
    assert (tmp_path / "victim").read_text() == "before"


def test_a_file_to_which_nothing_was_written(folder: str) -> None:
    """It exists and is empty."""
    with storage.new_file(f"{folder}/x"):
        pass
    assert storage.read(f"{folder}/x") == b""


def test_a_file_that_was_given_up_never_has_its_name(folder: str) -> None:
    """The earlier content stays."""
    path = f"{folder}/x"
    storage.write(path, b"before")

    def give_up() -> None:
        with storage.new_file(path, scratch=f"{folder}/scratch") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        give_up()
    assert storage.read(path) == b"before"
    assert storage.list_folder(folder) in (["x"], ["scratch", "x"])
    assert storage.list_folder(f"{folder}/scratch") == []


def test_a_file_whose_content_can_t_be_read_is_not_half_written(folder: str) -> None:
    """As when a model is copied and the source fails."""

    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    path = f"{folder}/x"
    with pytest.raises(ZeroDivisionError):
        storage.write_chunks(path, chunks())
    assert not storage.exists(path)
    assert storage.list_folder(folder) == []


def test_half_an_upload_is_not_seen(gcs: Any) -> None:
    """During an upload the earlier content is visible: TensorFlow uploads when the file is closed."""
    from tfx.dsl.io import fileio

    path = f"{next(_folders)}/x"
    storage.write(path, b"before")
    with fileio.open(path, "wb") as file:
        file.write(b"after")
        assert storage.read(path) == b"before"
    assert storage.read(path) == b"after"


def test_a_file_on_a_disk_is_renamed_into_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the process ends before the rename, the file is unchanged."""

    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "x"
    storage.write(str(path), b"before")
    monkeypatch.setattr(Path, "replace", ended)
    with pytest.raises(KeyboardInterrupt):
        storage.write(str(path), b"after")
    assert path.read_bytes() == b"before"
