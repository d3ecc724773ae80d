"""The model card of an exported model."""

import json
import platform
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from components.common.file_names import CARD_FILE
from components.common.ingest_record import FileCounts, IngestRecord, RowCounts
from components.common.scaling_record import FeatureScaling, ScalingRecord
from components.common.split_record import SplitRecord
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.saved_model.model_card import Origin, model_card, write_card
from components.transform.vector import read_scaling

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
        weight="exposure",
        split=SplitRecord(train=6, eval=2, test=1, seed=3, hash_version=1, columns="ab", cells="cd"),
        files=(FileCounts(path="/home/somebody/churn.csv", rows=9, rejected=3),),
        digest="0123",
    ),
    model=ModelConfig(hidden_units=(8, 4), l1=1e-4, l2=1e-3, dropout=0.2),
    training=TrainingConfig(seed=7),
    code_digest="4567",
)


def test_the_whole_card() -> None:
    """The card has these keys, and neither a time nor a path."""
    scaling = FeatureScaling(min=0.0, max=1e9, mean=2e6, low=0.0, high=2.5, imputed=1.0)
    card = model_card(ORIGIN, ScalingRecord(features={"total minutes": scaling}))
    libraries = card.pop("libraries")
    assert libraries["python"] == platform.python_version()
    assert (libraries["tensorflow"], libraries["keras"]) == (tf.__version__, keras.__version__)
    assert card == {
        "schema_version": 1,
        "name": "churn",
        "task": "binary",
        "what": "The probability that 'y' is 'yes', from 1 numeric feature: a network with 8 and 4 hidden units.",
        "label": {"name": "y", "negative": "no", "positive": "yes", "classes": ["no", "yes"]},
        "inputs": [
            {
                "feature": "total minutes",
                "input": "total_minutes",
                "dtype": "float32",
                "missing": "NaN",
                "min": 0.0,
                "max": 1e9,
                "mean": 2e6,
                "low": 0.0,
                "high": 2.5,
                "imputed": 1.0,
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
            "decimal": ".",
            "thousands": "",
            "booleans": [],
            "weight": "exposure",
            "split": {
                "by": "row",
                "column": None,
                "test_from": None,
                "train": 6,
                "eval": 2,
                "test": 1,
                "seed": 3,
                "hash_version": 1,
                "columns": "ab",
                "cells": "cd",
            },
        },
        "code_digest": "4567",
        "settings": {
            "model": json.loads(ORIGIN.model.model_dump_json()),
            "training": json.loads(ORIGIN.training.model_dump_json()),
        },
        "seed": 7,
    }


def test_logistic_regression_is_called_so() -> None:
    """A network without hidden layers is called logistic regression."""
    origin = Origin(**{**vars(ORIGIN), "model": ModelConfig(hidden_units=(), dropout=0.0, l1=1e-4, l2=1e-3)})
    what = model_card(origin, ScalingRecord(features=dict.fromkeys("ab", FeatureScaling())))["what"]
    assert what == "The probability that 'y' is 'yes', from 2 numeric features: logistic regression."


def test_the_same_training_gives_the_same_file(transformed: Any, tmp_path: Path) -> None:
    """The file is the same byte for byte, in UTF-8."""
    for name in ("one", "two"):
        write_card(str(tmp_path / name), ORIGIN, read_scaling(transformed, "y"))
    one, two = ((tmp_path / name / CARD_FILE).read_bytes() for name in ("one", "two"))
    assert one == two
    assert json.loads(one)["inputs"][2]["feature"] == AWKWARD
    assert "Δ-price" in one.decode()
