"""Every end of a run on this machine is reported to the webhook, and an unreachable one changes nothing."""

import signal
import subprocess
from pathlib import Path

import pytest

from pipeline_def.config.notification import URL_VARIABLE
from tests.e2e.conftest import Runner
from tests.standins.webhook import SECRET, webhook
from tests.waiting import wait_until


def test_a_pushed_run_is_reported_with_its_version(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event has what the summary has; the URL is in no file of the run."""
    with webhook() as hook:
        monkeypatch.setenv(URL_VARIABLE, hook.url)
        done = run(tmp_path, *run.quick, "--set", "notify.when=always")
        missing = run(tmp_path, "--data", tmp_path / "none.csv")
    assert (done.code, missing.code) == (0, 3)
    pushed, refused = (posted.document for posted in hook.received)
    assert (pushed["type"], refused["type"]) == ("regpipe.run.pushed", "regpipe.run.data_refused")
    for name in ("run_id", "exit_code", "pushed_version", "pushed_path", "report_path", "warnings"):
        assert pushed["data"][name] == done.summary[name]
    assert pushed["data"]["message"] in " ".join(done.verdict.split())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_an_interrupted_run_is_reported(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code stays that of the signal."""
    with webhook() as hook:
        monkeypatch.setenv(URL_VARIABLE, hook.url)
        process = subprocess.Popen(run.command("run", "--root", tmp_path), stderr=subprocess.PIPE, text=True)
        wait_until(lambda: any(tmp_path.glob("runs/*/logs/ExampleGen.log")), 120)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 143
    assert error.splitlines()[-1].startswith("regpipe: ended by SIGTERM")
    (posted,) = hook.received
    assert (posted.document["data"]["status"], posted.document["data"]["exit_code"]) == ("interrupted", 143)
    assert (tmp_path / "runs" / posted.document["subject"]).is_dir()


def test_an_unreachable_webhook_is_one_warning(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code and the summary are those of the run."""
    monkeypatch.setenv(URL_VARIABLE, f"ftp://127.0.0.1:1/{SECRET}")
    done = run(tmp_path, "--to-step", "ExampleGen")
    assert (done.code, done.summary["status"]) == (0, "partial")
    (warning,) = (line for line in done.verdict.splitlines() if "notify" in line)
    assert warning.startswith(f"regpipe: notify: not posted to the URL in {URL_VARIABLE}: ")
    assert SECRET not in done.verdict
