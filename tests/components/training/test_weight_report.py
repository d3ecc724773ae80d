"""The report on the weights agrees with arithmetic by hand."""

import json

import keras
import numpy as np
import pytest

from components.config.model import ModelConfig
from components.training.network import build_model
from components.training.weight_report import sparsity_line, weight_report

NAMES = ["age", "größe", "<b>"]


def network(hidden: list[list[float]], output: list[float]) -> keras.Model:
    """Returns a network with three features and two hidden units; its biases of 7 must not affect any number."""
    model = build_model(3, ModelConfig(hidden_units=(2,), l1=1e-4, l2=1e-3, dropout=0.2))
    model.set_weights([np.array(hidden), np.full(2, 7.0), np.array(output).reshape(2, 1), np.array([7.0])])
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """The first feature has two nonzero weights, the second has a small one, the third has none."""
    return network([[3.0, -4.0], [0.0, 0.0005], [0.0, -0.0]], [1.0, 0.0])


def test_layers(model: keras.Model) -> None:
    """Fractions are of all weights of the layer; small weights are below 1e-3, including zeros."""
    hidden, output = weight_report(model, NAMES)["layers"]
    histograms = [layer.pop("histogram") for layer in (hidden, output)]
    assert hidden == {
        "name": "hidden_1",
        "weights": 6,
        "zero": pytest.approx(3 / 6),
        "small": pytest.approx(4 / 6),
        "l1_norm": pytest.approx(7.0005),
        "l2_norm": pytest.approx(np.sqrt(9 + 16 + 0.0005**2)),
    }
    assert output == {
        "name": "probability",
        "weights": 2,
        "zero": 0.5,
        "small": 0.5,
        "l1_norm": 1.0,
        "l2_norm": 1.0,
    }
    assert [(h["edges"][0], h["edges"][-1], sum(h["counts"])) for h in histograms] == [(-4, 3, 6), (0, 1, 2)]
    for histogram in histograms:
        assert len(histogram["edges"]) == len(histogram["counts"]) + 1


def test_features(model: keras.Model) -> None:
    """Each feature has the norm of its first-layer weights; it is dropped if all are 0 or -0."""
    report = weight_report(model, NAMES)
    assert report["features"] == [
        {"name": "age", "norm": pytest.approx(5.0)},
        {"name": "größe", "norm": pytest.approx(0.0005)},
        {"name": "<b>", "norm": 0.0},
    ]
    assert report["dropped"] == ["<b>"]


def test_a_feature_of_several_columns(model: keras.Model) -> None:
    """Its norm is that of all of them; the columns without a weight are named."""
    report = weight_report(model, ["age", "color", "color"], ["age", "color=red", "color other"])
    assert report["features"] == [
        {"name": "age", "norm": pytest.approx(5.0)},
        {"name": "color", "norm": pytest.approx(0.0005), "columns": 2, "dropped_columns": ["color other"]},
    ]
    assert report["dropped"] == []
    zeros = weight_report(
        network([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]], [1.0, 0.0]), ["age", "color", "color"]
    )
    assert zeros["dropped"] == ["color"]


def test_it_is_json(model: keras.Model) -> None:
    report = weight_report(model, NAMES)
    assert json.loads(json.dumps(report)) == report


def test_the_line_for_the_terminal(model: keras.Model) -> None:
    """4 of 8 weights are 0, and one of three features has only zeros."""
    assert sparsity_line(weight_report(model, NAMES)) == "2 of 3 features kept; 50% of the weights are zero"


def test_no_line_without_zeros() -> None:
    """There is no line, however small the weights are."""
    small = network([[1e-30, 1.0]] * 3, [1.0, 1.0])
    assert sparsity_line(weight_report(small, NAMES)) is None


def test_a_network_of_zeros() -> None:
    """Every feature is dropped, and the histogram counts all weights."""
    report = weight_report(network([[0.0, 0.0]] * 3, [0.0, 0.0]), NAMES)
    assert sparsity_line(report) == "0 of 3 features kept; 100% of the weights are zero"
    assert [sum(layer["histogram"]["counts"]) for layer in report["layers"]] == [6, 2]


def test_logistic_regression() -> None:
    """The output layer is the first layer."""
    model = build_model(3, ModelConfig(hidden_units=(), l1=1e-4, l2=1e-3))
    model.set_weights([np.array([[1.0], [0.0], [-2.0]]), np.array([0.0])])
    report = weight_report(model, NAMES)
    assert [layer["name"] for layer in report["layers"]] == ["probability"]
    assert [feature["norm"] for feature in report["features"]] == [1, 0, 2]
    assert report["dropped"] == ["größe"]


def test_a_name_for_each_feature(model: keras.Model) -> None:
    with pytest.raises(ValueError, match="argument 2 is longer than argument 1"):
        weight_report(model, NAMES[:2])
