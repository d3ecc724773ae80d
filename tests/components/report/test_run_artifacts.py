"""Reading the artifacts of a run."""

import dataclasses
from pathlib import Path
from typing import Any

from components.common import file_names
from components.report import run_artifacts


def test_the_files_have_the_names_that_tfx_gives_them() -> None:
    """Those of StatisticsGen and ExampleValidator, which are TFX's."""
    from tfx.components.example_validator.executor import DEFAULT_FILE_NAME as ANOMALIES
    from tfx.components.statistics_gen.executor import DEFAULT_FILE_NAME as STATISTICS

    assert file_names.STATISTICS_FILE == STATISTICS
    assert file_names.ANOMALIES_FILE == ANOMALIES


def _folders(root: Path) -> run_artifacts.ArtifactPaths:
    names = ("examples", "statistics", "anomalies", "candidate", "baseline", "evaluation", "tuner")
    return run_artifacts.ArtifactPaths(
        **{name: str(root / name) for name in names}, facts=str(root / "facts.json")
    )


def test_nothing_there_is_nothing_known(tmp_path: Path) -> None:
    """No file is needed: each that is missing is None or empty."""
    found = run_artifacts.read_run_artifacts(_folders(tmp_path), {"name": "x"}, None)
    assert found == run_artifacts.RunArtifacts(config={"name": "x"}, trials=[])
    folders = dataclasses.replace(_folders(tmp_path), tuner="")  # no Tuner
    assert run_artifacts.read_run_artifacts(folders, {"name": "x"}, None) == run_artifacts.RunArtifacts(
        config={"name": "x"}
    )


def test_what_is_there_is_read(tmp_path: Path, made: Any) -> None:
    """JSON and protos, from where the steps leave them; a file cut off in the middle is as one that is missing."""
    for path, content in {
        "examples/ingest.json": made.run().ingest.model_dump_json().encode(),
        "candidate/history.json": b'[{"epoch": 1}]',
        "candidate/weights.json": b'{"layers": [',
        "candidate/tuned.json": b'{"l1": 0.5}',
        "tuner/tuner_results.json": b'[{"score": Infinity}]',
        "evaluation/verdict.json": '{"reasons": ["é"]}'.encode(),
        "facts.json": b'{"run_id": "a"}',
        "anomalies/Split-eval/SchemaDiff.pb": made.anomalies("age").SerializeToString(),
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    found = run_artifacts.read_run_artifacts(_folders(tmp_path), {}, "/served/1")
    assert found.ingest == made.run().ingest
    assert found.candidate == run_artifacts.TrainingArtifacts([{"epoch": 1}], None, {"l1": 0.5})
    assert found.trials == [{"score": float("inf")}]
    assert found.verdict == {"reasons": ["é"]}
    assert found.facts == {"run_id": "a"}
    assert found.pushed_path == "/served/1"
    assert found.anomalies is not None
    assert list(found.anomalies["eval"].anomaly_info) == ["age"]
