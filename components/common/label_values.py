"""Compares values of the label: the one rule for ExampleGen, DriftGate, ServedModel and scoring data."""

import re

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_BOOLEANS = {"true": "1", "false": "0"}


def canonical(text: str) -> str:
    """Returns one spelling for each value: 1, 1.0, 01, True and TRUE are '1'; blanks around a value are ignored.

    Otherwise upper and lower case are different values.
    """
    text = text.strip()
    if boolean := _BOOLEANS.get(text.lower()):
        return boolean
    return f"{float(text):.17g}" if is_number(text) else text


def is_number(text: str) -> bool:
    """Returns whether a value is a number."""
    return _NUMBER.fullmatch(text) is not None
