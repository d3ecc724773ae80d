"""The dropped outputs depend only on seed, step, layer and the row's position in the global batch."""

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.training.dropout import Dropout, dropout_masks, training_forward_pass
from components.training.network import build_model

Array = npt.NDArray[np.float32]
WHOLE = slice(None)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A network with hidden layers of 64 and 32 units, and dropout rates of 0.25 and 0.5."""
    return build_model(2, ModelConfig(hidden_units=(64, 32), dropout=(0.25, 0.5), l1=1e-4, l2=1e-3))


def masks(
    model: keras.Model, step: int = 0, seed: int = 1, rows: int = 100, share: slice = WHOLE
) -> list[Array]:
    return [
        mask.numpy() for mask in dropout_masks(model, [seed], tf.constant(step), tf.constant(rows), share)
    ]


def test_each_layer_drops_its_share(model: keras.Model) -> None:
    """Factors are 0 or 1 / (1 - rate); the fractions of zeros are the rates, within four standard deviations."""
    first, second = masks(model)
    assert (first.shape, second.shape) == ((100, 64), (100, 32))
    assert set(np.unique(first)) == {np.float32(0), np.float32(1 / 0.75)}
    assert set(np.unique(second)) == {np.float32(0), np.float32(2)}
    assert np.mean(first == 0) == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 6400))
    assert np.mean(second == 0) == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 3200))


def test_equal_seeds_and_steps_give_equal_masks(model: keras.Model) -> None:
    """There is no state: the same seed and step give the same masks, others give different masks."""
    (first, second), again = masks(model, step=5, seed=3), masks(model, step=5, seed=3)
    assert np.array_equal(first, again[0])
    assert np.array_equal(second, again[1])
    for other in (masks(model, step=6, seed=3), masks(model, step=5, seed=4)):
        # Two independent masks differ in 2 * 0.25 * 0.75 = 37.5% and in half of their places.
        assert np.mean(first != other[0]) == pytest.approx(0.375, abs=0.03)
        assert np.mean(second != other[1]) == pytest.approx(0.5, abs=0.04)


def test_rows_units_and_layers_are_independent(model: keras.Model) -> None:
    """No two rows, units or layers have the same mask, and neighbours are not correlated."""
    first, second = masks(model)
    assert len(np.unique(first, axis=0)) == 100
    assert len(np.unique(first, axis=1)[0]) == 64
    for one, other in ((first[1:], first[:-1]), (first[:, 1:], first[:, :-1]), (first[:, :32], second)):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(one.size)


@pytest.mark.parametrize("replicas", [1, 2, 3, 4])
@pytest.mark.parametrize("rows", [1, 8, 33])
def test_replicas_share_one_mask(model: keras.Model, replicas: int, rows: int) -> None:
    """Replica i of n has the rows i, i + n, i + 2n, ... of the mask of a single device."""
    (whole, _) = masks(model, rows=rows)
    for replica in range(replicas):
        (part, _) = masks(model, rows=rows, share=slice(replica, None, replicas))
        assert np.array_equal(part, whole[replica::replicas])


def test_without_dropout_nothing_is_drawn() -> None:
    model = build_model(2, ModelConfig(hidden_units=(4,), dropout=0.0, l1=1e-4, l2=1e-3))
    assert masks(model) == []
    x = np.array([[0.25, 0.5]], np.float32)
    np.testing.assert_array_equal(training_forward_pass(model, tf.constant(x), []), model(x))


def test_the_forward_pass_by_hand() -> None:
    """Each mask is applied to the outputs of its own layer, after the activation."""
    model = build_model(2, ModelConfig(hidden_units=(2, 1), dropout=(0.5, 0.2), l1=1e-4, l2=1e-3))
    kernels = [[[1.0, -1.0], [1.0, 2.0]], [[1.0], [1.0]], [[0.5]]]
    biases = [[0.0, 0.0], [0.5], [0.0]]
    model.set_weights([np.array(w) for pair in zip(kernels, biases, strict=True) for w in pair])
    # x = (1, 1): hidden_1 = (2, 1), kept (0, 2 * 1); hidden_2 = 0 + 2 + 0.5 = 2.5, kept 1.25 * 2.5 = 3.125
    given = [tf.constant([[0.0, 2.0]]), tf.constant([[1.25]])]
    p = training_forward_pass(model, tf.constant([[1.0, 1.0]]), given)
    assert float(p[0, 0]) == pytest.approx(1 / (1 + np.exp(-0.5 * 3.125)), rel=1e-6)


def test_the_served_graph_has_no_dropout(model: keras.Model) -> None:
    """In a call of the model, Dropout layers add no operation: none is random, none has their name."""
    graph = (
        tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec([None, 2])).graph
    )
    operations = [(op.type, op.name) for op in graph.get_operations()]
    assert any(kind == "MatMul" for kind, _ in operations)
    assert not [o for o in operations if "andom" in o[0] or "dropout" in o[1]]


def test_the_layer_can_be_recreated_from_its_config() -> None:
    layer = Dropout(0.25, name="dropout_1")
    again = Dropout.from_config(layer.get_config())
    assert (again.rate, again.name) == (0.25, "dropout_1")
