"""Numbers, missing values and invalid cells."""

import math

import pyarrow as pa
import pytest

from components.example_gen.cell_parsing import CellFormat, missing_markers, rejection_reason, to_floats

MISSING = CellFormat(missing=missing_markers(("nan", "na", "-999")))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1", 1.0),
        (" +1.50 ", 1.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("1E5", 1e5),
        ("1e-50", 0.0),
        ("16777217", 16777216.0),
        ("00012", 12.0),
    ],
)
def test_numbers(cell: str, value: float) -> None:
    values, invalid = to_floats(pa.array([cell]), MISSING)
    assert values.tolist() == [value]
    assert not invalid.any()


@pytest.mark.parametrize(
    "cell", ["", "  ", "NA", " nA ", "NaN", "-nan", "+NAN", "nan(1)", "-999", " -999 ", None]
)
def test_missing_values(cell: str | None) -> None:
    values, invalid = to_floats(pa.array([cell], pa.string()), MISSING)
    assert math.isnan(values[0])
    assert not invalid.any()


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("abc", "column 'x': expected a number, found 'abc'"),
        ("1_000", "column 'x': expected a number, found '1_000'"),
        ("1,000", "column 'x': expected a number, found '1,000'"),
        ("0x10", "column 'x': expected a number, found '0x10'"),
        ("1e", "column 'x': expected a number, found '1e'"),
        ("1 2", "column 'x': expected a number, found '1 2'"),
        ("\N{FULLWIDTH DIGIT ONE}", "column 'x': expected a number, found '\N{FULLWIDTH DIGIT ONE}'"),
        ("inf", "column 'x': infinity"),
        ("-Infinity", "column 'x': infinity"),
        ("1e39", "column 'x': 1e39 is too large for a 32-bit float"),
        ("1e400", "column 'x': 1e400 is too large for a 32-bit float"),
        ("z" * 50, "column 'x': expected a number, found '" + "z" * 39 + "…'"),
    ],
)
def test_invalid_cells(cell: str, reason: str) -> None:
    _, invalid = to_floats(pa.array([cell]), MISSING)
    assert invalid.all()
    assert rejection_reason("x", cell) == reason


@pytest.mark.parametrize(
    ("cell", "decimal", "thousands", "value"),
    [
        ("0,12", ",", "", 0.12),
        ("-1.234.567,5", ",", ".", -1234567.5),
        ("1234,5e2", ",", ".", 123450.0),
        ("12,345", ".", ",", 12345.0),
        ("1,234,567.25", ".", ",", 1234567.25),
        ("1'000", ".", "'", 1000.0),
        ("1\N{NO-BREAK SPACE}234 567,5", ",", " ", 1234567.5),
        ("\N{MINUS SIGN}3.5", ".", "", -3.5),
    ],
)
def test_decimal_marks_and_thousands_separators(
    cell: str, decimal: str, thousands: str, value: float
) -> None:
    cells = CellFormat(decimal=decimal, thousands=thousands)
    values, invalid = to_floats(pa.array([cell]), cells)
    assert values.tolist() == [pytest.approx(value, rel=1e-7)]
    assert not invalid.any()


@pytest.mark.parametrize(
    ("cell", "decimal", "thousands"),
    [
        ("1.5", ",", ""),
        ("1.5", ",", "."),  # not 15
        ("1,5", ".", ","),
        ("1,23,456", ".", ","),
        (",234", ".", ","),
        ("12,3456", ".", ","),
        ("1234,567", ".", ","),
    ],
)
def test_marks_in_other_places_are_invalid(cell: str, decimal: str, thousands: str) -> None:
    _, invalid = to_floats(pa.array([cell]), CellFormat(decimal=decimal, thousands=thousands))
    assert invalid.all()


def test_boolean_columns() -> None:
    """Words and the numbers 0 and 1; anything else is invalid."""
    texts = ["True", "FALSE", " yes ", "n", "1", "0.0", "", "NA", "2", "maybe"]
    values, invalid = to_floats(pa.array(texts), MISSING, boolean=True)
    assert values[:6].tolist() == [1, 0, 1, 0, 1, 0]
    assert [math.isnan(value) for value in values[6:8]] == [True, True]
    assert invalid.tolist() == [False] * 8 + [True] * 2
    assert rejection_reason("x", "2", boolean=True) == "column 'x': expected true or false, found '2'"
