"""Checks cron expressions for Kubeflow Pipelines: six fields, seconds first.

The scheduler of Kubeflow Pipelines parses them with github.com/robfig/cron v1.2.0 (parser.go, spec.go), whose last
field is optional. It therefore reads the five fields of a crontab as six fields without the last: `30 2 * * *` (meant:
daily at 02:30) would run at 2 minutes and 30 seconds past every hour. Expressions that never match a date are also
refused.
"""

from collections.abc import Mapping
from typing import NamedTuple

_EXAMPLE = "'0 30 2 * * *' (every day at 02:30:00)"


class _Field(NamedTuple):
    name: str
    lowest: int
    highest: int
    names: Mapping[str, int] = {}


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, {name: n for n, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 0, 6, {name: n for n, name in enumerate(_WEEKDAYS)}),
)
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def check(expression: str) -> None:
    """Checks that an expression has six fields, each in its range, and matches at least one date.

    Raises:
        ValueError: "expected ..., got ...". For five fields, the message contains the equivalent six.

    >>> check("0 30 2 * * *")  # each night at 02:30
    >>> check("0 0 2 30 2 *")
    Traceback (most recent call last):
    ValueError: expected a day that exists in the month, got day 30 in month 2
    """
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        hint = f"; a crontab's five fields are written '0 {' '.join(fields)}'" if len(fields) == 5 else ""
        raise ValueError(
            f"expected six fields, seconds first, such as {_EXAMPLE}, got {len(fields)} in {expression!r}{hint}"
        )
    *_, days, months, _ = (_values(text, field) for text, field in zip(fields, _FIELDS, strict=True))
    any_weekday = fields[5][0] in "*?"  # if both kinds of days are given, a date has to match only one
    if any_weekday and min(days) > max(_DAYS_IN_MONTH[month - 1] for month in months):
        raise ValueError(f"expected a day that exists in the month, got day {fields[3]} in month {fields[4]}")


def _values(text: str, field: _Field) -> set[int]:
    """Returns the values that a field such as 1-5, */10 or mon,wed matches."""
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        low, hyphen, high = span.partition("-")
        if span in ("*", "?"):
            first, last = field.lowest, field.highest
        else:
            first = _number(low, field, text)
            # 5/10 means 5-59/10.
            last = _number(high, field, text) if hyphen else field.highest if slash else first
        if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
            raise ValueError(f"expected a whole number >= 1 after / in the {field.name}, got {text!r}")
        if first > last:
            raise ValueError(f"expected an ascending range in the {field.name}, got {text!r}")
        values.update(range(first, last + 1, int(step or 1)))
    return values


def _number(text: str, field: _Field, whole: str) -> int:
    number = field.names.get(text.lower(), int(text) if text.isascii() and text.isdigit() else -1)
    if not field.lowest <= number <= field.highest:
        names = f" or {', '.join(field.names)}" if field.names else ""
        raise ValueError(
            f"expected {field.lowest} to {field.highest}{names}, *, ranges, lists or steps as the {field.name}, "
            f"got {whole!r}"
        )
    return number
