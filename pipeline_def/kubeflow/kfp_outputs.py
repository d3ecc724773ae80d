"""What a run on Kubeflow came to: written down for people and the next run, and handed to Kubeflow Pipelines."""

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.common import storage
from pipeline_def.runs.summary import EXIT_CODES, Status, Step, StepStatus, Summary

if TYPE_CHECKING:
    from pipeline_def.runs.run_store import RunStore


def conclude(
    runs: "RunStore | None",
    run_id: str,
    folder: str,
    status: Status | None = None,
    error: str | None = None,
) -> Summary:
    """Writes down how the run ended, beside the run and in its folder; a later attempt at a step may overwrite it.

    Args:
        runs: the metadata store; None where it could not be reached.
        run_id: the run.
        folder: of the run; it may lie on gs://.
        status: how it ended; None: well, and whether something was pushed says how.
        error: why it ended before its end.
    """
    from pipeline_def.local.runner import SUMMARY_FILE

    known: dict[str, Any] = {}
    steps: tuple[Step, ...] = ()
    if runs is not None:
        from pipeline_def.runs.collect import settle

        status, known = settle(runs, run_id, status)
        steps = tuple(_steps(runs, run_id))
    summary = Summary(
        run_id=run_id,
        status=status or "failed",
        exit_code=EXIT_CODES[status or "failed"],
        steps=steps,
        error=error,
        **known,
    )
    storage.write(f"{folder}/{SUMMARY_FILE}", f"{summary.to_json()}\n".encode())
    return summary


def _steps(runs: "RunStore", run_id: str) -> list[Step]:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    words: dict[int, StepStatus] = {
        mlmd.Execution.COMPLETE: "done",
        mlmd.Execution.CACHED: "cached",
        mlmd.Execution.FAILED: "failed",
    }
    found = []
    for name, execution in runs.steps(run_id):
        status = words.get(execution.last_known_state)
        if status:  # others still run beside this one
            milliseconds = execution.last_update_time_since_epoch - execution.create_time_since_epoch
            cached = status == "cached"
            found.append(Step(name=name, seconds=milliseconds / 1000, cached=cached, status=status))
    return found


def hand_out(summary: Summary, report: Path, executor_input: str) -> None:
    """Gives Kubeflow Pipelines the page, the metrics and the verdict, for it to show.

    Args:
        summary: what the run came to; it is also written to standard error.
        report: where the page goes.
        executor_input: what the launcher says about the outputs: an ExecutorInput of the pipeline spec, as JSON.
    """
    from pipeline_def.terminal.summary_view import render

    words = render(summary)
    print(words, file=sys.stderr)
    if summary.report_path:
        storage.write(str(report), storage.read(summary.report_path))
    asked = json.loads(executor_input)["outputs"]
    (metrics,) = asked["artifacts"]["metrics"]["artifacts"]
    numbers = _numbers(summary)
    answer = {
        "parameterValues": {
            "status": summary.status,
            "message": " ".join(words.partition("\n\n")[0].split()),
        },
        "artifacts": {"metrics": {"artifacts": [{**metrics, "metadata": numbers}]}},
    }
    file = Path(asked["outputFile"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(answer), encoding="utf-8")


def _numbers(summary: Summary) -> dict[str, float]:
    """Both models on the test split, as `candidate_auc`; undefined ones are left out."""
    both = summary.metrics.model_dump() if summary.metrics else {}
    return {
        f"{model}_{name}": value
        for model, metrics in both.items()
        for name, value in (metrics or {}).items()
        if value is not None and math.isfinite(value)  # protojson, which reads this, knows no NaN
    }
