"""The exported model of a number: the signature regress, warm-up requests for it, and the card."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.common.errors import BadModel
from components.common.ingest_record import IngestRecord, RowCounts
from components.common.scaling_record import FeatureScaling, ScalingRecord
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.saved_model.card_file import write_card
from components.saved_model.export import export
from components.saved_model.input_names import input_names
from components.saved_model.model_card import Origin, model_card
from components.saved_model.warmup import replay, write_warmup
from components.tasks.regression import REGRESSION, SQUARED_ERROR
from components.training.network import build_model

WEIGHTS, BIAS = [100.0, -200.0, 50.0], 1_000.0
ORIGIN = Origin(
    name="prices",
    ingest=IngestRecord(
        rows=RowCounts(train=6, eval=2, test=2),
        features=("a", "b"),
        label="price",
        task="regression",
        digest="0123",
    ),
    model=ModelConfig(hidden_units=()),
    training=TrainingConfig().for_task(REGRESSION),
    code_digest="ab",
)


def example(**values: float) -> bytes:
    lists = {name: tf.train.Feature(float_list=tf.train.FloatList(value=[v])) for name, v in values.items()}
    message: bytes = tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString()
    return message


@pytest.fixture
def path(transformed: Any, tmp_path: Path) -> str:
    """An exported linear regression with three features."""
    model = build_model(3, ModelConfig(hidden_units=(), l1=0.0, l2=0.0), loss=SQUARED_ERROR)
    model.set_weights([np.array(WEIGHTS)[:, None], np.array([BIAS])])
    folder = str(tmp_path / "model")
    export(model, transformed, "y", folder, classes=())
    return folder


def test_all_signatures_predict_the_number(path: str, table: Any, table_vectors: list[list[float]]) -> None:
    """By hand; by name [batch], of examples [batch, 1], also by TF Serving's regression API."""
    rows = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)][1::2]
    expected = (np.array(table_vectors) @ WEIGHTS + BIAS)[1::2]
    signatures = tf.saved_model.load(path).signatures
    assert sorted(signatures) == ["regress", "serving_default", "serving_examples"]
    features = sorted(set(table) - {"y"})
    named = {
        given: tf.constant([row[name] for row in rows], tf.float32)
        for name, given in zip(features, input_names(features), strict=True)
    }
    np.testing.assert_allclose(signatures["serving_default"](**named)["prediction"], expected, rtol=1e-6)
    examples = tf.constant([example(**{name: row[name] for name in features}) for row in rows])
    by_example = signatures["serving_examples"](examples=examples)["prediction"]
    np.testing.assert_allclose(by_example, expected[:, None], rtol=1e-6)
    outputs = signatures["regress"](inputs=examples)["outputs"]
    np.testing.assert_allclose(outputs, expected[:, None], rtol=1e-6)


def test_the_method_is_that_of_tf_serving(path: str) -> None:
    """A server answers requests for regression only through a signature with this method."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        definitions = tf.compat.v1.saved_model.load(session, ["serve"], path).signature_def
    assert definitions["regress"].method_name == "tensorflow/serving/regress"
    assert set(definitions["regress"].inputs) == {"inputs"}


def test_warm_up_requests_are_replayed(path: str, table: Any) -> None:
    """One and several rows for each of the three signatures; predictions need not be between 0 and 1."""
    features = sorted(set(table) - {"y"})
    rows = [example(**dict.fromkeys(features, float(value))) for value in range(5)]
    write_warmup(path, rows, features, REGRESSION)
    write_card(path, {"task": "regression", "inputs": [{"feature": name} for name in features]})
    assert replay(path) == 6


def test_a_prediction_that_is_not_finite_is_refused(transformed: Any, tmp_path: Path) -> None:
    """The message has the output and the value."""
    model = build_model(3, ModelConfig(hidden_units=(), l1=0.0, l2=0.0), loss=SQUARED_ERROR)
    model.set_weights([np.array(WEIGHTS)[:, None], np.array([np.inf])])
    folder = str(tmp_path / "model")
    export(model, transformed, "y", folder, classes=())
    write_card(folder, {"task": "regression"})
    with pytest.raises(BadModel, match=r"expected 'prediction' to be finite, got inf|'outputs' to be finite"):
        replay(folder)


def test_the_card() -> None:
    """It says what is predicted, names no classes, and the output has no range."""
    card = model_card(ORIGIN, ScalingRecord(features=dict.fromkeys("ab", FeatureScaling())))
    assert card["task"] == "regression"
    assert card["what"] == "The value of 'price', from 2 numeric features: linear regression."
    assert card["label"] == {"name": "price", "negative": None, "positive": None, "classes": []}
    assert card["output"] == {"name": "prediction", "dtype": "float32", "range": None}
    assert set(card["signatures"]) == {"serving_default", "serving_examples", "regress"}
    assert card["settings"]["training"]["loss"] == "mse"
