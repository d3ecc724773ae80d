"""Reports the end of a run on this machine to whoever is not looking at the terminal.

Nothing here raises an error or changes the exit code: what could not be sent is a warning.
"""

from collections.abc import Sequence
from pathlib import Path

from pipeline_def.config.load import PipelineConfig
from pipeline_def.local.interruption import RunInterrupted
from pipeline_def.notification.notify import SENT, When, notify
from pipeline_def.notification.run_event import RunEvent, event_of
from pipeline_def.notification.webhook import PAUSES
from pipeline_def.runs.summary import Summary
from pipeline_def.tracking.track import LOGGED, track_publication, track_run
from pipeline_def.tracking.tracking_record import TrackingRecord


def report_end(config: PipelineConfig, summary: Summary, root: Path) -> list[str]:
    """Sends the message about a run, as `notify` configures it, and logs the run, as `tracking` configures it.

    Args:
        config: the configuration of the run.
        summary: its summary.
        root: the folder of the runs.

    Returns:
        A warning for what could not be done.
    """
    warnings = _notify(event_of(summary, config.name), config.notify.when, PAUSES)
    folder = str(root.resolve() / "runs" / summary.run_id)
    return warnings + _tracked(track_run(_tracking_of(config), config, summary, folder))


def report_interruption(config: PipelineConfig, interruption: RunInterrupted) -> list[str]:
    """Sends the message about a run that was interrupted, in one attempt, because somebody is waiting."""
    event = RunEvent(
        run_id=interruption.run_id,
        pipeline=config.name,
        status="interrupted",
        message=f"Interrupted by {interruption.signal.name}.",
        exit_code=128 + interruption.signal,
    )
    return _notify(event, config.notify.when, ())


def report_error(config: PipelineConfig, message: str, exit_code: int) -> list[str]:
    """Sends a message about an error that is in no summary, such as a full disk or a root that is in use.

    Args:
        config: the configuration of the run.
        message: the error, in a sentence.
        exit_code: the exit code of the command.

    Returns:
        A warning if it could not be sent.
    """
    event = RunEvent(
        run_id=None, pipeline=config.name, status="failed", message=f"Failed: {message}", exit_code=exit_code
    )
    return _notify(event, config.notify.when, PAUSES)


def report_publication(root: str, version: int, path: str, config: PipelineConfig | None = None) -> list[str]:
    """Registers a version that a person published where its run was logged.

    Args:
        root: the folder of the runs, or a gs:// address.
        version: the version.
        path: where it is published.
        config: the configuration to use if its run left no record of where it was logged.

    Returns:
        A warning if it could not be registered.
    """
    otherwise = _tracking_of(config) if config else None
    return _tracked(track_publication(root, version, path, otherwise))


def _tracking_of(config: PipelineConfig) -> TrackingRecord:
    """Returns where the runs of a configuration are logged."""
    return TrackingRecord(pipeline=config.name, mlflow=config.tracking.mlflow)


def _notify(event: RunEvent, when: When, pauses: Sequence[float]) -> list[str]:
    try:
        done = notify(event, when, pauses=pauses)
    except KeyboardInterrupt:  # while it waits for the server; the run has ended
        done = "not posted: interrupted"
    return [f"notify: {done}"] if done not in ("", SENT) else []


def _tracked(done: str) -> list[str]:
    return [f"mlflow: {done}"] if done not in ("", LOGGED) else []
