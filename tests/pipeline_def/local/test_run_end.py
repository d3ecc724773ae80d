"""The end of a run on this machine is reported. What can't be sent is a warning and never an error."""

import signal
from pathlib import Path

import pytest

from pipeline_def.config.load import load_config
from pipeline_def.config.notification import URL_VARIABLE
from pipeline_def.local.interruption import Interrupted, RunInterrupted
from pipeline_def.local.run_end import report_end, report_interruption
from pipeline_def.runs.summary import Summary
from tests.standins.webhook import webhook

CONFIG = load_config(None, ["name=churn"])
PUSHED = Summary(run_id="r1", status="pushed", exit_code=0, pushed_version=7)


def test_the_summary_is_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a warning."""
    with webhook() as hook:
        monkeypatch.setenv(URL_VARIABLE, hook.url)
        assert report_end(CONFIG, PUSHED, Path()) == []
    (posted,) = hook.received
    data = posted.document["data"]
    assert (data["pipeline"], data["status"], data["pushed_version"]) == ("churn", "pushed", 7)


@pytest.mark.parametrize(
    ("error", "name", "code"),
    [(KeyboardInterrupt(), "SIGINT", 130), (Interrupted(signal.SIGTERM), "SIGTERM", 143)],
)
def test_an_interruption_is_posted_once(
    error: KeyboardInterrupt, name: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the exit code that the process will have; a server that fails is not asked again."""
    with webhook(500) as hook:
        monkeypatch.setenv(URL_VARIABLE, hook.url)
        (warning,) = report_interruption(CONFIG, RunInterrupted("r1", error))
    assert warning == f"notify: not posted to the URL in {URL_VARIABLE}: the server responded with 500"
    (posted,) = hook.received
    data = posted.document["data"]
    assert (data["run_id"], data["status"], data["exit_code"]) == ("r1", "interrupted", code)
    assert name in data["message"]


def test_ctrl_c_while_it_waits_for_the_server_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run has ended, so its exit code is known."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:1/")
    assert report_end(CONFIG, PUSHED, Path()) == ["notify: not posted: interrupted"]
