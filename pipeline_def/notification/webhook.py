"""Posts a document to a URL that is a secret: no message contains the URL or a part of it."""

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

TIMEOUT = 10.0  # seconds per attempt
PAUSES = (1.0, 4.0, 16.0)  # seconds before each retry


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib follows one with a GET without the document, and its answer looks like a success."""

    def redirect_request(self, *_: Any) -> None:
        """Overrides urllib's method; with None, it raises HTTPError."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def post(
    url: str, body: bytes, content_type: str, *, pauses: Sequence[float] = PAUSES, timeout: float = TIMEOUT
) -> str | None:
    """Posts a document, with retries if the failure may be temporary.

    Args:
        url: the URL to post to.
        body: the document.
        content_type: its media type.
        pauses: seconds to wait before each retry.
        timeout: seconds per attempt.

    Returns:
        None if the document was posted, else the reason of the failure.
    """
    if not url.startswith(("http://", "https://")):
        return "the URL does not begin with http:// or https://"
    reason: str | None = None
    for pause in (0.0, *pauses):
        time.sleep(pause)
        reason, retryable = _attempt(url, body, content_type, timeout)
        if not retryable:
            break
    return reason


def _attempt(url: str, body: bytes, content_type: str, timeout: float) -> tuple[str | None, bool]:
    """Returns the reason of a failure, or None, and whether a retry may succeed."""
    try:
        request = urllib.request.Request(url, body, {"Content-Type": content_type})
        with _OPENER.open(request, timeout=timeout):
            return None, False
    except urllib.error.HTTPError as error:
        if 300 <= error.code < 400:
            return f"the server responded with {error.code}, a redirect, which is not followed", False
        return f"the server responded with {error.code}", error.code in (408, 429) or error.code >= 500
    except urllib.error.URLError as error:
        return f"{type(error.reason).__name__}: no connection", True
    except OSError as error:
        return f"{type(error).__name__}: no response", True
    except (ValueError, http.client.HTTPException) as error:  # their messages contain the URL
        return f"{type(error).__name__}: it is not a URL, or not that of a web server", False
