"""The exit step: tells the result of a run to whoever is not looking at it.

    python -m pipeline_def.kubeflow.exit_step --run-id ID --pipeline NAME --status STATUS --root ROOT --notify always

Kubeflow runs it at the end of every run, also of a failed one. It always exits with 0; what it did and its errors are
printed to standard error.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from components.common import storage
from pipeline_def.notification.notify import notify
from pipeline_def.notification.run_event import RunEvent, event_of
from pipeline_def.runs.run_files import PIPELINE_FILE
from pipeline_def.runs.summary import Summary
from pipeline_def.steps import LAST
from pipeline_def.terminal.control_characters import escaped_output

if TYPE_CHECKING:
    from pipeline_def.config.load import PipelineConfig

# The driver of the exit task reads the state from ML Metadata (Execution.State): COMPLETE, or CACHED. SUCCEEDED is the
# name in the documentation. A run that was killed reads RUNNING.
_SUCCESSFUL = ("COMPLETE", "CACHED", "SUCCEEDED")


def main(argv: Sequence[str] | None = None) -> int:
    """Reports the run in the arguments; always returns 0."""
    args = _parser().parse_args(argv)
    summary = _read_summary(f"{args.root}/runs/{args.run_id}")
    if args.notify:
        event = (
            event_of(summary, args.pipeline) if summary else _event(args.run_id, args.pipeline, args.status)
        )
        if done := notify(event, args.notify):
            print(f"notify: {done}", file=sys.stderr)
    if args.mlflow and summary:
        print(f"mlflow: {_track(args, summary)}", file=sys.stderr)
    return 0


def _track(args: argparse.Namespace, summary: Summary) -> str:
    from pipeline_def.config.tracking import MlflowConfig
    from pipeline_def.tracking.track import track_run
    from pipeline_def.tracking.tracking_record import TrackingRecord

    folder = f"{args.root}/runs/{args.run_id}"
    settings = TrackingRecord(pipeline=args.pipeline, mlflow=MlflowConfig.model_validate_json(args.mlflow))
    return track_run(settings, read_config(folder), summary, folder)


def read_config(folder: str) -> "PipelineConfig | None":
    """Returns the configuration of a run with its runtime parameters, from the pipeline that its first step compiled.

    None if that step failed before.
    """
    from pydantic import ValidationError

    from pipeline_def.config.load import PipelineConfig

    try:
        pipeline = json.loads(storage.read(f"{folder}/{PIPELINE_FILE}"))
        nodes = [node["pipelineNode"] for node in pipeline["nodes"]]
        (report,) = [node for node in nodes if node["nodeInfo"]["id"] == LAST]
        text = report["parameters"]["parameters"]["config"]["fieldValue"]["stringValue"]
        return PipelineConfig.model_validate_json(text)
    except (OSError, ValueError, LookupError, ValidationError):
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline_def.kubeflow.exit_step", allow_abbrev=False)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument(
        "--status", required=True, help="a PipelineTaskFinalStatus of Kubeflow as JSON, or plain text"
    )
    parser.add_argument("--root", required=True, help="the folder or the gs:// address that the steps share")
    parser.add_argument("--notify", choices=("always", "problem"), help="the key notify.when")
    parser.add_argument("--mlflow", help="the keys under tracking.mlflow, as JSON")
    return parser


def _read_summary(folder: str) -> Summary | None:
    """Returns the summary of a run; None if there is none, for example because the run was killed."""
    try:
        return Summary.read(folder)
    except (OSError, ValueError):
        return None


def _event(run_id: str, pipeline: str, status: str) -> RunEvent:
    """Returns the event of a run without a summary: only an explicit success is one.

    Args:
        run_id: the run.
        pipeline: the name of its pipeline.
        status: a PipelineTaskFinalStatus of Kubeflow as JSON, or a state such as FAILED.
    """
    try:
        state = str(json.loads(status)["state"])
    except (ValueError, LookupError, TypeError):
        state = status
    if state in _SUCCESSFUL:
        return RunEvent(run_id=run_id, pipeline=pipeline, status="succeeded", message="")
    message = f"the run left no summary, and Kubeflow Pipelines gives the state {state or 'no text'}"
    return RunEvent(run_id=run_id, pipeline=pipeline, status="failed", message=message)


if __name__ == "__main__":
    with escaped_output(is_log=True):
        sys.exit(main())
