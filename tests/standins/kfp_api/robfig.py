"""The cron parser of Kubeflow Pipelines, github.com/robfig/cron v1.2.0, reimplemented in Python.

`Parse` (parser.go) accepts five or six fields, where a missing sixth is `*`; in both cases the first field is seconds.
`Next` (spec.go) finds the first second after a time that matches all fields. If both kinds of days are restricted, a
date has to match only one of them (dayMatches); `*` or `?` is not a restriction, also with a step.
"""

import datetime
from collections.abc import Iterator

_BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: tuple[dict[str, int], ...] = (
    *({} for _ in range(4)),
    {name: number for number, name in enumerate(_MONTHS, 1)},
    {name: number for number, name in enumerate(_WEEKDAYS)},
)


def parse(spec: str) -> list[tuple[set[int], bool]]:
    """Returns the values of each of the six fields, and whether the field has a star.

    Raises:
        ValueError: where Parse returns an error. Its descriptors (@daily, @every 1h) are not implemented.
    """
    fields = spec.split()
    if not 5 <= len(fields) <= 6:
        raise ValueError(f"Expected 5 to 6 fields, found {len(fields)}: {spec}")
    fields += ["*"] * (6 - len(fields))
    return [_field(text, *bound, names) for text, bound, names in zip(fields, _BOUNDS, _NAMES, strict=True)]


def _field(text: str, lowest: int, highest: int, names: dict[str, int]) -> tuple[set[int], bool]:
    values: set[int] = set()
    star = False
    for part in filter(None, text.split(",")):  # FieldsFunc drops empty parts
        span, *steps = part.split("/")
        low, *high = span.split("-")
        if low in ("*", "?"):
            first, last, star = lowest, highest, True
        else:
            first = last = _int(low, names)
            if high:
                last = _int(high[0], names)
        if len(high) > 1 or len(steps) > 1:
            raise ValueError(f"Too many hyphens or slashes: {part}")
        step = _int(steps[0], {}) if steps else 1
        if steps and not high:
            last = highest
        if first < lowest or last > highest or first > last or step == 0:
            raise ValueError(f"Range or step out of bounds: {part}")
        values.update(range(first, last + 1, step))
    return values, star


def _int(text: str, names: dict[str, int]) -> int:
    number = names.get(text.lower())
    if number is None:
        number = int(text)
        if number < 0:
            raise ValueError(f"Negative number not allowed: {text}")
    return number


def times(spec: str, after: datetime.datetime) -> Iterator[datetime.datetime]:
    """Yields the times after `after` at which a schedule fires, within five years."""
    (seconds, _), (minutes, _), (hours, _), days, (months, _), weekdays = parse(spec)
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while day.year <= after.year + 5:
        on_day, on_weekday = day.day in days[0], day.isoweekday() % 7 in weekdays[0]
        fits = (on_day and on_weekday) if days[1] or weekdays[1] else (on_day or on_weekday)
        if day.month in months and fits:
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    for second in sorted(seconds):
                        time = day.replace(hour=hour, minute=minute, second=second)
                        if time > after:
                            yield time
        day += datetime.timedelta(days=1)
