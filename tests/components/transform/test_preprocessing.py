"""The vectors of rows after a real analysis, compared with arithmetic by hand."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.transform.vector import features_by_kind, read_layout, read_scaling

Columns = Mapping[str, Sequence[float]]
Analyze = Callable[[Columns], Any]

NAN = float("nan")
INFINITY = float("inf")


def vectors(output: Any, columns: Columns) -> npt.NDArray[np.float32]:
    """Returns the output of the Transform graph for these columns, without the label, as in the served model."""
    raw = {name: tf.constant(np.array(column, np.float32)[:, None]) for name, column in columns.items()}
    features = output.transform_features_layer()(raw)["features"]
    assert features.dtype == tf.float32
    array: npt.NDArray[np.float32] = features.numpy()
    return array


@pytest.fixture(scope="module")
def extremes(analyze: Analyze) -> Any:
    """The analysis of columns with extreme values."""
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
    """Returns the scaled values of one column, with zeros in the others."""
    names = ["constant", "far", "huge", "none", "tiny"]
    columns = dict.fromkeys(names, [0.0] * len(values)) | {name: values}
    result: list[float] = vectors(extremes, columns)[:, names.index(name)].tolist()
    return result


def test_training_rows(transformed: Any, table: Columns, table_vectors: list[list[float]]) -> None:
    """The minimum becomes 0, the maximum 1, others (x - min) / (max - min); NaN is replaced by the training mean."""
    raw = {name: column for name, column in table.items() if name != "y"}
    np.testing.assert_allclose(vectors(transformed, raw), table_vectors, atol=1e-7)


def test_bundles_run_again(
    analyze: Callable[..., Any], table: Columns, table_vectors: list[list[float]]
) -> None:
    """After the loss of a worker, parts of the analysis run again: minimum, maximum and mean stay the same.

    TFT's last step, which renames the folder of the graph, can't run again: if it is lost after that, the step fails.
    """
    raw = {name: column for name, column in table.items() if name != "y"}
    np.testing.assert_allclose(vectors(analyze(table, replays=2), raw), table_vectors, atol=1e-7)


def test_unseen_rows(transformed: Any, table: Columns) -> None:
    """Values outside of the training range become 0 or 1, also infinities; NaN becomes the training mean."""
    awkward = list(table)[2]
    raw = {"a": [-1.5, 3.5, NAN], "b": [NAN, -INFINITY, INFINITY], awkward: [51.0, NAN, 9.0]}
    # Means 0.75, 6 and 27.5: (0.75 + 1) / 4, (6 - 2) / 10, (27.5 - 10) / 40.
    expected = [[0.0, 0.4, 1.0], [1.0, 0.0, 0.4375], [0.4375, 1.0, 0.0]]
    np.testing.assert_allclose(vectors(transformed, raw), expected, atol=1e-7)


def test_a_constant_column_becomes_0(extremes: Any) -> None:
    """Even if the served value differs from that in training, or is missing."""
    assert served(extremes, "constant", [5.0, 6.0, NAN]) == [0, 0, 0]


def test_a_column_without_values_becomes_0(extremes: Any) -> None:
    """It has no mean, minimum or maximum, but its entry in the vector is finite."""
    assert served(extremes, "none", [NAN, 7.0, -3e38]) == [0, 0, 0]


def test_numbers_at_the_ends_of_float32(extremes: Any) -> None:
    """In float32, the sum or the range of these columns would overflow or lose all digits."""
    # The means are 0.5e38 and -2.5e38: (0.5 + 3) / 6 and (-2.5 + 3) / 1.
    assert served(extremes, "huge", [0.0, 3.4e38, NAN]) == pytest.approx([0.5, 1, 3.5 / 6])
    assert served(extremes, "far", [-2.25e38, -2e38, NAN, -3e38]) == pytest.approx([0.75, 1, 0.5, 0])
    assert served(extremes, "tiny", [3e-38, 0.0, 3.5e-38]) == pytest.approx([0.5, 0, 0.75])


FAR = {"a": [*range(19), 1e9, NAN], "y": [0, 1, 0] * 7}


@pytest.fixture(scope="module")
def far(analyze: Analyze) -> Any:
    """The analysis of FAR."""
    return analyze(FAR)


def test_values_far_from_the_others_are_clipped(far: Any, analyze: Callable[..., Any]) -> None:
    """The bounds are 0, the minimum, and 52 (see test_clipping.py); missing values become the mean (171 + 52) / 20.

    With `min_max`, 1e9 is the maximum, and the mean is (171 + 1e9) / 20.
    """
    raw = {"a": [0.0, 13.0, 52.0, 1e9, NAN]}
    clipped = vectors(far, raw)[:, 0].tolist()
    assert clipped == pytest.approx([0, 0.25, 1, 1, 11.15 / 52])
    as_they_are = vectors(analyze(FAR, scaling="min_max"), raw)[:, 0].tolist()
    assert as_they_are == pytest.approx([0, 1.3e-8, 5.2e-8, 1, (171 + 1e9) / 20 / 1e9])


def test_the_training_values_stay_as_they_are(far: Any) -> None:
    """The scaling has the minimum, maximum and mean before values are clipped, and the bounds after it."""
    assert read_scaling(far, "y").features["a"].model_dump() == pytest.approx(
        {"min": 0, "max": 1e9, "mean": (171 + 1e9) / 20, "low": 0, "high": 52, "imputed": 11.15}
    )


def test_means_and_the_share_of_missing_values_are_weighted(analyze: Callable[..., Any]) -> None:
    """The mean of 2 and 4 with the weights 0.5 and 1.5 is 3.5. By weight, 0.99% of a and 1.23% of b are missing."""
    columns = {
        "a": [2.0, 4.0, NAN, 3.5],
        "b": [2.0, 4.0, NAN, NAN],
        "w": [0.5, 1.5, 0.02, 0.005],
        "y": [0, 1, 0, 1],
    }
    transform = analyze(columns, weight="w", missing_indicator="auto")
    scaling = read_scaling(transform, "y", "w").features
    assert list(scaling) == ["a", "b"]
    for name in ("a", "b"):
        assert (scaling[name].mean, scaling[name].imputed) == pytest.approx((3.5, 3.5))
        assert (scaling[name].low, scaling[name].high) == (2, 4)
    assert read_layout(transform, "y", "w").names == ("a", "b", "b missing")


def test_an_integer_weight_equals_that_many_rows(analyze: Callable[..., Any]) -> None:
    """Also in the bounds, and in the mean of the clipped values; the graph does not need the weight of a row."""
    generator = np.random.default_rng(2)
    rows = 300
    weights = generator.integers(1, 6, rows)
    table = {
        "far": np.where(generator.random(rows) < 0.03, 1e6, generator.normal(size=rows)),
        "gaps": np.where(generator.random(rows) < 0.1, NAN, generator.normal(size=rows)),
        "y": generator.integers(0, 2, rows),
    }
    given = {name: values.tolist() for name, values in table.items()}
    repeated = {name: np.repeat(values, weights).tolist() for name, values in table.items()}
    weighted = analyze({**given, "w": weights.tolist()}, weight="w", missing_indicator="auto")
    plain = analyze(repeated, missing_indicator="auto")
    found, expected = read_scaling(weighted, "y", "w").features, read_scaling(plain, "y").features
    assert expected["far"].high is not None
    assert expected["far"].high < 1e6
    assert expected["far"].imputed != expected["far"].mean
    for name in ("far", "gaps"):
        assert found[name].model_dump() == pytest.approx(expected[name].model_dump(), rel=1e-6)
    assert read_layout(weighted, "y", "w") == read_layout(plain, "y")
    features = {name: given[name] for name in ("far", "gaps")}
    np.testing.assert_allclose(vectors(weighted, features), vectors(plain, features), atol=1e-6)


def test_the_order_of_the_rows_does_not_matter(analyze: Callable[..., Any]) -> None:
    """The rows in another order, in other bundles: the same bounds."""
    generator = np.random.default_rng(0)
    values = generator.lognormal(size=3_000)
    given, shuffled = (
        read_scaling(analyze({"a": rows.tolist(), "y": [0] * 3_000}), "y").features["a"]
        for rows in (values, generator.permutation(values))
    )
    assert given.max == np.float32(values.max())
    assert (given.low, given.high, given.imputed) == (shuffled.low, shuffled.high, shuffled.imputed)
    assert given.high is not None
    assert given.high < values.max()


def test_the_order_is_by_name() -> None:
    """By code point, each once, without the label, whatever the order in the file."""
    names = ["10", "9", "Z", "a", "b c", "é"]
    number, text = tf.io.FixedLenFeature([1], tf.float32), tf.io.FixedLenFeature([1], tf.string)
    for columns in (["b c", "é", "y", "Z", "a", "9", "10"], ["10", "Z", "9", "a", "é", "b c", "y"]):
        assert features_by_kind(dict.fromkeys(columns, number), "y") == (names, [])
        assert features_by_kind(dict.fromkeys(columns, text), "y") == ([], names)
    assert features_by_kind({"only": number}, "only") == ([], [])
    mixed = {"b": text, "w": number, "y": number, "a": number}
    assert features_by_kind(mixed, "y", weight="w") == (["a"], ["b"])
