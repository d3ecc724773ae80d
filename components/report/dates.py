"""Formats times for people."""

import datetime


def date_text(time: str) -> str:
    """Returns a time (ISO 8601) to the minute; a text that is none, as it is.

    >>> date_text("2026-11-20T12:03:59+00:00")
    '2026-11-20 12:03 UTC'
    """
    try:
        found = datetime.datetime.fromisoformat(time)
    except ValueError:
        return time
    return f"{found.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"
