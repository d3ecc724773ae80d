"""The notification at the end of a run: it is retried, never fails the run, and never shows its URL."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline_def.kubeflow import notify
from pipeline_def.runs.summary import Summary

SECRET = "T0KEN"
NO_URL = "NOTIFY_URL is not a URL, or not that of a web server"
FINAL = '{"state": "FAILED", "pipelineTaskName": "run", "error": {}}'  # from KFP's driver (resolve.go)
NO_SUMMARY = "the run left no summary, and Kubeflow Pipelines gives the state"
ARGUMENTS = ["--run-id", "r1", "--pipeline", "churn", "--status", FINAL]


class Listener:
    """A webhook that responds with the given statuses and then repeats the last one (0: closes the connection)."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.received: list[Any] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.received.append((self.path, self.headers["Content-Type"], json.loads(body)))
                status = listener.statuses.pop(0) if len(listener.statuses) > 1 else listener.statuses[0]
                if status:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/{SECRET}"


@pytest.fixture
def listener(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    made = Listener(*request.param)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("NOTIFY_URL", made.url)
    monkeypatch.setattr("time.sleep", lambda _: None)
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


SUMMARY = Summary(run_id="r1", status="not_blessed", exit_code=4, reasons=("AUC is 0.5.", "AUC fell."))


@pytest.mark.parametrize("listener", [[200]], indirect=True)
@pytest.mark.parametrize(
    ("summary", "status", "text"),
    [
        (SUMMARY.to_json(), "not_blessed", "AUC is 0.5.; AUC fell."),
        (
            SUMMARY.model_copy(update={"status": "failed", "error": "no memory"}).to_json(),
            "failed",
            "no memory",
        ),
        (None, "failed", f"{NO_SUMMARY} FAILED"),
        ("{", "failed", f"{NO_SUMMARY} FAILED"),
        ("[]", "failed", f"{NO_SUMMARY} FAILED"),
    ],
)
def test_the_message_is_posted_once(
    listener: Listener,
    summary: str | None,
    status: str,
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As JSON, with the time in UTC; if there is a summary of the run, it replaces the status of Kubeflow."""
    file = tmp_path / "summary.json"
    if summary is not None:
        file.write_text(summary)
    assert notify.main([*ARGUMENTS, "--summary", str(file)]) == 0
    ((path, kind, message),) = listener.received
    assert (path, kind) == (f"/hooks/{SECRET}", "application/json")
    assert message.pop("time").endswith("+00:00")
    assert message == {"run_id": "r1", "status": status, "pipeline": "churn", "message": text}
    assert capsys.readouterr().err == "notify: posted\n"


@pytest.mark.parametrize("listener", [[200]], indirect=True)
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
    listener: Listener, status: str, expected: tuple[str, str]
) -> None:
    """A run that was killed reads RUNNING, and one that succeeded COMPLETE: seen on the backend of 2.17.0."""
    assert notify.main([*ARGUMENTS[:-1], status]) == 0
    ((_, _, message),) = listener.received
    assert (message["status"], message["message"]) == expected


@pytest.mark.parametrize(
    ("listener", "posts", "printed"),
    [
        ([503, 200], 2, "posted"),
        ([0, 429, 204], 3, "posted"),
        ([500], 4, "not posted: the server responded with 500"),
        ([404], 1, "not posted: the server responded with 404"),
    ],
    indirect=["listener"],
)
def test_temporary_failures_are_retried(
    listener: Listener, posts: int, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four attempts at most, one if the address is wrong. The exit code is 0 in any case."""
    assert notify.main(ARGUMENTS) == 0
    assert (len(listener.received), capsys.readouterr().err) == (posts, f"notify: {printed}\n")


@pytest.mark.parametrize(
    ("url", "printed"),
    [
        ("", "NOTIFY_URL is not set; no notification was sent"),
        (f"ftp://example.org/{SECRET}", "not posted: expected NOTIFY_URL to begin with http:// or https://"),
        (f"http://localhost:{SECRET}/x", f"not posted: InvalidURL: {NO_URL}"),
        (f"http://localhost:1/{SECRET}", "not posted: ConnectionRefusedError: no connection"),
        (f"http://[{SECRET}/", f"not posted: ValueError: {NO_URL}"),
    ],
)  # fmt: skip
def test_a_wrong_url_is_never_printed(
    url: str, printed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line without the URL or a part of it is printed, and the run does not fail."""
    monkeypatch.setenv("NOTIFY_URL", url)
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert notify.main(ARGUMENTS) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"notify: {printed}\n")
    assert SECRET not in err


@pytest.mark.parametrize("listener", [[200]], indirect=True)
def test_the_summary_may_be_on_an_object_store(
    listener: Listener, gcs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing one is no error there either."""
    gcs.store.put("bucket", "notify/summary.json", SUMMARY.to_json().encode())
    for name, text in (("summary", "AUC is 0.5.; AUC fell."), ("none", f"{NO_SUMMARY} FAILED")):
        assert notify.main([*ARGUMENTS, "--summary", f"gs://bucket/notify/{name}.json"]) == 0
        assert listener.received.pop()[2]["message"] == text


def test_it_imports_the_standard_library_only() -> None:
    """So the container of the exit step starts quickly."""
    import subprocess
    import sys

    code = "import sys, pipeline_def.kubeflow.notify; print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    others = set(done.stdout.split()) - set(sys.stdlib_module_names)
    assert not others & {"pydantic", "yaml", "kfp", "tfx", "tensorflow"}
