"""A step is taken from the cache only if the records in its outputs can be read."""

from pathlib import Path

import pytest
from tfx.types import artifact_utils, standard_artifacts

from components.common.ingest_record import IngestRecord, RowCounts
from pipeline_def.launcher.node import _damaged_records_are_not_reused

INGEST = IngestRecord(
    rows=RowCounts(train=1, eval=1, test=1),
    features=("x",),
    label="y",
    negative_label="0",
    positive_label="1",
    digest="0",
)


def test_a_damaged_record_is_not_reused(
    tmp_path: Path, version_1: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """TFX then gets a RuntimeError, as for a folder that does not exist. Afterwards its own function is back."""
    verify = artifact_utils.verify_artifacts
    examples, evaluation, model = (
        standard_artifacts.Examples(),
        standard_artifacts.ModelEvaluation(),
        standard_artifacts.Model(),
    )
    examples.uri, evaluation.uri, model.uri = str(tmp_path), str(version_1), str(tmp_path)
    INGEST.write(str(tmp_path))
    with _damaged_records_are_not_reused():
        artifact_utils.verify_artifacts(
            {"examples": [examples], "evaluation": [evaluation], "model": [model]}
        )
        file = tmp_path / "ingest.json"
        file.write_bytes(file.read_bytes()[:50])
        with (
            caplog.at_level("WARNING", "regpipe.progress"),
            pytest.raises(RuntimeError, match=r"ingest\.json"),
        ):
            artifact_utils.verify_artifacts({"examples": [examples]})
        evaluation.uri = str(tmp_path)  # without a verdict
        with pytest.raises(RuntimeError, match=r"verdict\.json"):
            artifact_utils.verify_artifacts({"evaluation": [evaluation]})
    assert caplog.messages[0].startswith(
        f"an output in the cache is damaged: {tmp_path}/ingest.json: expected an in"
    )
    assert artifact_utils.verify_artifacts is verify
