"""The exit step on Kubeflow: it reports the summary of the run or, without one, the state that Kubeflow gives."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline_def.config.notification import URL_VARIABLE
from pipeline_def.kubeflow import exit_step
from pipeline_def.runs.summary import Summary
from tests.standins.webhook import Webhook, webhook

FINAL = '{"state": "FAILED", "pipelineTaskName": "run", "error": {}}'  # from KFP's driver (resolve.go)
NO_SUMMARY = "the run left no summary, and Kubeflow Pipelines gives the state"
SUMMARY = Summary(run_id="r1", status="not_blessed", exit_code=4, reasons=("AUC is 0.5", "AUC fell"))


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with webhook() as made:
        monkeypatch.setenv(URL_VARIABLE, made.url)
        yield made


def arguments(root: object, *more: str, status: str = FINAL) -> list[str]:
    return ["--run-id", "r1", "--pipeline", "churn", "--status", status, "--root", str(root), *more]


@pytest.mark.parametrize(
    ("summary", "told"),
    [
        (SUMMARY.to_json(), ("not_blessed", "Not blessed: AUC is 0.5; AUC fell.")),
        (None, ("failed", f"{NO_SUMMARY} FAILED")),
        ("{", ("failed", f"{NO_SUMMARY} FAILED")),
        ("[]", ("failed", f"{NO_SUMMARY} FAILED")),
    ],
)
def test_the_summary_is_reported(
    hook: Webhook,
    summary: str | None,
    told: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """If there is one, it replaces the status of Kubeflow."""
    folder = tmp_path / "runs" / "r1"
    folder.mkdir(parents=True)
    if summary is not None:
        (folder / "summary.json").write_text(summary)
    assert exit_step.main(arguments(tmp_path, "--notify", "problem")) == 0
    (posted,) = hook.received
    data = posted.document["data"]
    assert (data["status"], data["message"]) == told
    assert (data["run_id"], data["pipeline"]) == ("r1", "churn")
    assert capsys.readouterr().err == "notify: posted\n"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ('{"state": "COMPLETE", "pipelineTaskName": "run"}', ("succeeded", "")),
        ('{"state": "CACHED"}', ("succeeded", "")),
        ("SUCCEEDED", ("succeeded", "")),
        ('{"state": "RUNNING", "pipelineTaskName": "run"}', ("failed", f"{NO_SUMMARY} RUNNING")),
        ('{"state": "CANCELED"}', ("failed", f"{NO_SUMMARY} CANCELED")),
        ("{}", ("failed", f"{NO_SUMMARY} {{}}")),
        ("", ("failed", f"{NO_SUMMARY} no text")),
    ],
)
def test_without_a_summary_only_an_explicit_success_is_one(
    hook: Webhook, status: str, expected: tuple[str, str], tmp_path: Path
) -> None:
    """A run that was killed reads RUNNING, and one that succeeded COMPLETE: seen on the backend of 2.17.0."""
    assert exit_step.main(arguments(tmp_path, "--notify", "always", status=status)) == 0
    (posted,) = hook.received
    assert (posted.document["data"]["status"], posted.document["data"]["message"]) == expected


def test_a_failure_never_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what failed. A problem only is not reported for a run that succeeded."""
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    assert exit_step.main(arguments(tmp_path, "--notify", "always")) == 0
    assert capsys.readouterr().err == f"notify: not posted: {URL_VARIABLE} is not set\n"
    assert exit_step.main(arguments(tmp_path, "--notify", "problem", status="COMPLETE")) == 0
    assert capsys.readouterr().err == ""


def test_the_summary_may_be_on_an_object_store(hook: Webhook, gcs: Any) -> None:
    """A missing one is no error there either."""
    gcs.store.put("bucket", "notify/runs/r1/summary.json", SUMMARY.to_json().encode())
    for root, status in (("notify", "not_blessed"), ("none", "failed")):
        assert exit_step.main(arguments(f"gs://bucket/{root}", "--notify", "always")) == 0
        assert hook.received.pop().document["data"]["status"] == status


def test_it_imports_no_heavy_library() -> None:
    """So the container of the exit step starts quickly."""
    code = "import sys, pipeline_def.kubeflow.exit_step; print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"numpy", "kfp", "ml_metadata", "mlflow", "tfx", "tensorflow"}
