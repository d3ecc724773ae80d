"""Finds and removes what runs that were killed or interrupted have left: under the root, and in the folder TMPDIR."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from components.common.local_storage import UNFINISHED
from pipeline_def.runs.run_files import STORE_FILE
from pipeline_def.runs.summary import Summary

if TYPE_CHECKING:
    from pipeline_def.runs.run_store import RunStore

_TEMPORARY = "TMPDIR"
# Folders in which a killed process may leave an unfinished file. The Pusher looks after serving/.
_WRITTEN = ("checkpoints", "rejected", "schemas", "studies")


def remove_leftovers(root: Path, current: str) -> None:
    """Marks executions that were left running as failed, and removes what `leftovers` finds.

    The process must have locked the root, so that no other one is still writing there.

    Args:
        root: the folder of the runs.
        current: the id of the run that begins; its folder stays.
    """
    from pipeline_def.runs.run_store import RunStore

    runs = None
    if (root / STORE_FILE).exists():
        runs = RunStore.open(root)
        runs.fail_running()
    for path in leftovers(root, runs, current):
        remove(path)


def leftovers(root: Path, runs: "RunStore | None", current: str | None = None) -> Iterator[Path]:
    """Yields the outputs of steps that did not complete, the folders of runs without a summary, and unfinished files.

    Args:
        root: the folder of the runs.
        runs: its metadata store; None: there is none.
        current: the id of a run that has not ended.
    """
    if runs is not None:
        from pipeline_def.runs.run_store import COMPLETED_STATES

        states = {execution.id: execution.last_known_state for execution in runs.store.get_executions()}
        for folder in execution_folders(root):
            if states.get(int(folder.name), COMPLETED_STATES[0]) not in COMPLETED_STATES:
                yield folder
        yield from root.glob("artifacts/*/.system/stateful_working_dir/*")
    for folder in sorted(root.glob("runs/*")):
        if folder.is_dir() and folder.name != current and not (folder / Summary.file_name).exists():
            yield folder
    for name in _WRITTEN:
        yield from sorted((root / name).rglob(f".*{UNFINISHED}"))


def execution_folders(root: Path) -> Iterator[Path]:
    """Yields the folders under artifacts/ that are named after an execution, whose outputs they contain."""
    for step in sorted(root.glob("artifacts/*")):
        for folder in (*sorted(step.glob("[!.]*")), step / ".temp", step / ".system" / "executor_execution"):
            yield from sorted(path for path in folder.glob("*") if path.name.isdecimal())


def remove(path: Path) -> None:
    """Removes a file or a folder. What can't be removed stays: it does no harm."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def temporary_folder(root: Path) -> Iterator[None]:
    """Gives the libraries a folder for their temporary files, and removes it and those of killed runs of this root.

    TensorFlow, TFX and Beam leave files in TMPDIR even if nothing fails. The process must have locked the root.
    """
    for path in temporary_folders(root):
        remove(path)
    before, variable = tempfile.tempdir, os.environ.get(_TEMPORARY)
    folder = tempfile.mkdtemp(prefix=_prefix(root))
    tempfile.tempdir = os.environ[_TEMPORARY] = folder
    try:
        yield
    finally:
        tempfile.tempdir = before
        if variable is None:
            del os.environ[_TEMPORARY]
        else:
            os.environ[_TEMPORARY] = variable
        remove(Path(folder))


def temporary_folders(root: Path) -> list[Path]:
    """Returns the folders that `temporary_folder` has created for runs of this root, and that still exist."""
    return sorted(Path(tempfile.gettempdir()).glob(f"{_prefix(root)}*"))


def _prefix(root: Path) -> str:
    return f"regpipe-{hashlib.blake2b(os.fsencode(root.resolve()), digest_size=6).hexdigest()}-"
