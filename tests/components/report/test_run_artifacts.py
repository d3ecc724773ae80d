"""Reading a run's artifacts."""

import dataclasses
from pathlib import Path
from typing import Any

from components.common import file_names
from components.common.calibration_record import CalibrationRecord, CalibrationScores
from components.common.drift_record import DriftRecord
from components.common.feature_auc_record import FeatureAucRecord
from components.common.tuning_record import Trial
from components.report import run_artifacts

RECORD = CalibrationRecord(
    method="shift",
    reason="a logit is not finite",
    slope=1.0,
    shift=-2.0,
    negative_weight=0.5,
    positive_weight=4.0,
    rows=100,
    observed=0.125,
    before=CalibrationScores(log_loss=None, mean=None),
    after=CalibrationScores(log_loss=0.25, mean=0.125),
    bins=(),
)


def test_file_names_are_those_of_tfx() -> None:
    """StatisticsGen and ExampleValidator are TFX's components and name their files themselves."""
    from tfx.components.example_validator.executor import DEFAULT_FILE_NAME as ANOMALIES
    from tfx.components.statistics_gen.executor import DEFAULT_FILE_NAME as STATISTICS

    assert file_names.STATISTICS_FILE == STATISTICS
    assert file_names.ANOMALIES_FILE == ANOMALIES


def _paths(root: Path) -> run_artifacts.ArtifactPaths:
    names = ("examples", "statistics", "anomalies", "drift", "candidate", "baseline", "evaluation", "tuner")
    return run_artifacts.ArtifactPaths(
        **{name: str(root / name) for name in names}, facts=str(root / "facts.json")
    )


def test_missing_files(tmp_path: Path) -> None:
    """No file is required: what is missing is None or empty."""
    found = run_artifacts.read_run_artifacts(_paths(tmp_path), {"name": "x"}, None)
    assert found == run_artifacts.RunArtifacts(config={"name": "x"}, trials=())
    paths = dataclasses.replace(_paths(tmp_path), tuner="")  # no Tuner
    assert run_artifacts.read_run_artifacts(paths, {"name": "x"}, None) == run_artifacts.RunArtifacts(
        config={"name": "x"}
    )


def test_files_are_read(tmp_path: Path, sample: Any) -> None:
    """JSON and protobuf files are read from where the steps write them; a truncated file counts as missing."""
    for path, content in {
        "examples/ingest.json": sample.run().ingest.model_dump_json().encode(),
        "candidate/history.json": b'[{"epoch": 1}]',
        "candidate/weights.json": b'{"layers": [',
        "candidate/tuned.json": b'{"l1": 0.5}',
        "candidate/calibration.json": RECORD.model_dump_json().encode(),
        "tuner/tuner_results.json": b'[{"trial_id": 0, "score": Infinity, "zero_share": 0.5, "chosen": 1, "l1": 0.5}]',
        "evaluation/verdict.json": sample.verdict(reasons=["é"]).model_dump_json().encode(),
        "drift/drift.json": b'{"mode": "off"}',
        "facts.json": b'{"run_id": "a"}',
        "statistics/Split-train/feature_auc.json": b'{"negatives": 1, "positives": 2, "features": {"age": null}}',
        "anomalies/Split-eval/SchemaDiff.pb": sample.anomalies("age").SerializeToString(),
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    found = run_artifacts.read_run_artifacts(_paths(tmp_path), {}, "/served/1")
    assert found.ingest == sample.run().ingest
    assert found.candidate == run_artifacts.TrainingArtifacts(
        [{"epoch": 1}], None, {"l1": 0.5}, calibration=RECORD
    )
    assert found.trials == (Trial(1, float("inf"), 0.5, True, {"l1": 0.5}),)
    assert found.verdict == sample.verdict(reasons=["é"])
    assert found.drift == DriftRecord(mode="off")
    assert found.facts == {"run_id": "a"}
    assert found.feature_aucs == FeatureAucRecord(negatives=1, positives=2, features={"age": None})
    assert found.pushed_path == "/served/1"
    assert found.anomalies is not None
    assert list(found.anomalies["eval"].anomaly_info) == ["age"]
