"""Texts as inputs, over both protocols, with a server of a real model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.saved_model.export import export
from components.training.network import build_model
from serving.client.connect import connect
from serving.predict.local_model import LocalModel
from tests.serving.conftest import Running, Serve

ROWS = {"x": [0.0, 1.0, 2.0, 4.0], "my color": ["red", "red", "größe", "größe"], "y": [0, 1, 1, 0]}


@pytest.fixture(scope="module")
def base_path(analyze: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the versions of a logistic regression of a number and two categories."""
    folder = tmp_path_factory.mktemp("categorical")
    model = build_model(3, ModelConfig(hidden_units=(), l1=1e-4, l2=1e-3))
    model.set_weights([np.array([[2.0], [-1.0], [1.0]]), np.array([0.5])])
    export(model, analyze(ROWS, min_category_count=2), "y", str(folder / "1"))
    return folder


@pytest.fixture(scope="module")
def server(serve: Serve, base_path: Path) -> Running:
    """A server of the model."""
    return serve(base_path)


def test_texts_give_what_the_model_gives(server: Running, base_path: Path, protocol: str) -> None:
    """Also texts that are not ASCII, unseen ones and missing ones; by hand: x / 4, größe, red, the bias."""
    columns: dict[str, Any] = {
        "x": np.array([0.0, 4.0, 2.0, 4.0], np.float32),
        "my_color": np.array(["red", "größe", "unseen", ""], object),
    }
    expected = 1 / (1 + np.exp(-np.array([1.5, 1.5, 1.5, 2.5])))
    local, client = LocalModel(str(base_path / "1")), connect(getattr(server, protocol))
    for predictor in (local, client):
        assert predictor.input_names() == ["my_color", "x"]
        assert predictor.text_inputs() == {"my_color"}
        np.testing.assert_allclose(predictor.predict(columns), expected, rtol=1e-6)
        of_strings = columns | {"my_color": columns["my_color"].astype(str)}
        np.testing.assert_allclose(predictor.predict(of_strings), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="my_color"):
        client.predict(columns | {"my_color": np.arange(4)})
    local.close()
    client.close()


def test_the_signature(base_path: Path) -> None:
    """The input of the categorical feature is a string."""
    signature = tf.saved_model.load(str(base_path / "1")).signatures["serving_default"]
    assert signature.structured_input_signature[1]["my_color"].dtype == tf.string
