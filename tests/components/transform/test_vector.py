"""What is read from the graph of Transform."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.common.scaling_record import FeatureScaling
from components.transform.vector import read_scaling

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
