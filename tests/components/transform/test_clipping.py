"""The bounds of single features, compared with arithmetic by hand."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from components.transform.clipping import feature_bounds

NAN = float("nan")
INFINITY = float("inf")


def weighted_bounds(values: Sequence[float], copies: int) -> tuple[float, float, float]:
    return feature_bounds(np.array(values, np.float32), np.full(len(values), copies))


def bounds(*values: float) -> tuple[float, float, float]:
    return weighted_bounds(values, 1)


def clipped_share(values: npt.NDArray[np.float64]) -> float:
    low, high, _ = bounds(*values)
    return float(np.mean((values < low) | (values > high)))


def test_one_value_in_twenty_is_left_out() -> None:
    """Of 0 to 18 and 1e9 (20 values), 0 and 1e9 are left out: 1 to 18, width 17, gives 1 - 34 and 18 + 34.

    The mean is that of 0 to 18 and 52: (171 + 52) / 20.
    """
    assert bounds(*range(19), 1e9) == pytest.approx((-33.0, 52.0, 11.15))
    assert bounds(*range(19), 1e9, NAN, NAN) == bounds(*range(19), 1e9)
    assert bounds(*(-value for value in range(19)), -1e9) == pytest.approx((-52.0, 33.0, -11.15))


def test_fewer_values_are_all_used() -> None:
    """With 19 values, none is left out: 0 to 18, width 18."""
    assert bounds(*range(19)) == (-36.0, 54.0, 9.0)


def test_copies_count() -> None:
    """The values 0 to 18 twice and 1e9 twice (40 values): 2 at each end are left out, as among 20."""
    assert weighted_bounds([*range(19), 1e9], 2) == bounds(*range(19), 1e9)


def test_weights_count_as_copies() -> None:
    """The value 1e9 with the weight 2 beside 0 to 18: as often as twice; the unit of the weights does not matter."""
    values = np.array([*range(19), 1e9], np.float32)
    weights = np.array([1.0] * 19 + [2.0])
    assert feature_bounds(values, weights) == bounds(*range(19), 1e9, 1e9)
    assert feature_bounds(values, weights / 8) == bounds(*range(19), 1e9, 1e9)


def test_a_value_that_most_rows_have() -> None:
    """The bounds are those of the other values, with it: 1 to 18 without 1e9, as above, extended to -100 or 60."""
    others = (*range(19), 1e9)
    assert bounds(*[-100.0] * 21, *others)[:2] == (-100.0, 52.0)
    assert bounds(*[60.0] * 21, *others)[:2] == (-33.0, 60.0)
    # In half of the rows: of 40 values 2 at each end are left out, which leaves -100 to 17.
    assert bounds(*[-100.0] * 20, *others)[:2] == (-100.0 - 2 * 117, 17.0 + 2 * 117)


def test_binary_columns() -> None:
    """Both values remain apart, however rare one of them is; a few values of 1e9 change nothing."""
    assert bounds(0, 1, 0, 1)[:2] == (-2.0, 3.0)
    assert bounds(*[0.0] * 999, 1.0) == (0.0, 1.0, 0.001)
    assert bounds(*[1.0] * 999, 0.0)[:2] == (0.0, 1.0)
    assert bounds(*[0.0] * 900, *[1.0] * 100, *[1e9] * 5)[:2] == (0.0, 1.0)


def test_no_bounds() -> None:
    """A constant column, and a column without values."""
    assert bounds(5.0, 5.0, NAN) == (-INFINITY, INFINITY, 5.0)
    assert bounds(NAN, NAN) == (-INFINITY, INFINITY, 0.0)
    assert bounds() == (-INFINITY, INFINITY, 0.0)


def test_a_large_offset_with_a_small_spread() -> None:
    """Between 1e6 - 1 and 1e6 + 1, in steps of 1/16, with one 1e9: 5% of 34 are 1 at each end."""
    low, high, _ = bounds(*(1e6 + step / 16 for step in range(-16, 17)), 1e9)
    assert (low, high) == (1e6 - 15 / 16 - 2 * 31 / 16, 1e6 + 1 + 2 * 31 / 16)


def test_the_ends_of_float32() -> None:
    """Nothing overflows, and nothing becomes 0."""
    tiny, huge = float(np.float32(1e-30)), float(np.float32(3e38))
    assert bounds(tiny, 2 * tiny) == (-tiny, 4 * tiny, 1.5 * tiny)
    assert bounds(-huge, huge) == (-5 * huge, 5 * huge, 0.0)


@pytest.mark.parametrize(
    ("name", "most"),
    [("normal", 0.0), ("uniform", 0.0), ("exponential", 3e-4), ("lognormal", 5e-3), ("laplace", 1e-4)],
)
def test_clean_columns_are_hardly_clipped(name: str, most: float) -> None:
    """Of 20,000 values of common distributions, no or few values are beyond the bounds.

    Exponential: the bounds are -ln 0.95 = 0.05 and -ln 0.05 = 3.0, and 3.0 + 2 * 2.94 = 8.9; exp(-8.9) = 1.4e-4.
    Log-normal: exp(-1.645) = 0.19, exp(1.645) = 5.2, 5.2 + 2 * 5 = 15.2 = exp(2.72), beyond which are 0.33%.
    """
    values = getattr(np.random.default_rng(0), name)(size=20_000)
    assert clipped_share(values) <= most
