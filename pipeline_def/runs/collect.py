"""Collects the summary of a run from the artifacts of its steps, whether they are new or from the cache."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common import storage
from components.common.commands import CommandOptions
from components.common.drift_record import DriftRecord
from components.common.feature_auc_record import FeatureAucRecord
from components.common.file_names import REJECTED_FILE, TRIALS_FILE
from components.common.ingest_record import IngestRecord
from components.common.next_steps import drift_step, leave_out_step, next_steps
from components.common.scaling_record import ScalingRecord
from components.common.served_record import WARNINGS
from components.common.tuning_record import parse_trials
from components.common.verdict_record import (
    BASELINE,
    CANDIDATE,
    SERVED,
    ComparedMetric,
    EvaluatedSlice,
    ModelGap,
    Number,
    Verdict,
)
from components.config.data import SPLITS
from components.config.regularization import STUDY_PATHS
from components.report.run_page import REPORT_FILE
from components.tasks.known_tasks import task_of
from pipeline_def.runs.run_store import RunStore
from pipeline_def.runs.summary import (
    BothMetrics,
    DriftComparison,
    DriftSummary,
    GapSummary,
    Intervals,
    ModelMetrics,
    Sampled,
    SliceSummary,
    Status,
    Tuned,
)

_MOST_FINDINGS = 20  # of drift, so that a summary, and the message about it, stay small
Outputs = dict[tuple[str, str], mlmd.Artifact]


def record_result(
    runs: RunStore, run_id: str, status: Status | None, commands: CommandOptions
) -> tuple[Status, dict[str, Any]]:
    """Records the status of a finished run in the metadata store.

    Args:
        runs: the metadata store.
        run_id: the run.
        status: its status; None: it had no error, so its status is `pushed` or `not_blessed`.
        commands: the options of the commands in the next steps.

    Returns:
        Its status, and the fields of the Summary that are in the artifacts.
    """
    known = summary_fields(runs.outputs(run_id))
    pushed = (known["pushed_version"], known["pushed_path"]) if "pushed_version" in known else None
    ended = status or ("pushed" if pushed else "not_blessed")
    runs.record(run_id, ended, pushed)
    steps = list(known.get("next_steps", ()))
    if step := _drift_step(known, run_id, commands):
        steps.append(step)
    if ended == "not_blessed" and not known.get("held_back"):
        config = runs.config(run_id) or {}
        model, split = config.get("model", {}), config.get("data", {}).get("split", {})
        strengths = {name: model.get(name) for name in STUDY_PATHS}  # those that can be auto
        steps += next_steps(
            known.get("thresholds", ()),
            known.get("reasons", ()),
            run_id,
            commands,
            strengths,
            split.get("by", "row"),
        )
    return ended, known | {"next_steps": tuple(steps)}


def _drift_step(known: Mapping[str, Any], run_id: str, commands: CommandOptions) -> str | None:
    drift, served = known.get("drift"), known.get("served")
    return drift_step(
        drift.moved if drift else 0,
        run_id,
        commands,
        pushed="pushed_version" in known,
        before=served.version if served else None,
    )


def summary_fields(outputs: Outputs) -> dict[str, Any]:
    """Returns the fields of the Summary that are in the artifacts; those of steps that did not complete are missing.

    The fields of a file that is damaged are missing, too, and there is a warning.
    """
    found: dict[str, Any] = {}
    warnings: list[str] = []
    leaks: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    for key, read in _READ.items():
        if artifact := outputs.get(key):
            try:
                fields = read(artifact.uri)
            except (ValueError, OSError) as error:
                fields = {"warnings": (str(error),)}
            warnings += fields.pop("warnings", ())
            leaks += fields.pop("leaks", ())
            ids += fields.pop("ids", ())
            found |= fields
    if warnings:
        found["warnings"] = tuple(warnings)
    if step := leave_out_step(leaks, ids):
        found["next_steps"] = (step,)
    pushed = outputs.get(("Pusher", "pushed_model"))
    if pushed and pushed.custom_properties["pushed"].int_value:
        found["pushed_version"] = int(pushed.custom_properties["pushed_version"].string_value)
        found["pushed_path"] = pushed.custom_properties["pushed_destination"].string_value
        found["already_published"] = bool(pushed.custom_properties["already_published"].int_value)
    elif pushed and (reason := pushed.custom_properties["not_pushed_because"].string_value):
        found["held_back"] = reason
    if report := outputs.get(("Report", "report")):
        found["report_path"] = f"{report.uri}/{REPORT_FILE}"
    return found


def _ingest(folder: str) -> dict[str, Any]:
    ingest = IngestRecord.read(folder)
    return {
        "rows": ingest.rows,
        "task": ingest.task,
        "label": ingest.label,
        "label_rate": ingest.label_rate,
        "warnings": ingest.warnings,
        "ids": ingest.possible_ids,
        "rejected_rows": f"{folder}/{REJECTED_FILE}" if ingest.rows.rejected else None,
    }


def _feature_aucs(folder: str) -> dict[str, Any]:
    try:
        record = FeatureAucRecord.read(folder)
    except FileNotFoundError:  # with --from-step, the step may have been run by an earlier version
        return {}
    return {"warnings": tuple(record.warnings()), "leaks": tuple(record.leaks())}


def _scaling(folder: str) -> dict[str, Any]:
    try:
        return {"warnings": tuple(ScalingRecord.read(folder).warnings())}
    except FileNotFoundError:
        return {}


def drift_fields(record: DriftRecord) -> dict[str, Any]:
    """Returns the field of the Summary that comes from the drift record."""
    comparisons = tuple(
        DriftComparison(
            kind=comparison.kind,
            name=comparison.name,
            rows_before=comparison.rows_before,
            rows_now=comparison.rows_now,
            features=len(comparison.features),
            moved=len(comparison.moved),
            findings=comparison.findings[:_MOST_FINDINGS],
        )
        for comparison in record.comparisons
    )
    moved = len(frozenset[str]().union(*(comparison.moved for comparison in record.comparisons)))
    drift = DriftSummary(mode=record.mode, moved=moved, comparisons=comparisons, notes=record.notes)
    return {"drift": drift}


def _tuned(folder: str) -> dict[str, Any]:
    found = parse_trials(storage.read(f"{folder}/{TRIALS_FILE}").decode())
    chosen = next(trial for trial in found if trial.chosen)
    tuned = Tuned(
        values=chosen.strengths,
        trial=chosen.number,
        trials=len(found),
        metric=chosen.metric,
        loss=chosen.loss,
        lowest_loss=min(trial.loss for trial in found),
        zero_share=chosen.zero_share,
    )
    return {"tuned": tuned}


def verdict_fields(verdict: Verdict) -> dict[str, Any]:
    """Returns the fields of the Summary that come from the verdict."""
    gap, loss = verdict.gap, task_of(verdict.task).loss
    has_baseline = gap.baseline is not None
    has_served = verdict.served is not None and verdict.served.is_scored
    return {
        "task": verdict.task,
        "metrics": BothMetrics.model_validate(
            {
                model: _metrics(verdict.metrics, model, verdict.rows)
                for model in BothMetrics.model_fields
                if model == CANDIDATE
                or getattr(verdict.metrics[loss], model) is not None
                or (model == BASELINE and has_baseline)
            }
        ),
        "intervals": Intervals(
            confidence=verdict.bootstrap.confidence,
            by_metric={name: metric.interval for name, metric in verdict.metrics.items() if metric.interval},
        ),
        "findings": {name: metric.finding for name, metric in verdict.metrics.items() if metric.finding},
        "served_findings": {
            name: metric.served_finding for name, metric in verdict.metrics.items() if metric.served_finding
        },
        "contributions": verdict.contributions,
        "seeds": verdict.seeds,
        "sampled": dict(_sampled(verdict)),
        "thresholds": verdict.thresholds,
        "slices": tuple(
            _slice(part, has_baseline=has_baseline, has_served=has_served) for part in verdict.slices
        ),
        "operating_point": verdict.operating_point,
        "gap": GapSummary(
            candidate=_gap(gap.candidate), baseline=_gap(gap.baseline) if gap.baseline else None
        ),
        "served": verdict.served,
        "reasons": verdict.reasons,
        "warnings": tuple(_served_warnings(verdict)),
    }


def _served_warnings(verdict: Verdict) -> Iterator[str]:
    if verdict.served is not None and verdict.served.outcome in WARNINGS:
        yield verdict.served.sentence
    if verdict.served is not None and verdict.served.decline is not None:
        yield verdict.served.decline


def _sampled(verdict: Verdict) -> Iterator[tuple[str, Sampled]]:
    if verdict.sampled_from:
        yield "test", Sampled(rows=verdict.rows, of=verdict.sampled_from)
    if verdict.gap.train_sampled_from:
        yield "train", Sampled(rows=verdict.gap.train_rows, of=verdict.gap.train_sampled_from)


def _metrics(metrics: dict[str, ComparedMetric], model: str, rows: int) -> ModelMetrics:
    return {**{name: getattr(metric, model) for name, metric in metrics.items()}, "example_count": rows}


def _slice(part: EvaluatedSlice, *, has_baseline: bool, has_served: bool) -> SliceSummary:
    return SliceSummary(
        name=part.name,
        rows=part.rows,
        positives=part.positives,
        too_small=part.too_small,
        candidate=_metrics(part.metrics, "candidate", part.rows),
        baseline=_metrics(part.metrics, "baseline", part.rows) if has_baseline else None,
        served=_metrics(part.metrics, SERVED, part.rows) if has_served else None,
        difference={
            name: metric.interval.difference if metric.interval else None
            for name, metric in part.metrics.items()
        },
        served_difference={
            name: metric.interval.served_difference if metric.interval else None
            for name, metric in part.metrics.items()
            if has_served
        },
    )


def _gap(gap: ModelGap) -> dict[str, Number]:
    return {name: metric.difference for name, metric in gap.items()}


_READ: Mapping[tuple[str, str], Callable[[str], dict[str, Any]]] = {
    ("ExampleGen", "examples"): _ingest,
    ("StatisticsGen", "statistics"): lambda folder: _feature_aucs(f"{folder}/Split-{SPLITS[0]}"),
    ("DriftGate", "drift"): lambda folder: drift_fields(DriftRecord.read(folder)),
    ("Tuner", "tuner_results"): _tuned,
    ("Trainer", "model_run"): _scaling,
    ("Evaluator", "evaluation"): lambda folder: verdict_fields(Verdict.read(folder)),
}
"""By step and output, the function that reads fields of the Summary from the folder of the artifact."""
