"""Formats numbers, differences, shares, counts, durations, times and tables as text, for all other modules.

"none" is the text of None: the records have None (in JSON null) for a value that is undefined, such as the precision
of no positive decision. "NaN" is the text of a number that is NaN, such as the loss of a training that diverged.

The functions whose names begin with `html_` are for HTML pages: they separate thousands by commas and use the minus
sign U+2212, which screen readers read out. The others write ASCII, for the terminal, logs and JSON.
"""

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

from components.tasks.known_tasks import LABELS

NONE = "none"
NAN = "NaN"
MINUS = "\N{MINUS SIGN}"
VISIBLE_DIFFERENCE = 0.00005  # a smaller difference is 0.0000 in four decimals


def metric_label(name: str) -> str:
    """Returns the label of a metric or another key: "log loss" for log_loss, "learning rate" for learning_rate."""
    return LABELS.get(name, name.replace("_", " "))


def number(value: float | None, digits: int = 4) -> str:
    """Returns a number with `digits` decimals: "0.9123", "-0.5000", "NaN"; "none" for None."""
    if value is None:
        return NONE
    return NAN if math.isnan(value) else _decimal(value, digits)


def _decimal(value: float, digits: int = 4, sign: str = "") -> str:
    """Returns a number in at most ten characters: with fewer decimals from 100 on, without from 10,000 on.

    >>> _decimal(12.34567), _decimal(1234.567), _decimal(123456.7), _decimal(12345678.9)
    ('12.3457', '1234.57', '123457', '1.23e+07')
    """
    if abs(value) >= 1e7:
        return f"{value:{sign}.2e}"
    fewer = 0 if abs(value) < 100 else 2 if abs(value) < 10_000 else digits
    return f"{value:{sign}.{max(0, digits - fewer)}f}"


def difference(value: float | None) -> str:
    """Returns a difference with its sign: "+0.0112", "0"; "+2.0e-05" if four decimals would show 0."""
    if value is None or math.isnan(value):
        return number(value)
    if value == 0:
        return "0"
    return f"{value:+.1e}" if abs(value) < VISIBLE_DIFFERENCE else _decimal(value, sign="+")


def rounded_difference(value: float | None) -> str:
    """Returns a difference with its sign: "+0.0112"; "0" if four decimals would show 0."""
    return "0" if value is not None and abs(value) < VISIBLE_DIFFERENCE else difference(value)


def difference_interval(bounds: tuple[float, float]) -> str:
    """Returns the two bounds of a difference's interval: "-0.0012 to +0.0340"."""
    return " to ".join(_decimal(bound, sign="+") for bound in bounds)


def interval(bounds: tuple[float, float]) -> str:
    """Returns the two bounds of a value's interval: "0.8000 to 0.9000"."""
    return f"{number(bounds[0])} to {number(bounds[1])}"


def signed_bound(bound: float) -> str:
    """Returns a bound with its sign and without trailing zeros: "+0.01", "-0.01", "0"."""
    return f"{bound:+g}" if bound else "0"


def percent(share: float | None, digits: int = 1) -> str:
    """Returns a share as a percentage: "63.0%", "NaN", "none".

    A share near 0 or 1 is not rounded to "0.0%" or "100.0%", but given as "<0.1%" or ">99.9%".

    >>> percent(0.63), percent(0.9999)
    ('63.0%', '>99.9%')
    """
    if share is None or math.isnan(share):
        return number(share)
    least = 10.0 ** -(digits + 2)
    if 0 < share < least / 2:
        return f"<{least:.{digits}%}"
    if 1 - least / 2 < share < 1:
        return f">{1 - least:.{digits}%}"
    return f"{share:.{digits}%}"


def count(value: Any) -> str:
    """Returns a whole number with commas: "1,234"; "none" for anything that is not a finite number."""
    finite = isinstance(value, int | float) and math.isfinite(value)
    return f"{int(value):,}" if finite else NONE


def plural(value: int, one: str, many: str | None = None) -> str:
    """Returns a count with its noun: "1 row", "2 rows"; `many` is the plural if it is not `one` with an s."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def first_of(texts: Sequence[str], limit: int) -> str:
    """Returns the first texts of a list, and how many more there are.

    >>> first_of(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = len(texts) - limit
    return ", ".join(texts[:limit]) + (f" and {more:,} more" if more > 0 else "")


def duration(seconds: float | None) -> str:
    """Returns a duration: "1.2 s", "75.0 s", "12 min 05 s"; "none" for None."""
    if seconds is None:
        return NONE
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


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


def named_values(values: Mapping[str, float]) -> str:
    """Returns names with their values: "l1 0.0001, dropout 0.2, learning rate 0.003"."""
    return ", ".join(f"{metric_label(name)} {value:g}" for name, value in values.items())


def capitalize_first(text: str) -> str:
    """Returns the text with a capital first letter; `str.capitalize` would also lower the other letters."""
    return text[:1].upper() + text[1:]


def aligned_columns(rows: Sequence[Sequence[str]]) -> str:
    """Returns a table as lines of text, each column as wide as its widest cell.

    >>> print(aligned_columns([("run", "steps"), ("r1", "10"), ("run-2", "3")]))
    run    steps
    r1     10
    run-2  3

    Args:
        rows: at least one; all have the same number of cells.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def html_number(value: Any, digits: int = 4) -> str:
    """Returns a number with `digits` decimals, "NaN" or "infinite"; "none" for anything that is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NONE
    if math.isnan(value):
        return NAN
    if math.isinf(value):
        return "infinite" if value > 0 else f"{MINUS}infinite"
    return f"{value:,.{digits}f}".replace("-", MINUS)


def html_difference(value: Any, digits: int = 4) -> str:
    """Returns a difference with its sign; without a sign if all decimals are 0: "0.0000"."""
    text = html_number(value, digits)
    if isinstance(value, int | float) and not text.startswith(MINUS) and text[0].isdigit():
        return text if not float(text.replace(",", "")) else f"+{text}"
    return text


def html_interval(bounds: Any, *, signed: bool = False) -> str:
    """Returns an interval, such as "0.8000 to 0.9000"; "" if `bounds` is not two numbers.

    Args:
        bounds: the lower and the upper bound.
        signed: whether to write signs, as for the interval of a difference.
    """
    if not isinstance(bounds, list | tuple) or len(bounds) != 2 or None in bounds:
        return ""
    show = html_difference if signed else html_number
    return f"{show(bounds[0])} to {show(bounds[1])}"


def html_significant(value: Any, digits: int = 6) -> str:
    """Returns a number with `digits` significant digits; integers in full, and large numbers with one decimal."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NONE
    if not math.isfinite(value):
        return html_number(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e9):
        return f"{int(value):,}".replace("-", MINUS)
    if 1e4 <= abs(value) < 1e9:
        return html_number(value, 1)
    return f"{value:,.{digits}g}".replace("-", MINUS)
