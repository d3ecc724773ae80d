"""Records runs, and versions that a person published, on the MLflow server. A failure never fails the command."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable

from components.saved_model.card_file import read_intact_card
from pipeline_def.config.load import PipelineConfig
from pipeline_def.runs.summary import Summary
from pipeline_def.tracking.tracking_record import TrackingRecord

LOGGED = "logged"


def track_run(settings: TrackingRecord, config: PipelineConfig | None, summary: Summary, folder: str) -> str:
    """Logs a run, and registers its version if it published one.

    Args:
        settings: where to log it; nothing is done unless that is enabled.
        config: the configuration of the run; None if it is unknown.
        summary: its summary.
        folder: the folder of the run, which may be on gs://.

    Returns:
        What was done: `logged`, the reason why not, or nothing.
    """

    def log() -> None:
        # Nothing of MLflow is imported unless it is used.
        from pipeline_def.tracking.mlflow_server import MlflowServer
        from pipeline_def.tracking.run_log import run_log

        settings.write(folder)
        server = MlflowServer(settings)
        server.log(run_log(summary, config, folder))
        if summary.pushed_version is not None and summary.pushed_path is not None:
            server.publish(summary.run_id, summary.pushed_version, summary.pushed_path)

    return _done(log) if settings.mlflow.enabled else ""


def track_publication(root: str, version: int, path: str, otherwise: TrackingRecord | None = None) -> str:
    """Registers a version that a person published, and moves the alias to it.

    Where to is recorded in the folder of the run that trained the model.

    Args:
        root: the folder of the runs.
        version: the version.
        path: where it is published; its model card names the run.
        otherwise: the settings to use if that run has no record, for example because it ran on another machine.

    Returns:
        What was done: `logged`, the reason why not, or nothing.
    """
    run_id = read_intact_card(path).get("run")
    settings = otherwise
    with contextlib.suppress(OSError, ValueError):
        settings = TrackingRecord.read(f"{root}/runs/{run_id}")
    if run_id is None or settings is None or not settings.mlflow.enabled:
        return ""
    used = settings

    def publish() -> None:
        from pipeline_def.tracking.mlflow_server import MlflowServer

        MlflowServer(used).publish(str(run_id), version, path)

    return _done(publish)


def _done(action: Callable[[], None]) -> str:
    """Calls a function without the output of MLflow's client, and returns `logged` or the reason of its failure."""
    for name in ("mlflow", "urllib3"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            action()
        except KeyboardInterrupt:
            return "not logged: interrupted"
        except Exception as error:  # of any library, or of the disk
            from pipeline_def.tracking.mlflow_server import reason

            return f"not logged: {reason(error)}"
    return LOGGED
