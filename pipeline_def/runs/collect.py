"""Reads what a run came to from the artifacts of its steps, whether they were made or taken from the cache."""

import json
import math
from collections.abc import Iterator
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common import storage
from components.common.file_names import REJECTED_FILE, TRIALS_FILE, VERDICT_FILE
from components.common.ingest_record import IngestRecord
from components.evaluator.bootstrap import METRICS
from components.evaluator.verdict import BASELINE, CANDIDATE
from components.report.run_page import REPORT_FILE
from components.training.hyperparameters import trials
from pipeline_def.runs.run_store import RunStore
from pipeline_def.runs.summary import (
    BothMetrics,
    Gap,
    Intervals,
    MetricIntervals,
    Metrics,
    ModelGap,
    Sampled,
    Slice,
    Status,
    Threshold,
    Tuned,
)

Outputs = dict[tuple[str, str], mlmd.Artifact]


def settle(runs: RunStore, run_id: str, status: Status | None) -> tuple[Status, dict[str, Any]]:
    """Records how a run ended, beside the run. Returns that, and what the artifacts tell.

    Args:
        runs: the metadata store.
        run_id: the run.
        status: how it ended; None: well, and whether something was pushed says how.
    """
    known = outcome(runs.outputs(run_id))
    pushed = (known["pushed_version"], known["pushed_path"]) if "pushed_version" in known else None
    ended = status or ("pushed" if pushed else "not_blessed")
    runs.record(run_id, ended, pushed)
    return ended, known


def outcome(outputs: Outputs) -> dict[str, Any]:
    """The fields of the Summary that the steps' artifacts tell; those of steps that never ended are left out."""
    found: dict[str, Any] = {}
    if examples := outputs.get(("ExampleGen", "examples")):
        found |= _ingest(examples.uri)
    if results := outputs.get(("Tuner", "tuner_results")):
        found["tuned"] = _tuned(storage.read(f"{results.uri}/{TRIALS_FILE}").decode())
    if evaluation := outputs.get(("Evaluator", "evaluation")):
        found |= judged(json.loads(storage.read(f"{evaluation.uri}/{VERDICT_FILE}")))
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
        "warnings": ingest.warnings,
        "rejected_rows": f"{folder}/{REJECTED_FILE}" if ingest.rows.rejected else None,
    }


def _tuned(results: str) -> Tuned:
    found = trials(results)
    best = found[0]
    return Tuned(values=best.values, trial=best.number, trials=len(found), log_loss=best.log_loss)


def judged(verdict: dict[str, Any]) -> dict[str, Any]:
    """The fields of the Summary that the Evaluator's record tells."""
    metrics = verdict["metrics"]
    rows, gap = verdict["rows"], verdict["gap"]
    return {
        "metrics": BothMetrics(
            candidate=_metrics(metrics, CANDIDATE, rows),
            baseline=_metrics(metrics, BASELINE, rows) if gap[BASELINE] else None,
        ),
        "intervals": Intervals(
            confidence=verdict["bootstrap"]["confidence"],
            **{name: MetricIntervals(**metrics[name]["interval"]) for name in METRICS},
        ),
        "sampled": dict(_sampled(verdict)),
        "thresholds": tuple(_threshold(item) for item in verdict["thresholds"]),
        "slices": tuple(_slice(item, compared=gap[BASELINE] is not None) for item in verdict["slices"]),
        "gap": Gap(candidate=_gap(gap[CANDIDATE]), baseline=_gap(gap[BASELINE]) if gap[BASELINE] else None),
        "reasons": tuple(verdict["reasons"]),
    }


def _sampled(verdict: dict[str, Any]) -> Iterator[tuple[str, Sampled]]:
    if whole := verdict.get("sampled_from"):
        yield "test", Sampled(rows=verdict["rows"], of=whole)
    if whole := verdict["gap"].get("train_sampled_from"):
        yield "train", Sampled(rows=verdict["gap"]["train_rows"], of=whole)


def _metrics(metrics: dict[str, Any], model: str, rows: int) -> Metrics:
    return Metrics(**{name: _number(values[model]) for name, values in metrics.items()}, example_count=rows)


def _threshold(item: dict[str, Any]) -> Threshold:
    known = {name: item[name] for name in Threshold.model_fields if name in item}
    return Threshold(**(known | {name: _number(item[name]) for name in ("value", "compared")}))


def _slice(item: dict[str, Any], *, compared: bool) -> Slice:
    metrics = item["metrics"]
    return Slice(
        name=item["name"],
        rows=item["rows"],
        positives=item["positives"],
        too_small=item["too_small"],
        candidate=_metrics(metrics, CANDIDATE, item["rows"]),
        baseline=_metrics(metrics, BASELINE, item["rows"]) if compared else None,
        difference={
            name: MetricIntervals(**values["interval"]).difference for name, values in metrics.items()
        },
    )


def _gap(values: dict[str, Any]) -> ModelGap:
    return ModelGap(
        log_loss=_number(values["log_loss"]["difference"]), auc=_number(values["auc"]["difference"])
    )


def _number(value: float | None) -> float:
    """The record, being JSON, has null for NaN."""
    return math.nan if value is None else value
