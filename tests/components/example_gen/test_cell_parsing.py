"""Numbers, missing values and invalid cells."""

import math

import pyarrow as pa
import pytest

from components.example_gen.cell_parsing import missing_markers, rejection_reason, to_floats

MISSING = missing_markers(("nan", "na", "-999"))


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
