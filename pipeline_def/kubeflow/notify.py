"""Tells someone how a run ended: one JSON, posted to the URL in the environment variable NOTIFY_URL.

    python -m pipeline_def.kubeflow.notify --run-id ID --pipeline NAME --status STATUS --summary FILE

It is the last thing that a run on Kubeflow does, whatever happened, so it never fails: what goes wrong is a line on
standard error. The URL is a secret (that of a chat's webhook lets anyone post) and never printed.
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
_TIMEOUT = 10.0  # seconds, an attempt
_PAUSES = (1.0, 4.0, 16.0)  # seconds between attempts


def notify(
    message: dict[str, str], url: str, *, pauses: Sequence[float] = _PAUSES, timeout: float = _TIMEOUT
) -> str | None:
    """Posts a message, if need be again.

    Args:
        message: what to post, as JSON.
        url: where to.
        pauses: seconds to wait before each further attempt.
        timeout: seconds that an attempt may take.

    Returns:
        Why it was not posted, without the URL; None if it was.
    """
    if not url.startswith(("http://", "https://")):
        return f"expected {VARIABLE} to begin with http:// or https://"
    body = json.dumps(message).encode()
    reason: str | None = None
    for pause in (0.0, *pauses):
        time.sleep(pause)
        reason, again = _post(url, body, timeout)
        if not again:
            break
    return reason


def _post(url: str, body: bytes, timeout: float) -> tuple[str | None, bool]:
    """Why it failed, and whether another attempt may do better."""
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout):
            return None, False
    except urllib.error.HTTPError as error:
        return f"the answer was {error.code}", error.code in (408, 429) or error.code >= 500
    except urllib.error.URLError as error:
        return f"{type(error.reason).__name__}: no connection", True
    except OSError as error:
        return f"{type(error).__name__}: no answer", True
    except (ValueError, http.client.HTTPException) as error:  # their text quotes the URL
        return f"{type(error).__name__}: {VARIABLE} is no URL, or what answers is no web server", False


def _summarized(file: str | None) -> tuple[str, str] | None:
    """Status and message of a summary (pipeline_def.runs.summary); None without one, as of a run that was killed."""
    try:
        summary = json.loads(storage.read(file or ""))
        words = summary.get("error") or "; ".join(summary.get("reasons", ()))
        return str(summary["status"]), str(words)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _state(status: str) -> str:
    """Kubeflow's state of the run's steps, such as FAILED."""
    try:
        return str(json.loads(status)["state"])
    except (ValueError, LookupError, TypeError):
        return status


def main(argv: Sequence[str] | None = None) -> int:
    """Posts what the arguments say; always 0."""
    parser = argparse.ArgumentParser(prog="python -m pipeline_def.kubeflow.notify", allow_abbrev=False)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument(
        "--status", required=True, help="Kubeflow's PipelineTaskFinalStatus as JSON, or a word"
    )
    parser.add_argument("--summary", help="the run's summary.json, which knows better, if it is there")
    args = parser.parse_args(argv)
    url = os.environ.get(VARIABLE, "").strip()
    if not url:
        print(f"notify: {VARIABLE} is not set; nobody was told", file=sys.stderr)
        return 0
    status, words = _summarized(args.summary) or (_state(args.status), "")
    message = {
        "run_id": args.run_id,
        "status": status,
        "pipeline": args.pipeline,
        "message": words,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    reason = notify(message, url)
    print(f"notify: not posted: {reason}" if reason else "notify: posted", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
