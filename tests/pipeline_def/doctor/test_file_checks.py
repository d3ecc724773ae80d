"""The checks of the root, its metadata store, the destination and the table."""

import sqlite3
from pathlib import Path

import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline_def.config.load import load_config
from pipeline_def.doctor import file_checks


def test_a_folder_that_will_be_created_is_ok(tmp_path: Path) -> None:
    """If the folder above it can be written; nothing is left there."""
    result = file_checks.root(tmp_path / "new" / "root")
    assert (result.state, result.found) == ("ok", f"{tmp_path}/new/root (will be created)")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_written_is_a_problem() -> None:
    """Also for root, as nobody can write there."""
    for result in (
        file_checks.root(Path("/proc/none")),
        file_checks.published(load_config(None, ["serving.directory=/proc/none"]), Path("x")),
    ):
        assert result.fails
        assert "/proc: " in result.found


def test_the_metadata_store(tmp_path: Path) -> None:
    """A store of the real library: its version, and what killed runs have left running."""
    assert file_checks.store(tmp_path).found == "no run yet"
    path = tmp_path / "metadata.sqlite"
    config = mlmd.ConnectionConfig(sqlite=mlmd.SqliteMetadataSourceConfig(filename_uri=str(path)))
    store = MetadataStore(config)
    kind = store.put_execution_type(mlmd.ExecutionType(name="Trainer"))
    states = (mlmd.Execution.RUNNING, mlmd.Execution.COMPLETE, mlmd.Execution.RUNNING)
    store.put_executions([mlmd.Execution(type_id=kind, last_known_state=state) for state in states])
    result = file_checks.store(tmp_path)
    assert result.state == "ok"
    assert result.found.startswith("ML Metadata, schema 10; 2 executions are running")


@pytest.mark.parametrize("damage", ["text", "no tables"])
def test_a_damaged_store_is_a_problem(damage: str, tmp_path: Path) -> None:
    """The message says where it is."""
    path = tmp_path / "metadata.sqlite"
    if damage == "text":
        path.write_text("no database " * 200)
    else:
        sqlite3.connect(path).close()
    assert file_checks.store(tmp_path).fails


def test_the_table(tmp_path: Path) -> None:
    """All files that data.input names; for a path in the containers, this machine can't tell."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x,label\n1,0\n")
    found = file_checks.table(load_config(None, [f"data.input={tmp_path}"]))
    assert (found.state, found.found) == ("ok", f"{tmp_path}/a.csv and 1 more, 24 bytes")
    assert file_checks.table(load_config(None, [f"data.input={tmp_path}/c.csv"])).fails
    inside = load_config(None, ["data.input=/mnt/regpipe/days.csv", "kubeflow.image=i"])
    assert (file_checks.table(inside).state, file_checks.table(inside).fails) == ("problem", False)
