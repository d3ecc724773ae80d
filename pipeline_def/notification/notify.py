"""Sends the message about a run, if the configuration asks for it. A failure never fails the run."""

import datetime
import json
import os
from collections.abc import Sequence
from typing import Literal

from pipeline_def.config.notification import URL_VARIABLE
from pipeline_def.notification.run_event import CONTENT_TYPE, RunEvent
from pipeline_def.notification.webhook import PAUSES, post

SENT = "posted"
When = Literal["always", "problem", "never"] | None


def notify(event: RunEvent, when: When, *, pauses: Sequence[float] = PAUSES) -> str:
    """Posts the message about a run to the URL in the environment variable REGPIPE_NOTIFY_URL.

    Args:
        event: what to say.
        when: the key `notify.when`.
        pauses: seconds before each retry.

    Returns:
        What was done, without the URL: `posted`, the reason why not, or nothing if no message was asked for.
    """
    if when == "never" or (when == "problem" and not event.is_problem):
        return ""
    url = os.environ.get(URL_VARIABLE, "").strip()
    if not url:
        return f"not posted: {URL_VARIABLE} is not set" if when else ""
    body = json.dumps(event.envelope(datetime.datetime.now(datetime.UTC))).encode()
    reason = post(url, body, CONTENT_TYPE, pauses=pauses)
    return f"not posted to the URL in {URL_VARIABLE}: {reason}" if reason else SENT
