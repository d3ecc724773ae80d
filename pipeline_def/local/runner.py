"""Runs all steps in this process, one after the other, shows progress on the terminal, and writes a summary."""

import contextlib
import datetime
import fcntl
import logging
import shutil
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.common.commands import CommandOptions
from components.common.drift_record import DriftRecord
from components.common.errors import DataRefused
from components.pusher.publication import Destination
from pipeline_def.config.destination import destination
from pipeline_def.config.load import PipelineConfig
from pipeline_def.launcher.run_options import RunOptions
from pipeline_def.local.interruption import RunInterrupted, ignore_signals
from pipeline_def.local.leftovers import remove_leftovers, temporary_folder
from pipeline_def.runs.damaged_store import DamagedStore
from pipeline_def.runs.summary import EXIT_CODES, Status, StepRecord, StepStatus, Summary
from pipeline_def.steps import LAST
from pipeline_def.terminal.output_capture import OutputCapture
from pipeline_def.terminal.run_display import RunDisplay, progress_sent_to

if TYPE_CHECKING:
    from tfx.proto.orchestration import pipeline_pb2

    from pipeline_def.runs.runs_root import RunsRoot

LOG_TAIL_LINES = 15


class CannotUseRoot(Exception):
    """The root can't be created, written or locked."""


class RootInUse(CannotUseRoot):
    """Another process uses the root, whose metadata store allows one process at a time."""


class _Run:
    """The state of one run: its id, its folder, where it publishes, and the results of its steps so far."""

    def __init__(self, root: Path, destination: Destination) -> None:
        self.destination = destination
        now = datetime.datetime.now(datetime.UTC)
        self.id = now.strftime("%Y%m%dT%H%M%S.%fZ")
        self.started = now.isoformat(timespec="seconds")
        self.root = root
        self.dir = root / "runs" / self.id
        self.logs = self.dir / "logs"
        self.logs.mkdir(parents=True)
        self.steps: list[StepRecord] = []
        self.status: Status = "failed"
        self.error: str | None = None
        self.log_tail: tuple[str, ...] = ()
        self.rejected_rows: str | None = None
        self.drift: DriftRecord | None = None

    def fail(self, error: BaseException, log: Path) -> None:
        """Records an error: for refused data its message, for other errors also the end of the log."""
        if isinstance(error, DataRefused):
            self.status, self.error = "data_refused", str(error)
            self.rejected_rows, self.drift = error.rejected_rows, error.drift
            return
        self.status = "failed"
        self.error = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self.log_tail = tuple(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])


def run(config: PipelineConfig, options: RunOptions) -> Summary:
    """Runs the pipeline and writes `<root>/runs/<run_id>/summary.json`.

    A failed step and refused data are recorded in the summary, not raised.

    Raises:
        CannotUseRoot: the root can't be written, or another process uses it.
        DamagedStore: the metadata store under the root is damaged.
        NoSuchRun: no earlier run has completed the steps before `from_step`.
        RunInterrupted: the run was interrupted; the current step has been marked as failed.
    """
    with lock_root(options.root):
        return run_in_locked_root(config, options)


def run_in_locked_root(config: PipelineConfig, options: RunOptions) -> Summary:
    """Does what `run` does, in a process that has locked the root already."""
    root = options.root.resolve()
    config = _with_absolute_paths(config)
    names = config.step_names()
    with temporary_folder(root):
        current = _Run(root, destination(config, root))
        try:
            with OutputCapture(current.logs / "startup.log") as capture:
                with RunDisplay(names, capture.terminal) as display, _shown_progress(display):
                    pipeline = _compile(config, options, current, capture, display)
                    if pipeline is not None:
                        _run_steps(pipeline, names, current, capture, display)
                summary = _summarize(current, options.commands)
                summary.write(str(current.dir))
                _update_index(current)
        except KeyboardInterrupt as error:
            raise RunInterrupted(current.id, error) from error
    return summary


def _compile(
    config: PipelineConfig, options: RunOptions, current: _Run, capture: OutputCapture, display: RunDisplay
) -> "pipeline_pb2.Pipeline | None":
    display.note("Starting: loading TFX and TensorFlow")
    from pipeline_def.launcher.compiled_pipeline import compile_local
    from pipeline_def.runs.run_store import NoSuchRun

    try:
        remove_leftovers(current.root, current.id)
        return compile_local(config, options, current.id)
    except (NoSuchRun, DamagedStore):
        shutil.rmtree(current.dir)  # nothing was run, so this does not count as a run
        raise
    except Exception as error:
        traceback.print_exc()
        current.fail(error, capture.path)
        return None


