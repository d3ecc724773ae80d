"""Suggests the configuration key with which cells that are not plain numbers can be read."""

import re
from collections.abc import Sequence

from components.example_gen.cell_parsing import shorten

_MISSING = re.compile(
    r"[\W_]*|n\.? ?[aod]\.?|nil|none|null|na?n|missing|unknown|unbekannt|not (available|known)|#[\w/]+!?"
)
_COMMA_GROUPS = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)?,[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_OTHER_GROUPS = re.compile(r"[+-]?[0-9]{1,3}([.' ][0-9]{3})+([.,][0-9]+)?")


def cell_hint(texts: Sequence[str]) -> str:
    """Returns a sentence that names the key for the first text that one can help with, with a blank; '' if none can.

    Args:
        texts: cells that are not numbers, the most frequent first.
    """
    for text in texts:
        if _COMMA_GROUPS.fullmatch(text):
            is_clear = text.count(",") > 1 or "." in text
            also = "" if is_clear else " or, for a decimal comma, data.decimal"
            return f"To read {shorten(text)!r} as a number, set data.thousands to ','{also}. "
        if _DECIMAL_COMMA.fullmatch(text):
            return f"To read {shorten(text)!r} as a number, set data.decimal to ','. "
        groups = _OTHER_GROUPS.fullmatch(text)
        if groups:
            return f"To read {shorten(text)!r} as a number, set data.thousands to {groups[1][0]!r}. "
        if _MISSING.fullmatch(text.lower()):
            return missing_hint(text)
    return ""


def missing_hint(text: str) -> str:
    """Returns how to make a text a missing value, with a blank."""
    return f"If {shorten(text)!r} means a missing value, add it to data.missing_values. "


def most_frequent(counts: Sequence[tuple[str, int]]) -> str:
    """Returns the most frequent texts with their counts, for a message."""
    return ", ".join(f"{shorten(text)!r} ({count:,})" for text, count in counts)
