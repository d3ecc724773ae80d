"""Reads the times by which a table is split: numbers, or dates and times in ISO 8601."""

from datetime import UTC, datetime


def number_of(text: str) -> float | None:
    """Returns a number, such as the year 2024; None if the text is none.

    >>> number_of("2024"), number_of("2024-01-31")
    (2024.0, None)
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def seconds_of(text: str) -> float | None:
    """Returns the seconds from 1970 to a date or time in ISO 8601, which is UTC unless it has an offset; None if none.

    >>> seconds_of("1970-01-02"), seconds_of("1970-01-01T01:00+01:00"), seconds_of("yesterday")
    (86400.0, 0.0, None)
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def number_text(number: float) -> str:
    """Returns a number so that `number_of` reads it back."""
    return str(int(number)) if number == int(number) else repr(number)


def seconds_text(seconds: float) -> str:
    """Returns a date, or a time in UTC if it is not midnight, so that `seconds_of` reads it back.

    >>> seconds_text(86400.0), seconds_text(3600.5)
    ('1970-01-02', '1970-01-01T01:00:00.500000')
    """
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat().removesuffix("T00:00:00")
