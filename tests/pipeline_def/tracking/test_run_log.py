"""What is logged of a run: read from the files of its steps, of which any may be missing."""

import json
from pathlib import Path

from pipeline_def.config.load import PipelineConfig, load_config
from pipeline_def.runs.summary import BothMetrics, Intervals, ModelMetrics, Summary
from pipeline_def.tracking.run_log import Metric, run_log

SUMMARY = Summary(
    run_id="r1",
    status="not_blessed",
    exit_code=4,
    metrics=BothMetrics(candidate=ModelMetrics(auc=0.75, log_loss=None)),
    intervals=Intervals.model_validate(
        {"confidence": 0.95, "auc": {"candidate": (0.5, 1.0), "difference": None}}
    ),
    report_path="/r/report.html",
)


def written(folder: Path) -> Path:
    """The folder of a run whose Trainer wrote two epochs."""
    trained = folder / "Trainer"
    trained.mkdir()
    epochs = [{"epoch": 1, "loss": 0.9, "val_loss": None}, {"epoch": 2, "loss": 0.5, "val_loss": 0.75}]
    (trained / "history.json").write_text(json.dumps(epochs))
    artifacts = [
        {"step": "Trainer", "output": "model_run", "uri": str(trained)},
        {"step": "BaselineTrainer", "output": "model_run", "uri": str(folder / "none")},
        {"step": "Evaluator", "output": "evaluation", "uri": "/e"},
    ]
    (folder / "facts.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


def test_metrics_have_their_epoch_and_their_interval(tmp_path: Path) -> None:
    """Undefined values are left out."""
    log = run_log(SUMMARY, PipelineConfig(), str(written(tmp_path)))
    assert log.metrics == (
        Metric("candidate/loss", 0.9, 1),
        Metric("candidate/loss", 0.5, 2),
        Metric("candidate/val_loss", 0.75, 2),
        Metric("test/candidate_auc", 0.75),
        Metric("test/candidate_auc_low", 0.5),
        Metric("test/candidate_auc_high", 1.0),
    )
    assert log.files == {
        "summary.json": f"{tmp_path}/summary.json",
        "report.html": "/r/report.html",
        "verdict.json": "/e/verdict.json",
    }
    assert (log.failed, log.tags) == (False, {"regpipe.run_id": "r1", "regpipe.status": "not_blessed"})


def test_parameters_are_the_keys_that_differ_from_their_defaults(tmp_path: Path) -> None:
    """Without those that say where a run is executed or reported, such as addresses and names of secrets."""
    config = load_config(
        None,
        [
            "model.l1=0.5",
            "model.hidden_units=[8, 4]",
            "notify.secret=s",
            "kubeflow.host=http://h",
            "tracking.mlflow.enabled=true",
        ],
    )
    assert run_log(SUMMARY, config, str(tmp_path)).parameters == {
        "model.l1": "0.5",
        "model.hidden_units": "[8, 4]",
    }


def test_a_run_that_failed_early_has_little_to_log(tmp_path: Path) -> None:
    """Neither its configuration nor its artifacts are known."""
    log = run_log(Summary(run_id="r1", status="failed", exit_code=1, error="x"), None, str(tmp_path))
    assert (log.failed, log.parameters, log.metrics) == (True, {}, ())
    assert log.files == {"summary.json": f"{tmp_path}/summary.json"}
