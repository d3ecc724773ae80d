"""The order of runs, and where they publish."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.pusher.publication import Destination
from pipeline_def.runs.run_store import NoSuchRun, RunStore, list_runs


@pytest.fixture
def runs(tmp_path: Path) -> RunStore:
    """A store with the runs b, c and a, in this order. The clock was set back before each of the later two."""
    sqlite = mlmd.SqliteMetadataSourceConfig(
        filename_uri=str(tmp_path / "metadata.sqlite"),
        connection_mode=mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE,
    )
    store = MetadataStore(mlmd.ConnectionConfig(sqlite=sqlite))
    type_id = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
    ids = [store.put_contexts([mlmd.Context(type_id=type_id, name=name)])[0] for name in "bca"]
    with contextlib.closing(sqlite3.connect(tmp_path / "metadata.sqlite")) as database, database:
        for back, context in enumerate(ids):
            database.execute(
                "UPDATE Context SET create_time_since_epoch = create_time_since_epoch - ? WHERE id = ?",
                (back * 3_600_000, context),
            )
    return RunStore(store)


def test_runs_are_in_the_order_of_the_store(runs: RunStore) -> None:
    """Not in that of their names or times: `regpipe report` and --from-step take the last one."""
    assert [context.name for context in runs.run_contexts()] == ["b", "c", "a"]
    assert [record.run_id for record in list_runs(runs)] == ["a", "c", "b"]
    times = [context.create_time_since_epoch for context in runs.run_contexts()]
    assert times == sorted(times, reverse=True)


def test_the_destination_of_a_run(runs: RunStore) -> None:
    """It is stored when the run starts."""
    target = Destination(directory="/served", keep_versions=3, model_name="m")
    assert runs.destination("a") is None
    runs.record_destination("a", target)
    assert runs.destination("a") == target
    with pytest.raises(NoSuchRun, match="there is no run 'x'"):
        runs.record_destination("x", target)
