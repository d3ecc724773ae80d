"""What killed runs leave behind, and `regpipe clean`."""

import os
import tempfile
from pathlib import Path

import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline_def.cli.main import main
from pipeline_def.local.leftovers import remove_leftovers, temporary_folder

State = mlmd.Execution


@pytest.fixture
def store(tmp_path: Path) -> MetadataStore:
    """The metadata store of the root, with the executions 1 complete, 2 running, 3 failed, 4 canceled, 5 cached."""
    sqlite = mlmd.SqliteMetadataSourceConfig(
        filename_uri=str(tmp_path / "metadata.sqlite"),
        connection_mode=mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE,
    )
    store = MetadataStore(mlmd.ConnectionConfig(sqlite=sqlite))
    type_id = store.put_execution_type(mlmd.ExecutionType(name="Trainer"))
    states = (State.COMPLETE, State.RUNNING, State.FAILED, State.CANCELED, State.CACHED)
    store.put_executions([State(type_id=type_id, last_known_state=state) for state in states])
    return store


@pytest.fixture
def root(tmp_path: Path, store: MetadataStore) -> Path:
    """Folders of these executions and of one that the store does not know, runs with and without a summary."""
    for execution in (1, 2, 3, 4, 9):
        for folder in ("model", ".system/executor_execution", ".temp"):
            path = tmp_path / "artifacts" / "Trainer" / folder / str(execution) / "file"
            path.parent.mkdir(parents=True)
            path.write_bytes(b"x" * 1_000_000)
    (tmp_path / "artifacts/Trainer/.system/stateful_working_dir/run").mkdir(parents=True)
    (tmp_path / "artifacts/Trainer/.system/driver_execution/3").mkdir(parents=True)
    for run in ("complete", "killed", "current"):
        (tmp_path / "runs" / run / "logs").mkdir(parents=True)
    (tmp_path / "runs" / "complete" / "summary.json").write_text("{}")
    for name in ("rejected/.rows.jsonl.1.unfinished", "rejected/rows.jsonl", "checkpoints/1/weights"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def executions(root: Path) -> set[str]:
    return {path.name for path in (root / "artifacts" / "Trainer").glob("*/[0-9]")} | {
        path.name for path in (root / "artifacts" / "Trainer" / ".system").glob("executor_execution/*")
    }


def test_the_next_run_removes_what_a_killed_run_left(root: Path, store: MetadataStore) -> None:
    """Nothing is running any more; complete outputs stay, and so does what the store does not know."""
    remove_leftovers(root, "current")
    found = [execution.last_known_state for execution in store.get_executions()]
    assert found == [State.COMPLETE, State.FAILED, State.FAILED, State.CANCELED, State.CACHED]
    assert executions(root) == {"1", "9"}
    assert not list((root / "artifacts/Trainer/.system/stateful_working_dir").iterdir())
    assert (root / "artifacts/Trainer/.system/driver_execution/3").is_dir()
    assert {path.name for path in (root / "runs").iterdir()} == {"complete", "current"}
    assert [path.name for path in (root / "rejected").iterdir()] == ["rows.jsonl"]
    assert (root / "checkpoints/1/weights").exists()


def test_a_root_without_a_run(tmp_path: Path) -> None:
    """There is no metadata store yet, and none is created."""
    (tmp_path / "runs" / "first").mkdir(parents=True)
    remove_leftovers(tmp_path, "first")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_temporary_files_are_in_a_folder_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For this process and those that it starts. The folder is removed, and so are those of killed runs of the root."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    root, other = tmp_path / "root", tmp_path / "other"
    with temporary_folder(root):
        killed = Path(tempfile.gettempdir())
        assert killed.parent == tmp_path
        assert os.environ["TMPDIR"] == str(killed)
        (killed / "file").touch()
    killed.mkdir()
    with temporary_folder(other):
        assert killed.exists()  # that of another root
    with temporary_folder(root):
        assert not killed.exists()
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(tmp_path)
    assert not list(tmp_path.glob("regpipe-*"))


def test_clean_shows_and_removes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --yes it removes nothing."""
    before = sorted(root.rglob("*"))
    assert main(["clean", "--root", str(root)]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    kinds = {line.split("  ")[0] for line in lines}
    assert kinds == {"interrupted run", "unknown artifact", "checkpoint", "rejected rows"}
    assert f"unknown artifact  1.0 MB  {root}/artifacts/Trainer/model/9" in lines
    assert last == "Together: 12.0 MB. Nothing was removed; --yes removes them."
    assert sorted(path for path in root.rglob("*") if path.name != ".lock") == before
    assert main(["clean", "--root", str(root), "--yes"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Removed: 12.0 MB."
    assert executions(root) == {"1"}
    assert [path.name for path in (root / "runs").iterdir()] == ["complete"]
    assert main(["clean", "--root", str(root)]) == 0
    assert capsys.readouterr().out == "There is nothing to remove.\n"


def test_clean_of_a_root_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not created."""
    assert main(["clean", "--root", str(tmp_path / "none")]) == 0
    assert capsys.readouterr().out == "There is nothing to remove.\n"
    assert not (tmp_path / "none").exists()


def test_old_runs(root: Path, store: MetadataStore, capsys: pytest.CaptureFixture[str]) -> None:
    """With --keep-runs, the folder of a run before the newest ones, and artifacts that no newer run used."""
    context_type = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
    node_type = store.put_context_type(mlmd.ContextType(name="node"))
    artifact_type = store.put_artifact_type(mlmd.ArtifactType(name="Model"))
    execution_type = store.get_execution_type("Trainer").id
    (node,) = store.put_contexts([mlmd.Context(type_id=node_type, name="p.Trainer")])
    folders = []
    for run in ("old", "new"):
        (context,) = store.put_contexts([mlmd.Context(type_id=context_type, name=run)])
        (execution,) = store.put_executions([State(type_id=execution_type, last_known_state=State.COMPLETE)])
        folder = root / "artifacts" / "Trainer" / "model" / str(execution)
        folder.mkdir()
        folders.append(folder)
        (artifact,) = store.put_artifacts([mlmd.Artifact(type_id=artifact_type, uri=str(folder))])
        event = mlmd.Event(artifact_id=artifact, execution_id=execution, type=mlmd.Event.OUTPUT)
        event.path.steps.add().key = "model"
        store.put_events([event])
        store.put_attributions_and_associations(
            [], [mlmd.Association(context_id=c, execution_id=execution) for c in (context, node)]
        )
        (root / "runs" / run).mkdir()
        (root / "runs" / run / "summary.json").write_text("{}")
    assert main(["clean", "--root", str(root), "--keep-runs", "1", "--yes"]) == 0
    assert [folder.exists() for folder in folders] == [False, True]
    assert [path.name for path in (root / "runs").iterdir()] == ["new"]
