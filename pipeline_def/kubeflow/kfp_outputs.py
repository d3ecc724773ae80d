"""Writes the result of a run on Kubeflow: summary.json, and the outputs that Kubeflow Pipelines displays."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.common import storage
from components.common.commands import ON_CLUSTER
from components.common.errors import DataRefused
from pipeline_def.runs.metric_values import metric_values
from pipeline_def.runs.summary import EXIT_CODES, Status, StepRecord, StepStatus, Summary

if TYPE_CHECKING:
    from pipeline_def.runs.run_store import RunStore


def write_summary(
    runs: "RunStore | None",
    run_id: str,
    folder: str,
    status: Status | None = None,
    error: Exception | str | None = None,
) -> Summary:
    """Writes the summary of a run to its folder, its status to the metadata store, and the page of all runs.

    A later attempt at a step may overwrite them.

    Args:
        runs: the metadata store; None if it could not be reached.
        run_id: the id of the run.
        folder: the folder of the run, which may be on gs://.
        status: how the run ended; None: completed, so it is `pushed` or `not_blessed`, as the Pusher's output shows.
        error: the error that ended the run early, or its message.
    """
    known: dict[str, Any] = {}
    steps: tuple[StepRecord, ...] = ()
    started: str | None = None
    destination = None
    if runs is not None:
        from pipeline_def.runs.collect import record_result

        status, known = record_result(runs, run_id, status, ON_CLUSTER)
        steps = tuple(_steps(runs, run_id))
        started, destination = runs.started(run_id), runs.destination(run_id)
    if isinstance(error, DataRefused) and error.drift is not None:
        from pipeline_def.runs.collect import drift_fields

        known |= drift_fields(error.drift)
    summary = Summary(
        run_id=run_id,
        started=started,
        status=status or "failed",
        exit_code=EXIT_CODES[status or "failed"],
        steps=steps,
        error=None if error is None else str(error),
        **known,
    )
    summary.write(folder)
    from pipeline_def.runs.run_index import try_update_index

    try_update_index(folder.removesuffix(f"/runs/{run_id}"), run_id, destination)
    return summary


def _steps(runs: "RunStore", run_id: str) -> list[StepRecord]:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    statuses: dict[int, StepStatus] = {
        mlmd.Execution.COMPLETE: "done",
        mlmd.Execution.CACHED: "cached",
        mlmd.Execution.FAILED: "failed",
    }
    found = []
    for name, execution in runs.steps(run_id):
        status = statuses.get(execution.last_known_state)
        if status:  # None for steps that are still running
            milliseconds = execution.last_update_time_since_epoch - execution.create_time_since_epoch
            cached = status == "cached"
            found.append(StepRecord(name=name, seconds=milliseconds / 1000, cached=cached, status=status))
    return found


def write_kfp_outputs(summary: Summary, report: Path, executor_input: str) -> None:
    """Writes the report, the metrics and the verdict to the paths where Kubeflow Pipelines reads them.

    Args:
        summary: the summary of the run; it is also printed to standard error.
        report: the path to write the report to.
        executor_input: the launcher's description of the outputs: an ExecutorInput of the pipeline spec, as JSON.
    """
    from pipeline_def.terminal.summary_view import render

    text = render(summary)
    print(text, file=sys.stderr)
    if summary.report_path:
        storage.write(str(report), storage.read(summary.report_path))
    requested = json.loads(executor_input)["outputs"]
    (metrics,) = requested["artifacts"]["metrics"]["artifacts"]
    output = {
        "parameterValues": {
            "status": summary.status,
            "message": " ".join(text.partition("\n\n")[0].split()),
        },
        "artifacts": {"metrics": {"artifacts": [{**metrics, "metadata": metric_values(summary)}]}},
    }
    file = Path(requested["outputFile"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(output), encoding="utf-8")
