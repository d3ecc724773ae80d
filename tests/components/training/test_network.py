"""The layers of the network, and penalties that equal arithmetic by hand."""

import keras
import numpy as np
import pytest

from components.config.model import ModelConfig
from components.training.dropout import Dropout
from components.training.network import build_model, kernels

Strength = float | tuple[float, ...]


def layers(model: keras.Model) -> list[tuple[str, str]]:
    return [(layer.name, type(layer).__name__) for layer in model.layers[1:]]


def penalty(model: keras.Model) -> float:
    return float(sum(float(loss) for loss in model.losses))


def with_weights(settings: ModelConfig) -> keras.Model:
    """Two inputs, hidden layers of two units and of one: kernels [[1, -2], [3, -4]], [[5], [-6]] and [[7]]."""
    model = build_model(2, settings)
    kernels = [[[1.0, -2.0], [3.0, -4.0]], [[5.0], [-6.0]], [[7.0]]]
    biases = [[100.0, 100.0], [100.0], [100.0]]
    model.set_weights([np.array(w) for pair in zip(kernels, biases, strict=True) for w in pair])
    return model


@pytest.mark.parametrize(
    ("l1", "l2", "expected"),
    [
        (0.5, 0.0, 0.5 * 10 + 0.5 * 11 + 0.5 * 7),
        (0.0, 0.25, 0.25 * 30 + 0.25 * 61 + 0.25 * 49),
        (0.5, 0.25, 5 + 5.5 + 3.5 + 7.5 + 15.25 + 12.25),
        ((0.5, 0.0, 2.0), 0.0, 0.5 * 10 + 2 * 7),
        (0.0, (0.0, 0.25, 1.0), 0.25 * 61 + 49),
        ((0.5, 0.0, 0.0), (0.0, 0.0, 1.0), 5 + 49),
    ],
)
def test_every_kernel_is_penalized(l1: Strength, l2: Strength, expected: float) -> None:
    """l1 * sum(|w|) + l2 * sum(w ** 2) over the kernels of all layers, or each with a strength of its own."""
    model = with_weights(ModelConfig(hidden_units=(2, 1), l1=l1, l2=l2, dropout=0.2))
    assert penalty(model) == pytest.approx(expected, rel=1e-6)


def test_biases_are_not_penalized() -> None:
    """If every kernel is 0, the penalty is 0, for any biases."""
    model = with_weights(ModelConfig(hidden_units=(2, 1), l1=1.0, l2=1.0, dropout=0.2))
    model.set_weights([w * (w.ndim == 1) for w in model.get_weights()])
    assert [w.sum() for w in model.get_weights()] == [0, 200, 0, 100, 0, 100]
    assert penalty(model) == 0


def test_kernels_come_with_their_strengths() -> None:
    """From the input to the output, without biases."""
    model = with_weights(
        ModelConfig(hidden_units=(2, 1), l1=(0.0, 0.5, 0.0), l2=(0.0, 0.0, 0.25), dropout=0.2)
    )
    assert [(k.layer, k.weights.shape, k.l1, k.l2) for k in kernels(model)] == [
        ("hidden_1", (2, 2), 0.0, 0.0),
        ("hidden_2", (2, 1), 0.5, 0.0),
        ("probability", (1, 1), 0.0, 0.25),
    ]


def test_without_a_hidden_layer_the_output_is_penalized() -> None:
    """Logistic regression: 0.5 * (1 + 2) + 0.25 * (1 + 4); the bias is not regularized."""
    model = build_model(2, ModelConfig(hidden_units=(), l1=0.5, l2=0.25))
    model.set_weights([np.array([[1.0], [-2.0]]), np.array([100.0])])
    assert penalty(model) == pytest.approx(2.75)
    assert layers(model) == [("probability", "Dense")]


def test_dropout_follows_each_hidden_layer() -> None:
    """It has the configured rate, and there is none after the output layer."""
    model = build_model(3, ModelConfig(hidden_units=(4, 2), dropout=0.25, l1=1e-4, l2=1e-3))
    assert layers(model) == [
        ("hidden_1", "Dense"),
        ("dropout_1", "Dropout"),
        ("hidden_2", "Dense"),
        ("dropout_2", "Dropout"),
        ("probability", "Dense"),
    ]
    assert [layer.rate for layer in model.layers if isinstance(layer, Dropout)] == [0.25, 0.25]


def test_dropout_of_one_layer() -> None:
    """A list has a rate for each hidden layer; a rate of 0 adds no layer."""
    model = build_model(3, ModelConfig(hidden_units=(4, 2), dropout=(0.0, 0.5), l1=1e-4, l2=1e-3))
    assert layers(model) == [
        ("hidden_1", "Dense"),
        ("hidden_2", "Dense"),
        ("dropout_2", "Dropout"),
        ("probability", "Dense"),
    ]
    assert [layer.rate for layer in model.layers if isinstance(layer, Dropout)] == [0.5]


def test_the_baseline_has_no_regularization() -> None:
    """No penalty and no dropout layer; units and activations are the candidate's."""
    model = build_model(
        3, ModelConfig(hidden_units=(4, 2), l1=1.0, l2=1.0, dropout=0.5).without_regularization()
    )
    assert model.losses == []
    assert layers(model) == [("hidden_1", "Dense"), ("hidden_2", "Dense"), ("probability", "Dense")]
    assert [layer.kernel_regularizer for layer in model.layers[1:]] == [None] * 3
    assert [layer.units for layer in model.layers[1:]] == [4, 2, 1]
    assert [layer.activation.__name__ for layer in model.layers[1:]] == ["relu", "relu", "sigmoid"]


def test_candidate_and_baseline_start_from_the_same_weights() -> None:
    """Equal seeds give equal initial weights, so that only regularization causes a difference at the end."""
    candidate = ModelConfig(hidden_units=(4, 3), l1=0.1, l2=0.1, dropout=0.5)

    def initial(seed: int, settings: ModelConfig) -> list[list[float]]:
        keras.utils.set_random_seed(seed)
        return [weights.ravel().tolist() for weights in build_model(3, settings).get_weights()]

    assert initial(7, candidate) == initial(7, candidate.without_regularization())
    assert initial(7, candidate) != initial(8, candidate)


def test_the_output_is_a_probability() -> None:
    """The forward pass by hand: ReLU in the hidden layers, then the logistic function."""
    model = with_weights(ModelConfig(hidden_units=(2, 1), l1=1e-4, l2=1e-3, dropout=0.2))
    model.set_weights([w / 100 for w in model.get_weights()])
    # x = (1, 2): hidden_1 = (0.01 + 0.06 + 1, -0.02 - 0.08 + 1) = (1.07, 0.9)
    # hidden_2 = 0.05 * 1.07 - 0.06 * 0.9 + 1 = 0.9995; output = sigmoid(0.07 * 0.9995 + 1)
    # x = (0, 100): hidden_1 = (3 + 1, relu(-4 + 1) = 0); hidden_2 = 0.05 * 4 + 1 = 1.2
    x = np.array([[1.0, 2.0], [0.0, 100.0]], np.float32)
    expected = 1 / (1 + np.exp(-np.array([[0.07 * 0.9995 + 1], [0.07 * 1.2 + 1]])))
    np.testing.assert_allclose(model(x), expected, rtol=1e-6)
