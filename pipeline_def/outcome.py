"""Reads what a run came to from the artifacts of its steps, whether they were made or taken from the cache."""

import json
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.config import EvaluationConfig
from components.evaluator import BASELINE, CANDIDATE
from components.metrics import FUNCTIONS
from pipeline_def.summary import BothMetrics, Metrics, Rows, Threshold

INGEST_FILE = "ingest.json"
REJECTED_FILE = "rejected_rows.jsonl"
Outputs = dict[tuple[str, str], mlmd.Artifact]


def outcome(outputs: Outputs, settings: EvaluationConfig) -> dict[str, Any]:
    """The fields of the Summary that the steps' artifacts tell; those of steps that never ended are left out."""
    found: dict[str, Any] = {}
    if examples := outputs.get(("ExampleGen", "examples")):
        found |= _ingest(Path(examples.uri))
    if evaluation := outputs.get(("Evaluator", "evaluation")):
        found |= _verdict(evaluation.uri, settings)
    pushed = outputs.get(("Pusher", "pushed_model"))
    if pushed and pushed.custom_properties["pushed"].int_value:
        found["pushed_version"] = int(pushed.custom_properties["pushed_version"].string_value)
        found["pushed_path"] = pushed.custom_properties["pushed_destination"].string_value
    return found


def _ingest(folder: Path) -> dict[str, Any]:
    report = json.loads((folder / INGEST_FILE).read_text(encoding="utf-8"))
    rows = Rows(**report["rows"])
    return {
        "rows": rows,
        "warnings": tuple(report["warnings"]),
        "rejected_rows": str(folder / REJECTED_FILE) if rows.rejected else None,
    }


def _verdict(uri: str, settings: EvaluationConfig) -> dict[str, Any]:
    """Metrics of both models, and each threshold with the Evaluator's word on it."""
    candidate, baseline = (_metrics(uri, name) for name in (CANDIDATE, BASELINE))
    failures = {
        (failure.metric_key.name, failure.metric_key.is_diff)
        for slice_ in tfma.load_validation_result(uri).metric_validations_per_slice
        for failure in slice_.failures
    }

    def passed(metric: str, *, change: bool) -> bool:
        return (metric, change) not in failures

    def change(metric: str) -> float | None:
        one, other = getattr(candidate, metric), getattr(baseline, metric)
        return None if one is None or other is None else one - other

    return {
        "metrics": BothMetrics(candidate=candidate, baseline=baseline),
        "thresholds": (
            Threshold.floor("auc", candidate.auc, settings.min_auc, passed=passed("auc", change=False)),
            Threshold.change("auc", change("auc"), -settings.max_auc_drop, passed=passed("auc", change=True)),
            Threshold.change(
                "log_loss",
                change("log_loss"),
                settings.max_log_loss_rise,
                passed=passed("log_loss", change=True),
            ),
        ),
    }


def _metrics(uri: str, model: str) -> Metrics:
    """One model's metrics on the whole test split; NaN where one is undefined."""
    result = tfma.load_eval_result(uri, model_name=model)
    values = result.get_metrics_for_slice() or {}
    # TFMA reads its results back as JSON, in which NaN is text.
    numbers = {
        name: float(values[name]["doubleValue"])
        for name in FUNCTIONS
        if "doubleValue" in values.get(name, {})
    }
    count = numbers.pop("example_count", None)
    return Metrics(**numbers, example_count=None if count is None else int(count))
