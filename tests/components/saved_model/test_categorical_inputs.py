"""The exported model of a table with a categorical feature: texts in all signatures, in warm-up and in the card."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.common.ingest_record import IngestRecord, RowCounts
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.saved_model.card_file import read_card
from components.saved_model.export import export
from components.saved_model.model_card import Origin, write_card
from components.saved_model.warmup import replay, write_warmup
from components.training.network import build_model
from components.transform.vector import read_layout, read_scaling

ROWS = {"x": [0.0, 1.0, 2.0, 4.0], "my color": ["red", "red", "blue", "blue"], "y": [0, 1, 1, 0]}
WEIGHTS, BIAS = [2.0, -1.0, 1.0], 0.5  # x, blue, red
ORIGIN = Origin(
    name="test",
    ingest=IngestRecord(
        rows=RowCounts(train=4, eval=1, test=1),
        features=("x", "my color"),
        label="y",
        negative_label="0",
        positive_label="1",
        digest="d",
    ),
    model=ModelConfig(hidden_units=(), l1=1e-4, l2=1e-3, dropout=0.0),
    training=TrainingConfig(),
    code_digest="c",
)


@pytest.fixture(scope="module")
def model_path(analyze: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """An exported logistic regression of a number and of two categories."""
    transform = analyze(ROWS, min_category_count=2)
    assert read_layout(transform, "y").names == ("x", "my color=blue", "my color=red")
    model = build_model(3, ORIGIN.model)
    model.set_weights([np.array(WEIGHTS)[:, None], np.array([BIAS])])
    path = str(tmp_path_factory.mktemp("model") / "export")
    export(model, transform, "y", path)
    write_card(path, ORIGIN, read_scaling(transform, "y"))
    return path


def example(**features: Any) -> bytes:
    """An example with only the given values."""
    lists = {
        name.replace("_", " "): tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        if isinstance(value, str)
        else tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        for name, value in features.items()
    }
    serialized: bytes = tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString()
    return serialized


def test_all_signatures_score_alike(model_path: str) -> None:
    """By hand: x is scaled by its range 0 to 4, with the mean 1.75; an unseen and a missing text have no column."""
    signatures = tf.saved_model.load(model_path).signatures
    default = signatures["serving_default"]
    assert default.structured_input_signature[1]["my_color"].dtype == tf.string
    logits = [0.5 + 2 * 0.25 + 1, 0.5 + 2 * 0.5 - 1, 0.5 + 2 * 1.0, 0.5 + 2 * 1.75 / 4]
    expected = 1 / (1 + np.exp(-np.array(logits)))
    x, colors = [1.0, 2.0, 4.0, float("nan")], ["red", "blue", "unseen", ""]
    named = default(x=tf.constant(x), my_color=tf.constant(colors))["probability"]
    np.testing.assert_allclose(named, expected, rtol=1e-6)
    rows = [
        example(x=1.0, my_color="red"),
        example(x=2.0, my_color="blue"),
        example(x=4.0, my_color="unseen"),
        example(),
    ]
    np.testing.assert_allclose(
        signatures["serving_examples"](examples=tf.constant(rows))["probability"][:, 0], expected, rtol=1e-6
    )
    scores = signatures["classify"](inputs=tf.constant(rows))["scores"]
    np.testing.assert_allclose(scores[:, 1], expected, rtol=1e-6)


def test_warm_up_requests(model_path: str, tmp_path: Path) -> None:
    """Each signature has a request, as with numbers; a server that loads the model in a session can answer them."""
    write_warmup(
        model_path,
        [example(x=1.0, my_color="red"), example(x=2.0, my_color="unseen")],
        ["my color", "x"],
    )
    assert replay(model_path) == 6


def test_the_card(model_path: str) -> None:
    """The inputs by name, with the categories and the number of training rows of each."""
    card = read_card(model_path)
    text, number = card["inputs"]
    assert text == {
        "feature": "my color",
        "input": "my_color",
        "dtype": "string",
        "missing": "",
        "rows": {"blue": 2, "red": 2},
        "missing_rows": 0,
        "other_rows": 0,
    }
    assert number["feature"] == "x"
    assert number["dtype"] == "float32"
    assert "from 1 numeric feature and 1 categorical feature:" in card["what"]
