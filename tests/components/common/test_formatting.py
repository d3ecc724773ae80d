"""Numbers, differences, shares, counts, durations and tables as text."""
# ruff: noqa: RUF001 (pages have a real minus sign, which screen readers read out)

import math
from typing import Any

import pytest

from components.common import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.91234, "0.9123"),
        (-0.5, "-0.5000"),
        (99.99, "99.9900"),
        (1234.5, "1234.50"),
        (-123456.7, "-123457"),
        (12345678.9, "1.23e+07"),
        (math.nan, "NaN"),
        (None, "none"),
    ],
)
def test_a_number_has_four_decimals_and_fewer_if_it_is_large(value: float | None, text: str) -> None:
    """So that the values of a regression, in the unit of the label, fit into the columns of the terminal."""
    assert formatting.number(value) == text


@pytest.mark.parametrize(
    ("value", "exact", "rounded"),
    [
        (0.0112, "+0.0112", "+0.0112"),
        (-0.0112, "-0.0112", "-0.0112"),
        (0.00002, "+2.0e-05", "0"),
        (-0.00002, "-2.0e-05", "0"),
        (0.00005, "+0.0001", "+0.0001"),
        (0.0, "0", "0"),
        (math.nan, "NaN", "NaN"),
        (None, "none", "none"),
    ],
)
def test_a_difference_has_a_sign(value: float | None, exact: str, rounded: str) -> None:
    """One that four decimals would hide has an exponent, or is 0 where only visible differences matter."""
    assert (formatting.difference(value), formatting.rounded_difference(value)) == (exact, rounded)


def test_an_interval_of_a_difference() -> None:
    assert formatting.difference_interval((-0.0012, 0.034)) == "-0.0012 to +0.0340"


def test_a_bound_is_as_short_as_it_can_be() -> None:
    assert [formatting.signed_bound(bound) for bound in (0.01, -0.01, 0.0)] == ["+0.01", "-0.01", "0"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.1234, "12.3%"), (0, "0.0%"), (1, "100.0%"), (None, "none"), (math.nan, "NaN")],
)
def test_percent(share: float | None, text: str) -> None:
    assert formatting.percent(share) == text


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
def test_a_share_near_0_or_1_is_not_rounded_to_it(share: float, digits: int, text: str) -> None:
    """One nonzero weight among 10,000 is enough to keep a feature."""
    assert formatting.percent(share, digits) == text


def test_counts() -> None:
    assert [formatting.count(value) for value in (1234.0, None, math.nan)] == ["1,234", "none", "none"]


def test_plurals() -> None:
    assert [formatting.plural(rows, "row") for rows in (0, 1, 2, 1234)] == [
        "0 rows",
        "1 row",
        "2 rows",
        "1,234 rows",
    ]
    assert formatting.plural(2, "row was", "rows were") == "2 rows were"


def test_durations() -> None:
    """Minutes from 100 seconds on."""
    durations = [formatting.duration(value) for value in (0.25, 75.0, 125.0, 725.4, None)]
    assert durations == ["0.2 s", "75.0 s", "2 min 05 s", "12 min 05 s", "none"]


def test_names_with_values() -> None:
    """Small values have an exponent."""
    assert formatting.named_values({"l1": 3e-5, "dropout": 0.5, "learning_rate": 0.003}) == (
        "l1 3e-05, dropout 0.5, learning rate 0.003"
    )


def test_labels() -> None:
    labels = [formatting.metric_label(name) for name in ("pr_auc", "log_loss", "learning_rate")]
    assert labels == ["PR-AUC", "log loss", "learning rate"]


def test_only_the_first_letter_becomes_a_capital() -> None:
    assert [formatting.capitalize_first(text) for text in ("the AUC", "")] == ["The AUC", ""]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    """No line ends in spaces."""
    rows = [("name", "rows", "note"), ("a", "1234567", ""), ("longer", "1", "late")]
    assert formatting.aligned_columns(rows).splitlines() == [
        "name    rows     note",
        "a       1234567",
        "longer  1        late",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.87666, "0.8767"), (-0.5, "−0.5000"), (1234.5, "1,234.5000"), (math.nan, "NaN"), (math.inf, "infinite"),
     (None, "none"), ("text", "none"), (True, "none")],
)  # fmt: skip
def test_html_number(value: Any, expected: str) -> None:
    """Four decimals, commas, a real minus sign; "none" for anything that is not a number."""
    assert formatting.html_number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.01234, "+0.0123"), (-0.01234, "−0.0123"), (0, "0.0000"), (0.00001, "0.0000"), (None, "none"),
     (math.nan, "NaN")],
)  # fmt: skip
def test_html_difference(value: Any, expected: str) -> None:
    """A difference has a sign, except where four decimals show 0."""
    assert formatting.html_difference(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(41.0, "41"), (9.87654321, "9.87654"), (1234567.0, "1,234,567"), (-12345.678, "−12,345.7"), (1e-7, "1e−07"),
     (2493.25, "2,493.25"), (2.5e12, "2.5e+12"), (None, "none"), (math.nan, "NaN")],
)  # fmt: skip
def test_html_significant(value: Any, expected: str) -> None:
    """Six significant digits; whole and large numbers in full."""
    assert formatting.html_significant(value) == expected


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [([0.8, 0.9], "0.8000 to 0.9000"), (None, ""), ([None, None], ""), ([0.8], "")],
)
def test_html_interval(bounds: Any, expected: str) -> None:
    """Two bounds, or nothing."""
    assert formatting.html_interval(bounds) == expected


def test_html_interval_of_a_difference() -> None:
    assert formatting.html_interval([-0.01, 0.02], signed=True) == "−0.0100 to +0.0200"
