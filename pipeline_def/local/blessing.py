"""Publishes a model that the pipeline did not bless, and records who did it and why."""

import contextlib
import datetime
import os
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common import storage
from components.common.verdict_record import Verdict
from components.pusher.publication import Destination, PublishedVersion, publishing
from pipeline_def.local.runner import locked
from pipeline_def.runs.run_index import try_update_index
from pipeline_def.runs.run_store import NoSuchRun, RunStore
from pipeline_def.runs.runs_root import RunsRoot
from pipeline_def.runs.summary import EXIT_CODES, Override, Summary
from pipeline_def.terminal.output_capture import OutputCapture


class CannotBless(Exception):
    """The run has no model, its model was published already, or a record of the run can't be read."""


def bless(root: RunsRoot, run_id: str, *, by: str, reason: str) -> Summary:
    """Publishes the candidate of a run to the destination of the run, regardless of its verdict.

    The override is recorded before the model is published, so every served model has a record. The output of
    TensorFlow and TFX is written to `bless.log` in the run's folder of logs, unless the root is on gs://.

    Args:
        root: the root of the runs.
        run_id: the id of the run, as listed by `regpipe runs`.
        by: who publishes the model.
        reason: why, in one line.

    Returns:
        The updated summary of the run, which is also written to the run's folder.

    Raises:
        NoSuchRun: there is no such run in the metadata store.
        CannotBless: the run has no candidate or no destination, it was pushed, or its summary or verdict can't be read.
            Nothing was published.
        RootInUse: another process uses the root.
        BadModel: the model is not the one that was judged, or can't be served. Nothing was published.
        OSError: the model can't be copied to the destination.
    """
    store = root.runs
    with locked(root):
        model = _candidate(store, run_id)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        override = Override(by=by, at=now, reason=reason)
        with OutputCapture(_log_file(root, run_id)):
            # What can't be read is reported before anything is recorded or published.
            target = _destination(store, run_id)
            try:
                before, verdict = _summary(store, run_id, root), _verdict(store, run_id)
            except ValueError as error:
                raise CannotBless(str(error)) from None
            published = _publish(store, run_id, (override, model), verdict, target)
            summary = before.model_copy(
                update={
                    "status": "pushed",
                    "exit_code": EXIT_CODES["pushed"],
                    "pushed_version": published.version,
                    "pushed_path": published.path,
                    "already_published": published.already_published,
                    "override": override,
                }
            )
            _refresh_report(root, run_id)
        summary.write(root.folder(run_id))
        try_update_index(root.path, run_id, target)
    return summary


def _log_file(root: RunsRoot, run_id: str) -> Path:
    if storage.is_remote(root.path):
        return Path(os.devnull)
    logs = Path(root.folder(run_id)) / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    return logs / "bless.log"


def _candidate(store: RunStore, run_id: str) -> mlmd.Artifact:
    if store.was_pushed(run_id):
        raise CannotBless(f"run {run_id} was pushed already.")
    model = store.outputs(run_id).get(("Trainer", "model"))
    if model is None:
        raise CannotBless(f"run {run_id} has no model, because its Trainer did not finish.")
    return model


def _destination(store: RunStore, run_id: str) -> Destination:
    found = store.destination(run_id)
    if found is None:
        raise CannotBless(
            f"run {run_id}: expected the folder to which it publishes, found none, because an earlier version of "
            "regpipe made the run and it did not reach its Pusher. Run the same configuration again and bless that run."
        )
    return found


def _publish(
    store: RunStore,
    run_id: str,
    record: tuple[Override, mlmd.Artifact],
    verdict: Verdict | None,
    target: Destination,
) -> PublishedVersion:
    from tfx.utils import path_utils

    override, model = record
    store.record_override(run_id, override, model)
    entries = {
        "run": run_id,
        "evaluation": verdict.card_entry() if verdict else {},
        "override": override.model_dump(),
    }
    # A run that ended before its Evaluator, or of an earlier version, has no digest to compare with.
    digest = verdict.judged.candidate if verdict and verdict.judged else None
    statistics = store.outputs(run_id).get(("StatisticsGen", "statistics"))
    with publishing(target) as publisher:
        published = publisher.publish(
            path_utils.serving_model_path(model.uri), entries, digest, statistics.uri if statistics else None
        )
    store.record(run_id, "pushed", (published.version, published.path))
    return published


def _verdict(store: RunStore, run_id: str) -> Verdict | None:
    """Returns the verdict of a run; None if its Evaluator did not finish."""
    found = store.outputs(run_id).get(("Evaluator", "evaluation"))
    return Verdict.read(found.uri) if found else None


def _refresh_report(root: RunsRoot, run_id: str) -> None:
    from pipeline_def.runs.report_facts import render_again

    with contextlib.suppress(NoSuchRun):  # a run that ended early has no report
        render_again(root, run_id)


def _summary(store: RunStore, run_id: str, root: RunsRoot) -> Summary:
    """Returns the summary in the run's folder or, if that was deleted, one with the results of the artifacts."""
    with contextlib.suppress(FileNotFoundError):
        return Summary.read(root.folder(run_id))
    from pipeline_def.runs.collect import summary_fields

    return Summary(run_id=run_id, status="not_blessed", exit_code=4, **summary_fields(store.outputs(run_id)))
