"""How shares are said."""

import math

import pytest

from components.common.formatting import percent


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.1234, "12.3%"), (0, "0.0%"), (1, "100.0%"), (None, "none"), (math.nan, "NaN")],
)
def test_percent(share: float | None, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.9996, 1, ">99.9%"),
        (0.0004, 1, "<0.1%"),
        (0.9994, 1, "99.9%"),
        (0.9996, 0, ">99%"),
        (0.003, 0, "<1%"),
    ],
)
def test_what_is_not_quite_nothing_or_all_does_not_read_like_it(share: float, digits: int, text: str) -> None:
    """One weight that is left of 10,000 is why a feature is kept."""
    assert percent(share, digits) == text
