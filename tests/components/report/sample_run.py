"""Builds the artifacts of a small run by hand, for the tests of the report."""

import dataclasses
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.common.importance_record import ImportanceRecord
from components.common.ingest_record import FileCounts, IngestRecord
from components.common.verdict_record import Threshold, Verdict
from components.report.run_artifacts import PreviousRun, RunArtifacts, TrainingArtifacts

SCRIPT = "<script>alert(1)</script>"
SERIES = ("candidate", "baseline")


def history(epochs: int, best: int) -> list[dict[str, float]]:
    """Returns a history whose validation log loss falls until epoch `best` and rises afterwards."""
    return [
        {
            "epoch": epoch,
            "loss": 0.7 + 1 / epoch,
            "log_loss": 0.6 + 1 / epoch / 10,
            "accuracy": 0.5 + epoch / 100,
            "val_loss": 0.8,
            "val_log_loss": 0.5 + abs(epoch - best) / 100,
            "val_accuracy": 0.75,
        }
        for epoch in range(1, epochs + 1)
    ]


def weights(zero: float, *, dropped: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns the summary of two layers, with 100 and 10 weights, and two features."""
    layer = {
        "zero": zero,
        "small": min(1.0, zero + 0.1),
        "l1_norm": 12.345,
        "l2_norm": 2.5,
        "histogram": {"edges": [-1.0, 0.0, 2.0], "counts": [40, 60]},
    }
    return {
        "layers": [{"name": "hidden_1", "weights": 100, **layer}, {"name": "output", "weights": 10, **layer}],
        "features": [{"name": SCRIPT, "norm": 0.0 if dropped else 0.5}, {"name": "age", "norm": 1.25}],
        "dropped": list(dropped),
    }


def metric(candidate: float, baseline: float, finding: str | None) -> dict[str, Any]:
    """Returns a metric of the verdict; each interval reaches 0.01 to both sides. Without a finding it has none."""
    values = {"candidate": candidate, "baseline": baseline, "difference": candidate - baseline}
    interval = {name: [value - 0.01, value + 0.01] for name, value in values.items()} if finding else None
    return {**values, "early_stopped": 0.75, "base_rate": 0.6931, "finding": finding, "interval": interval}


def contribution(value: float, finding: str | None) -> dict[str, Any]:
    """Returns a difference of log loss; its interval reaches 0.02 to both sides."""
    return {"value": value, "interval": [value - 0.02, value + 0.02], "finding": finding}


def threshold(**changes: Any) -> Threshold:
    """Returns a floor for the AUC that is passed."""
    fields = {
        "metric": "auc", "rule": "floor", "direction": ">=", "slice": None, "mode": "no_worse", "value": 0.8767,
        "interval": [0.82, 0.92], "compared": 0.8767, "bound": 0.6, "candidate": 0.8767, "baseline": 0.8804,
        "passed": True, "sentence": "the AUC is 0.8767, at least 0.6",
    }  # fmt: skip
    return Threshold.model_validate(fields | changes)


def operating_point(upper: float = 0.95, **changes: Any) -> dict[str, Any]:
    """Returns an operating point with a demanded precision of 0.9; `upper` is the high end of its interval on test."""
    fields = {
        "rule": "recall",
        "threshold": 0.6,
        "validation_rows": 1_189,
        "metrics": {
            "precision": {"validation": 0.91, "test": 0.875, "interval": [0.75, upper], "demanded": 0.9},
            "recall": {"validation": 0.8, "test": 0.7},
            "positive_share": {"validation": 0.4, "test": 0.5},
        },
        "confusion": {"true_positive": 70, "false_positive": 10, "true_negative": 90, "false_negative": 30},
        "confusion_intervals": {"true_positive": [60, 80]},
    }
    return fields | changes


def verdict(**changes: Any) -> Verdict:
    """Returns the verdict on a blessed model, with all measurements."""
    curves = {
        "roc": {"fpr": [0.0, 0.2, 1.0], "tpr": [0.0, 0.9, 1.0]},
        "precision_recall": {"recall": [0.0, 1.0], "precision": [1.0, 0.5]},
        "calibration": {
            "predicted": [0.1, 0.9],
            "observed": [0.2, 0.85],
            "rows": [100, 103],
            "intervals": [[0.1334, 0.2888], [0.7687, 0.9057]],
        },
        "confusion": {"true_positive": 91, "false_positive": 12, "true_negative": 83, "false_negative": 17},
    }
    gap = {
        "log_loss": {"train": 0.3, "test": 0.39, "difference": 0.09},
        "auc": {"train": 0.95, "test": 0.88, "difference": -0.07},
    }
    worse = {"log_loss": {"train": 0.1, "test": 0.51, "difference": 0.41}, "auc": gap["auc"]}
    slice_ = {
        "name": f"{SCRIPT} <= 30", "feature": SCRIPT, "above": None, "up_to": 30.0, "missing": False, "rows": 80,
        "positives": 31, "too_small": False, "judged": True,
        "metrics": {"auc": metric(0.86, 0.87, "unclear")},
    }  # fmt: skip
    fields = {
        "blessed": True,
        "reasons": [],
        "rows": 203,
        "positives": 108,
        "bootstrap": {
            "method": "paired percentile bootstrap over the rows of the test split",
            "resamples": 1000,
            "confidence": 0.95,
            "seed": 1,
        },
        "mode": "no_worse",
        "metrics": {
            "auc": metric(0.8767, 0.8804, "unclear"),
            "pr_auc": metric(0.8714, 0.8746, "unclear"),
            "log_loss": metric(0.3919, 0.5113, "better"),
            "recall": metric(0.8426, 0.8333, None),
        },
        "contributions": {
            "total": contribution(-0.1194, "better"),
            "early_stopping": contribution(-0.1, "better"),
            "penalties": contribution(-0.0194, "unclear"),
        },
        "thresholds": [
            threshold(),
            threshold(slice=slice_["name"], passed=False, sentence="the AUC is 0.86, not at least 0.9"),
        ],
        "slices": [slice_],
        "gap": {"train_rows": 608, "candidate": gap, "baseline": worse},
        "curves": dict.fromkeys(SERIES, curves),
    }
    return Verdict.model_validate(fields | changes)


def statistics(rows: int = 608) -> statistics_pb2.DatasetFeatureStatistics:
    """Returns the statistics of two features, the first with 8 missing values; a tenth of the values are 0."""
    result = statistics_pb2.DatasetFeatureStatistics(num_examples=rows)
    for name, missing in ((SCRIPT, 8), ("age", 0)):
        feature = result.features.add(path={"step": [name]})
        stats = feature.num_stats
        stats.mean, stats.std_dev, stats.min, stats.median, stats.max = (
            41.5,
            9.87654321,
            -3.0,
            40.0,
            1234567.0,
        )
        stats.num_zeros = rows // 10
        stats.histograms.add(num_nan=missing)
    return result


def anomalies(*columns: str) -> anomalies_pb2.Anomalies:
    """Returns one anomaly of error severity for each column."""
    result = anomalies_pb2.Anomalies()
    for column in columns:
        anomaly = result.anomaly_info[column]
        anomaly.severity = anomalies_pb2.AnomalyInfo.ERROR
        anomaly.short_description, anomaly.description = "Out-of-range values", "Unexpectedly high"
        anomaly.path.step.append(column)
    return result


def importance() -> ImportanceRecord:
    """Returns the importance of two features; the intervals reach 0.01 to both sides."""
    return ImportanceRecord.model_validate(
        {
            "rows": 203,
            "permutations": 5,
            "confidence": 0.95,
            "features": [
                {"feature": "age", "value": 0.125, "interval": [0.115, 0.135]},
                {"feature": SCRIPT, "value": -0.002, "interval": [-0.012, 0.008]},
            ],
        }
    )


def ingest(**changes: Any) -> IngestRecord:
    """Returns the ingest record of 1,000 rows, 600 of them positive, with these changes."""
    fields = {
        "rows": {"train": 608, "eval": 189, "test": 203, "rejected": 2},
        "positives": {"train": 370, "eval": 122, "test": 108},
        "features": (SCRIPT, "age"),
        "label": "churned",
        "negative_label": "no",
        "positive_label": "yes",
        "warnings": (f"The column {SCRIPT} & co",),
        "files": (FileCounts(path="/data/churn.csv", rows=1000, rejected=2),),
        "reasons": ("/data/churn.csv, line 7: expected 3 fields, found 4", f"line 9: {SCRIPT}"),
        "digest": "0123",
    }
    return IngestRecord.model_validate(fields | changes)


def previous(**changes: Any) -> PreviousRun:
    """Returns a run of the day before on 900 rows, with another number of epochs and another log loss."""
    fields: dict[str, Any] = {
        "run_id": "20261119T120000.000000Z",
        "started": "2026-11-19T12:00:00+00:00",
        "ingest": ingest(
            rows={"train": 540, "eval": 180, "test": 180, "rejected": 0},
            positives={"train": 270, "eval": 90, "test": 90},
            features=("age", "plan"),
            digest="4567",
        ),
        "verdict": verdict(metrics={"log_loss": metric(0.4019, 0.5113, "better")}),
        "config": {"name": "churn", "training": {"epochs": 20, "early_stopping": 5}},
        "versions": {"tensorflow": "2.20.0", "bokeh": "3.9.2"},
        "code": {"Trainer": "4567"},
    }
    return PreviousRun(**(fields | changes))


def run(**changes: Any) -> RunArtifacts:
    """Returns the artifacts of a run, none of them missing, with these changes."""
    facts = {
        "run_id": "20261120T120000.000000Z",
        "started": "2026-11-20T12:00:00+00:00",
        "steps": [
            {"name": "ExampleGen", "state": "cached", "seconds": 0.25},
            {"name": "Trainer", "state": "done", "seconds": 125.0},
        ],
        "artifacts": [
            {"step": "Trainer", "output": "model", "type": "Model", "id": 7, "uri": f"/runs/{SCRIPT}/model"}
        ],
        "versions": {"tensorflow": "2.21.0", "bokeh": "3.9.2"},
        "code": {"Trainer": "0123abcd"},
        "defaults": {
            "name": "regpipe",
            "data": {"label": None, "ignore": [], "schema_file": None},
            "training": {"epochs": 30, "early_stopping": 5},
        },
    }
    whole = RunArtifacts(
        config={
            "name": "churn",
            "data": {"label": SCRIPT, "ignore": [], "schema_file": None},
            "training": {"epochs": 30, "early_stopping": 5},
        },
        facts=facts,
        pushed_path="/runs/serving/17",
        ingest=ingest(),
        verdict=verdict(),
        importance=importance(),
        previous=previous(),
        candidate=TrainingArtifacts(history(12, best=7), weights(0.5, dropped=(SCRIPT,))),
        baseline=TrainingArtifacts(history(30, best=30), weights(0.0)),
        statistics={"train": statistics(), "eval": statistics(189), "test": statistics(203)},
        anomalies={"train": anomalies(), "eval": anomalies(SCRIPT)},
    )
    return dataclasses.replace(whole, **changes)
