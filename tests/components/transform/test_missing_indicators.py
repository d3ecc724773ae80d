"""Missing indicators from the examples to the exported model, on a table whose values are missing not at random.

The income of a person is often missing where it is low, and a low income makes the label 0 likely.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.evaluator.metrics import ScoredRows, auc
from components.saved_model.export import export
from components.training.read_rows import read_rows
from components.training.train import train_network
from components.transform.vector import read_layout

Columns = dict[str, list[float]]
NAN, INFINITY = float("nan"), float("inf")


class Trained(NamedTuple):
    """A network, the output of Transform that it was trained with, and its AUC on the test rows."""

    network: keras.Model
    transform: Any
    auc: float


def people(rows: int, seed: int) -> Columns:
    generator = np.random.default_rng(seed)
    age, income = generator.normal(size=(2, rows))
    label = generator.random(rows) < 1 / (1 + np.exp(-(3 * income + age)))
    missing = generator.random(rows) < 1 / (1 + np.exp(3 + 6 * income))
    return {
        "age": age.tolist(),
        "income": np.where(missing, NAN, income).tolist(),
        "y": label.astype(int).tolist(),
    }


@pytest.fixture(scope="module")
def trained(
    analyze: Callable[..., Any],
    write_examples: Callable[..., str],
    transform_rows: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Trained]:
    """The same training with and without indicators; its data are read from files of examples."""
    folder = tmp_path_factory.mktemp("people")
    splits = {"train": people(1_000, 0), "eval": people(300, 1), "test": people(2_000, 2)}
    files = {name: write_examples(folder / f"{name}.gz", columns) for name, columns in splits.items()}
    found = {}
    for setting in ("auto", "none"):
        transform = analyze(splits["train"], missing_indicator=setting)
        rows = transform_rows(folder / setting, transform, files)
        train, validation, test = (read_rows(rows, name, 64) for name in files)
        (scored,) = test.windows(1, [0])
        network, *_ = train_network(
            ModelConfig(l1=1e-4, l2=1e-3, dropout=0.2), TrainingConfig(), train, validation
        )
        predictions = network(scored.features, training=False).numpy().reshape(-1)
        found[setting] = Trained(network, transform, auc(ScoredRows(scored.labels.reshape(-1), predictions)))
    return found


def test_indicators_raise_the_auc(trained: dict[str, Trained]) -> None:
    """By more than 0.02, which is four standard errors of the AUC on 2,000 rows."""
    assert trained["auto"].auc > trained["none"].auc + 0.02


@pytest.fixture(scope="module")
def served(trained: dict[str, Trained], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The exported model with indicators."""
    path = str(tmp_path_factory.mktemp("exported"))
    export(trained["auto"].network, trained["auto"].transform, "y", path)
    return tf.saved_model.load(path)


def serve(served: Any, age: list[float], income: list[float]) -> npt.NDArray[np.float32]:
    answer = served.signatures["serving_default"](age=tf.constant(age), income=tf.constant(income))
    probability: npt.NDArray[np.float32] = answer["probability"].numpy()
    return probability


def test_the_exported_model_is_the_trained_one(served: Any, trained: dict[str, Trained]) -> None:
    """It takes the raw features by name; the vector of the network has three columns."""
    network, transform, _ = trained["auto"]
    raw = {"age": [0.5, NAN, 0.0], "income": [1.0, -1.0, NAN]}
    layout = read_layout(transform, "y")
    assert layout.names == ("age", "income", "income missing")
    outputs = transform.transform_features_layer()({name: tf.constant(raw[name])[:, None] for name in raw})
    vectors = layout.assemble(outputs)
    assert vectors[:, 2].numpy().tolist() == [0, 0, 1]
    expected = network(vectors, training=False).numpy()[:, 0]
    np.testing.assert_allclose(serve(served, raw["age"], raw["income"]), expected, atol=1e-6)


def test_a_missing_income_counts_as_low(served: Any) -> None:
    """A missing income, an average one and a high one, in this order; every answer is finite, whatever is missing."""
    missing, average, high = serve(served, [0.0] * 3, [NAN, 0.0, 2.0])
    assert missing < average < high
    assert np.isfinite(serve(served, [NAN, NAN, INFINITY, -3e38], [NAN, INFINITY, -INFINITY, 3e38])).all()
