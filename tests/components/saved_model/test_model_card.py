"""The model card of an exported model."""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from components.common.file_names import CARD_FILE
from components.common.ingest_record import FileCounts, IngestRecord, RowCounts
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.saved_model.model_card import Origin, model_card, ranges, write_card

Columns = Mapping[str, Sequence[float]]
NAN = float("nan")
AWKWARD = "Δ-price. 'a/b' \"x\" <script>"
ORIGIN = Origin(
    name="churn",
    ingest=IngestRecord(
        rows=RowCounts(train=6, eval=2, test=1, rejected=3),
        features=("a", "b", AWKWARD),
        label="y",
        negative_label="no",
        positive_label="yes",
        missing_values=("", "-999"),
        files=(FileCounts(path="/home/somebody/churn.csv", rows=9, rejected=3),),
        digest="0123",
    ),
    model=ModelConfig(hidden_units=(8, 4)),
    training=TrainingConfig(seed=7),
    code_digest="4567",
)


def test_what_the_training_split_shows(transformed: Any) -> None:
    """The range and the mean of each feature come from the Transform graph, in the order of the vector."""
    assert list(ranges(transformed, "y").items()) == [
        ("a", {"min": -1.0, "max": 3.0, "mean": 0.75}),
        ("b", {"min": 2.0, "max": 12.0, "mean": 6.0}),
        (AWKWARD, {"min": 10.0, "max": 50.0, "mean": 27.5}),
    ]


def test_columns_with_one_value_and_with_none(analyze: Callable[[Columns], Any]) -> None:
    """A column without values has no range; JSON has no infinity."""
    transform = analyze({"constant": [5.0, NAN], "none": [NAN, NAN], "y": [0, 1]})
    assert ranges(transform, "y") == {
        "constant": {"min": 5.0, "max": 5.0, "mean": 5.0},
        "none": {"min": None, "max": None, "mean": None},
    }


def test_the_whole_card() -> None:
    """The card has these keys, and neither a time nor a path."""
    card = model_card(ORIGIN, {"total minutes": {"min": 0.0, "max": 2.5, "mean": 1.0}})
    assert card == {
        "schema_version": 1,
        "name": "churn",
        "what": "The probability that 'y' is 'yes', from 1 numeric feature: a network with 8 and 4 hidden units.",
        "label": {"name": "y", "negative": "no", "positive": "yes"},
        "inputs": [
            {
                "feature": "total minutes",
                "input": "total_minutes",
                "dtype": "float32",
                "missing": "NaN",
                "min": 0.0,
                "max": 2.5,
                "mean": 1.0,
            }
        ],
        "output": {"name": "probability", "dtype": "float32", "range": [0, 1]},
        "signatures": {
            "serving_default": "each input by name, a vector of the batch",
            "serving_examples": "examples: serialized tf.Examples, with the features under their own names",
            "classify": "TF Serving's classification API; tf.Examples, with the features under their own names",
        },
        "data": {
            "digest": "0123",
            "rows": {"train": 6, "eval": 2, "test": 1},
            "missing_values": ["", "-999"],
        },
        "code_digest": "4567",
        "settings": {
            "model": json.loads(ORIGIN.model.model_dump_json()),
            "training": json.loads(ORIGIN.training.model_dump_json()),
        },
        "seed": 7,
        "libraries": {name: version(name) for name in ("tensorflow", "keras", "tensorflow-transform")},
    }


def test_logistic_regression_is_called_so() -> None:
    """A network without hidden layers is called logistic regression."""
    origin = Origin(**{**vars(ORIGIN), "model": ModelConfig(hidden_units=(), dropout=0.0)})
    what = model_card(origin, {name: {} for name in "ab"})["what"]
    assert what == "The probability that 'y' is 'yes', from 2 numeric features: logistic regression."


def test_the_same_training_gives_the_same_file(transformed: Any, tmp_path: Path) -> None:
    """The file is the same byte for byte, in UTF-8."""
    for name in ("one", "two"):
        write_card(str(tmp_path / name), ORIGIN, transformed)
    one, two = ((tmp_path / name / CARD_FILE).read_bytes() for name in ("one", "two"))
    assert one == two
    assert json.loads(one)["inputs"][2]["feature"] == AWKWARD
    assert "Δ-price" in one.decode()
