"""The vector of a row, worked by hand, after a real analysis."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.transform.preprocessing import feature_names

Columns = Mapping[str, Sequence[float]]
Analyze = Callable[[Columns], Any]

NAN = float("nan")
INFINITY = float("inf")


def vectors(output: Any, columns: Columns) -> npt.NDArray[np.float32]:
    """What the Transform graph makes of these columns when the model is served, without the label."""
    raw = {name: tf.constant(np.array(column, np.float32)[:, None]) for name, column in columns.items()}
    features = output.transform_features_layer()(raw)["features"]
    assert features.dtype == tf.float32
    array: npt.NDArray[np.float32] = features.numpy()
    return array


@pytest.fixture(scope="module")
def extremes(analyze: Analyze) -> Any:
    """The analysis of columns that no formula likes."""
    return analyze(
        {
            "constant": [5.0, 5.0, NAN],
            "far": [-2e38, NAN, -3e38],
            "huge": [-3e38, 3e38, 1.5e38],
            "none": [NAN, NAN, NAN],
            "tiny": [2e-38, 3e-38, 4e-38],
            "y": [0, 1, 1],
        }
    )


def served(extremes: Any, name: str, values: Sequence[float]) -> list[float]:
    """What these values of one column become beside zeros in the others."""
    names = ["constant", "far", "huge", "none", "tiny"]
    columns = dict.fromkeys(names, [0.0] * len(values)) | {name: values}
    result: list[float] = vectors(extremes, columns)[:, names.index(name)].tolist()
    return result


def test_training_rows(transformed: Any, table: Columns, table_vectors: list[list[float]]) -> None:
    """The minimum becomes 0, the maximum 1, (x - min) / (max - min) between; NaN what the training mean becomes."""
    raw = {name: column for name, column in table.items() if name != "y"}
    np.testing.assert_allclose(vectors(transformed, raw), table_vectors, atol=1e-7)


def test_each_bundle_again(
    analyze: Callable[..., Any], table: Columns, table_vectors: list[list[float]]
) -> None:
    """Where a worker is lost, a part of the analysis is done again: minimum, maximum and mean stay as they were.

    What is not done again is TFT's last step, which renames the graph to its place: lost after that, the step fails.
    """
    raw = {name: column for name, column in table.items() if name != "y"}
    np.testing.assert_allclose(vectors(analyze(table, replays=2), raw), table_vectors, atol=1e-7)


def test_unseen_rows(transformed: Any, table: Columns) -> None:
    """Outside of the training range is 0 or 1, infinities too; NaN is the mean of training, not of the rows at hand."""
    awkward = list(table)[2]
    raw = {"a": [-1.5, 3.5, NAN], "b": [NAN, -INFINITY, INFINITY], awkward: [51.0, NAN, 9.0]}
    # Means 0.75, 6 and 27.5: (0.75 + 1) / 4, (6 - 2) / 10, (27.5 - 10) / 40.
    expected = [[0.0, 0.4, 1.0], [1.0, 0.0, 0.4375], [0.4375, 1.0, 0.0]]
    np.testing.assert_allclose(vectors(transformed, raw), expected, atol=1e-7)


def test_a_constant_column_becomes_0(extremes: Any) -> None:
    """Even where the value served is not the one trained on, or is missing: nothing was learned from it."""
    assert served(extremes, "constant", [5.0, 6.0, NAN]) == [0, 0, 0]


def test_a_column_without_values_becomes_0(extremes: Any) -> None:
    """It has no mean, minimum or maximum; its place in the vector is finite all the same."""
    assert served(extremes, "none", [NAN, 7.0, -3e38]) == [0, 0, 0]


def test_numbers_at_the_ends_of_float32(extremes: Any) -> None:
    """The sum or the width of these columns overflows float32, or loses all digits in it."""
    # The means are 0.5e38 and -2.5e38: (0.5 + 3) / 6 and (-2.5 + 3) / 1.
    assert served(extremes, "huge", [0.0, 3.4e38, NAN]) == pytest.approx([0.5, 1, 3.5 / 6])
    assert served(extremes, "far", [-2.25e38, -2e38, NAN, -3e38]) == pytest.approx([0.75, 1, 0.5, 0])
    assert served(extremes, "tiny", [3e-38, 0.0, 3.5e-38]) == pytest.approx([0.5, 0, 0.75])


def test_the_order_is_by_name() -> None:
    """By code point, each once, without the label, whatever the order in the file; the rows above show the effect."""
    names = ["10", "9", "Z", "a", "b c", "é"]
    for columns in (["b c", "é", "y", "Z", "a", "9", "10"], ["10", "Z", "9", "a", "é", "b c", "y"]):
        assert feature_names(columns, "y") == names
        assert feature_names(dict.fromkeys(columns), "y") == names
    assert feature_names(["only"], "only") == []
