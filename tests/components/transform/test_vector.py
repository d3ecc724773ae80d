"""The columns of the vector, and what is read from the graph of Transform."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from components.common.scaling_record import FeatureScaling
from components.transform.vector import read_layout, read_scaling, vector_layout

Columns = Mapping[str, Sequence[float]]
NAN = float("nan")
AWKWARD = "Δ-price. 'a/b' \"x\" <script>"


def test_the_scaling_of_each_feature(transformed: Any) -> None:
    """In the order of the vector. Without extreme values, the bounds are the minimum and the maximum."""
    assert list(read_scaling(transformed, "y").features.items()) == [
        ("a", FeatureScaling(min=-1.0, max=3.0, mean=0.75, low=-1.0, high=3.0, imputed=0.75)),
        ("b", FeatureScaling(min=2.0, max=12.0, mean=6.0, low=2.0, high=12.0, imputed=6.0)),
        (AWKWARD, FeatureScaling(min=10.0, max=50.0, mean=27.5, low=10.0, high=50.0, imputed=27.5)),
    ]


def test_columns_with_one_value_and_with_none(analyze: Callable[[Columns], Any]) -> None:
    """A column without values has no range; JSON has no infinity."""
    transform = analyze({"constant": [5.0, NAN], "none": [NAN, NAN], "y": [0, 1]})
    assert read_scaling(transform, "y").features == {
        "constant": FeatureScaling(min=5.0, max=5.0, mean=5.0, low=5.0, high=5.0, imputed=5.0),
        "none": FeatureScaling(),
    }


def test_which_features_have_an_indicator(analyze: Callable[..., Any]) -> None:
    """Those of which more than 1% is missing in the training split, unless all are; with `none`, no feature."""
    rows = [*range(98)]
    columns = {
        "one in 100": [*map(float, rows), 98.0, NAN],
        "two in 100": [*map(float, rows), NAN, NAN],
        "all": [NAN] * 100,
        "half": [NAN, 1.0] * 50,
        "y": [0, 1] * 50,
    }
    layout = read_layout(analyze(columns, missing_indicator="auto"), "y")
    assert layout.names == (
        "all", "half", "one in 100", "two in 100", "half missing", "two in 100 missing",
    )  # fmt: skip
    assert layout.width == 6
    without = read_layout(analyze(columns, missing_indicator="none"), "y")
    assert without.names == ("all", "half", "one in 100", "two in 100")


def test_the_vector_has_the_indicators_at_its_end() -> None:
    """The features come first, then the indicators, in the order of the features."""
    outputs = {
        "features": tf.constant([[0.5, 0.25, 1.0], [0.0, 0.5, 0.75]]),
        "missing": tf.constant([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]),
    }
    layout = vector_layout(["a", "b", "c"], [0, 2])
    assert layout.names == ("a", "b", "c", "a missing", "c missing")
    assert layout.assemble(outputs).numpy().tolist() == [
        [0.5, 0.25, 1.0, 0.0, 1.0],
        [0.0, 0.5, 0.75, 1.0, 0.0],
    ]
    assert vector_layout(["a", "b", "c"], []).assemble(outputs).numpy().tolist() == [
        [0.5, 0.25, 1.0],
        [0.0, 0.5, 0.75],
    ]


def test_a_feature_with_the_name_of_an_indicator() -> None:
    """The names are distinct."""
    names = vector_layout(["a", "a missing"], [0, 1]).names
    assert names == ("a", "a missing", "a missing (indicator)", "a missing missing")
