"""Tracking is off by default, and what fails in it is one line without credentials."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_def.config.load import ConfigError, load_config
from pipeline_def.runs.summary import Summary
from pipeline_def.tracking.mlflow_server import reason
from pipeline_def.tracking.track import track_publication, track_run
from pipeline_def.tracking.tracking_record import TrackingRecord

SUMMARY = Summary(run_id="r1", status="failed", exit_code=1)


def settings(*overrides: str) -> TrackingRecord:
    config = load_config(None, [f"tracking.mlflow.{override}" for override in overrides])
    return TrackingRecord(pipeline="churn", mlflow=config.tracking.mlflow)


def test_nothing_is_imported_or_written_by_default(tmp_path: Path) -> None:
    """Neither MLflow's client nor the modules that use it."""
    assert track_run(settings(), None, SUMMARY, str(tmp_path)) == ""
    assert list(tmp_path.iterdir()) == []
    code = "import sys, pipeline_def.local.run_end; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert "pipeline_def.tracking.track" in done.stdout.split()
    assert not {"mlflow", "pipeline_def.tracking.run_log"} & set(done.stdout.split())


def test_a_missing_address_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of where to log is kept, for `regpipe bless`."""
    for uri, found in ((None, "nothing"), ("sqlite:///x.db", "another kind of address")):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        if uri:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        done = track_run(settings("enabled=true"), None, SUMMARY, str(tmp_path))
        assert done == (
            "not logged: expected the address of a server (http:// or https://) in tracking.mlflow.uri or "
            f"MLFLOW_TRACKING_URI, got {found}"
        )
    assert TrackingRecord.read(str(tmp_path)).mlflow.enabled


def test_a_missing_client_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the extra to install."""
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    done = track_run(settings("enabled=true", "uri=http://127.0.0.1:9"), None, SUMMARY, str(tmp_path))
    assert done == "not logged: there is no MLflow client; install regpipe[mlflow]"


def test_a_reason_has_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's messages contain the whole address."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "T0KEN")
    error = ValueError("API request to http://ann:PASSW0RD@h/api failed\nwith T0KEN")
    assert reason(error) == "ValueError: API request to http://h/api failed with (hidden)"


def test_a_version_of_an_unknown_run_is_left_alone(tmp_path: Path) -> None:
    """A version without a card, and one whose run was not tracked."""
    card = tmp_path / "7" / "assets.extra" / "model_card.json"
    card.parent.mkdir(parents=True)
    for content in ({}, {"run": "r1"}):
        card.write_text(json.dumps(content))
        assert track_publication(str(tmp_path), 7, str(tmp_path / "7")) == ""
        assert track_publication(str(tmp_path), 7, str(tmp_path / "7"), settings()) == ""


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        (
            "uri=https://ann:PASSW0RD@mlflow.example.org",
            "uri: expected an address without a user or a password; a token is read from MLFLOW_TRACKING_TOKEN",
        ),
        ("uri=mlflow:5000", "uri: expected an address such as https://mlflow.example.org, got 'mlflow:5000'"),
        ("model=a/b", "model: expected a name without / and :, got 'a/b'"),
        ("alias=latest", "alias: expected an alias that MLflow does not reserve, got 'latest'"),
        ("alias=v3", "alias: expected an alias that MLflow does not reserve, got 'v3'"),
    ],
)
def test_wrong_settings_are_refused(setting: str, problem: str) -> None:
    """The message has the key, the expectation and the value, but never a password."""
    with pytest.raises(ConfigError) as refused:
        load_config(None, [f"tracking.mlflow.{setting}"])
    assert refused.value.problems == (f"--set: tracking.mlflow.{problem}",)
