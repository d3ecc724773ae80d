"""The dropped outputs depend only on seed, step, layer and the row's position in the global batch."""

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.training.dropout import Dropout, DropoutMasks, training_forward_pass
from components.training.network import build_model
from components.training.stack import build_stack

Array = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A network with hidden layers of 64 and 32 units, and dropout rates of 0.25 and 0.5."""
    return build_model(2, ModelConfig(hidden_units=(64, 32), dropout=(0.25, 0.5), l1=1e-4, l2=1e-3))


def masks(model: keras.Model, step: int = 0, seed: int = 1, rows: int = 100) -> list[Array]:
    return [mask.numpy() for mask in DropoutMasks(model, [seed], rows)(tf.constant(step))]


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


@pytest.mark.parametrize("rows", [1, 33])
def test_the_random_numbers_are_split_mix_64(rows: int) -> None:
    """With a rate of 0.2, a unit is dropped if its 16 bits, as a signed number, are below 0.2 * 65,536 - 32,768.

    The 64-bit numbers are those of Java's SplittableRandom with the seed of the training, from the first one that the
    steps before have not used. The lowest bits of each come first.
    """
    model = build_model(2, ModelConfig(hidden_units=(5, 2), dropout=0.2, l1=0.0, l2=0.0))
    (first, second), step, words = masks(model, step=3, seed=9, rows=rows), 3, -(-rows * 7 // 4)
    lanes: list[int] = []
    for number in range(step * words + 1, (step + 1) * words + 1):
        z = (9 + number * 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        z ^= z >> 31
        lanes += [(z >> shift) % 2**16 for shift in (0, 16, 32, 48)]
    signed = np.array(lanes[: rows * 7], np.uint16).astype(np.int16).reshape(rows, 7)
    expected = np.where(signed >= 13_107 - 32_768, np.float32(65_536 / (65_536 - 13_107)), 0)
    assert np.array_equal(np.hstack([first, second]), expected)


@pytest.mark.parametrize("rate", [1e-9, 1 - 1e-9])
def test_a_rate_near_0_or_1_is_that_of_a_65536th(rate: float) -> None:
    """At most 65,535 of 65,536 outputs are dropped, so that the factor of the others is finite."""
    model = build_model(2, ModelConfig(hidden_units=(64,), dropout=rate, l1=0.0, l2=0.0))
    (mask,) = masks(model, rows=10_000)
    assert set(np.unique(mask)) == ({1.0} if rate < 0.5 else {0.0, 65_536.0})


def test_each_network_of_a_stack_has_its_rate_and_seed() -> None:
    """With one seed, the network with the lower rate drops a part of what the other drops; seeds are independent."""
    networks = [ModelConfig(hidden_units=(64,), dropout=rate, l1=0.0, l2=0.0) for rate in (0.25, 0.5)]
    weights = build_model(2, networks[0]).get_weights()
    stack = build_stack(networks, [weights] * 2, np.zeros(2, np.float32))
    (low, high) = masks(stack)[0]
    assert np.all(high[low == 0] == 0)
    assert (np.mean(low == 0), np.mean(high == 0)) == pytest.approx((0.25, 0.5), abs=0.025)
    (low, high) = DropoutMasks(stack, [1, 2], 100)(tf.constant(0))[0].numpy()
    assert np.array_equal(low, masks(stack, seed=1)[0][0])
    assert np.array_equal(high, masks(stack, seed=2)[0][1])


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
