"""The categories of categorical features after a real analysis, compared with counts by hand."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import tensorflow as tf

from components.common.scaling_record import FeatureCategories
from components.transform.vector import read_layout, read_scaling, vector_layout

Columns = Mapping[str, Sequence[Any]]

COLORS = ["red"] * 3 + ["blue"] * 4 + ["größe"] * 3 + ["rare"] + [""] * 2
SHAPES = ["round"] * 6 + ["flat"] * 6 + [""]
ROWS = {"color": COLORS, "x": [float(row) for row in range(13)], "shape": SHAPES, "y": [0, 1] * 6 + [0]}


@pytest.fixture(scope="module")
def analyzed(analyze: Callable[..., Any]) -> Any:
    """The analysis of 13 rows, with categories of at least 2 rows."""
    return analyze(ROWS, min_category_count=2)


def served(transform: Any, columns: Columns) -> list[list[float]]:
    """Returns the vectors of rows, as the exported model makes them."""
    raw = {name: tf.constant(column)[:, None] for name, column in columns.items()}
    outputs = transform.transform_features_layer()(raw)
    vectors: list[list[float]] = read_layout(transform, "y").assemble(outputs).numpy().tolist()
    return vectors


def test_the_categories(analyzed: Any) -> None:
    """The most frequent text first, of equally frequent ones the smaller one; then missing values, and all others."""
    scaling = read_scaling(analyzed, "y")
    assert list(scaling.features) == ["x"]
    assert scaling.categories == {
        "color": FeatureCategories(rows={"blue": 4, "größe": 3, "red": 3}, missing_rows=2, other_rows=1),
        "shape": FeatureCategories(rows={"flat": 6, "round": 6}, other_rows=1),
    }
    assert list(scaling.categories["color"].rows) == ["blue", "größe", "red"]


def test_the_columns_of_the_vector(analyzed: Any) -> None:
    """Numbers first, then the categories by feature; a report lists all columns of a feature as one."""
    layout = read_layout(analyzed, "y")
    assert layout.names == (
        "x", "color=blue", "color=größe", "color=red", "color missing", "color other",
        "shape=flat", "shape=round", "shape other",
    )  # fmt: skip
    assert layout.features == ("x", *["color"] * 5, *["shape"] * 3)
    assert layout.width == 9


def test_the_vectors(analyzed: Any) -> None:
    """1 for the category of the row. A rare or an unseen text is another one, and so is a rare missing value."""
    colors = ["red", "", "rare", "unseen", "größe"]
    shapes = ["flat", "", "round", "Flat", "flat "]
    assert served(analyzed, {"x": [0.0, 6.0, 12.0, 0.0, 12.0], "color": colors, "shape": shapes}) == [
        [0.0, 0, 0, 1, 0, 0, 1, 0, 0],
        [0.5, 0, 0, 0, 1, 0, 0, 0, 1],
        [1.0, 0, 0, 0, 0, 1, 0, 1, 0],
        [0.0, 0, 0, 0, 0, 1, 0, 0, 1],
        [1.0, 0, 1, 0, 0, 0, 0, 0, 1],
    ]


def test_the_most_frequent_categories(analyze: Callable[..., Any]) -> None:
    """At most max_categories of them, missing values not counted; the rest is in the column of all others."""
    transform = analyze(ROWS, max_categories=1, min_category_count=1)
    assert read_layout(transform, "y").names == (
        "x", "color=blue", "color missing", "color other", "shape=flat", "shape missing", "shape other",
    )  # fmt: skip


def test_only_categorical_features(analyze: Callable[..., Any]) -> None:
    """A table needs no numbers. Where no training row has another text, such a text has no column."""
    transform = analyze({"answer": ["no", "yes", "yes"], "y": [0, 1, 1]}, min_category_count=1)
    assert read_layout(transform, "y").names == ("answer=yes", "answer=no")
    assert served(transform, {"answer": ["yes", "no", "maybe", ""]}) == [[1, 0], [0, 1], [0, 0], [0, 0]]


def test_bundles_run_again(analyze: Callable[..., Any], analyzed: Any) -> None:
    """After the loss of a worker, parts of the analysis run again: the counts stay the same."""
    again = analyze(ROWS, min_category_count=2, replays=2)
    assert read_scaling(again, "y").categories == read_scaling(analyzed, "y").categories


def test_distinct_names() -> None:
    """A numeric feature may have the name of a category."""
    categories = {"a": FeatureCategories(rows={"b": 5})}
    assert vector_layout(["a=b"], [], categories).names == ("a=b", "a=b (category)")
