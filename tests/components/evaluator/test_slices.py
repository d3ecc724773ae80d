"""Slices by ranges of a numeric feature, and by texts of a categorical one."""

import numpy as np

from components.config.evaluation import CategorySliceConfig, SliceConfig
from components.evaluator.slices import slices, text_numbers

NAN = float("nan")


def test_each_row_is_in_one_range() -> None:
    """An edge belongs to the range below it; the outer ranges include infinity; NaN is missing."""
    values = np.array([-np.inf, 0.0, 0.1, 0.1000001, 5.0, 7.0, np.inf, NAN], np.float32)
    found = list(slices(SliceConfig(feature="x", edges=(0.1, 5.0)), values))
    assert [(part.name, np.flatnonzero(part.rows).tolist()) for part in found] == [
        ("x <= 0.1", [0, 1, 2]),
        ("0.1 < x <= 5", [3, 4]),
        ("x > 5", [5, 6]),
        ("x missing", [7]),
    ]
    ends = [(part.above, part.up_to, part.missing) for part in found]
    assert ends == [(None, 0.1, False), (0.1, 5.0, False), (5.0, None, False), (None, None, True)]


def test_edges_that_are_equal_in_six_digits_have_different_names() -> None:
    """Slices are identified by their names."""
    found = slices(SliceConfig(feature="x", edges=(1000000.5, 1000001.5)), np.zeros(1, np.float32))
    assert [part.name for part in found][:2] == ["x <= 1000000.5", "1000000.5 < x <= 1000001.5"]


def test_each_text_is_in_one_slice() -> None:
    """The listed ones, all others together, and missing values; other slices of the feature may know more texts."""
    texts = np.array([b"Paris", b"Rom", b"", "Köln".encode(), b"paris", b"Paris"], object)
    known = ("Oslo", "Köln", "Paris")
    numbers = text_numbers(texts, known)
    np.testing.assert_array_equal(numbers, [2, 3, NAN, 1, 3, 2])
    found = list(slices(CategorySliceConfig(feature="city", values=("Paris", "Oslo")), numbers, known))
    assert [(part.name, part.value, part.missing, np.flatnonzero(part.rows).tolist()) for part in found] == [
        ("city = Paris", "Paris", False, [0, 5]),
        ("city = Oslo", "Oslo", False, []),
        ("city: all others", None, False, [1, 3, 4]),
        ("city missing", None, True, [2]),
    ]
    assert sum(part.rows.sum() for part in found) == texts.size
