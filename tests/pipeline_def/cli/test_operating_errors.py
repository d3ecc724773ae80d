"""Roots that can't be used, damaged files, and errors that no command handles: one sentence, and no traceback."""

import shutil
from pathlib import Path

import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline_def.cli.main import main
from pipeline_def.local import runner as local_runner
from tests.standins.webhook import webhook

COMMANDS = {
    "run": ["run"],
    "study": ["study"],
    "runs": ["runs"],
    "report": ["report"],
    "schema": ["schema", "freeze", "-o", "{root}/schema.pbtxt"],
    "bless": ["bless", "--run", "r1", "--reason", "why"],
    "rollback": ["rollback", "7"],
    "clean": ["clean"],
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty metadata store."""
    path = tmp_path_factory.mktemp("store") / "metadata.sqlite"
    sqlite = mlmd.SqliteMetadataSourceConfig(
        filename_uri=str(path), connection_mode=mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    )
    MetadataStore(mlmd.ConnectionConfig(sqlite=sqlite))
    return path


@pytest.mark.parametrize("damage", ["text", "cut", "overwritten"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_damaged_metadata_store(
    command: list[str], damage: str, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 in each command that reads it; the message has the path and what to do."""
    content = bytearray(store.read_bytes())
    middle = len(content) // 2
    if damage == "overwritten":
        content[middle - 20_000 : middle + 20_000] = b"\xff" * 40_000
    damaged = {"text": b"no database" * 100, "cut": bytes(content[:middle]), "overwritten": bytes(content)}
    path = tmp_path / "metadata.sqlite"
    path.write_bytes(damaged[damage])
    arguments = [word.format(root=tmp_path) for word in command]
    assert main([*arguments, "--root", str(tmp_path)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(
        f"regpipe: {path}: expected a metadata store (an SQLite database), found a damaged "
    )
    assert not list(tmp_path.glob("runs/*"))
    assert not (tmp_path / "regpipe-errors.log").exists()


def test_an_intact_store_is_read(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(store, tmp_path)
    assert main(["runs", "--root", str(tmp_path), "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize("command", ["run", "study"])
@pytest.mark.parametrize("root", ["file/below", "/proc/none"])
def test_a_root_that_cannot_be_made(
    command: str, root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2; the message has the option, the path and the reason."""
    (tmp_path / "file").touch()
    path = tmp_path / root
    assert main([command, "--root", str(path)]) == 2
    start = f"regpipe: --root: expected a folder that can be written and locked, got '{path}': "
    assert capsys.readouterr().err.startswith(start)


def test_no_lock_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a network file system without a lock server: exit code 2."""

    def flock(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    assert main(["run", "--root", str(tmp_path / "root")]) == 2
    assert capsys.readouterr().err == (
        "regpipe: --root: expected a folder that can be written and locked, got "
        f"'{tmp_path / 'root'}': No locks available.\n"
    )


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "/runs/x"), "/runs/x: No space left on device"),
        (RuntimeError("first line\n  second line"), "RuntimeError: first line second line"),
        (KeyError(), "KeyError"),
    ],
)
def test_an_error_that_no_command_handles(
    error: Exception,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 1 with one line; the traceback is in a log under the root."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(local_runner, "run", fail)
    assert main(["run", "--root", str(tmp_path)]) == 1
    log = tmp_path / "regpipe-errors.log"
    assert capsys.readouterr().err == f"regpipe: {sentence}; see {log}\n"
    assert "Traceback (most recent call last)" in log.read_text()


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(28, "No space left on device", "/runs/x"), 1, "Failed: /runs/x: No space left on device"),
        (local_runner.RootInUse("runs: another run uses it."), 2, "Failed: runs: another run uses it."),
    ],
)
def test_an_error_that_is_in_no_summary_is_reported(
    error: Exception, code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run at night fails in these ways, too."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(local_runner, "run", fail)
    with webhook() as hook:
        monkeypatch.setenv("REGPIPE_NOTIFY_URL", hook.url)
        assert main(["run", "--root", str(tmp_path)]) == code
    (posted,) = hook.received
    data = posted.document["data"]
    assert (data["run_id"], data["status"], data["exit_code"], data["message"]) == (
        None,
        "failed",
        code,
        message,
    )
