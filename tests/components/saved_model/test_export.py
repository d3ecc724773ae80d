"""The exported model in a new process with only TensorFlow, as on a server."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.saved_model.export import export
from components.saved_model.input_names import input_names
from components.training.network import build_model

Columns = Mapping[str, Sequence[float]]
NAN, INFINITY = float("nan"), float("inf")
ABSENT = ["components", "pipeline_def", "serving", "tensorflow_transform", "tfx", "keras_tuner", "tf_keras"]
AS_INPUT = "f___price___a_b___x___script_"  # of the table's third feature

# Rows and their vectors: what is in the training range, missing throughout, and out of range. See `table`.
A, B, C = [1.0, NAN, 99.0, INFINITY], [4.0, NAN, -99.0, 7.0], [50.0, NAN, 3e38, -INFINITY]
VECTORS = [[0.5, 0.2, 1.0], [0.4375, 0.4, 0.4375], [1.0, 0.0, 1.0], [1.0, 0.5, 0.0]]
# As tf.Examples, the second row lacks all features instead, and all have a column that the model does not know.
WEIGHTS = [1.0, -2.0, 0.5]
BIAS = 0.25


def example(**features: float) -> str:
    """An example with only the given values, as base64."""
    lists = {name: tf.train.Feature(float_list=tf.train.FloatList(value=[v])) for name, v in features.items()}
    message = tf.train.Example(features=tf.train.Features(feature=lists))
    return base64.b64encode(message.SerializeToString()).decode()


@pytest.fixture(scope="module")
def model_path(transformed: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An exported logistic regression with three features."""
    model = build_model(3, ModelConfig(hidden_units=(), l1=1e-4, l2=1e-3))
    model.set_weights([np.array(WEIGHTS)[:, None], np.array([BIAS])])
    path = str(tmp_path_factory.mktemp("model") / "export")
    export(model, transformed, "y", path, ("no", "ja, ☑"))
    return path


@pytest.fixture(scope="module")
def answer(model_path: str, table: Columns) -> Any:
    """The results of the new process for the rows above, by name and as tf.Examples."""
    awkward = list(table)[2]
    rows = [{"a": a, "b": b, awkward: c} for a, b, c in zip(A, B, C, strict=True)]
    examples = [example(**row, more=1.0) for row in rows]
    examples[1] = example()
    request = {
        "model": model_path,
        "named": {"a": A, "b": B, AS_INPUT: C},
        "examples": examples,
        "absent": ABSENT,
    }
    script = Path(__file__).with_name("served.py")
    done = subprocess.run(
        [sys.executable, script],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(model_path).parent,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_signatures(answer: Any) -> None:
    """There are three; the default one takes a vector for each feature, and none for the label."""
    assert answer["signatures"] == ["classify", "serving_default", "serving_examples"]
    assert answer["inputs"] == {name: ["float32", [None]] for name in ("a", "b", AS_INPUT)}
    assert answer["outputs"] == ["probability"]


def test_only_tensorflow_was_there(answer: Any) -> None:
    """Neither this project nor a library used in training can be imported."""
    assert answer["refused"] == ABSENT


def test_all_signatures_score_alike(answer: Any) -> None:
    """The probability by hand, to 1e-6: missing is the training mean, out of range is clipped, all is finite.

    By name it is [batch], of examples [batch, 1], of classes [batch, 2]; an example without a feature misses it.
    """
    logits = np.array(VECTORS) @ np.array(WEIGHTS) + BIAS
    expected = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(answer["named"], expected, atol=1e-6)
    np.testing.assert_allclose(answer["examples"], expected[:, None], atol=1e-6)
    np.testing.assert_allclose(answer["scores"], np.stack([1 - expected, expected], axis=1), atol=1e-6)
    assert answer["classes"] == [["no", "ja, ☑"]] * 4


def test_the_model_does_not_read_the_weight(analyze: Callable[..., Any], tmp_path: Path) -> None:
    """No signature has it as an input; an example that contains it has the same probability as one without it."""
    transform = analyze({"a": [0.0, 1.0, 2.0], "w": [1.0, 5.0, 2.0], "y": [0, 1, 1]}, weight="w")
    model = build_model(1, ModelConfig(hidden_units=(), l1=0.0, l2=0.0))
    model.set_weights([np.array([[2.0]]), np.array([-1.0])])
    export(model, transform, "y", str(tmp_path), weight="w")
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    assert list(signatures["serving_default"].structured_input_signature[1]) == ["a"]
    named = signatures["serving_default"](a=tf.constant([1.0]))["probability"].numpy()
    assert named == pytest.approx([0.5])  # 2 * 0.5 - 1 = 0
    with_weight, without = (base64.b64decode(example(**row)) for row in ({"a": 1.0, "w": 3.0}, {"a": 1.0}))
    scored = signatures["serving_examples"](examples=tf.constant([with_weight, without]))[
        "probability"
    ].numpy()
    np.testing.assert_array_equal(scored[:, 0], [named[0], named[0]])


@pytest.mark.parametrize("name", ["self", "class", "x y", "X_Y", "kwargs", "é", "_bytes"])
def test_tensorflow_carries_the_names(name: str, tmp_path: Path) -> None:
    """Each name is kept in a SavedModel that also has an input with nearly the same name."""
    given = input_names([name, "x_y"])

    @tf.function(input_signature=[{n: tf.TensorSpec([None], tf.float32, name=n) for n in given}])  # type: ignore[untyped-decorator]
    def difference(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"difference": raw[given[0]] - raw[given[1]]}

    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": difference})
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    assert set(loaded.structured_input_signature[1]) == set(given)
    result = loaded(**{given[0]: tf.constant([5.0]), given[1]: tf.constant([3.0])})
    assert result["difference"].numpy().tolist() == [2.0]


def test_dropout_is_off(transformed: Any, table: Columns, tmp_path: Path) -> None:
    """Dropout is off in a served model."""
    model = build_model(3, ModelConfig(hidden_units=(8,), dropout=0.9, l1=1e-4, l2=1e-3))
    export(model, transformed, "y", str(tmp_path / "export"))
    raw = {name: tf.constant(column) for name, column in table.items() if name != "y"}
    vectors = transformed.transform_features_layer()({n: x[:, None] for n, x in raw.items()})[
        "features"
    ].numpy()
    hidden, hidden_bias, output, bias = model.get_weights()
    logits = np.maximum(vectors @ hidden + hidden_bias, 0) @ output + bias
    served = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    names = {name: AS_INPUT if name.startswith("Δ") else name for name in raw}
    probability = served(**{names[name]: column for name, column in raw.items()})["probability"]
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-logits[:, 0])), atol=1e-6)