def _run_steps(
    pipeline: "pipeline_pb2.Pipeline",
    names: Sequence[str],
    current: _Run,
    capture: OutputCapture,
    display: RunDisplay,
) -> None:
    from pipeline_def.launcher.compiled_pipeline import is_skipped
    from pipeline_def.launcher.node import launch_node, register_run, reuse_earlier_steps
    from pipeline_def.runs.report_facts import write_facts
    from pipeline_def.runs.run_store import RunStore

    reuse_earlier_steps(pipeline)
    register_run(pipeline)
    RunStore.open(current.root).record_destination(current.id, current.destination)
    current.status = "partial" if is_skipped(pipeline, "Pusher") else "not_blessed"
    for name in names:
        if is_skipped(pipeline, name):
            display.finish(name, "skipped", 0.0)
            current.steps.append(StepRecord(name=name, seconds=0.0, cached=False, status="skipped"))
            continue
        capture.switch(current.logs / f"{name}.log")
        display.start(name)
        started = time.monotonic()
        try:
            if name == LAST:
                write_facts(current.root, current.id)
            cached = launch_node(pipeline, name).cached
        except Exception as error:
            seconds = round(time.monotonic() - started, 3)
            display.finish(name, "failed", seconds)
            current.steps.append(StepRecord(name=name, seconds=seconds, cached=False, status="failed"))
            traceback.print_exc()
            current.fail(error, capture.path)
            # TFX leaves the execution of a step as running if its driver or its publisher raises.
            with contextlib.suppress(Exception):  # On a full disk the next run does it.
                RunStore.open(current.root).fail_unfinished(current.id, name)
            return
        except KeyboardInterrupt:
            ignore_signals()
            RunStore.open(current.root).cancel(current.id)
            raise
        seconds = round(time.monotonic() - started, 3)
        status: StepStatus = "cached" if cached else "done"
        display.finish(name, status, seconds)
        current.steps.append(StepRecord(name=name, seconds=seconds, cached=cached, status=status))


def _summarize(current: _Run, commands: CommandOptions) -> Summary:
    known: dict[str, Any] = {}
    if current.steps:
        from pipeline_def.runs.collect import record_result
        from pipeline_def.runs.run_store import RunStore

        # If a step fails after the Pusher, the status stays `failed`, but the pushed version is recorded.
        ended = None if current.status == "not_blessed" else current.status
        current.status, known = record_result(RunStore.open(current.root), current.id, ended, commands)
    if current.rejected_rows:
        known["rejected_rows"] = current.rejected_rows
    if current.drift is not None:
        from pipeline_def.runs.collect import drift_fields

        known |= drift_fields(current.drift)
    return Summary(
        run_id=current.id,
        started=current.started,
        status=current.status,
        exit_code=EXIT_CODES[current.status],
        steps=tuple(current.steps),
        error=current.error,
        log_tail=current.log_tail,
        logs=str(current.logs),
        **known,
    )


def _update_index(current: _Run) -> None:
    from pipeline_def.runs.run_index import try_update_index

    try_update_index(str(current.root), current.id, current.destination)


def _with_absolute_paths(config: PipelineConfig) -> PipelineConfig:
    """Makes paths absolute, so that the cache does not depend on the working directory; gs:// paths stay."""

    def absolute(path: str | None) -> str | None:
        return path if path is None or "://" in path else str(Path(path).absolute())

    data, serving = config.data, config.serving
    return config.model_copy(
        update={
            "data": data.model_copy(
                update={"input": absolute(data.input), "schema_file": absolute(data.schema_file)}
            ),
            "serving": serving.model_copy(update={"directory": absolute(serving.directory)}),
        }
    )


@contextlib.contextmanager
def lock_root(root: Path) -> Iterator[None]:
    """Locks the root for this process, because two processes can't use its metadata store, an SQLite file, at once.

    The root is created if it does not exist.

    Raises:
        RootInUse: another process holds the lock.
        CannotUseRoot: the root can't be created, written or locked.
    """
    with contextlib.ExitStack() as files:
        try:
            root.mkdir(parents=True, exist_ok=True)
            lock = files.enter_context((root / ".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RootInUse(
                f"{root}: another run uses this root; wait for it, or give another --root."
            ) from None
        except OSError as error:
            raise CannotUseRoot(
                f"--root: expected a folder that can be written and locked, got {str(root)!r}: {error.strerror}."
            ) from None
        yield


def locked(root: "RunsRoot") -> contextlib.AbstractContextManager[None]:
    """Locks a root as `lock_root` does, unless several processes may use its metadata store at once."""
    return contextlib.nullcontext() if root.shared else lock_root(Path(root.path))


@contextlib.contextmanager
def _shown_progress(display: RunDisplay) -> Iterator[None]:
    """Shows the progress messages that steps log beside the current step."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if display.running is not None:
                display.progress(display.running, record.getMessage())

    with progress_sent_to(Handler()):
        yield
