"""The exit step: posts the result of a run, as one JSON message, to the URL in the environment variable NOTIFY_URL.

    python -m pipeline_def.kubeflow.notify --run-id ID --pipeline NAME --status STATUS --summary FILE

Kubeflow runs it at the end of every run, also of a failed one. It always exits with 0; errors are printed to standard
error. The URL is a secret, because anyone who has it can post to it. It is never printed.
"""

import argparse
import datetime
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

from components.common import storage

VARIABLE = "NOTIFY_URL"
_TIMEOUT = 10.0  # seconds per attempt
_PAUSES = (1.0, 4.0, 16.0)  # seconds between attempts
# The driver of the exit task reads the state from ML Metadata (Execution.State): COMPLETE, or CACHED. SUCCEEDED is the
# name in the documentation. A run that was killed reads RUNNING.
_SUCCESSFUL = ("COMPLETE", "CACHED", "SUCCEEDED")


def notify(
    message: dict[str, str], url: str, *, pauses: Sequence[float] = _PAUSES, timeout: float = _TIMEOUT
) -> str | None:
    """Posts a message, with retries.

    Args:
        message: the message, which is sent as JSON.
        url: the URL to post to.
        pauses: seconds to wait before each retry.
        timeout: seconds per attempt.

    Returns:
        None if the message was posted, else the reason of the failure, without the URL.
    """
    if not url.startswith(("http://", "https://")):
        return f"expected {VARIABLE} to begin with http:// or https://"
    body = json.dumps(message).encode()
    reason: str | None = None
    for pause in (0.0, *pauses):
        time.sleep(pause)
        reason, retryable = _post(url, body, timeout)
        if not retryable:
            break
    return reason


def _post(url: str, body: bytes, timeout: float) -> tuple[str | None, bool]:
    """Returns the reason of a failure, or None, and whether a retry may succeed."""
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout):
            return None, False
    except urllib.error.HTTPError as error:
        return f"the server responded with {error.code}", error.code in (408, 429) or error.code >= 500
    except urllib.error.URLError as error:
        return f"{type(error.reason).__name__}: no connection", True
    except OSError as error:
        return f"{type(error).__name__}: no response", True
    except (ValueError, http.client.HTTPException) as error:  # their messages contain the URL
        return f"{type(error).__name__}: {VARIABLE} is not a URL, or not that of a web server", False


def _read_summary(file: str | None) -> tuple[str, str] | None:
    """Returns status and message of a summary.json; None if there is none, for example if the run was killed."""
    try:
        summary = json.loads(storage.read(file or ""))
        message = summary.get("error") or "; ".join(summary.get("reasons", ()))
        return str(summary["status"]), str(message)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _from_state(status: str) -> tuple[str, str]:
    """Returns status and message of a run without a summary: only an explicit success is one.

    Args:
        status: a PipelineTaskFinalStatus of Kubeflow as JSON, or a state such as FAILED.
    """
    try:
        state = str(json.loads(status)["state"])
    except (ValueError, LookupError, TypeError):
        state = status
    if state in _SUCCESSFUL:
        return "succeeded", ""
    return "failed", f"the run left no summary, and Kubeflow Pipelines gives the state {state or 'no text'}"


def main(argv: Sequence[str] | None = None) -> int:
    """Posts the message for the run in the arguments; always returns 0."""
    parser = argparse.ArgumentParser(prog="python -m pipeline_def.kubeflow.notify", allow_abbrev=False)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument(
        "--status", required=True, help="a PipelineTaskFinalStatus of Kubeflow as JSON, or plain text"
    )
    parser.add_argument("--summary", help="the run's summary.json; if it exists, used instead of --status")
    args = parser.parse_args(argv)
    url = os.environ.get(VARIABLE, "").strip()
    if not url:
        print(f"notify: {VARIABLE} is not set; no notification was sent", file=sys.stderr)
        return 0
    status, text = _read_summary(args.summary) or _from_state(args.status)
    message = {
        "run_id": args.run_id,
        "status": status,
        "pipeline": args.pipeline,
        "message": text,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    reason = notify(message, url)
    print(f"notify: not posted: {reason}" if reason else "notify: posted", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
