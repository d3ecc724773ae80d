"""Features whose names TensorFlow, TF Serving or this project use otherwise, from the export to `regpipe predict`."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serving.conftest import Running, Serve

# Names in the signatures, in requests and responses of TF Serving, of arguments in Python, of added
# columns, and some that differ only in case or that `input_names` would give.
NAMES = [
    *("examples", "inputs", "probability", "classes", "scores", "outputs", "decision"),
    *("instances", "predictions", "signature_name", "context", "b64", "model_spec"),
    *("class", "self", "args", "kwargs", "name", "training", "features", "raw", "None"),
    *("Examples", "examples_2", "f_class"),
]
WEIGHTS = np.linspace(-2, 2, len(NAMES))
ROWS = np.random.default_rng(1).uniform(size=(4, len(NAMES)))


@pytest.fixture(scope="module")
def versions(analyze: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A logistic regression of features from 0 to 1 with the weights above, with warm-up requests and a card."""
    import tensorflow as tf

    from components.config.model import ModelConfig
    from components.saved_model.export import export
    from components.saved_model.warmup import write_warmup
    from components.training.network import build_model

    transform = analyze({**{name: [0.0, 1.0] for name in NAMES}, "y": [0, 1]})
    model = build_model(len(NAMES), ModelConfig(hidden_units=(), l1=0.0, l2=0.0))
    by_name = dict(zip(NAMES, WEIGHTS, strict=True))
    model.set_weights([np.array([[by_name[name]] for name in sorted(NAMES)]), np.zeros(1)])
    path = tmp_path_factory.mktemp("names")
    export(model, transform, "y", str(path / "1"))
    example = tf.train.Example()
    for name in NAMES:
        example.features.feature[name].float_list.value.append(0.5)
    write_warmup(str(path / "1"), [example.SerializeToString()], sorted(NAMES))
    return path


@pytest.fixture(scope="module")
def server(serve: Serve, versions: Path) -> Running:
    """A server, which has answered the warm-up requests for each signature."""
    return serve(versions)


def expected() -> Any:
    return 1 / (1 + np.exp(-ROWS @ WEIGHTS))


def test_the_warm_up_requests_are_answered(versions: Path) -> None:
    """The Pusher sends one to each signature."""
    from components.saved_model.warmup import replay

    assert replay(str(versions / "1")) == 3


@pytest.mark.parametrize("where", ["rest", "grpc", "here"])
def test_a_table_is_predicted(
    where: str, server: Running, versions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The probabilities are those computed by hand; the added columns have names that no feature has."""
    from pipeline_def.cli.main import main

    table = tmp_path / "t.csv"
    np.savetxt(table, ROWS, delimiter=",", header=",".join(NAMES), comments="")
    model = ["--model", str(versions / "1")] if where == "here" else ["--endpoint", getattr(server, where)]
    assert main(["predict", str(table), *model, "--threshold", "0.5", "--root", str(tmp_path)]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == [*NAMES, "probability_2", "decision_2"]
    found = [float(row["probability_2"]) for row in rows]
    np.testing.assert_allclose(found, expected(), atol=1e-6)
    assert [row["decision_2"] for row in rows] == [str(int(p >= 0.5)) for p in expected()]


def test_serialized_rows_are_predicted(server: Running) -> None:
    """By tf.Examples and by classification, the features have their own names."""
    import urllib3

    rows = [dict(zip(NAMES, map(float, row), strict=True)) for row in ROWS]
    body: dict[str, Any] = {"signature_name": "classify", "examples": rows}
    response = urllib3.request("POST", f"{server.rest}/v1/models/regpipe:classify", json=body)
    scores = [dict(map(tuple, row))["1"] for row in response.json()["results"]]
    np.testing.assert_allclose(scores, expected(), atol=1e-6)
