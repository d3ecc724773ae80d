"""The exported model as TF Serving runs it, in a session, beside the reloaded model and the network in memory.

TF Serving restores the variables with the saver in the graph (LoadSavedModel in tensorflow/cc/saved_model/loader.cc)
and feeds the tensors that a signature names, where `tf.saved_model.load` goes by the object graph: both must be right.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.saved_model.export import export
from components.saved_model.input_names import input_names
from components.training.network import build_model
from components.transform.vector import VECTOR

Columns = Mapping[str, Sequence[float]]
Floats = npt.NDArray[np.float32]
Answers = dict[str, Floats]
NAN, INFINITY = float("nan"), float("inf")
LARGEST = float(np.finfo(np.float32).max)
DENORMAL = float(np.finfo(np.float32).smallest_subnormal)
EXTREMES = [NAN, INFINITY, -INFINITY, 1e38, -1e38, LARGEST, -LARGEST, DENORMAL, -DENORMAL, 0.0, -0.0]


class Served:
    """A model in a session, and the same model reloaded."""

    def __init__(self, path: str) -> None:
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        self.signatures = tf.compat.v1.saved_model.load(self.session, ["serve"], path).signature_def
        self._reloaded = tf.saved_model.load(path).signatures

    def ask(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the outputs of a signature in the session; the reloaded model must return the same."""
        definition = self.signatures[signature]
        outputs = {key: info.name for key, info in definition.outputs.items()}
        feeds = {definition.inputs[key].name: values for key, values in inputs.items()}
        found: dict[str, Any] = self.session.run(outputs, feeds)
        tensors = {key: tf.constant(v, definition.inputs[key].dtype) for key, v in inputs.items()}
        for key, values in self._reloaded[signature](**tensors).items():
            assert values.shape == found[key].shape
            if values.dtype == tf.float32:
                np.testing.assert_allclose(found[key], values, atol=1e-6)
        return found

    def probabilities(self, columns: Mapping[str, Any]) -> Answers:
        """Returns the result of each signature, [batch]; `columns` has the features under their own names."""
        examples = np.array(serialized(columns), object)
        named = dict(zip(input_names(list(columns)), columns.values(), strict=True))
        by_name = self.ask("serving_default", named)["probability"]
        by_example = self.ask("serving_examples", {"examples": examples})["probability"]
        classified = self.ask("classify", {"inputs": examples})
        rows = len(examples)
        assert (by_name.shape, by_example.shape) == ((rows,), (rows, 1))
        assert classified["classes"].tolist() == [[b"0", b"1"]] * rows
        np.testing.assert_allclose(classified["scores"].sum(axis=1), np.ones(rows), atol=1e-6)
        return {
            "serving_default": by_name,
            "serving_examples": by_example[:, 0],
            "classify": classified["scores"][:, 1],
        }


def serialized(columns: Mapping[str, Any]) -> list[bytes]:
    """Returns the rows as tf.Examples."""
    rows = []
    for row in zip(*columns.values(), strict=True):
        example = tf.train.Example()
        for name, value in zip(columns, row, strict=True):
            example.features.feature[name].float_list.value.append(value)
        rows.append(example.SerializeToString())
    return rows


@pytest.fixture(scope="module")
def network() -> Any:
    keras.utils.set_random_seed(3)
    return build_model(3, ModelConfig(hidden_units=(8, 4), dropout=0.5, l1=1e-4, l2=1e-3))


