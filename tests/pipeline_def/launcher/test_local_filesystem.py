"""TFX's `fileio` treats local files in the same way with Python's functions as with TensorFlow's."""

import gc
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.io import fileio
from tfx.dsl.io.filesystem_registry import FilesystemRegistry
from tfx.dsl.io.plugins.tensorflow_gfile import TensorflowFilesystem

from pipeline_def.launcher import local_filesystem
from pipeline_def.launcher.local_filesystem import LocalFiles


@pytest.fixture(params=[LocalFiles, TensorflowFilesystem])
def files(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_text_is_utf8_and_line_ends_are_kept(
    files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "latin-1")
    path = str(tmp_path / "file")
    with files.open(path, "w") as file:
        file.write("Größe\r\nß\n")
    assert Path(path).read_bytes() == "Größe\r\nß\n".encode()
    with files.open(path) as file:
        assert file.read() == "Größe\r\nß\n"
    with files.open(path, "rb") as file:
        assert file.read(4) == "Grö".encode()


@pytest.mark.parametrize("mode", ["r", "rb", "w", "wb", "a", "r+"])
def test_a_file_is_garbage_collected_without_a_warning(files: Any, tmp_path: Path, mode: str) -> None:
    """TFX leaves files open, and warnings are errors in these tests."""
    path = tmp_path / "file"
    path.write_text("some\n")
    opened = files.open(str(path), mode)
    if "r" not in mode:
        opened.write(b"more\n" if "b" in mode else "more\n")
    del opened
    gc.collect()
    assert path.read_text() == {"r": "some\n", "w": "more\n", "a": "some\nmore\n"}[mode[0]]


def test_names_with_a_leading_dot_match_too(files: Any, tmp_path: Path) -> None:
    for name in ("b", ".a", "c"):
        (tmp_path / name).touch()
    assert sorted(Path(path).name for path in files.glob(f"{tmp_path}/*")) == [".a", "b", "c"]


def test_a_missing_file_raises_the_error_of_fileio(files: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    assert not files.exists(path)
    for ask in (files.listdir, files.remove, files.rmtree, files.stat):
        with pytest.raises(fileio.NotFoundError):
            ask(path)


def test_missing_folders_are_created(files: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "a" / "b")
    files.makedirs(path)
    files.makedirs(path)
    files.rmtree(str(tmp_path / "a"))
    assert not files.isdir(path)


def test_tensorflow_opens_other_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = FilesystemRegistry()
    registry.register(TensorflowFilesystem, priority=10, use_as_fallback=True)
    monkeypatch.setattr(local_filesystem, "DEFAULT_FILESYSTEM_REGISTRY", registry)
    local_filesystem.register()
    assert registry.get_filesystem_for_path("/tmp/x") is LocalFiles
    assert registry.get_filesystem_for_path("gs://bucket/x") is TensorflowFilesystem
    assert registry.get_filesystem_for_path("ram://x") is TensorflowFilesystem
