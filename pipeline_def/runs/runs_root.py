"""Where runs are kept: the root with their files, and the metadata store that describes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline_def.runs.run_store import NoSuchRun, RunStore


@dataclass(frozen=True)
class RunsRoot:
    """A root and its metadata store.

    Attributes:
        path: the root: a folder, or an address on gs://.
        runs: the metadata store.
        shared: whether several processes may use the store at the same time. If not, the root must be locked.
    """

    path: str
    runs: RunStore
    shared: bool = False

    @classmethod
    def on_disk(cls, root: Path) -> "RunsRoot":
        """Opens a root of the local runner, whose store is an SQLite file.

        Raises:
            NoSuchRun: there is no store yet.
            DamagedStore: its file is damaged.
        """
        return cls(str(root.resolve()), RunStore.open(root))

    def folder(self, run_id: str) -> str:
        """Returns the folder of a run."""
        return f"{self.path}/runs/{run_id}"

    def outputs(self, step: str, output: str, run_id: str | None) -> Iterator[mlmd.Artifact]:
        """Yields an output of a step in a run; without `run_id` in all runs, the newest first."""
        names = [run_id] if run_id else [context.name for context in reversed(self.runs.run_contexts())]
        found = (self.runs.outputs(name).get((step, output)) for name in names)
        yield from (artifact for artifact in found if artifact is not None)

    def missing(self, what: str, run_id: str | None) -> NoSuchRun:
        """Returns the error for an output, such as "report", that no run, or not this run, has.

        Raises:
            NoSuchRun: there is no such run at all.
        """
        if run_id:
            self.runs.check(run_id)
        return NoSuchRun(
            f"{self.path}: {f'run {run_id} has no {what}' if run_id else f'no run has a {what} yet'}"
        )
