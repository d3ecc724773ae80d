"""Finds the files under a root that no later run needs, for `regpipe clean`. Published versions and studies stay."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline_def.local.leftovers import execution_folders, leftovers, remove, temporary_folders
from pipeline_def.local.runner import lock_root

if TYPE_CHECKING:
    from pipeline_def.runs.run_store import RunStore


class Removable(NamedTuple):
    """A file or folder that can be removed.

    Attributes:
        kind: what it is: "interrupted run", "unknown artifact", "checkpoint", "rejected rows", "old run".
        path: where it is.
        bytes: the size of all files in it.
    """

    kind: str
    path: Path
    bytes: int


def clean(root: Path, keep_runs: int | None, *, remove_them: bool) -> list[Removable]:
    """Returns what can be removed, and removes it if `remove_them`.

    Args:
        root: the folder of the runs.
        keep_runs: how many of the newest runs keep their artifacts, reports and logs; None: all.
        remove_them: whether to remove it.

    Raises:
        CannotUseRoot: the root can't be written, or another process uses it.
        NoSuchRun: there is no run yet.
    """
    from pipeline_def.runs.run_index import try_update_index
    from pipeline_def.runs.run_store import RunStore

    root = root.resolve()
    runs = RunStore.open(root)
    with lock_root(root):
        # A folder can be found for two reasons.
        found = {path: kind for kind, path in _removable(root, runs, keep_runs)}
        removable = [Removable(kind, path, _bytes(path)) for path, kind in found.items()]
        if remove_them:
            runs.fail_running()
            for item in removable:
                remove(item.path)
            try_update_index(str(root))  # its links to reports that were removed
    return removable


def _removable(root: Path, runs: "RunStore", keep_runs: int | None) -> Iterator[tuple[str, Path]]:
    if keep_runs is not None:
        yield from (("old run", path) for path in _of_old_runs(root, runs, keep_runs))
    known = {execution.id for execution in runs.store.get_executions()}
    for folder in execution_folders(root):
        if int(folder.name) not in known:
            yield "unknown artifact", folder
    for name, kind in (("checkpoints", "checkpoint"), ("rejected", "rejected rows")):
        yield from ((kind, path) for path in sorted((root / name).glob("*")))
    yield from (("interrupted run", path) for path in (*leftovers(root, runs), *temporary_folders(root)))


def _of_old_runs(root: Path, runs: "RunStore", keep: int) -> Iterator[Path]:
    """Yields the folders of runs that are not among the newest, and the artifacts that only such runs use."""
    kept = [context.name for context in runs.run_contexts()][-keep:]
    used = {artifact.uri for name in kept for artifact in runs.outputs(name).values()}
    yield from (path for path in sorted(root.glob("runs/*")) if path.name not in kept)
    for folder in execution_folders(root):
        if folder.parent.parent.parent.name == "artifacts" and str(folder) not in used:
            yield folder


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file())
