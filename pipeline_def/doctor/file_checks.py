"""Checks of what runs read and write: the root, its metadata store, the destination, the table."""

import contextlib
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from components.common.errors import DataRefused
from components.common.storage import is_remote
from pipeline_def.config.destination import destination
from pipeline_def.config.load import PipelineConfig
from pipeline_def.doctor.check_result import CheckResult, optional
from pipeline_def.runs.damaged_store import DamagedStore, check_store
from pipeline_def.runs.run_files import STORE_FILE

_RUNNING = 2  # Execution.State.RUNNING of ML Metadata
_REMOTE = 120.0  # seconds, with the import of TensorFlow
_REMOTE_CODE = (
    "import sys; from components.common import storage; "
    "sys.exit(0 if storage.exists(sys.argv[1]) or storage.list_folder(sys.argv[1]) else 3)"
)


def root(folder: Path) -> CheckResult:
    """Checks that the root can be written, or created."""
    return _writable(folder, "give another --root, or change its permissions")


def store(folder: Path) -> CheckResult:
    """Checks that the metadata store opens, and counts the executions that killed runs have left running."""
    path = folder / STORE_FILE
    if not path.exists():
        return CheckResult("ok", "no run yet")
    try:
        check_store(path)
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5)) as database:
            ((version,),) = database.execute("SELECT schema_version FROM MLMDEnv").fetchall()
            ((running,),) = database.execute(
                "SELECT COUNT(*) FROM Execution WHERE last_known_state = ?", (_RUNNING,)
            ).fetchall()
    except (DamagedStore, sqlite3.Error, ValueError) as error:
        return CheckResult("problem", str(error), "restore it from a backup, or use another root")
    found = f"ML Metadata, schema {version}"
    if running:
        found += f"; {running} executions are running, or were left by a run that was killed"
    return CheckResult("ok", found)


def published(config: PipelineConfig, folder: Path) -> CheckResult:
    """Checks that the destination can be written or, on an object store, be read."""
    directory = destination(config, folder).directory
    if is_remote(directory):
        return _remote(directory, "serving.directory", empty_is_ok=True)
    return _writable(Path(directory), "change serving.directory, or its permissions")


def table(config: PipelineConfig) -> CheckResult:
    """Checks that data.input names at least one file."""
    given = config.data.input
    if is_remote(given):
        return _remote(given.partition("*")[0].rpartition("{")[0] or given, "data.input", empty_is_ok=False)
    if config.kubeflow.image and given.startswith(f"{config.kubeflow.root}/") and not Path(given).exists():
        return optional(
            CheckResult(
                "problem", f"{given} is not on this machine", "the steps look for it on kubeflow.volume"
            )
        )
    from components.example_gen.input_files import find_input_files

    try:
        files = find_input_files(config.data).paths
    except DataRefused as error:
        return CheckResult("missing", str(error), "set data.input, or give --set data.input=PATH")
    size = sum(Path(path).stat().st_size for path in files)
    return CheckResult(
        "ok", f"{files[0]}{f' and {len(files) - 1} more' if len(files) > 1 else ''}, {size:,} bytes"
    )


def _writable(folder: Path, advice: str) -> CheckResult:
    path = folder.absolute()
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return CheckResult("problem", f"{existing}: {error.strerror}", advice)
    return CheckResult("ok", str(folder) if existing == path else f"{folder} (will be created)")


def _remote(address: str, key: str, *, empty_is_ok: bool) -> CheckResult:
    """Checks an address on an object store in a process of its own, because its client has no time limit."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _REMOTE_CODE, address], capture_output=True, text=True, timeout=_REMOTE
        )
    except subprocess.TimeoutExpired:
        return CheckResult("problem", f"{address}: no answer within {_REMOTE:g} s", f"check {key}")
    if done.returncode == 0:
        return CheckResult("ok", address)
    if done.returncode == 3:
        return CheckResult(
            "ok" if empty_is_ok else "missing", f"{address}: nothing there yet", f"check {key}"
        )
    last = (done.stderr.strip().splitlines() or ["no reason"])[-1]
    return CheckResult("problem", f"{address}: {last[:200]}", f"check {key} and the credentials for it")