@pytest.fixture(scope="module")
def served(network: Any, transformed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    path = str(tmp_path_factory.mktemp("model") / "1")
    export(network, transformed, "y", path)
    found = Served(path)
    yield found
    found.session.close()


@pytest.fixture(scope="module")
def in_memory(network: Any, transformed: Any) -> Callable[[Mapping[str, Any]], Floats]:
    """The Transform graph and the network, as in the Trainer."""

    def probability(columns: Mapping[str, Any]) -> Floats:
        raw = {name: tf.constant(values)[:, None] for name, values in columns.items()}
        vectors = transformed.transform_features_layer()(raw)[VECTOR]
        found: Floats = network(vectors, training=False).numpy()[:, 0]
        return found

    return probability


@pytest.mark.parametrize("rows", [0, 1, 10_000])
def test_parity(served: Served, in_memory: Any, table: Columns, rows: int) -> None:
    """All signatures agree with the network in memory to 1e-6, whatever the batch, with missing and unseen values."""
    generator = np.random.default_rng(rows)
    columns = {}
    for name in sorted(set(table) - {"y"}):
        low, high = np.nanmin(table[name]), np.nanmax(table[name])
        values = generator.uniform(2 * low - high, 2 * high - low, rows).astype(np.float32)
        columns[name] = np.where(generator.random(rows) < 0.1, np.float32(NAN), values)
    expected = in_memory(columns)
    assert len(set(expected.tolist())) >= rows / 2
    for signature, found in served.probabilities(columns).items():
        np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=signature)


def test_every_answer_is_a_probability(served: Served, in_memory: Any, table: Columns) -> None:
    """All values give a probability: missing in all columns, infinite, or outside the range of float32."""
    features = sorted(set(table) - {"y"})
    rows = [[value] * len(features) for value in EXTREMES]
    rows += [[a, b, c] for a in EXTREMES for b in EXTREMES for c in (NAN, INFINITY, 1e38)]
    columns = dict(zip(features, np.array(rows, np.float32).T, strict=True))
    for signature, found in served.probabilities(columns).items():
        assert np.isfinite(found).all(), signature
        assert ((found >= 0) & (found <= 1)).all(), signature
        np.testing.assert_allclose(found, in_memory(columns), atol=1e-6, err_msg=signature)


def test_an_absent_feature_is_a_missing_one(served: Served, in_memory: Any, table: Columns) -> None:
    """An example without features gives the result of a row in which all values are missing."""
    missing = {name: np.full(1, NAN, np.float32) for name in table if name != "y"}
    found = served.ask("serving_examples", {"examples": np.array([b""], object)})["probability"]
    np.testing.assert_allclose(found[:, 0], in_memory(missing), atol=1e-6)


def test_the_methods(served: Served) -> None:
    """TF Serving classifies through a signature of the method `classify` only, and predicts through either."""
    methods = {
        name: served.signatures[name].method_name
        for name in ("classify", "serving_default", "serving_examples")
    }
    assert methods == {
        "classify": "tensorflow/serving/classify",
        "serving_default": "tensorflow/serving/predict",
        "serving_examples": "tensorflow/serving/predict",
    }
    assert list(served.signatures["classify"].inputs) == ["inputs"]


def test_awkward_names(analyze: Callable[[Columns], Any], tmp_path: Path) -> None:
    """Each value is multiplied by its own weight, although inputs and features have different orders."""
    names = [
        "a",
        "A",
        "a b",
        "a_b",
        "class",
        "size_bytes",
        "size bytes",
        "été",
        "1st",
        "_id",
        "價格",
        "inputs",
        "label",
    ]
    features = sorted(names)
    transform = analyze({**{name: [0.0, 1.0] for name in names}, "y": [0, 1]})
    weights = np.linspace(-1, 2, len(names))
    network = build_model(len(names), ModelConfig(hidden_units=(), l1=1e-4, l2=1e-3))
    network.set_weights([weights[:, None], np.zeros(1)])
    export(network, transform, "y", str(tmp_path))
    served = Served(str(tmp_path))
    given = input_names(features)
    assert given != features
    assert set(served.signatures["serving_default"].inputs) == set(given)
    columns = dict(zip(features, np.eye(len(names), dtype=np.float32), strict=True))
    for signature, found in served.probabilities(columns).items():
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-weights)), atol=1e-6, err_msg=signature)
    served.session.close()
