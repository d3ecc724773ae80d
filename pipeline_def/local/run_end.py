"""Reports the end of a run on this machine to whoever is not looking at the terminal.

Nothing here raises an error or changes the exit code: what could not be sent is a warning.
"""

from collections.abc import Sequence

from pipeline_def.config.load import PipelineConfig
from pipeline_def.local.interruption import RunInterrupted
from pipeline_def.notification.notify import SENT, When, notify
from pipeline_def.notification.run_event import RunEvent, event_of
from pipeline_def.notification.webhook import PAUSES
from pipeline_def.runs.summary import Summary


def report_end(config: PipelineConfig, summary: Summary) -> list[str]:
    """Sends the message about a run, as `notify` configures it; returns a warning if it could not be sent."""
    return _notify(event_of(summary, config.name), config.notify.when, PAUSES)


def report_interruption(config: PipelineConfig, interruption: RunInterrupted) -> list[str]:
    """Does what `report_end` does for a run that was interrupted, in one attempt, because somebody is waiting."""
    event = RunEvent(
        run_id=interruption.run_id,
        pipeline=config.name,
        status="interrupted",
        message=f"Interrupted by {interruption.signal.name}.",
        exit_code=128 + interruption.signal,
    )
    return _notify(event, config.notify.when, ())


def _notify(event: RunEvent, when: When, pauses: Sequence[float]) -> list[str]:
    try:
        done = notify(event, when, pauses=pauses)
    except KeyboardInterrupt:  # while it waits for the server; the run has ended
        done = "not posted: interrupted"
    return [f"notify: {done}"] if done not in ("", SENT) else []
