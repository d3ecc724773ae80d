"""The jobs for Dataflow. Beam translates them for the service, but they are not submitted."""

import subprocess
import sys
from pathlib import Path

import pytest
from apache_beam.portability.api import beam_runner_api_pb2

from tests.e2e.conftest import Completed, Runner

IMAGE = "registry.example/regpipe:1"
SETTINGS = (
    "runner=dataflow",
    "dataflow.project=a-project",
    "dataflow.region=europe-west4",
    "dataflow.temp_location=gs://bucket/temp",
    f"worker={IMAGE}",
    "arguments=[dry_run=True, no_auth]",
)


def job_of(folder: Path, *arguments: object) -> tuple[beam_runner_api_pb2.Components, str]:
    """Returns the job that a command would have submitted, and the output of the command."""
    settings = [word for setting in SETTINGS for word in ("--set", f"beam.{setting}")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.dataflow_jobs", folder, *map(str, arguments), *settings],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    pipeline = beam_runner_api_pb2.Pipeline.FromString((folder / "job.pb").read_bytes())
    return pipeline.components, done.stdout + done.stderr


def check(job: beam_runner_api_pb2.Components, *transforms: str) -> None:
    """Asserts that the job runs in containers of the image, and contains these transforms."""
    assert {environment.urn for environment in job.environments.values()} == {"beam:env:docker:v1"}
    assert {
        beam_runner_api_pb2.DockerPayload.FromString(environment.payload).container_image
        for environment in job.environments.values()
    } == {IMAGE}
    assert set(transforms) <= {transform.unique_name.split("/")[0] for transform in job.transforms.values()}


@pytest.mark.parametrize(
    ("step", "transforms"),
    [
        ("ExampleGen", ["Blocks", "Convert"]),
        ("StatisticsGen", ["Shards", "Summarize", "Write"]),
        ("Transform", ["TFXIOReadAndDecode[AnalysisIndex0]", "Analyze", "WriteTransformFn"]),
        ("Evaluator", ["ExtractEvaluateAndWriteResults"]),
    ],
)
def test_a_step(
    published: tuple[Path, Completed], run: Runner, tmp_path: Path, step: str, transforms: list[str]
) -> None:
    """Its job can be created; as it is not run, the step fails, and nothing is published."""
    root, before = published
    arguments = ["run", "--root", root, "--no-cache", "--from-step", step, *run.quick]
    job, printed = job_of(tmp_path, *arguments)
    check(job, *transforms)
    assert f"Failed in {step}" in printed
    assert "this would have been submitted" in printed
    pushed = Path(before.summary["pushed_path"])
    assert [path for path in pushed.parent.iterdir() if path.name.isdecimal()] == [pushed]


def test_predictions(published: tuple[Path, Completed], run: Runner, tmp_path: Path) -> None:
    """Predictions for files, with the model that was pushed."""
    model = published[1].summary["pushed_path"]
    job, printed = job_of(
        tmp_path, "predict", run.sample, "--model", model, "--beam", "-o", tmp_path / "found"
    )
    check(job, "Files", "Predict", "Write")
    assert "this would have been submitted" in printed
